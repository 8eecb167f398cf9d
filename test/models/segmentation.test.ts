/**
 * Every network that labels pixels: its parameter count, pictures of any size, a compiled forward and backward pass against the float64
 * oracle; and U-Net and FCN-8s against PyTorch (scripts/fixtures/segmentation.py).
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import { sizeOf } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import * as models from "#fovea/models/index.js";
import { laplacianPyramid, locallyNormalised, yuv } from "#fovea/models/segmentation/pyramid.js";
import { lossOf, parameterCount, parametersOf, savedOf, statisticsOf, trace } from "#fovea/nn/index.js";
import { differentiate, mean } from "#fovea/ops/index.js";
import { compiledNetwork } from "../support/compiled-network.js";
import { digest, formula, fromTorch, hash, toTorch, unpacked } from "../support/formula.js";
import { run } from "../support/run-op.js";

/** Worked out by hand from the papers' tables, or from the layers where the sizes are ours. */
const COUNTS: Readonly<Record<string, number>> = {
  unet: 31_037_698,
  fcn8s: 134_489_759,
  "fcn8s-small": 1_354_113,
  deeplabv3_resnet50: 42_004_074,
  deeplabv3_mobilenet_v3_large: 11_029_328,
  lraspp_mobilenet_v3_large: 3_221_538,
  // 49 (10 + 6 2) + 16; 49 64 8 + 64; 49 256 32 + 256; 768 1024 + 1024; 1024 33 + 33.
  "farabet-multiscale": 1_249_191,
  // 49 14 32 + 32; 49 32 64 + 64; 25 64 128 + 128; 128 11 + 11.
  "pinheiro-rcnn": 328_747,
};

const SMALL: Readonly<Record<string, models.ModelOptions>> = {
  unet: { widths: [4, 6, 8] },
  fcn8s: { widths: [4, 4, 5, 6, 6], hidden: 8, context: 3, dropout: 0 },
  "fcn8s-small": { widths: [4, 4, 5, 6, 6], hidden: 8, dropout: 0 },
  "farabet-multiscale": { maps: [4, 6, 8], hidden: 9 },
  "pinheiro-rcnn": { maps: [4, 5, 6] },
};

/** What the float64 oracle would take hours for: PyTorch's numbers stand for it. */
const LARGE = /^deeplabv3|^lraspp/;
const BATCH = 2;
const names = models.list("segmentation").map(({ name }) => name);

it("lists them apart from those that classify", () => {
  expect(names).toEqual(Object.keys(COUNTS));
  expect(models.list().map(({ name }) => name)).not.toContain("unet");
});

describe.each(names)("%s", (name) => {
  it("has as many parameters as it says", () => {
    const { parameters } = models.definitionOf(name);
    expect(parameters).toBe(COUNTS[name]);
    expect(parameterCount(models.create(name).module)).toBe(parameters);
  });

  it("labels every pixel of pictures of any size", () => {
    const { module } = models.create(name, { ...SMALL[name]!, classes: 3 });
    for (const [height, width] of [
      [1, 1],
      [5, 33],
      [32, 32],
    ] as const) {
      expect(trace(module, { input: [height, width, 3], training: false }).output.shape).toEqual([height, width, 3]);
    }
    expect(() => trace(module, { input: [8, 8, 1], training: false })).toThrow(
      "expected a picture of height x width x 3",
    );
  });

  it("refuses sizes and weights that do not fit", () => {
    expect(() => models.create(name, { height: 0 })).toThrow(`${name}: option height is 0`);
    expect(() => models.create(name, { classes: 3, classWeights: [1, 2] })).toThrow(
      "option classWeights has 2 numbers",
    );
  });

  it.skipIf(LARGE.test(name))("computes forward and backward what the oracle does", async () => {
    const model = models.create(name, { ...SMALL[name]!, classes: 3, height: 11, width: 18 });
    const { module, input } = model;
    const pixels = formula("pictures", BATCH * sizeOf(input));
    const labels = Array.from(formula("labels", (BATCH * sizeOf(input)) / 3), (x) => Math.floor(2 * (x + 1)) - 1);
    const states: Record<string, Tensor> = {};
    for (const [key, { shape }] of savedOf(module)) {
      const isNorm = shape.length === 1 && /weight|var/.test(key);
      const scale = shape.length > 1 ? Math.sqrt(3 / (sizeOf(shape) / shape.at(-1)!)) : 0.1;
      states[key] = tensor(shape, formula(key, sizeOf(shape), scale, isNorm ? 1 : 0));
    }
    const { graph, output, parameters } = trace(module, { input, training: true });
    const target = graph.input("labels", { shape: output.shape.slice(0, -1), dtype: "i32" });
    const losses = lossOf(module.loss!, output, target);
    const wrt = [...parameters.values()].map(({ value }) => value);
    const gradients = differentiate(mean(losses, { batch: true }), wrt);
    const inputs = {
      input: tensor([BATCH, ...input], pixels),
      labels: tensor([BATCH, ...output.shape.slice(0, -1)], labels),
    };
    const expected = evaluate([output, losses, ...gradients], { inputs, states }, BATCH);

    const { session, names: keys, run } = await compiledNetwork(model, BATCH);
    try {
      for (const [key, { data }] of Object.entries(states)) await session.writeState(key, Float32Array.from(data));
      const result = await run(pixels, labels);
      const found = ["logits", "losses", ...keys.map((key) => `d ${key}`)];
      for (const [i, what] of found.entries()) {
        const { data } = expected[i]!;
        // A norm takes the mean away, and with it a bias in front: what is left of its gradient is rounding.
        const scale = Math.max(largest(data), 1e-2);
        const actual = result(what);
        expect(actual.length, what).toBe(data.length);
        for (const [j, x] of data.entries()) {
          if (!(Math.abs(actual[j]! - x) <= 2e-4 * scale)) expect.fail(`${what}[${j}] is ${actual[j]}, expected ${x}`);
        }
      }
    } finally {
      await session.close();
    }
  });
});

