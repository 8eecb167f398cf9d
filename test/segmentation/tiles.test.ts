/** Tiles: that they cover a picture, and that each network labels a picture in tiles as it does whole. */
import { afterAll, describe, expect, it } from "vitest";
import type { Value } from "#fovea/graph/graph.js";
import type { TrainedModel } from "#fovea/model/trained-model.js";
import { untrained } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import { conv2d, globalAvgPool2d, Module, savedOf } from "#fovea/nn/index.js";
import { add, expand } from "#fovea/ops/index.js";
import { createLabeller, type Labeller } from "#fovea/segmentation/labeller.js";
import { reachOf } from "#fovea/segmentation/reach.js";
import { planTiles } from "#fovea/segmentation/tiles.js";
import { random } from "../support/random.js";

describe("a plan of tiles", () => {
  it("is the picture where it is small enough", () => {
    expect(planTiles(50, 64, 10, 8)).toEqual({ size: 50, spans: [{ begin: 0, from: 0, to: 50 }] });
  });

  it("covers every pixel once, each with its halo or the picture's edge, from multiples of the stride", () => {
    const rng = random(1);
    for (let i = 0; i < 500; i++) {
      const [stride, halo] = [rng.pick([1, 2, 8, 16]), rng.integer(0, 40)];
      const most = rng.integer(2 * (halo + stride) + 2 * stride, 200 + 2 * halo);
      const extent = rng.integer(1, 700);
      const { size, spans } = planTiles(extent, most, halo, stride);
      expect(size).toBeLessThanOrEqual(Math.max(most, Math.min(extent, most)));
      let at = 0;
      for (const { begin, from, to } of spans) {
        expect(from).toBe(at);
        expect(to).toBeGreaterThan(from);
        expect(begin % stride).toBe(0);
        expect(begin === 0 || from - begin >= halo).toBe(true);
        expect(begin + size === extent || begin + size - to >= halo).toBe(true);
        at = to;
      }
      expect(at).toBe(extent);
    }
  });

  it("refuses tiles that are all halo", () => {
    expect(() => planTiles(500, 40, 30, 8)).toThrow(
      "tiles: of at most 40 pixels are too small for a network that sees 30 pixels",
    );
  });
});

/** A picture's mean added to every pixel. */
class Global extends Module {
  readonly conv = conv2d({ in: 3, out: 2, kernel: 3, padding: 1 });
  override forward(x: Value): Value {
    const y = this.conv.forward(x);
    const mean = globalAvgPool2d().forward(y);
    return add(y, expand(mean, y, { axes: [0, 1], batch: false, mean: false }));
  }
}

describe("reach", () => {
  it("is what the layers' kernels add up to", () => {
    // 3x3 twice: 2 to each side. Pooled, twice more at stride 2: 4, and the pool. Back up, joined, twice more: 2.
    const { halo, stride } = reachOf(models.create("unet", { widths: [4, 4] }).module, 3);
    expect(stride).toEqual([2, 2]);
    expect(halo[0]).toBeGreaterThanOrEqual(8);
    expect(halo[0]).toBeLessThanOrEqual(10);
  });

  it("grows twofold with each instance of Pinheiro's network", () => {
    const halos = [1, 2, 3].map(
      (instances) => reachOf(models.create("pinheiro-rcnn", { instances }).module, 3).halo[0],
    );
    expect(halos).toEqual([59, 117, 241]);
  });

  it("names the op that reads the whole picture", () => {
    expect(() => reachOf(new Global(), 3)).toThrow("reads the whole picture at once");
  });

  it("is asked only where a picture is larger than a tile: a net that reads all of it labels it whole, or says why not", async () => {
    const module = new Global();
    module.loss = { kind: "pixelCrossEntropy", classes: 2 };
    const data = { shape: [8, 8, 3] as const, classes: ["a", "b"], mean: [0, 0, 0], std: [1, 1, 1] };
    const labeller = await createLabeller(untrained(module, { data }), { tile: 16, threads: 1, note: () => {} });
    try {
      const picture = (height: number, width: number) => ({
        height,
        width,
        pixels: new Uint8Array(height * width * 3),
      });
      expect(await labeller.label(picture(16, 7))).toHaveLength(112);
      await expect(labeller.label(picture(17, 7))).rejects.toThrow(
        /tiles: .* reads the whole picture at once, so that a tile would not be labelled as the whole is; label pictures whole, by a tile as large as they are/,
      );
    } finally {
      await labeller.close();
    }
  });
});

