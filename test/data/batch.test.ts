import { describe, expect, it } from "vitest";
import { fillBatch } from "#fovea/data/sets/batch.js";
import type { Dataset } from "#fovea/data/sets/dataset.js";

const grey: Dataset = {
  name: "grey",
  length: 3,
  classes: ["a", "b"],
  shape: [1, 2, 1],
  images: Uint8Array.of(0, 255, 51, 102, 153, 204),
  labels: Uint8Array.of(1, 0, 1),
  mean: [0.5],
  std: [0.25],
};

const colour: Dataset = {
  ...grey,
  name: "colour",
  length: 2,
  shape: [1, 1, 3],
  mean: [0, 0.5, 1],
  std: [1, 0.5, 0.25],
  labels: Int32Array.of(0, 1),
};

describe("fillBatch", () => {
  it("scales (pixel / 255 - mean) / std, and leaves what lies behind", () => {
    const images = new Float32Array(6).fill(9);
    const labels = new Int32Array(3).fill(9);
    fillBatch(grey, [2, 0], images, labels);
    // 153/255 = 0.6 -> 0.4, 204/255 = 0.8 -> 1.2, 0 -> -2, 255 -> 2
    expect([...images]).toEqual([Math.fround(0.4), Math.fround(1.2), -2, 2, 9, 9].map((x) => expect.closeTo(x, 6)));
    expect([...labels]).toEqual([1, 1, 9]);
  });

  it("scales each channel by its own numbers", () => {
    const images = new Float32Array(6);
    fillBatch(colour, Uint32Array.of(1, 0), images, new Int32Array(2));
    // [102, 153, 204] -> 0.4, (0.6 - 0.5) / 0.5, (0.8 - 1) / 0.25; [0, 255, 51] -> 0, 1, -3.2
    expect([...images]).toEqual([0.4, 0.2, -0.8, 0, 1, -3.2].map((x) => expect.closeTo(x, 6)));
  });

  it("agrees with the formula on every picture size", () => {
    for (let width = 1; width <= 9; width++) {
      const images = Uint8Array.from({ length: 3 * width }, (_, i) => (i * 37) % 256);
      const found = new Float32Array(2 * width + 1).fill(9);
      fillBatch({ ...grey, shape: [1, width, 1], images }, [1, 2], found, new Int32Array(2));
      const expected = Array.from(images.subarray(width), (pixel) => Math.fround((pixel / 255 - 0.5) / 0.25));
      expect([...found]).toEqual([...expected, 9]);
    }
  });

  it("refuses an index out of range and a target too short", () => {
    expect(() => fillBatch(grey, [3], new Float32Array(2), new Int32Array(1))).toThrow(
      "fillBatch(grey): index 3 is out of range 0..2",
    );
    expect(() => fillBatch(grey, [0, 1], new Float32Array(3), new Int32Array(2))).toThrow(
      "fillBatch(grey): 2 images need 4 numbers and 2 labels; the targets have 3 and 2",
    );
  });
});
