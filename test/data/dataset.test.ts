import { describe, expect, it } from "vitest";
import { DataError } from "#fovea/base/errors.js";
import { datasetFromIdx, describeDataset, measureScaling } from "#fovea/data/sets/dataset.js";

const images = { shape: [2, 1, 2], data: Uint8Array.of(0, 255, 255, 0) };
const labels = { shape: [2], data: Uint8Array.of(1, 2) };
const parts = { name: "tiny", images, labels, imagesFile: "images.idx", labelsFile: "labels.idx" };

const messageOf = (
  changed: Partial<typeof parts> & { classes?: string[]; scaling?: { mean: number[]; std: number[] } },
) => {
  try {
    datasetFromIdx({ ...parts, ...changed });
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return (error as DataError).message;
  }
  throw new Error("accepted");
};

describe("datasetFromIdx", () => {
  it("joins images and labels, names classes by number and measures the scaling", () => {
    const set = datasetFromIdx(parts);
    expect(set).toMatchObject({ length: 2, shape: [1, 2, 1], classes: ["0", "1", "2"], mean: [0.5], std: [0.5] });
    expect(describeDataset(set)).toBe("tiny: 2 images of 1x2x1 in 3 classes (mean 0.5000, std 0.5000)");
  });

  it("takes rank 4 as channels last", () => {
    const set = datasetFromIdx({ ...parts, images: { shape: [2, 1, 1, 2], data: images.data } });
    expect(set.shape).toEqual([1, 1, 2]);
    expect(set.mean).toEqual([0.5, 0.5]);
  });

  it("refuses parts that do not belong together", () => {
    expect(messageOf({ labels: { shape: [1], data: Uint8Array.of(0) } })).toMatchInlineSnapshot(
      `"images.idx holds 2 images but labels.idx holds 1 labels; both must belong to one set"`,
    );
    expect(messageOf({ classes: ["cat", "dog"] })).toMatchInlineSnapshot(
      `"labels.idx: label 2 of item 1 is out of range; expected 0 to 1 (2 classes)"`,
    );
    expect(messageOf({ images: { shape: [4], data: images.data } })).toMatchInlineSnapshot(
      `"images.idx: has rank 1 (4); images need rank 3 (count x height x width) or 4 (with channels last)"`,
    );
    expect(messageOf({ labels: { shape: [2, 1], data: labels.data } })).toMatchInlineSnapshot(
      `"labels.idx: has rank 2 (2 x 1); labels need rank 1"`,
    );
    expect(messageOf({ scaling: { mean: [0, 0], std: [1, 1] } })).toMatchInlineSnapshot(
      `"tiny: mean has 2 values; expected one for each of 1 channels"`,
    );
    expect(messageOf({ scaling: { mean: [0], std: [0] } })).toMatchInlineSnapshot(
      `"tiny: std is 0; expected finite numbers above 0"`,
    );
  });
});

it("measures mean and deviation of each channel, and a flat channel as deviation 1", () => {
  // Channel 0: 0, 51, 102 (mean 51, deviation 51 sqrt(2/3)); channel 1: always 255.
  const { mean, std } = measureScaling(Uint8Array.of(0, 255, 51, 255, 102, 255), 2);
  expect(mean).toEqual([0.2, 1]);
  expect(std[0]).toBeCloseTo(0.2 * Math.sqrt(2 / 3), 12);
  expect(std[1]).toBe(1);
});
