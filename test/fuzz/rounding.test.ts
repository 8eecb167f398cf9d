import { describe, expect, it } from "vitest";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { tensor } from "#fovea/graph/tensor.js";
import { divide, relu, scale, subtract, sum } from "#fovea/ops/index.js";
import { expectations, MANY_TRIES, misfit } from "./rounding.js";

/** What `make` of the numbers may be in float32. */
function expected(numbers: readonly number[], make: (x: Value) => Value) {
  const x = new Graph().input("x", { shape: [numbers.length], batched: false }) as unknown as Value;
  const feeds = { inputs: { x: tensor([numbers.length], numbers) } };
  return expectations([make(x)], feeds, 1, { winograd: false, tries: MANY_TRIES })?.[0];
}

describe("how far float32 may be off", () => {
  it("is a few units in the last place of a plain result", () => {
    const wanted = expected([1, 2, 3], (x) => scale(x, 3))!;
    expect(
      misfit(
        [3, 6, 9].map((v) => v * (1 + 2 ** -23)),
        wanted,
      ),
    ).toBeUndefined();
    expect(misfit([3, 6.0001, 9], wanted)).toMatch(/^1 of 3 are wrong: number 1 is 6.0001, expected 6 within/);
    expect(misfit([3, Number.NaN, 9], wanted)).toContain("number 1 is NaN");
    expect(misfit([3, 6], wanted)).toBe("2 numbers instead of 3");
  });

  it("is more where a sum cancels", () => {
    const difference = (x: Value) => subtract(sum(scale(x, 3)), scale(sum(x), 3));
    const wanted = expected([1000, 2000, 3000.5], difference)!;
    expect(misfit([0.001], wanted)).toBeUndefined();
    expect(misfit([1], wanted)).toContain("1 of 1 are wrong");
  });

  it("is everything where a number may fall on the other side of a relu, and nothing where it cannot", () => {
    const step = (x: Value) => divide(relu(subtract(scale(x, 3), scale(x, 3, 1e-9))), scale(x, 0, 1e-8));
    const wanted = expected([1], step)!;
    expect(misfit([0], wanted)).toBeUndefined();
    expect(misfit([10], wanted)).toBeUndefined();
    expect(misfit([1e9], wanted)).toContain("wrong");
    expect(misfit([2 ** -30], expected([-1], relu)!)).toContain("wrong");
  });

  it("is nothing beside an infinity, which must be where it is meant", () => {
    const wanted = expected([1, Number.POSITIVE_INFINITY, 3], (x) => subtract(scale(x, 3), scale(x, 0)))!;
    expect(wanted.allFinite).toBe(false);
    expect(misfit([3, Number.NaN, 9], wanted)).toBeUndefined();
    expect(misfit([3, Number.POSITIVE_INFINITY, 9], wanted)).toContain("number 1 is Infinity, expected NaN");
    expect(misfit([3, Number.NaN, Number.NaN], wanted)).toContain("number 2 is NaN, expected 9");
  });

  it("is not said of numbers that float32 has no room for", () => {
    expect(expected([1e20], (x) => scale(scale(x, 1e20), 1e-20))).toBeUndefined();
  });
});
