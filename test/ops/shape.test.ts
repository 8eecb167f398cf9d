/** Reductions, reshapes and the linear layer by hand. */
import { describe, expect, it } from "vitest";
import { Graph } from "#fovea/graph/graph.js";
import * as ops from "#fovea/ops/index.js";
import { numbers, rows, run, runWithGradients } from "../support/run-op.js";

/** Two samples of 1x2 pixels and 3 channels. */
const pixels = { shape: [2, 1, 2, 3], data: [1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60] };

describe("sum and expand", () => {
  it("drops axes, and the batch where asked", () => {
    const sum = (options: ops.SumOptions) => run([pixels], (x) => ops.sum(x!, options));
    expect(sum({})).toEqual({ shape: [2], data: Float64Array.of(21, 210) });
    expect(sum({ axes: [2] })).toEqual({ shape: [2, 1, 2], data: Float64Array.of(6, 15, 60, 150) });
    expect(sum({ axes: [0, 1], batch: true })).toEqual({ shape: [3], data: Float64Array.of(55, 77, 99) });
    expect(sum({ batch: true })).toEqual({ shape: [], data: Float64Array.of(231) });
    expect(sum({ batch: true, mean: true }).data[0]).toBe(231 / 12);
    expect(numbers(sum({ axes: [0, 1], mean: true }))).toEqual([2.5, 3.5, 4.5, 25, 35, 45]);
  });
  it("a mean's gradient divides by the batch at run time", () => {
    const { gradients } = runWithGradients([rows([1, 2], [3, 4], [5, 6])], [6, 12], (x) =>
      ops.mean(x!, { axes: [], batch: true }),
    );
    expect(numbers(gradients[0]!)).toEqual([2, 4, 2, 4, 2, 4]);
  });
  it("expand repeats over axes and samples", () => {
    const like = { shape: [2, 2], batched: true };
    const y = run([rows([1, 2], [3, 4])], (x) => ops.expand(x!, like, { axes: [1], batch: false, mean: false }));
    expect(y).toEqual({ shape: [2, 2, 2], data: Float64Array.of(1, 1, 2, 2, 3, 3, 4, 4) });
  });
  it("maxReduce sends the gradient to the first maximum", () => {
    const x = { shape: [1, 2, 2], data: [7, 1, 7, 9] };
    const { y, gradients } = runWithGradients([x], [1, 2], (v) => ops.maxReduce(v!, [0]));
    expect(numbers(y)).toEqual([7, 9]);
    expect(numbers(gradients[0]!)).toEqual([1, 0, 0, 2]);
  });
});

describe("reshape", () => {
  it("reads and writes images channel by channel", () => {
    expect(numbers(run([pixels], (x) => ops.flatten(x!)))).toEqual([1, 4, 2, 5, 3, 6, 10, 40, 20, 50, 30, 60]);
    const back = run([rows([1, 4, 2, 5, 3, 6])], (x) => ops.reshape(x!, [1, 2, 3]));
    expect(numbers(back)).toEqual([1, 2, 3, 4, 5, 6]);
    // Channels (1 4)(2 5)(3 6) become rows of one channel: 1 4 2 / 5 3 6.
    expect(numbers(run([pixels], (x) => ops.reshape(x!, [2, 3, 1]))).slice(0, 6)).toEqual([1, 4, 2, 5, 3, 6]);
  });
  it("of a reshape is one reshape, and back to where it came from none", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [2, 2, 3] });
    const flat = ops.flatten(x);
    expect(ops.reshape(flat, [2, 2, 3])).toBe(x);
    expect(ops.reshape(flat, [4, 3]).inputs[0]).toBe(x);
    expect(() => ops.reshape(flat, [5])).toThrow("shape 5 has 5 elements, but its input Nx2x2x3 has 12 a sample");
  });
});

