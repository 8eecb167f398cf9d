/** What a graph takes for one and the same: nodes of equal attributes, and states of one name. */
import { describe, expect, it } from "vitest";
import { ShapeError } from "#fovea/base/errors.js";
import { Graph } from "#fovea/graph/graph.js";
import { scale } from "#fovea/ops/index.js";

describe("nodes", () => {
  it("are made once for equal attributes, and apart for numbers that JSON writes alike", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [2] });
    expect(scale(x, 2, 1)).toBe(scale(x, 2, 1));
    const factors = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0];
    expect(new Set(factors.map((factor) => scale(x, factor, 1))).size).toBe(5);
    expect(graph.constant(0)).not.toBe(graph.constant(-0));
    expect(() => graph.constant((() => 1) as unknown as number)).toThrow(
      "constant: value is a function, expected numbers, texts or lists of them",
    );
  });
});

describe("states", () => {
  it("of one name are one state, and one of another shape, kind or type is refused", () => {
    const graph = new Graph();
    const w = graph.state("w", "parameter", [2, 3]);
    expect(graph.state("w", "parameter", [2, 3])).toBe(w);
    const message = (other: string) =>
      new ShapeError(
        `state "w": there is one already, parameter f32 2x3, and ${other} was asked for; choose another name`,
      );
    expect(() => graph.state("w", "parameter", [6])).toThrow(message("parameter f32 6"));
    expect(() => graph.state("w", "optimizer", [2, 3])).toThrow(message("optimizer f32 2x3"));
    expect(() => graph.state("w", "parameter", [2, 3], "i32")).toThrow(message("parameter i32 2x3"));
  });
});