const largest = (data: ArrayLike<number>): number => {
  let most = 0;
  for (let i = 0; i < data.length; i++) most = Math.max(most, Math.abs(data[i]!));
  return most;
};

describe("the Laplacian pyramid", () => {
  const picture = (height: number, width: number, at: (y: number, x: number) => number) => ({
    shape: [1, height, width, 3],
    data: Array.from({ length: height * width * 3 }, (_, i) =>
      at(Math.floor(i / 3 / width), Math.floor(i / 3) % width),
    ),
  });

  it("is nothing but its coarsest level where a picture is flat, away from the edges", () => {
    const [fine, coarse] = [0, 1].map((level) =>
      run([picture(16, 16, () => 0.5)], (x) => laplacianPyramid(yuv(x!), 2)[level]!),
    );
    const middle = (t: Tensor, extent: number) => t.data[(Math.floor(extent / 2) * extent + extent / 2) * 3]!;
    expect(middle(fine!, 16)).toBeCloseTo(0, 12);
    expect(middle(coarse!, 8)).toBeCloseTo(0.5, 12);
  });

  it("gives each neighbourhood the mean 0 and the deviation 1", () => {
    // Columns of 0 and 1: the window of 15 has 7 or 8 of each.
    const y = run([picture(31, 31, (_, x) => x % 2)], (x) => locallyNormalised(x!));
    const at = (y.data.length / 2 / 3) | 0;
    expect(Math.abs(y.data[3 * at]!)).toBeGreaterThan(0.9);
    expect(Math.abs(y.data[3 * at]!)).toBeLessThan(1.1);
  });
});

interface Case {
  network: string;
  options: models.ModelOptions;
  batch: number;
  /** Pattern of the norms that end residual branches. */
  quiet?: string;
  names: number;
  labels: number[];
  logits: string;
  losses: number[];
  gradients: string;
}
const netsOf = (file: string) =>
  (JSON.parse(readFileSync(new URL(`../fixtures/${file}`, import.meta.url), "utf8")) as { nets: Case[] }).nets;
/** Of gradients of the networks of many layers: an activation near its kink may be on either side of it after rounding. */
const KINKS = 2e-2;
const TOLERANCE = 2e-4;
const cases = [
  ...netsOf("segmentation.json").map((c) => ({ ...c, tolerance: TOLERANCE })),
  ...netsOf("modern-segmentation.json").map((c) => ({ ...c, tolerance: KINKS })),
];

describe("PyTorch computes the same", () => {
  it.each(cases.map((c) => [c.network, c] as const))("%s", async (_, c) => {
    const model = models.create(c.network, c.options);
    const { module, input } = model;
    const { session, names: keys, run } = await compiledNetwork(model, c.batch);
    try {
      expect(hash(keys.join(" "))).toBe(c.names);
      for (const [key, { shape }] of parametersOf(module)) {
        // Of a transposed convolution PyTorch's first extent is the input's, as ours is its last.
        const scale = shape.length > 1 ? Math.sqrt(6 / (sizeOf(shape) / shape.at(-1)!)) : 0.1;
        const isQuiet = c.quiet !== undefined && new RegExp(c.quiet).test(key);
        const centre = shape.length > 1 ? 0 : isQuiet ? 0.1 : key.endsWith("weight") ? 1 : 0;
        await session.writeState(key, fromTorch(formula(key, sizeOf(shape), scale, centre), shape));
      }
      for (const [key, { shape }] of statisticsOf(module)) {
        await session.writeState(key, new Float32Array(sizeOf(shape)).fill(key.endsWith("running_var") ? 1 : 0));
      }
      const [height, width, channels] = input as [number, number, number];
      const chw = formula("pictures", c.batch * sizeOf(input), 1.7);
      const pixels = new Float32Array(chw.length);
      for (let i = 0; i < pixels.length; i++) {
        const [n, pixel] = [Math.floor(i / sizeOf(input)), Math.floor((i % sizeOf(input)) / channels)];
        pixels[i] = chw[(n * channels + (i % channels)) * height * width + pixel]!;
      }
      const result = await run(pixels, c.labels);
      const close = (what: string, found: readonly number[], expected: ArrayLike<number>, tolerance = TOLERANCE) => {
        for (const [i, x] of found.entries()) {
          if (!(Math.abs(x - expected[i]!) <= tolerance * expected[0]!))
            expect.fail(`${what}: ${i} is ${x}, expected ${expected[i]} (largest ${expected[0]})`);
        }
      };
      close("logits", digest("logits", result("logits")), unpacked(c.logits));
      for (const [n, loss] of c.losses.entries()) expect(result("losses")[n]! / loss).toBeCloseTo(1, 4);
      const gradients = unpacked(c.gradients);
      for (const [i, [key, { shape }]] of [...parametersOf(module)].entries()) {
        const found = digest(key, toTorch(result(`d ${key}`), shape));
        const expected = gradients.subarray(3 * i, 3 * i + 3);
        // A norm takes the mean away, and with it a bias in front: what is left of its gradient is rounding.
        if (expected[0]! < 1e-12) expect(found[0], key).toBeLessThan(1e-5);
        else close(`gradient of ${key}`, found, expected, c.tolerance);
      }
    } finally {
      await session.close();
    }
  });
});
