/** Borders and distortions of pictures. */
import { describe, expect, it } from "vitest";
import { affineMap, checkDistortion, fillDistorted } from "#fovea/data/augment/distort.js";
import { DISTORT_DEFAULTS, type DistortOptions, NO_DISTORTION } from "#fovea/data/augment/distort-options.js";
import { fillBatch } from "#fovea/data/sets/batch.js";
import { borderOf } from "#fovea/data/sets/border.js";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import { random } from "../support/random.js";

const rng = random(11);
/** Random blobs away from the edges. */
const digits: Dataset = {
  name: "digits",
  length: 8,
  classes: ["a", "b"],
  shape: [28, 28, 1],
  images: Uint8Array.from({ length: 8 * 784 }, (_, i) => {
    const [y, x] = [Math.floor((i % 784) / 28), i % 28];
    return y > 5 && y < 22 && x > 5 && x < 22 ? rng.integer(0, 255) : 0;
  }),
  labels: Uint8Array.of(0, 1, 0, 1, 0, 1, 0, 1),
  mean: [0.1],
  std: [0.5],
};
const BACKGROUND = Math.fround((0 - 0.1) / 0.5);
const all = Uint32Array.from({ length: 8 }, (_, i) => i);

function distorted(options: Partial<DistortOptions>, seed = 1, epoch = 0, indices = all): Float32Array {
  const images = new Float32Array(indices.length * 1024);
  const labels = new Int32Array(indices.length);
  const distortion = { options: { ...NO_DISTORTION, ...options }, seed, epoch };
  fillDistorted(digits, indices, images, labels, [32, 32, 1], distortion);
  expect([...labels]).toEqual([...indices].map((i) => i % 2));
  return images;
}

function bordered(): Float32Array {
  const images = new Float32Array(8 * 1024);
  fillBatch(digits, all, images, new Int32Array(8), [32, 32, 1]);
  return images;
}

describe("a border", () => {
  it("is the same even number of pixels on both sides, up to a quarter of the field", () => {
    expect(borderOf([28, 28, 1], [32, 32, 1])).toEqual([2, 2]);
    expect(borderOf([28, 30, 1], [28, 32, 1])).toEqual([0, 1]);
    expect(borderOf([16, 16, 3], [32, 32, 3])).toEqual([8, 8]);
    for (const shape of [
      [27, 28, 1],
      [28, 28, 3],
      [34, 34, 1],
      [14, 14, 1],
    ])
      expect(borderOf(shape, [32, 32, 1])).toBeUndefined();
  });
  it("surrounds each picture with background, in each channel its own", () => {
    const two: Dataset = {
      ...digits,
      shape: [1, 2, 3],
      length: 2,
      images: Uint8Array.of(51, 102, 153, 204, 255, 0, 255, 255, 255, 0, 0, 0),
      mean: [0, 0.5, 1],
      std: [1, 1, 1],
    };
    const images = new Float32Array(2 * 24).fill(9);
    fillBatch(two, [0, 1], images, new Int32Array(2), [1, 4, 3]);
    const paper = [0, -0.5, -1];
    const expected = [
      ...[...paper, 0.2, -0.1, -0.4, 0.8, 0.5, -1, ...paper],
      ...[...paper, 1, 0.5, 0, 0, -0.5, -1, ...paper],
    ];
    expect([...images.subarray(0, 24)]).toEqual(expected.map((x) => expect.closeTo(x, 6)));
    expect(images[24]).toBe(9);
    expect(() => fillBatch(two, [0], images, new Int32Array(1), [2, 4, 3])).toThrow(
      "pictures are 1x2x3, which do not fit 2x4x3",
    );
  });
});

