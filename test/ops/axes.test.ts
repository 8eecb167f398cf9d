/** Axes by number, from the end, and by name: the same values, worked by hand. */
import { describe, expect, it } from "vitest";
import { Graph } from "#fovea/graph/graph.js";
import * as ops from "#fovea/ops/index.js";
import { type Given, numbers, run, runWithGradients } from "../support/run-op.js";

/** One sample of 2 rows, 1 column, 3 channels. */
const image: Given = { shape: [1, 2, 1, 3], data: [1, 2, 3, 10, 20, 60] };

describe("an axis of an image", () => {
  it.each([
    [["height"], [0], [-3], [11, 22, 63]],
    [["channels"], [2], [-1], [6, 90]],
    [["channels", "height"], [2, 0], [-1, -3], [96]],
    [["width"], [1], [-2], [1, 2, 3, 10, 20, 60]],
  ] as const)("%j is %j and %j", (names, places, fromLast, sums) => {
    for (const axes of [names, places, fromLast]) {
      expect(numbers(run([image], (x) => ops.sum(x!, { axes })))).toEqual(sums);
    }
  });

  it("stays with keepDims, so that a mean can be taken off again", () => {
    const { y, gradients } = runWithGradients([image], [1, 0, 0, 0, 0, 0], (x) =>
      ops.subtract(x!, ops.mean(x!, { axes: ["channels"], keepDims: true })),
    );
    expect(numbers(y)).toEqual([-1, 0, 1, -20, -10, 30]);
    expect(numbers(gradients[0]!).map((g) => g.toFixed(3))).toEqual([
      "0.667",
      "-0.333",
      "-0.333",
      "0.000",
      "0.000",
      "0.000",
    ]);
  });

  it("names a maximum, a slice and a join", () => {
    expect(numbers(run([image], (x) => ops.maxReduce(x!, ["height"])))).toEqual([10, 20, 60]);
    expect(numbers(run([image], (x) => ops.slice(x!, "channels", 1, 3)))).toEqual([2, 3, 20, 60]);
    expect(numbers(run([image], (x) => ops.slice(x!, -1, 0, 1)))).toEqual([1, 10]);
    expect(numbers(run([image], (x) => ops.concat([x!, x!], "width")))).toEqual([
      1, 2, 3, 1, 2, 3, 10, 20, 60, 10, 20, 60,
    ]);
  });
});

describe("refuses", () => {
  const graph = new Graph();
  const x = graph.input("x", { shape: [4, 4, 3] });
  const features = graph.input("features", { shape: [8] });
  const options = (given: object) => ops.mean(x, given as Parameters<typeof ops.mean>[1]);
  it.each([
    [
      "an axis of another name",
      () => options({ axes: ["depth"] }),
      'mean: axis "depth" of Nx4x4x3: expected a number, or height, width, channels',
    ],
    [
      "an image's axis of no image",
      () => ops.sum(features, { axes: ["height"] }),
      'sum: axis "height" of Nx8: expected a number, since only an image [height, width, channels] has it',
    ],
    [
      "an axis that is not there",
      () => ops.mean(x, { axes: [-4] }),
      "sum: axes [-1] do not fit 4x4x3; expected axes of it, each once",
    ],
    ["one axis without a list", () => options({ axes: 2 }), "mean: axes is 2, expected a list such as [0, 1]"],
    [
      "PyTorch's name",
      () => options({ dim: 1 }),
      'unknown option of mean "dim"; here it is axes: ["channels"] or [2]; the batch is no axis',
    ],
    [
      "an unknown option",
      () => options({ keepdim: true }),
      'unknown option of mean "keepdim"; did you mean "keepDims"?',
    ],
  ])("%s", (_, draw, message) => {
    expect(draw).toThrow(message);
  });

  it("nothing where the last axis of features is channels", () => {
    expect(ops.sum(features, { axes: ["channels"] }).shape).toEqual([]);
  });
});
