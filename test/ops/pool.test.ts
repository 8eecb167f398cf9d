import { describe, expect, it } from "vitest";
import { Graph } from "#fovea/graph/graph.js";
import { avgPool2d, maxPool2d, relu } from "#fovea/ops/index.js";
import { outputExtent } from "#fovea/ops/window.js";
import { image, numbers, run, runWithGradients, table } from "../support/run-op.js";

const NaNs = Number.NaN;

describe("maxPool2d", () => {
  it("overlaps, and counts padding as minus infinity", () => {
    const x = image([-1, -2, -3], [-4, -5, -6], [-7, -8, -9]);
    expect(table(run([x], (v) => maxPool2d(v!, 2, { stride: 1 })))).toEqual([
      [-1, -2],
      [-4, -5],
    ]);
    expect(table(run([x], (v) => maxPool2d(v!, 2, { stride: 2, padding: 1 })))).toEqual([
      [-1, -2],
      [-4, -5],
    ]);
  });
  it("keeps an incomplete last window in ceil mode", () => {
    const x = image([1, 2, 3], [4, 5, 6], [7, 8, 9]);
    expect(table(run([x], (v) => maxPool2d(v!, 2)))).toEqual([[5]]);
    expect(table(run([x], (v) => maxPool2d(v!, 2, { ceil: true })))).toEqual([
      [5, 6],
      [8, 9],
    ]);
  });
  it("dilates", () => {
    const x = image([1, 9, 3, 4, 5]);
    expect(numbers(run([x], (v) => maxPool2d(v!, [1, 2], { stride: 1, dilation: [1, 2] })))).toEqual([3, 9, 5]);
  });
  it("propagates NaN and minus infinity", () => {
    const x = image([1, NaNs, 3, 4], [-Infinity, 0, -Infinity, -Infinity]);
    expect(numbers(run([x], (v) => maxPool2d(v!, [1, 2])))).toEqual([NaNs, 4, 0, -Infinity]);
  });
  it("sends the gradient to the first maximum in scan order, NaN before numbers", () => {
    const ties = image([1, 5, 5], [5, 0, 0]);
    const overlapping = runWithGradients([ties], [1, 10], (v) => maxPool2d(v!, 2, { stride: 1 }));
    expect(table(overlapping.gradients[0]!)).toEqual([
      [0, 11, 0],
      [0, 0, 0],
    ]);
    const broken = image([1, NaNs, NaNs, 7]);
    const { gradients } = runWithGradients([broken], [3], (v) => maxPool2d(v!, [1, 4]));
    expect(numbers(gradients[0]!)).toEqual([0, 3, 0, 0]);
  });
  it("pools channels apart", () => {
    const x = { shape: [1, 2, 2, 2], data: [1, 40, 2, 30, 3, 20, 4, 10] };
    expect(numbers(run([x], (v) => maxPool2d(v!, 2)))).toEqual([4, 40]);
  });
});

describe("avgPool2d", () => {
  const x = image([1, 2, 3], [4, 5, 6], [7, 8, 9]);
  it("counts padding, or not, or divides by a number", () => {
    const options = { stride: 2, padding: 1 };
    expect(table(run([x], (v) => avgPool2d(v!, 2, options)))).toEqual([
      [0.25, 1.25],
      [2.75, 7],
    ]);
    expect(table(run([x], (v) => avgPool2d(v!, 2, { ...options, divisor: "valid" })))).toEqual([
      [1, 2.5],
      [5.5, 7],
    ]);
    expect(table(run([x], (v) => avgPool2d(v!, 2, { ...options, divisor: 1 })))).toEqual([
      [1, 5],
      [11, 28],
    ]);
  });
  it("in ceil mode does not count what lies beyond the padding", () => {
    // Windows 0..1 and 2..3 of three columns: the second holds column 2 and nothing.
    const y = run([image([2, 4, 6])], (v) => avgPool2d(v!, [1, 2], { ceil: true }));
    expect(numbers(y)).toEqual([3, 6]);
    // With a padding of one, windows of three columns at -1, 1, 3; the last meets column 3 (padding) only in part.
    const padded = run([image([2, 4, 6, 8])], (v) =>
      avgPool2d(v!, [1, 3], { stride: [1, 2], padding: [0, 1], ceil: true }),
    );
    expect(numbers(padded)).toEqual([2, 6, 4]);
  });
  it("gives each pixel its share of the gradient", () => {
    const { gradients } = runWithGradients([image([1, 2, 3])], [4, 8], (v) => avgPool2d(v!, [1, 2], { stride: 1 }));
    expect(numbers(gradients[0]!)).toEqual([2, 6, 4]);
  });
});

