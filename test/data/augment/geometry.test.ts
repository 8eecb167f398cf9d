/** Crops, flips, resizing and turns: by hand on small pictures, and as laws on random ones. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileAugmentation, type Picture } from "#fovea/data/augment/augment.js";
import { affineMap, fillDistorted } from "#fovea/data/augment/distort.js";
import { Placement } from "#fovea/data/augment/placement.js";
import { type Outside, reflected, Sampler, scaleOf } from "#fovea/data/augment/sample.js";
import { parseTransforms } from "#fovea/data/augment/transform.js";
import { augmented, noise, PLAIN, picture, rows } from "./support.js";

const THREE = picture(3, 3, 1, [1, 2, 3, 4, 5, 6, 7, 8, 9]);

/** What a placement shows, by the definition: every tap by itself, in float64. */
function reference(from: Picture, at: Placement, outside: Outside): number[] {
  const { height, width, channels, pixels } = from;
  const read = (y: number, x: number, c: number) => {
    if (outside === "reflect") return pixels[(reflected(y, height) * width + reflected(x, width)) * channels + c]!;
    if (y >= 0 && x >= 0 && y < height && x < width) return pixels[(y * width + x) * channels + c]!;
    return 0;
  };
  const out: number[] = [];
  for (let v = 0; v < at.height; v++) {
    for (let u = 0; u < at.width; u++) {
      const x = at.xx * u + at.xy * v + at.x0;
      const y = at.yx * u + at.yy * v + at.y0;
      const [reachX, reachY] = at.isUpright ? [Math.max(1, Math.abs(at.xx)), Math.max(1, Math.abs(at.yy))] : [1, 1];
      for (let c = 0; c < channels; c++) {
        let [sum, weights] = [0, 0];
        for (let j = Math.floor(y - reachY); j <= y + reachY + 1; j++) {
          for (let i = Math.floor(x - reachX); i <= x + reachX + 1; i++) {
            const weight = Math.max(0, 1 - Math.abs(i - x) / reachX) * Math.max(0, 1 - Math.abs(j - y) / reachY);
            const isIn = i >= 0 && j >= 0 && i < width && j < height;
            if (outside === "edge" && !isIn) continue;
            weights += weight;
            sum += weight * read(j, i, c);
          }
        }
        out.push(sum / weights);
      }
    }
  }
  return out;
}

function sampled(from: Picture, at: Placement, outside: Outside): number[] {
  const out = new Float32Array(at.height * at.width * from.channels).fill(Number.NaN);
  new Sampler(scaleOf(PLAIN(from.channels))).sample(from, at, outside, out, 0);
  return [...out];
}

const far = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

