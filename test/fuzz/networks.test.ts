/**
 * Random networks over all targets: encoded on every machine, run where this one can (FOVEA_BACKEND=avx2 holds it to
 * AVX2 and WebAssembly). `npm run fuzz -- networks --minutes 60` tries other ones for as long as one likes.
 */
import { describe, expect, it } from "vitest";
import { ALL_OPS } from "#fovea/ops/all.js";
import { attempt, opsOf } from "./attempt.js";
import { drawNetwork } from "./draw.js";
import { LAYERS } from "./layers.js";
import { isRefusal, type Layer, type Network } from "./network.js";
import { trySeed } from "./try-seed.js";

/** Another machine may be slow, or busy: nothing here depends on the time. */
const PATIENCE_MS = 30 * 60_000;
const SEEDS = 240;
const TOGETHER = 20;

it("draws every layer and reaches every registered op, and most of what it draws is legal", () => {
  const [layers, ops] = [new Set<string>(), new Set<string>()];
  let refused = 0;
  const COUNT = 500;
  for (let seed = 0; seed < COUNT; seed++) {
    const network = drawNetwork(seed);
    for (const { layer } of network.layers) layers.add(layer);
    try {
      for (const op of opsOf(network)) ops.add(op);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused++;
    }
  }
  expect(Object.keys(LAYERS).filter((name) => !layers.has(name))).toEqual([]);
  expect(ALL_OPS.map(({ name }) => name).filter((name) => !ops.has(name))).toEqual([]);
  expect(refused).toBeLessThan(COUNT / 20);
});

describe("random networks", () => {
  for (let first = 0; first < SEEDS; first += TOGETHER) {
    it(
      `are what they mean, seeds ${first} to ${first + TOGETHER - 1}`,
      async () => {
        for (let seed = first; seed < first + TOGETHER; seed++) {
          const { findings } = await trySeed(seed);
          expect(findings.map(({ text }) => text).join("\n")).toBe("");
        }
      },
      PATIENCE_MS,
    );
  }
});

/** Networks that were refused or computed other numbers once. */
const FOUND: Readonly<Record<string, Pick<Network, "input" | "layers"> & Partial<Network>>> = {
  "a max pool of 16 taps behind a convolution": {
    input: [8, 8, 3],
    layers: chain(
      { layer: "conv2d", out: 8, kernel: 3, padding: 1 },
      { layer: "relu" },
      { layer: "maxPool2d", kernel: [4, 4] },
      { layer: "linear", out: 3 },
    ),
  },
  "a convolution that reads the gradient of another pool than the one behind it": {
    input: [28, 12, 48],
    layers: [
      {
        layer: "op",
        of: [],
        op: "maxPool2dGrad",
        inputs: [
          { shape: [5, 14, 17], batched: true, dtype: "f32" },
          { shape: [3, 13, 17], batched: true, dtype: "f32" },
        ],
        attributes: { kernel: [5, 3], stride: [1, 1], padding: [0, 2, 1, 0], dilation: [1, 1], ceil: false },
        feeds: ["ties", "normal"],
      },
      { layer: "conv2d", of: [1], out: 17, kernel: 3, padding: 0 },
      { layer: "relu", of: [2] },
      { layer: "maxPool2d", of: [3], kernel: [3, 4] },
    ],
  },
  "a layer norm of 200": {
    input: [20],
    layers: chain(
      { layer: "linear", out: 200 },
      { layer: "layerNorm", axes: 1 },
      { layer: "relu" },
      { layer: "linear", out: 2 },
    ),
  },
  "two slices of as many pixels, one of rows and one of columns": {
    input: [6, 6, 1],
    run: "predict",
    layers: [
      { layer: "avgPool2d", of: [0], kernel: [3, 1] },
      { layer: "slice", of: [1], axis: 1, start: 0, end: 2 },
      { layer: "avgPool2d", of: [0], kernel: [1, 3] },
      { layer: "slice", of: [3], axis: 0, start: 0, end: 2 },
      { layer: "concat", of: [2, 4], axis: 2 },
    ],
  },
  "a loss over 12,600 classes": {
    input: [10, 28, 1],
    run: "predict",
    layers: chain({ layer: "conv2d", out: 45, kernel: 1 }, { layer: "flatten" }, { layer: "pixelCrossEntropy" }),
  },
};

describe("networks that failed once", () => {
  for (const [name, network] of Object.entries(FOUND)) {
    it(name, async () => {
      expect(await attempt({ run: "gradients", batches: [3, 1], seed: 1, ...network })).toEqual([]);
    });
  }
});

function chain(...layers: readonly { readonly layer: string; readonly [parameter: string]: unknown }[]): Layer[] {
  return layers.map((layer, i) => ({ ...layer, of: [i] }));
}
