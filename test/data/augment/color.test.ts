/** Brightness, contrast, saturation, hue, principal colours, and what is covered up. */
import { describe, expect, it } from "vitest";
import { compileAugmentation } from "#fovea/data/augment/augment.js";
import { ColorMap } from "#fovea/data/augment/color.js";
import { Draws } from "#fovea/data/augment/draws.js";
import { cosineOfTurns, exponential, sineOfTurns } from "#fovea/data/augment/numbers.js";
import { ColorCovariance, measuredOn, principalOf } from "#fovea/data/augment/pca.js";
import { parseTransforms } from "#fovea/data/augment/transform.js";
import { augmented, noise, PLAIN, picture } from "./support.js";

const UNIT = { mean: [0, 0, 0], std: [1, 1, 1] };

/** Applies changes to RGB pixels in 0..1. */
function mapped(pixels: readonly number[], change: (map: ColorMap) => void): number[] {
  const map = new ColorMap(3);
  const count = pixels.length / 3;
  map.start([0, 1, 2].map((c) => pixels.filter((_, i) => i % 3 === c).reduce((a, b) => a + b, 0) / count));
  change(map);
  const out = Float32Array.from(pixels);
  map.run(out, 0, count, UNIT);
  return [...out].map((x) => Math.round(1e5 * x) / 1e5);
}

describe("colours, by hand", () => {
  const RED = [1, 0, 0];
  it("brighter, more contrast, less colour", () => {
    expect(mapped([0.2, 0.4, 0.6], (map) => map.blend(1.5, 0))).toEqual([0.3, 0.6, 0.9]);
    // The grey of red is 0.299; half of the colour is taken out.
    expect(mapped(RED, (map) => map.saturate(0.5))).toEqual([0.6495, 0.1495, 0.1495]);
    expect(mapped(RED, (map) => map.saturate(0))).toEqual([0.299, 0.299, 0.299]);
    expect(mapped([0.2, 0.2, 0.2, 0.6, 0.6, 0.6], (map) => map.blend(2, 0.4))).toEqual([0, 0, 0, 0.8, 0.8, 0.8]);
  });

  it("contrast is around the mean grey of the picture as it is by then", () => {
    // With brightness b and contrast k drawn from fixed ranges, both pixels tell k and the mean.
    const { map, factors } = drawn({ brightness: 0.4, contrast: 0.4, saturation: 0, hue: 0 });
    const [b, k] = factors;
    const mean = b! * 0.3;
    const out = mappedWith(map, [0.2, 0.2, 0.2, 0.4, 0.4, 0.4]);
    for (const [i, x] of [0.2, 0.4].entries()) expect(out[3 * i]!).toBeCloseTo(k! * b! * x + (1 - k!) * mean, 5);
  });

  it("hue keeps grey, luma and saturation, and comes round", () => {
    expect(mapped([0.3, 0.3, 0.3], (map) => map.turnHue(0.23))).toEqual([0.3, 0.3, 0.3]);
    const turned = mapped(RED, (map) => map.turnHue(0.3));
    expect(0.299 * turned[0]! + 0.587 * turned[1]! + 0.114 * turned[2]!).toBeCloseTo(0.299, 4);
    const back = mapped(RED, (map) => {
      map.turnHue(0.3);
      map.turnHue(-0.3);
    });
    expect(back).toEqual(RED);
    const half = mapped(RED, (map) => map.turnHue(0.5));
    // The other side of the grey axis: 2 x 0.299 - red.
    expect(half).toEqual([-0.402, 0.598, 0.598]);
  });

  it("is held within what a camera gives, after jitter only", () => {
    const white = picture(1, 2, 3, [255, 255, 255, 0, 0, 0]);
    for (let index = 0; index < 20; index++) {
      const out = augmented([{ kind: "colorJitter", brightness: 1, contrast: 1 }], white, { index });
      expect(Math.max(...out)).toBeLessThanOrEqual(255.001);
      expect(Math.min(...out)).toBeGreaterThanOrEqual(-0.001);
    }
  });

  it("says the same however pixels are scaled", () => {
    const from = noise(5, 5, 3);
    const list = parseTransforms([{ kind: "colorJitter", hue: 0.2 }]);
    const scaling = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.25] };
    const out = new Float32Array(75);
    compileAugmentation(list, [5, 5, 3], scaling).apply(from, 0, { seed: 1, epoch: 0 }, out, 0);
    const bytes = out.map((x, i) => 255 * (x * scaling.std[i % 3]! + scaling.mean[i % 3]!));
    const plain = augmented(list, from);
    bytes.forEach((x, i) => {
      expect(x).toBeCloseTo(plain[i]!, 2);
    });
  });

  it("grey pictures have brightness and contrast", () => {
    const out = augmented([{ kind: "colorJitter", saturation: 1, hue: 0.5, contrast: 0 }], picture(1, 2, 1, [100, 50]));
    expect(out[0]! / out[1]!).toBeCloseTo(2, 4);
    expect(out[0]).not.toBeCloseTo(100, 1);
  });

  function drawn(most: { brightness: number; contrast: number; saturation: number; hue: number }) {
    const key = { seed: 5, epoch: 0 };
    const draws = new Draws().start(0, 0, key);
    const factors = [1 + draws.symmetric(most.brightness), 1 + draws.symmetric(most.contrast)];
    const map = new ColorMap(3);
    map.start([0.3, 0.3, 0.3]);
    map.jitter({ kind: "colorJitter", ...most }, new Draws().start(0, 0, key));
    return { map, factors };
  }
  function mappedWith(map: ColorMap, pixels: readonly number[]): number[] {
    const out = Float32Array.from(pixels);
    map.run(out, 0, pixels.length / 3, UNIT);
    return [...out];
  }
});