describe("by hand", () => {
  it("a mirror image, and in every other epoch", () => {
    const mirrored = [3, 2, 1, 6, 5, 4, 9, 8, 7];
    expect(augmented([{ kind: "flip", probability: 1 }], THREE)).toEqual(mirrored);
    expect(augmented([{ kind: "flip", probability: 0 }], THREE)).toEqual([...THREE.pixels]);
    for (let index = 0; index < 8; index++) {
      const of = (epoch: number) => augmented([{ kind: "flip", mode: "alternating" }], THREE, { index, epoch });
      const [first, second, third] = [of(0), of(1), of(2)];
      expect([first, second].map((p) => p.join()).sort()).toEqual([THREE.pixels.join(), mirrored.join()].sort());
      expect(third).toEqual(first);
    }
    const firsts = Array.from({ length: 64 }, (_, index) =>
      augmented([{ kind: "flip", mode: "alternating" }], THREE, { index })[0] === 3 ? 1 : 0,
    );
    const share = firsts.reduce((a: number, b) => a + b, 0);
    expect(share).toBeGreaterThan(20);
    expect(share).toBeLessThan(44);
  });

  it("a padded crop is one of nine windows, black or reflected outside", () => {
    const windowAt = (dy: number, dx: number, reflect: boolean) =>
      [0, 1, 2].flatMap((y) =>
        [0, 1, 2].map((x) => {
          const [v, u] = [y + dy, x + dx];
          if (reflect) return 3 * reflected(v, 3) + reflected(u, 3) + 1;
          return v >= 0 && u >= 0 && v < 3 && u < 3 ? 3 * v + u + 1 : 0;
        }),
      );
    expect(windowAt(-1, 1, false)).toEqual([0, 0, 0, 2, 3, 0, 5, 6, 0]);
    expect(windowAt(-1, 1, true)).toEqual([5, 6, 5, 2, 3, 2, 5, 6, 5]);
    for (const mode of ["zero", "reflect"]) {
      const possible = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => windowAt(dy, dx, mode === "reflect").join()));
      const seen = new Set<string>();
      for (let index = 0; index < 100; index++) {
        seen.add(augmented([{ kind: "padCrop", padding: 1, mode }], THREE, { index }).join());
      }
      expect([...seen].sort()).toEqual([...possible].sort());
    }
  });

  it("the middle, and patches of a larger picture", () => {
    const grid = picture(
      4,
      4,
      1,
      Array.from({ length: 16 }, (_, i) => i),
    );
    expect(augmented([{ kind: "centerCrop" }], grid, { target: [2, 2, 1] })).toEqual([5, 6, 9, 10]);
    const seen = new Set<string>();
    for (let index = 0; index < 100; index++) {
      seen.add(augmented([{ kind: "randomCrop" }], grid, { index, target: [3, 3, 1] }).join());
    }
    const patch = (first: number) => [0, 4, 8].flatMap((row) => [0, 1, 2].map((x) => first + row + x)).join();
    expect([...seen].sort()).toEqual([patch(0), patch(1), patch(4), patch(5)].sort());
  });

  it("doubling and halving, with edges that do not fade", () => {
    const two = picture(1, 2, 1, [0, 100]);
    expect(augmented([{ kind: "resize" }], two, { target: [1, 4, 1] })).toEqual([0, 25, 75, 100]);
    const four = picture(1, 4, 1, [0, 40, 80, 120]);
    // A triangle two pixels wide to either side: (3 x 0 + 3 x 40 + 80) / 7, and its mirror.
    const [left, right] = augmented([{ kind: "resize" }], four, { target: [1, 2, 1] });
    expect(left).toBeCloseTo(200 / 7, 4);
    expect(right).toBeCloseTo(120 - 200 / 7, 4);
    // The shorter side to 2: 2 x 4, whose middle is 2 x 2.
    const wide = picture(1, 2, 1, [10, 50]);
    expect(augmented([{ kind: "resizeShorter", size: 2 }], wide, { target: [2, 2, 1] })).toEqual([20, 40, 20, 40]);
  });

  it("a quarter of a turn, and half of one", () => {
    const at = new Placement().start(3, 3);
    at.linear(0, 1, -1, 0, 0, 0);
    const quarter = rows(sampled(THREE, at, "background"), 3);
    expect(quarter).toEqual([
      [7, 4, 1],
      [8, 5, 2],
      [9, 6, 3],
    ]);
    at.linear(0, 1, -1, 0, 0, 0);
    expect(sampled(THREE, at, "background")).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
    // A pixel in the middle turns into itself, whatever the angle; the corners leave black behind.
    const turned = rows(augmented([{ kind: "rotate", degrees: 45 }], THREE, { index: 3 }), 3);
    expect(turned[1]![1]).toBeCloseTo(5, 4);
  });

  it("shifts by whole pixels, at most a part of the size", () => {
    const grid = noise(8, 10, 3);
    const seen = new Set<string>();
    for (let index = 0; index < 200; index++) {
      const out = augmented([{ kind: "translate", fraction: 0.2 }], grid, { index });
      let found = "";
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -2; dx <= 2; dx++) {
          const at = new Placement().start(8, 10);
          at.crop(dy, dx, 8, 10);
          if (reference(grid, at, "background").every((value, i) => value === out[i])) found = `${dy},${dx}`;
        }
      }
      expect(found).not.toBe("");
      seen.add(found);
    }
    expect(seen.size).toBe(15);
  });

  it("reflects again and again where a line is short", () => {
    expect([-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5].map((at) => reflected(at, 3))).toEqual([
      1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1,
    ]);
    expect([-2, 0, 7].map((at) => reflected(at, 1))).toEqual([0, 0, 0]);
  });

  it("the distortions of LeNet-5 are those of --distort", () => {
    const from = noise(9, 9, 1, 4);
    const set = {
      name: "noise",
      length: 1,
      classes: ["a"],
      shape: [9, 9, 1] as const,
      images: from.pixels,
      labels: Uint8Array.of(0),
      ...PLAIN(1),
    };
    const options = { translate: 1.5, scale: 0.1, squeeze: 0.1, shear: 0.2 };
    const before = new Float32Array(81);
    fillDistorted(set, [0], before, new Int32Array(1), [9, 9, 1], { options, seed: 1, epoch: 2 });
    expect(affineMap({ options, seed: 1, epoch: 2 }, 0).b).not.toBe(0);
    expect(far(augmented([{ kind: "distort" }], from, { epoch: 2 }), [...before])).toBeLessThan(1e-3);
  });
});

