/** Superpixels, voting in them, runs of labels, and the figures of labelled pixels, worked by hand. */
import { describe, expect, it } from "vitest";
import { fromRuns, toRuns } from "#fovea/segmentation/run-lengths.js";
import { majorityVote, superpixels } from "#fovea/segmentation/superpixels.js";
import { pixelFigures } from "#fovea/train/evaluate/pixel-figures.js";
import { random } from "../support/random.js";

const grey = (...rows: number[][]) => Uint8Array.from(rows.flat().flatMap((g) => [g, g, g]));

describe("superpixels", () => {
  const plain = { sigma: 0, least: 0 };

  it("are the flat parts of a picture", () => {
    const picture = grey([10, 10, 200, 200], [10, 10, 200, 200], [90, 90, 90, 90]);
    const { count, of } = superpixels(picture, 3, 4, { ...plain, k: 50 });
    expect(count).toBe(3);
    expect([...of]).toEqual([0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, 2]);
  });

  it("join across an edge that is not heavier than what the smaller side tolerates: k over its size", () => {
    // The edge weighs 10 sqrt(3) = 17.3; each side of 4 flat pixels tolerates k / 4.
    const picture = grey([0, 0, 10, 10], [0, 0, 10, 10]);
    expect(superpixels(picture, 2, 4, { ...plain, k: 69 }).count).toBe(2);
    expect(superpixels(picture, 2, 4, { ...plain, k: 70 }).count).toBe(1);
  });

  it("have at least so many pixels", () => {
    const picture = grey([0, 0, 0, 0], [0, 255, 0, 0], [0, 0, 0, 0]);
    expect(superpixels(picture, 3, 4, { ...plain, k: 1 }).count).toBe(2);
    expect(superpixels(picture, 3, 4, { ...plain, k: 1, least: 2 }).count).toBe(1);
  });

  it("see less noise through a Gaussian, which leaves flat pictures as they are", () => {
    const rng = random(3);
    const noisy = Uint8Array.from(
      { length: 40 * 40 * 3 },
      (_, i) => (Math.floor(i / 3) % 40 < 20 ? 60 : 180) + rng.integer(0, 20),
    );
    const raw = superpixels(noisy, 40, 40, { k: 100, sigma: 0, least: 0 }).count;
    const smooth = superpixels(noisy, 40, 40, { k: 100, sigma: 1, least: 0 }).count;
    expect(smooth).toBeLessThan(raw);
    expect(superpixels(new Uint8Array(300).fill(77), 10, 10, plain).count).toBe(1);
  });

  it("take a picture of one pixel, and refuse what is no picture", () => {
    expect([...superpixels(grey([5]), 1, 1).of]).toEqual([0]);
    expect(() => superpixels(grey([5]), 1, 2)).toThrow("superpixels: 3 bytes for 1x2x3, expected 6");
    expect(() => superpixels(grey([5]), 1, 1, { k: -1 })).toThrow("superpixels: k is -1, expected a number from 0");
  });

  it("vote: the most frequent label of a segment, of equals the lowest", () => {
    const segments = { height: 1, width: 6, count: 2, of: Int32Array.of(0, 0, 0, 1, 1, 0) };
    expect([...majorityVote(segments, [2, 1, 2, 1, 0, 0], 3)]).toEqual([2, 2, 2, 0, 0, 2]);
  });
});

describe("runs", () => {
  it("tell labels and how many of them", () => {
    expect(toRuns([3, 3, 0, 0, 0, 3])).toEqual([3, 2, 0, 3, 3, 1]);
    expect([...fromRuns([3, 2, 0, 3, 3, 1], 6)]).toEqual([3, 3, 0, 0, 0, 3]);
    expect(() => fromRuns([3, 2], 3)).toThrow("runs: are of 2 labels, expected 3");
  });
});

describe("figures of pixels", () => {
  it("are shares, and means over the classes that are there", () => {
    const { pixelAccuracy, classAccuracy, meanIoU, classes } = pixelFigures([
      [6, 2, 0],
      [1, 1, 0],
      [0, 0, 0],
    ]);
    expect(pixelAccuracy).toBeCloseTo(0.7, 12);
    expect(classAccuracy).toBeCloseTo((0.75 + 0.5) / 2, 12);
    expect(meanIoU).toBeCloseTo((6 / 9 + 1 / 4) / 2, 12);
    expect(classes[0]).toEqual({ share: 0.8, accuracy: 0.75, iou: 6 / 9 });
    expect(classes[2]!.iou).toBeNaN();
  });

  it("are nothing where nothing is labelled", () => {
    expect(
      pixelFigures([
        [0, 0],
        [0, 0],
      ]),
    ).toMatchObject({ pixelAccuracy: 0, classAccuracy: 0, meanIoU: 0 });
  });
});