describe("principal colours", () => {
  it("are the eigenvectors of the covariance: by hand for two channels", () => {
    // Values (0, 0) and (2, 2) and (0, 2) and (2, 0) twice the first two: covariance [[1, 1/3], [1/3, 1]].
    const covariance = new ColorCovariance(2);
    covariance.add(Uint8Array.of(0, 0, 2, 2, 0, 0, 2, 2, 0, 2, 2, 0));
    const found = [...covariance.covariance()].map((x) => x * 255 ** 2);
    for (const [i, x] of [1, 1 / 3, 1 / 3, 1].entries()) expect(found[i]).toBeCloseTo(x, 10);
    const { eigenvalues, eigenvectors } = covariance.principal();
    expect(eigenvalues.map((x) => x * 255 ** 2)).toEqual([expect.closeTo(4 / 3, 10), expect.closeTo(2 / 3, 10)]);
    const half = Math.SQRT1_2;
    expect(eigenvectors.map(Math.abs)).toEqual([half, half, half, half].map((x) => expect.closeTo(x, 10)));
    expect(eigenvectors[0]).toBeCloseTo(half, 10);
    expect(eigenvectors[2]).toBeCloseTo(half, 10);
  });

  it("multiply back to the matrix", () => {
    const m = [0.06, 0.05, 0.03, 0.05, 0.07, 0.04, 0.03, 0.04, 0.09];
    const { eigenvalues, eigenvectors: v } = principalOf(m, 3);
    for (let row = 0; row < 3; row++) {
      for (let column = 0; column < 3; column++) {
        let sum = 0;
        for (let k = 0; k < 3; k++) sum += v[3 * row + k]! * eigenvalues[k]! * v[3 * column + k]!;
        expect(sum).toBeCloseTo(m[3 * row + column]!, 12);
      }
    }
    expect([...eigenvalues].sort((a, b) => b - a)).toEqual(eigenvalues);
  });

  it("move a whole picture by one colour, whose spread is strength x eigenvalue along each vector", () => {
    const list = [
      { kind: "pcaColor", strength: 0.1, eigenvalues: [0.2, 0.05, 0], eigenvectors: [1, 0, 0, 0, 1, 0, 0, 0, 1] },
    ];
    const from = picture(1, 2, 3, [10, 20, 30, 100, 110, 120]);
    const moves: number[][] = [];
    for (let index = 0; index < 2000; index++) {
      const out = augmented(list, from, { index });
      const move = out.slice(0, 3).map((x, c) => x - from.pixels[c]!);
      for (let c = 0; c < 3; c++) expect(out[3 + c]! - from.pixels[3 + c]!).toBeCloseTo(move[c]!, 3);
      moves.push(move);
    }
    const deviation = (c: number) =>
      Math.sqrt(moves.reduce((sum, move) => sum + move[c]! ** 2, 0) / moves.length) / 255;
    expect(deviation(0) / 0.02).toBeCloseTo(1, 1);
    expect(deviation(1) / 0.005).toBeCloseTo(1, 1);
    expect(deviation(2)).toBeCloseTo(0, 6);
  });

  it("are measured on a data set and kept in the list, once", async () => {
    const from = noise(6, 6, 3);
    const set = {
      name: "noise",
      length: 3,
      classes: ["a"],
      shape: [2, 6, 3] as const,
      images: from.pixels,
      labels: Uint8Array.of(0, 0, 0),
      ...PLAIN(3),
    };
    const list = parseTransforms([{ kind: "flip" }, { kind: "pcaColor" }]);
    expect(() => compileAugmentation(list, [2, 6, 3], PLAIN(3))).toThrow(/eigenvalues are missing/);
    const measured = await measuredOn(list, set);
    const covariance = new ColorCovariance(3);
    covariance.add(from.pixels);
    expect(measured[1]).toEqual({ kind: "pcaColor", strength: 0.1, colors: "measured", ...covariance.principal() });
    expect(await measuredOn(measured, set)).toBe(measured);
    expect(parseTransforms(JSON.parse(JSON.stringify(measured)))).toEqual(measured);
    compileAugmentation(measured, [2, 6, 3], PLAIN(3));
  });
});