describe("any placement", () => {
  const sizes = fc.integer({ min: 1, max: 9 });
  const outsides = fc.constantFrom<Outside>("background", "reflect");

  it("upright: as the definition says, larger or smaller, mirrored or not", () => {
    fc.assert(
      fc.property(
        fc.record({ h: sizes, w: sizes, rows: sizes, columns: sizes, flip: fc.boolean(), seed: fc.nat(99) }),
        fc.constantFrom(1, 3, 4),
        fc.tuple(fc.double({ min: -3, max: 3, noNaN: true }), fc.double({ min: -3, max: 3, noNaN: true })),
        outsides,
        ({ h, w, rows, columns, flip, seed }, channels, [top, left], outside) => {
          const from = noise(h, w, channels, seed);
          const inside = new Placement().start(h, w);
          inside.resize(rows, columns);
          if (flip) inside.flip();
          expect(far(sampled(from, inside, "edge"), reference(from, inside, "edge"))).toBeLessThan(1e-3);
          const at = new Placement().start(h, w);
          at.crop(top, left, h, w);
          at.resize(rows, columns);
          if (flip) at.flip();
          expect(far(sampled(from, at, outside), reference(from, at, outside))).toBeLessThan(1e-3);
        },
      ),
      { numRuns: 150, seed: 1 },
    );
  });

  it("turned: bilinear, as the definition says", () => {
    fc.assert(
      fc.property(
        fc.record({ h: sizes, w: sizes, seed: fc.nat(99) }),
        fc.constantFrom(1, 3),
        fc.tuple(fc.double({ min: -0.9, max: 0.9, noNaN: true }), fc.double({ min: -4, max: 4, noNaN: true })),
        outsides,
        ({ h, w, seed }, channels, [slope, shift], outside) => {
          fc.pre(slope !== 0);
          const from = noise(h, w, channels, seed);
          const at = new Placement().start(h, w);
          at.linear(0.9, slope, -slope, 0.9, shift, -shift);
          expect(far(sampled(from, at, outside), reference(from, at, outside))).toBeLessThan(1e-3);
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });

  it("mirrored twice is as it was, and crops of whole pixels copy", () => {
    fc.assert(
      fc.property(fc.record({ h: sizes, w: sizes, seed: fc.nat(99) }), ({ h, w, seed }) => {
        const from = noise(h, w, 3, seed);
        const twice = [
          { kind: "flip", probability: 1 },
          { kind: "flip", probability: 1 },
        ];
        expect(augmented(twice, from)).toEqual([...from.pixels]);
      }),
      { numRuns: 50, seed: 1 },
    );
  });

  it("turned and shrunk: a flat picture stays flat, and far stripes average out", () => {
    const stripes = picture(
      64,
      64,
      1,
      Array.from({ length: 64 * 64 }, (_, i) => (i % 2) * 200),
    );
    const at = new Placement().start(64, 64);
    at.linear(0.98, 0.2, -0.2, 0.98, 0, 0);
    at.resize(16, 16);
    const middle = rows(sampled(stripes, at, "edge"), 16)
      .slice(4, 12)
      .flatMap((row) => row.slice(4, 12));
    for (const value of middle) expect(Math.abs(value - 100)).toBeLessThan(1);
  });
});

describe("a random crop", () => {
  const pictures = fc.record({
    h: fc.integer({ min: 1, max: 40 }),
    w: fc.integer({ min: 1, max: 40 }),
    rows: fc.integer({ min: 1, max: 12 }),
    columns: fc.integer({ min: 1, max: 12 }),
    index: fc.nat(1000),
    epoch: fc.nat(20),
  });

  it("stays inside the picture, for any size, grey or not", () => {
    fc.assert(
      fc.property(pictures, fc.constantFrom(1, 3), ({ h, w, rows, columns, index, epoch }, channels) => {
        // Black would be outside: every pixel of the picture is bright.
        const bright = picture(h, w, channels, new Uint8Array(h * w * channels).fill(200));
        const target = [rows, columns, channels];
        const lists = [
          [{ kind: "randomResizedCrop" }, { kind: "flip" }],
          [{ kind: "randomCrop", resize: [12, 30] }],
          [{ kind: "resize" }],
          [],
        ];
        for (const list of lists) {
          for (const value of augmented(list, bright, { index, epoch, target })) expect(value).toBeCloseTo(200, 3);
        }
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it("of random size has areas and shapes over the whole range", () => {
    // x and y of the picture are its two channels, so that a crop's size can be read off its pixels.
    const size = 200;
    const ramp = picture(
      size,
      size,
      2,
      Array.from({ length: size * size * 2 }, (_, i) => (i % 2 ? (i >> 1) % size : Math.floor(i / 2 / size))),
    );
    const areas: number[] = [];
    const shapes: number[] = [];
    for (let index = 0; index < 400; index++) {
      const out = augmented([{ kind: "randomResizedCrop" }], ramp, { index, target: [8, 8, 2] });
      // Between the pixels (3, 3) and (4, 4), whose surroundings are inside whatever the size.
      const height = 8 * (out[2 * 36]! - out[2 * 27]!);
      const width = 8 * (out[2 * 36 + 1]! - out[2 * 27 + 1]!);
      areas.push((width * height) / size ** 2);
      shapes.push(width / height);
    }
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(Math.min(...areas)).toBeGreaterThan(0.05);
    expect(Math.min(...areas)).toBeLessThan(0.15);
    expect(Math.max(...areas)).toBeGreaterThan(0.85);
    expect(mean(areas)).toBeCloseTo(0.52, 1);
    expect(Math.min(...shapes)).toBeGreaterThan(0.7);
    expect(Math.max(...shapes)).toBeLessThan(1.45);
  });

  it("is a function of seed, epoch and index alone", () => {
    const from = noise(20, 24, 3);
    const list = [
      { kind: "randomResizedCrop" },
      { kind: "flip" },
      { kind: "rotate" },
      { kind: "colorJitter", hue: 0.1 },
      { kind: "pcaColor", colors: "imagenet" },
      { kind: "cutout", size: 4 },
      { kind: "erase" },
    ];
    const target = [12, 12, 3];
    const one = compileAugmentation(parseTransforms(list), target, PLAIN(3));
    const out = new Float32Array(432);
    const at = (index: number, seed: number, epoch: number) => {
      one.apply(from, index, { seed, epoch }, out, 0);
      return out.join();
    };
    const first = at(5, 7, 3);
    const others = [at(6, 7, 3), at(5, 8, 3), at(5, 7, 4), at(5, 7 + 2 ** 40, 3)];
    expect(new Set([first, ...others]).size).toBe(5);
    expect(at(5, 7, 3)).toBe(first);
    expect(augmented(list, from, { index: 5, seed: 7, epoch: 3, target }).join()).toBe(first);
  });

  it("is the same with more transforms in the list", () => {
    const from = noise(16, 16, 1);
    const alone = augmented([{ kind: "padCrop", padding: 4 }], from, { index: 3 });
    const both = augmented(
      [
        { kind: "colorJitter", brightness: 0, contrast: 0 },
        { kind: "padCrop", padding: 4 },
      ],
      from,
      {
        index: 3,
      },
    );
    expect(both).toEqual(alone);
  });
});

describe("sizes", () => {
  const compiled = (list: readonly unknown[], target = [224, 224, 3]) =>
    compileAugmentation(parseTransforms(list), target, PLAIN(3));

  it("to which decoding may shrink: what the first transform that says a size needs", () => {
    expect(compiled([{ kind: "flip" }]).decodeSize(1000, 2000)).toEqual([224, 448]);
    expect(compiled([{ kind: "flip" }]).decodeSize(100, 200)).toEqual([100, 200]);
    expect(compiled([{ kind: "randomCrop", resize: [256, 512] }]).decodeSize(1024, 2048)).toEqual([512, 1024]);
    expect(compiled([{ kind: "randomCrop" }]).decodeSize(1024, 2048)).toEqual([1024, 2048]);
    expect(compiled([{ kind: "resizeShorter", size: 256 }, { kind: "centerCrop" }]).decodeSize(1024, 512)).toEqual([
      512, 256,
    ]);
    expect(compiled([{ kind: "resize" }]).decodeSize(448, 2240)).toEqual([224, 1120]);
    const [height] = compiled([{ kind: "randomResizedCrop" }]).decodeSize(1000, 1000);
    expect(height).toBe(Math.ceil(224 / Math.sqrt(0.54)));
  });

  it("smaller than the crop: the picture, both sizes and the cure", () => {
    const small = { ...noise(10, 300, 3), name: "cats/1.jpg" };
    const out = new Float32Array(224 * 224 * 3);
    const key = { seed: 0, epoch: 0 };
    expect(() => compiled([{ kind: "randomCrop" }]).apply(small, 4, key, out, 0)).toThrowErrorMatchingInlineSnapshot(
      `[DataError: cats/1.jpg: is 10x300 where randomCrop cuts 224x224 out of it; bring pictures to that size first (randomCrop:224), or choose randomResizedCrop or a smaller network input]`,
    );
    expect(() => compiled([{ kind: "centerCrop" }]).check(100, 100, "cats")).toThrowErrorMatchingInlineSnapshot(
      `[DataError: cats: is 100x100 where centerCrop cuts 224x224 out of it; bring pictures to that size first (resizeShorter:224 before centerCrop), or choose randomResizedCrop or a smaller network input]`,
    );
    expect(() =>
      compiled([{ kind: "resizeShorter", size: 64 }]).check(100, 100, "cats"),
    ).toThrowErrorMatchingInlineSnapshot(
      `[DataError: cats: is 100x100, and 64x64 after its transforms, but the network takes 224x224; add resizeShorter:224 in front, or choose a larger size]`,
    );
    expect(() => compiled([{ kind: "randomCrop", resize: [200, 256] }])).toThrowErrorMatchingInlineSnapshot(
      `[OptionError: augment: randomCrop: resize is 200, but the network takes a crop of 224x224; expected at least 224]`,
    );
    expect(() => compiled([]).apply(noise(4, 4, 1), 9, key, out, 0)).toThrowErrorMatchingInlineSnapshot(
      `[DataError: picture 9: has 1 channels, but the network takes 3]`,
    );
  });
});
