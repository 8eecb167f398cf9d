import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hwioToOihw, oihwToHwio, permute, transpose } from "#fovea/formats/layout.js";

describe("permute", () => {
  it("moves each number where NumPy's transpose moves it", () => {
    // numpy.arange(24).reshape(2, 3, 4).transpose(2, 0, 1).ravel()
    const data = Float32Array.from({ length: 24 }, (_, i) => i);
    expect([...permute(data, [2, 3, 4], [2, 0, 1])]).toEqual([
      0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21, 2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23,
    ]);
  });

  it("is undone by the inverse order, for any shape", () => {
    const cases = fc
      .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 })
      .chain((shape) =>
        fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })),
      );
    fc.assert(
      fc.property(cases, ([shape, order]) => {
        const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i);
        const moved = permute(data, shape, order);
        const inverse = shape.map((_, axis) => order.indexOf(axis));
        const back = permute(
          moved,
          order.map((axis) => shape[axis]),
          inverse,
        );
        expect(back).toEqual(data);
      }),
      { seed: 5, numRuns: 100 },
    );
  });

  it("refuses what does not fit", () => {
    expect(() => permute(new Float32Array(5), [2, 3], [1, 0])).toThrow("shape [2, 3] does not fit 5 numbers");
    expect(() => permute(new Float32Array(6), [2, 3], [0, 0])).toThrow(
      "order [0, 0] is not a permutation of the 2 axes",
    );
    expect(() => permute(new Float32Array(6), [2, 3], [0])).toThrow("order [0] is not a permutation");
  });
});

describe("weights", () => {
  // A 1x2 kernel from 2 to 3 channels; the number hwio stands for height h, width w, in i, out o.
  const hwio = Float32Array.of(111, 112, 113, 121, 122, 123, 211, 212, 213, 221, 222, 223);
  const oihw = Float32Array.of(111, 211, 121, 221, 112, 212, 122, 222, 113, 213, 123, 223);

  it("go between HWIO and OIHW", () => {
    expect(hwioToOihw(hwio, [1, 2, 2, 3])).toEqual(oihw);
    expect(oihwToHwio(oihw, [3, 2, 1, 2])).toEqual(hwio);
  });

  it("of linear layers go between [in, out] and [out, in]", () => {
    expect([...transpose(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3])]).toEqual([1, 4, 2, 5, 3, 6]);
  });
});