/** Weights that tell pixels apart. */
function trained(name: string, options: models.ModelOptions): TrainedModel {
  const model = models.create(name, { classes: 5, ...options });
  const data = {
    shape: [8, 8, 3] as const,
    classes: ["a", "b", "c", "d", "e"],
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
  };
  const base = untrained(model, { data, seed: 4 });
  const statistics = [...savedOf(model.module).keys()].filter((key) => key.endsWith("running_mean"));
  expect(statistics.every((key) => base.weights.has(key))).toBe(true);
  // Larger weights and no biases, so that classes differ from place to place.
  const weights = new Map(
    [...base.weights].map(([key, weight]) => [
      key,
      weight.shape.length === 4
        ? { ...weight, data: weight.data.map((x) => 3 * x) }
        : key.endsWith("bias")
          ? { ...weight, data: weight.data.map(() => 0) }
          : weight,
    ]),
  );
  return { ...base, weights };
}

describe.each([
  ["unet", { widths: [4, 6, 8] }, 64],
  ["fcn8s-small", { widths: [8, 8, 8, 8, 8], convolutions: [1, 1, 1, 1, 1], hidden: 16 }, 352],
  ["farabet-multiscale", { maps: [4, 4, 6], hidden: 8, scales: 2 }, 224],
  ["pinheiro-rcnn", { maps: [4, 4, 6], instances: 1 }, 128],
  ["pinheiro-rcnn", { maps: [4, 4, 4], instances: 2 }, 288],
] as const)("%s", (name, options, tile) => {
  const opened: Labeller[] = [];
  afterAll(() => Promise.all(opened.map((labeller) => labeller.close())));

  it("labels a picture in tiles as it does whole", async () => {
    const model = trained(name, options as models.ModelOptions);
    const [height, width] = [tile + 45, 2 * tile + 27];
    const rng = random(9);
    const corners = Array.from(
      { length: 12 },
      () => [rng.integer(0, height), rng.integer(0, width), rng.integer(0, 255)] as const,
    );
    const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => {
      const [y, x] = [Math.floor(i / 3 / width), Math.floor(i / 3) % width];
      const patch = corners.find(([top, left]) => Math.abs(y - top) < 20 && Math.abs(x - left) < 25);
      return ((patch?.[2] ?? 120) + rng.integer(0, 40) * ((i % 3) + 1)) & 255;
    });
    const whole = await createLabeller(model, { tile: 4096, threads: 1, note: () => {} });
    const tiled = await createLabeller(model, { tile, threads: 1, note: () => {} });
    opened.push(whole, tiled);
    const [a, b] = [await whole.label({ height, width, pixels }), await tiled.label({ height, width, pixels })];
    let different = 0;
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) different++;
    // Rounding may decide between two classes that are all but equally likely.
    expect(different).toBeLessThan(a.length * 2e-4);
    expect(new Set(a).size).toBeGreaterThan(1);

    // Odd sizes, and rows and columns of a single pixel.
    for (const [rows, columns] of [
      [1, tile + 37],
      [tile + 13, 1],
      [5, tile + 1],
    ] as const) {
      const part = { height: rows, width: columns, pixels: pixels.slice(0, rows * columns * 3) };
      const [c, d] = [await whole.label(part), await tiled.label(part)];
      const wrong = c.filter((label, i) => label !== d[i]).length;
      expect(wrong, `${rows}x${columns}`).toBeLessThanOrEqual(1);
    }
  });
});