describe("window extents follow PyTorch", () => {
  it.each([
    // input, kernel, stride, before, after, dilation, ceil, expected
    [5, 2, 2, 0, 0, 1, false, 2],
    [5, 2, 2, 0, 0, 1, true, 3],
    // The third window would start at row 4, behind the three rows and the padding before them.
    [3, 2, 2, 1, 1, 1, true, 2],
    [2, 3, 2, 0, 0, 1, true, 1],
    [7, 3, 2, 1, 0, 2, false, 2],
    [3, 1, 4, 0, 0, 1, false, 1],
  ] as const)("input %i, kernel %i, stride %i, padding %i and %i, dilation %i, ceil %s: %i", (...row) => {
    const [input, kernel, stride, before, after, dilation, ceil, expected] = row;
    expect(outputExtent(input, kernel, stride, before, after, dilation, ceil)).toBe(expected);
  });
});

describe("padding wider than half the kernel, as ONNX and TensorFlow take it", () => {
  const x = image([-1, -2, -3, -4], [-5, -6, -7, -8], [-9, -10, -11, -12], [-13, -14, -15, -16]);
  const wide = { stride: 2, padding: 2 };
  // Numbers of ONNX Runtime 1.30.
  it("takes the maximum, the mean with the padding, and the mean of pixels", () => {
    expect(table(run([x], (v) => maxPool2d(v!, 3, wide)))).toEqual([
      [-1, -1, -3],
      [-1, -1, -3],
      [-9, -9, -11],
    ]);
    const mean = numbers(run([x], (v) => avgPool2d(v!, 3, wide))).map((y) => Math.round(9 * y));
    expect(mean).toEqual([-1, -6, -7, -15, -54, -45, -22, -72, -54]);
    expect(table(run([x], (v) => avgPool2d(v!, 3, { ...wide, divisor: "valid" })))).toEqual([
      [-1, -2, -3.5],
      [-5, -6, -7.5],
      [-11, -12, -13.5],
    ]);
  });
  it("gives a window without a pixel minus infinity, whose gradient goes nowhere, and the mean 0", () => {
    const apart = { stride: 2, padding: 1 };
    const small = image([1, 2], [3, 4]);
    const most = runWithGradients([small], [1, 2, 3, 4], (v) => maxPool2d(v!, 1, apart));
    expect(table(most.y)).toEqual([
      [-Infinity, -Infinity],
      [-Infinity, 4],
    ]);
    expect(numbers(most.gradients[0]!)).toEqual([0, 0, 0, 4]);
    const mean = runWithGradients([small], [1, 2, 3, 4], (v) => avgPool2d(v!, 1, apart));
    expect(numbers(mean.y)).toEqual([0, 0, 0, 4]);
    expect(numbers(mean.gradients[0]!)).toEqual([0, 0, 0, 4]);
    // A dilated window may step over the only pixel.
    expect(numbers(run([image([7])], (v) => maxPool2d(v!, 2, { padding: 1, dilation: 2 })))).toEqual([-Infinity]);
  });
  it("keeps a relu in front of such windows where it is: theirs would be 0", () => {
    const y = run([image([-1, 2])], (v) => maxPool2d(relu(v!), [1, 1], { stride: 1, padding: [0, 1] }));
    expect(numbers(y)).toEqual([-Infinity, 0, 2, -Infinity]);
  });
  it("refuses only a mean of no pixels", () => {
    const v = new Graph().input("x", { shape: [4, 4, 1] });
    expect(() => avgPool2d(v, 1, { stride: 2, padding: 1, divisor: "valid" })).toThrow(
      "avgPool2d: window 0 of kernel 1 with dilation 1 meets no pixel of its input 4x4x1, so that its pixels have no mean; " +
        'lower the padding or count it (divisor "window")',
    );
    expect(() => avgPool2d(v, 2, { divisor: 0 })).toThrow(
      'divisor is 0, expected "window", "valid" or a number other than 0',
    );
  });
});