describe("covering up", () => {
  it("cutout: a square of the mean colour, its centre anywhere", () => {
    const bright = picture(6, 6, 3, new Uint8Array(108).fill(255));
    const scaling = { mean: [0.5, 0.4, 0.3], std: [0.5, 0.5, 0.5] };
    const augmenter = compileAugmentation(parseTransforms([{ kind: "cutout", size: 2 }]), [6, 6, 3], scaling);
    const sizes = new Set<string>();
    for (let index = 0; index < 300; index++) {
      const out = new Float32Array(108);
      augmenter.apply(bright, index, { seed: 1, epoch: 0 }, out, 0);
      const covered = [...out.keys()].filter((i) => out[i] === 0);
      const rows = new Set(covered.map((i) => Math.floor(i / 18)));
      const columns = new Set(covered.map((i) => Math.floor((i % 18) / 3)));
      expect(covered.length).toBe(3 * rows.size * columns.size);
      sizes.add(`${rows.size}x${columns.size}`);
    }
    // Centres in the first row or column leave one line of it inside.
    expect([...sizes].sort()).toEqual(["1x1", "1x2", "2x1", "2x2"]);
  });

  it("erase: inside the picture, as often as said, of areas within the range", () => {
    const bright = picture(40, 40, 1, new Uint8Array(1600).fill(255));
    const list = [{ kind: "erase", probability: 0.25, scale: [0.1, 0.2], ratio: [0.5, 2] }];
    let erased = 0;
    for (let index = 0; index < 400; index++) {
      const count = augmented(list, bright, { index }).filter((x) => x === 0).length;
      if (count === 0) continue;
      erased++;
      expect(count / 1600).toBeGreaterThan(0.085);
      expect(count / 1600).toBeLessThan(0.215);
    }
    expect(erased).toBeGreaterThan(70);
    expect(erased).toBeLessThan(130);
  });
});

describe("own functions", () => {
  it("equal those of Math", () => {
    for (const x of [-600, -30, -2, -0.3, 0, 1e-9, 0.7, 5, 300]) {
      expect(exponential(x) / Math.exp(x)).toBeCloseTo(1, 12);
    }
    for (const x of [-0.5, -0.31, 0, 0.1, 0.25, 0.5]) {
      expect(cosineOfTurns(x)).toBeCloseTo(Math.cos(2 * Math.PI * x), 13);
      expect(sineOfTurns(x)).toBeCloseTo(Math.sin(2 * Math.PI * x), 13);
    }
    expect([exponential(-1e9), exponential(1e9)]).toEqual([0, Number.POSITIVE_INFINITY]);
  });
});