describe("concat, slice and pad", () => {
  it("join channels and share the gradient out", () => {
    const a = { shape: [1, 1, 2, 1], data: [1, 2] };
    const b = { shape: [1, 1, 2, 2], data: [3, 4, 5, 6] };
    const { y, gradients } = runWithGradients([a, b], [1, 2, 3, 4, 5, 6], (x, v) => ops.concat([x!, v!], 2));
    expect(y).toEqual({ shape: [1, 1, 2, 3], data: Float64Array.of(1, 3, 4, 2, 5, 6) });
    expect(gradients.map(numbers)).toEqual([
      [1, 4],
      [2, 3, 5, 6],
    ]);
  });
  it("cut and frame", () => {
    expect(numbers(run([pixels], (x) => ops.slice(x!, 2, 1, 3)))).toEqual([2, 3, 5, 6, 20, 30, 50, 60]);
    const { y, gradients } = runWithGradients([rows([1, 2])], [1, 2, 3, 4], (x) => ops.pad(x!, [1], [1], 9));
    expect(numbers(y)).toEqual([9, 1, 2, 9]);
    expect(numbers(gradients[0]!)).toEqual([2, 3]);
    const sliced = runWithGradients([rows([1, 2, 3])], [7], (x) => ops.slice(x!, 0, 1, 2));
    expect(numbers(sliced.gradients[0]!)).toEqual([0, 7, 0]);
  });
  it("say what does not fit", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [2, 2, 3] });
    expect(() => ops.concat([x, graph.input("y", { shape: [2, 1, 3] })], 2)).toThrow(
      "concat: input 1 is Nx2x1x3, expected Nx2x2x3 in all but axis 2",
    );
    expect(() => ops.slice(x, 2, 1, 4)).toThrow("slice: takes 1 to 4 of axis 2, expected a part of 0 to 3");
    expect(() => ops.pad(x, [1], [1])).toThrow("pad: before is [1], expected 3 whole numbers from 0");
    expect(() => ops.sum(x, { axes: [1, 1] })).toThrow(
      "sum: axes [1, 1] do not fit 2x2x3; expected axes of it, each once",
    );
  });
});

describe("linear", () => {
  const weights = { shape: [2, 3], data: [1, 2, 3, 10, 20, 30], batched: false };
  it("by hand, with both gradients", () => {
    const { y, gradients } = runWithGradients([rows([1, 2], [3, 4]), weights], [1, 0, 0, 0, 0, 1], (x, w) =>
      ops.linear(x!, w!),
    );
    expect(numbers(y)).toEqual([21, 42, 63, 43, 86, 129]);
    expect(numbers(gradients[0]!)).toEqual([1, 10, 3, 30]);
    expect(numbers(gradients[1]!)).toEqual([1, 0, 3, 2, 0, 4]);
  });
  it("reads an image in the order of flatten, whether flattened or not, and flattens nothing", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [1, 2, 3] });
    const w = graph.input("w", { shape: [6, 1], batched: false });
    expect(ops.linear(ops.flatten(x), w)).toBe(ops.linear(x, w));
    const places = { shape: [6, 1], data: [100000, 10000, 1000, 100, 10, 1], batched: false };
    const one = { shape: [1, 1, 2, 3], data: [1, 2, 3, 4, 5, 6] };
    const { y, gradients } = runWithGradients([one, places], [1], (v, u) => ops.linear(ops.flatten(v!), u!));
    expect(numbers(y)).toEqual([142536]);
    expect(numbers(gradients[0]!)).toEqual([100000, 1000, 10, 10000, 100, 1]);
    expect(numbers(gradients[1]!)).toEqual([1, 4, 2, 5, 3, 6]);
  });
  it("says what does not fit", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [4, 4, 16] });
    const w = graph.input("w", { shape: [400, 10], batched: false });
    expect(() => graph.scope("fc1", () => ops.linear(x, w))).toThrow(
      "linear(fc1): weights 400x10 read 400 features, but its input 4x4x16 has 256; make the weights 256x10",
    );
  });
});