describe("distortions", () => {
  it("of nothing give the bordered picture to the bit", () => {
    expect(distorted({})).toEqual(bordered());
  });

  it("by whole pixels move the picture", () => {
    // What was drawn for picture 3 is scaled to be 3 pixels to the right and 2 up.
    const options = { ...NO_DISTORTION, translate: 1 };
    const { dx } = affineMap({ options, seed: 1, epoch: 0 }, 3);
    const moved = distorted({ translate: 3 / Math.abs(dx) }, 1, 0, Uint32Array.of(3));
    const { dy } = affineMap({ options: { ...options, translate: 3 / Math.abs(dx) }, seed: 1, epoch: 0 }, 3);
    const plain = bordered().subarray(3 * 1024, 4 * 1024);
    const side = Math.sign(dx) * 3;
    const below = Math.floor(dy);
    const part = dy - below;
    const at = (y: number, x: number) => (y < 0 || y > 31 || x < 0 || x > 31 ? BACKGROUND : plain[y * 32 + x]!);
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        const expected = (1 - part) * at(y - below, x - side) + part * at(y - below - 1, x - side);
        expect(moved[y * 32 + x]).toBeCloseTo(expected, 5);
      }
    }
  });

  it("agree with the map, point by point, between four neighbours", () => {
    const plain = bordered();
    const images = distorted(DISTORT_DEFAULTS, 7, 2);
    const pixel = (n: number, y: number, x: number) =>
      y < 0 || y > 31 || x < 0 || x > 31 ? BACKGROUND : plain[n * 1024 + y * 32 + x]!;
    for (const n of all) {
      const { a, b, d, dx, dy } = affineMap({ options: DISTORT_DEFAULTS, seed: 7, epoch: 2 }, n);
      for (const [v, u] of [
        [10, 12],
        [16, 15],
        [20, 19],
        [9, 22],
      ] as const) {
        const y = (v - 15.5 - dy) / d;
        const x = (u - 15.5 - dx - b * y) / a;
        const [top, left] = [Math.floor(y + 15.5), Math.floor(x + 15.5)];
        const [fy, fx] = [y + 15.5 - top, x + 15.5 - left];
        const expected =
          (1 - fy) * ((1 - fx) * pixel(n, top, left) + fx * pixel(n, top, left + 1)) +
          fy * ((1 - fx) * pixel(n, top + 1, left) + fx * pixel(n, top + 1, left + 1));
        expect(images[n * 1024 + v * 32 + u]).toBeCloseTo(expected, 4);
      }
    }
  });

  it("are functions of seed, epoch and picture alone", () => {
    const whole = distorted(DISTORT_DEFAULTS);
    const backwards = distorted(DISTORT_DEFAULTS, 1, 0, Uint32Array.of(5, 2));
    expect(backwards.subarray(0, 1024)).toEqual(whole.subarray(5 * 1024, 6 * 1024));
    expect(backwards.subarray(1024)).toEqual(whole.subarray(2 * 1024, 3 * 1024));
    expect(distorted(DISTORT_DEFAULTS, 2)).not.toEqual(whole);
    expect(distorted(DISTORT_DEFAULTS, 1, 1)).not.toEqual(whole);
    // The upper half of a seed counts, too.
    expect(distorted(DISTORT_DEFAULTS, 1 + 2 ** 32)).not.toEqual(whole);
    expect(affineMap({ options: DISTORT_DEFAULTS, seed: 1, epoch: 0 }, 0)).toMatchInlineSnapshot(`
      {
        "a": 0.9140707958557825,
        "b": 0.18183822920545936,
        "d": 0.966799557967745,
        "dx": -0.2864722867961973,
        "dy": -1.2643670656252652,
      }
    `);
  });

  it("stay within what was asked, reach nearly all of it, and keep the ink", () => {
    const maps = Array.from({ length: 2000 }, (_, i) => affineMap({ options: DISTORT_DEFAULTS, seed: 3, epoch: 1 }, i));
    const range = (of: (map: (typeof maps)[number]) => number) => {
      const values = maps.map(of);
      return [Math.min(...values), Math.max(...values)];
    };
    const { translate, scale, squeeze, shear } = DISTORT_DEFAULTS;
    for (const [of, low, high] of [
      [(m: (typeof maps)[number]) => m.dx, -translate, translate],
      [(m: (typeof maps)[number]) => m.dy, -translate, translate],
      [(m: (typeof maps)[number]) => m.b, -shear, shear],
      [(m: (typeof maps)[number]) => Math.sqrt(m.a * m.d), 1 - scale, 1 + scale],
      [(m: (typeof maps)[number]) => Math.sqrt(m.a / m.d), 1 - squeeze, 1 + squeeze],
    ] as const) {
      const [least, most] = range(of);
      expect(least).toBeGreaterThanOrEqual(low - 1e-12);
      expect(most).toBeLessThanOrEqual(high + 1e-12);
      expect(least).toBeLessThan(low + 0.01 * (high - low));
      expect(most).toBeGreaterThan(high - 0.01 * (high - low));
    }
    const mass = (images: Float32Array, n: number) =>
      images.subarray(n * 1024, (n + 1) * 1024).reduce((sum, x) => sum + x - BACKGROUND, 0);
    const images = distorted(DISTORT_DEFAULTS);
    const plain = bordered();
    for (const n of all) {
      const { a, d } = affineMap({ options: DISTORT_DEFAULTS, seed: 1, epoch: 0 }, n);
      // Ink grows with the area.
      expect(mass(images, n) / mass(plain, n) / (a * d)).toBeGreaterThan(0.97);
      expect(mass(images, n) / mass(plain, n) / (a * d)).toBeLessThan(1.03);
    }
  });

  it("treat channels alike", () => {
    const colour: Dataset = {
      ...digits,
      shape: [28, 28, 3],
      images: Uint8Array.from({ length: 8 * 784 * 3 }, (_, i) => digits.images[Math.floor(i / 3)]!),
      mean: [0.1, 0.1, 0.1],
      std: [0.5, 0.5, 0.5],
    };
    const images = new Float32Array(3 * 8192);
    const distortion = { options: DISTORT_DEFAULTS, seed: 1, epoch: 0 };
    fillDistorted(colour, all, images, new Int32Array(8), [32, 32, 3], distortion);
    const grey = distorted(DISTORT_DEFAULTS);
    expect(images).toEqual(Float32Array.from({ length: 3 * 8192 }, (_, i) => grey[Math.floor(i / 3)]!));
  });

  it("refuse amounts out of range and names that are not known", () => {
    const check = (options: object) => () => checkDistortion({ ...DISTORT_DEFAULTS, ...options });
    expect(check({ scale: 0.6 })).toThrow("distort: scale is 0.6, expected a number from 0 to 0.5");
    expect(check({ shear: -1 })).toThrow("shear is -1");
    expect(check({ translate: Number.NaN })).toThrow("translate is NaN");
    expect(check({ translat: 1 })).toThrow('unknown distortion "translat"; did you mean "translate"?');
    expect(check({})).not.toThrow();
  });
});
