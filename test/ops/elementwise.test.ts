/** Activations and arithmetic by hand. */
import { describe, expect, it } from "vitest";
import { Graph } from "#fovea/graph/graph.js";
import * as ops from "#fovea/ops/index.js";
import { numbers, rows, run, runWithGradients, vector } from "../support/run-op.js";

const NaNs = Number.NaN;

describe("activations", () => {
  it("relu clips at 0, keeps NaN, and passes the gradient above 0 only", () => {
    const { y, gradients } = runWithGradients([rows([-1, 0, 2, NaNs, Infinity])], [1, 2, 3, 4, 5], (x) => ops.relu(x!));
    expect(numbers(y)).toEqual([0, 0, 2, NaNs, Infinity]);
    expect(numbers(gradients[0]!)).toEqual([0, 0, 3, 0, 5]);
  });
  it("tanh and sigmoid at 0 and far out", () => {
    const t = runWithGradients([rows([0, 50, -50])], [2, 2, 2], (x) => ops.tanh(x!));
    expect(numbers(t.y)).toEqual([0, 1, -1]);
    expect(numbers(t.gradients[0]!)).toEqual([2, 0, 0]);
    const s = runWithGradients([rows([0, 800, -800])], [4, 4, 4], (x) => ops.sigmoid(x!));
    expect(numbers(s.y)).toEqual([0.5, 1, 0]);
    expect(numbers(s.gradients[0]!)).toEqual([1, 0, 0]);
  });
  it("LeCun's squashing takes 1 to 1 and starts with slope 1.7159 * 2/3", () => {
    const { y, gradients } = runWithGradients([rows([1, -1, 0])], [1, 1, 1], (x) => ops.scaledTanh(x!));
    expect(y.data[0]).toBeCloseTo(1, 4);
    expect(y.data[1]).toBeCloseTo(-1, 4);
    expect(gradients[0]!.data[2]).toBeCloseTo(1.14393, 5);
  });
});

