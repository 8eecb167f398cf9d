import { describe, expect, it } from "vitest";
import { fillBatch } from "#fovea/data/sets/batch.js";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import { PictureInput } from "#fovea/data/sets/picture-input.js";

/** (byte / 255 - 0.2) / 0.4: 0 -> -0.5, 51 -> 0, 102 -> 0.5, 255 -> 2. */
const GREY = { mean: [0.2], std: [0.4] };
const input = new PictureInput([4, 4, 1], GREY);
const near = (numbers: readonly number[]) => numbers.map((x) => expect.closeTo(x, 6));

describe("PictureInput", () => {
  it("knows a picture by its length: as large as the input, or smaller by as much on all sides", () => {
    expect(input.placeByLength(16)).toMatchObject({ lines: 1, line: 16, isBordered: false });
    expect(input.placeByLength(4)).toMatchObject({ lines: 2, line: 2, first: 5, stride: 4, isBordered: true });
    for (const length of [0, 1, 3, 8, 9, 17]) expect(input.placeByLength(length)).toBeUndefined();
    // A border takes a quarter of the shorter side at most.
    const wide = new PictureInput([8, 32, 3], { mean: [0, 0, 0], std: [1, 1, 1] });
    expect(wide.placeByLength(4 * 28 * 3)).toMatchObject({ lines: 4, line: 84, first: (2 * 32 + 2) * 3, stride: 96 });
    expect(wide.placeByLength(2 * 26 * 3)).toBeUndefined();
  });

  it("scales bytes, on background where they are smaller, and leaves what lies around", () => {
    const to = new Float32Array(18).fill(9);
    input.bytes(Uint8Array.of(7, 51, 102, 255, 0), 1, input.placeByLength(4)!, to, 1);
    const [o, a, b, c, d] = [-0.5, 0, 0.5, 2, -0.5];
    expect([...to]).toEqual(near([9, o, o, o, o, o, a, b, o, o, c, d, o, o, o, o, o, 9]));
  });

  it("takes numbers as they are, and says which is not finite in float32", () => {
    const to = new Float32Array(16);
    expect(input.numbers([1, 2, 3, 4], input.placeByLength(4)!, to, 0)).toBe(-1);
    expect([...to.subarray(4, 12)]).toEqual(near([-0.5, 1, 2, -0.5, -0.5, 3, 4, -0.5]));
    expect(input.numbers([1, 2, 3, 1e39], input.placeByLength(4)!, to, 0)).toBe(3);
    expect(input.numbers(Float64Array.of(1, Number.NaN, 3, 4), input.placeByLength(4)!, to, 0)).toBe(1);
  });

  it("writes the same bits as a batch of a data set, for one, two, three and four channels", () => {
    for (const channels of [1, 2, 3, 4]) {
      const size = 12 * channels;
      const mean = Array.from({ length: channels }, (_, c) => 0.3 + c / 10);
      const std = Array.from({ length: channels }, (_, c) => 0.2 + c / 7);
      const images = Uint8Array.from({ length: 2 * size }, (_, i) => (i * 83) % 256);
      const scaled = Float32Array.from(images, (byte, i) => (byte / 255 - mean[i % channels]!) / std[i % channels]!);
      const set: Dataset = {
        name: "set",
        length: 2,
        classes: ["a"],
        shape: [3, 4, channels],
        images,
        labels: new Uint8Array(2),
        mean,
        std,
      };
      const stride = size + 3;
      const batch = new Float32Array(2 * stride).fill(9);
      fillBatch(set, [1, 0], batch, new Int32Array(2), set.shape, stride);
      expect(batch.subarray(0, size)).toEqual(scaled.subarray(size));
      expect(batch.subarray(stride, stride + size)).toEqual(scaled.subarray(0, size));
      expect([...batch.subarray(size, stride), ...batch.subarray(stride + size)]).toEqual([9, 9, 9, 9, 9, 9]);
    }
  });
});