describe("arithmetic", () => {
  const a = rows([1, 2], [3, 4]);
  it("joins equal shapes", () => {
    const b = rows([10, 20], [30, 40]);
    expect(numbers(run([a, b], (x, y) => ops.add(x!, y!)))).toEqual([11, 22, 33, 44]);
    expect(numbers(run([a, b], (x, y) => ops.subtract(x!, y!)))).toEqual([-9, -18, -27, -36]);
    expect(numbers(run([b, a], (x, y) => ops.divide(x!, y!)))).toEqual([10, 10, 10, 10]);
  });
  it("spreads a vector over samples, and sums its gradient", () => {
    const { y, gradients } = runWithGradients([a, vector(10, 100)], [1, 2, 3, 4], (x, b) => ops.multiply(x!, b!));
    expect(numbers(y)).toEqual([10, 200, 30, 400]);
    expect(numbers(gradients[0]!)).toEqual([10, 200, 30, 400]);
    // (1*1 + 3*3, 2*2 + 4*4)
    expect(numbers(gradients[1]!)).toEqual([10, 20]);
  });
  it("spreads one number a sample, told from a vector even when they are as long", () => {
    const each = { shape: [2], data: [10, 100] };
    const { y, gradients } = runWithGradients([a, each], [1, 2, 3, 4], (x, b) => ops.multiply(x!, b!));
    expect(numbers(y)).toEqual([10, 20, 300, 400]);
    expect(numbers(gradients[0]!)).toEqual([10, 20, 300, 400]);
    // (1*1 + 2*2, 3*3 + 4*4)
    expect(numbers(gradients[1]!)).toEqual([5, 25]);
  });
  it("swaps what can be swapped", () => {
    expect(numbers(run([vector(10, 100), a], (b, x) => ops.add(b!, x!)))).toEqual([11, 102, 13, 104]);
    expect(numbers(run([vector(10, 100), a], (b, x) => ops.subtract(b!, x!)))).toEqual([9, 98, 7, 96]);
  });
  it("divides with the quotient rule", () => {
    const { gradients } = runWithGradients([rows([6]), rows([2])], [1], (x, y) => ops.divide(x!, y!));
    expect(gradients.map(numbers)).toEqual([[0.5], [-1.5]]);
  });
  it("scales, squares and takes roots", () => {
    const scaled = runWithGradients([rows([1, 2])], [1, 10], (x) => ops.scale(x!, 3, -1));
    expect([numbers(scaled.y), numbers(scaled.gradients[0]!)]).toEqual([
      [2, 5],
      [3, 30],
    ]);
    const squared = runWithGradients([rows([-3])], [1], (x) => ops.square(x!));
    expect([numbers(squared.y), numbers(squared.gradients[0]!)]).toEqual([[9], [-6]]);
    const root = runWithGradients([rows([16])], [1], (x) => ops.sqrt(x!));
    expect([numbers(root.y), numbers(root.gradients[0]!)]).toEqual([[4], [0.125]]);
  });
  it("stops a gradient, and lets that of other ways through", () => {
    // x stop(x) + 3 x: the slope is stop(x) + 3
    const t = runWithGradients([rows([2, -5])], [1, 10], (x) =>
      ops.add(ops.multiply(x!, ops.stopGradient(x!)), ops.scale(x!, 3)),
    );
    expect([numbers(t.y), numbers(t.gradients[0]!)]).toEqual([
      [10, 10],
      [5, -20],
    ]);
    const stopped = runWithGradients([rows([2, -5])], [1, 10], (x) => ops.stopGradient(x!));
    expect(numbers(stopped.gradients[0]!)).toEqual([0, 0]);
  });
  it("raises to a power as IEEE 754 and PyTorch do, signs and zeros and all", () => {
    const x = rows([-2, -0.5, 0, 3, NaNs, -Infinity]);
    const ones = [1, 1, 1, 1, 1, 1];
    const powers = (exponent: number) => {
      const { y, gradients } = runWithGradients([x], ones, (v) => ops.power(v!, exponent));
      return [numbers(y), numbers(gradients[0]!).map((g) => g + 0)];
    };
    expect(powers(0)).toEqual([ones, [0, 0, 0, 0, 0, 0]]);
    expect(powers(1)).toEqual([[-2, -0.5, 0, 3, NaNs, -Infinity], ones]);
    expect(powers(2)).toEqual([
      [4, 0.25, 0, 9, NaNs, Infinity],
      [-4, -1, 0, 6, NaNs, -Infinity],
    ]);
    expect(powers(3)).toEqual([
      [-8, -0.125, 0, 27, NaNs, -Infinity],
      [12, 0.75, 0, 27, NaNs, Infinity],
    ]);
    expect(powers(-1)).toEqual([
      [-0.5, -2, Infinity, 1 / 3, NaNs, -0],
      [-0.25, -4, -Infinity, -1 / 9, NaNs, 0],
    ]);
    expect(powers(0.5)).toEqual([
      [NaNs, NaNs, 0, Math.sqrt(3), NaNs, NaNs],
      [NaNs, NaNs, Infinity, 0.5 / Math.sqrt(3), NaNs, NaNs],
    ]);
    expect(() => ops.power(new Graph().input("x", { shape: [2] }), NaNs)).toThrow(
      "power: exponent is NaN, expected a finite number",
    );
  });
  it("says what does not fit", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [3, 3, 4] });
    const b = graph.input("b", { shape: [3], batched: false });
    expect(() => graph.scope("head", () => ops.add(x, b))).toThrow(
      "add(head): b is 3, which does not fit a of Nx3x3x4",
    );
    expect(() => ops.add(x, graph.input("labels", { shape: [4], dtype: "i32" }))).toThrow(
      "add: b is of type i32, expected f32",
    );
  });
});
