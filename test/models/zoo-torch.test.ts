/**
 * Each family of the zoo, compiled, against PyTorch: logits, loss, every parameter's gradient and every running statistic of one
 * training step (test/fixtures/zoo.json and modern-zoo.json, made by scripts/fixtures/zoo.py and modern_zoo.py). Weights and pictures come from a formula on both sides.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { sizeOf } from "#fovea/graph/shape.js";
import * as models from "#fovea/models/index.js";
import { parametersOf, statisticsOf } from "#fovea/nn/index.js";
import { compiledNetwork } from "../support/compiled-network.js";
import { digest, formula, fromTorch, hash, toTorch, unpacked } from "../support/formula.js";

interface Case {
  network: string;
  options: models.ModelOptions;
  batch: number;
  /** Name of their formula. */
  pictures: string;
  magnitude: number;
  /** Pattern of the norms that end residual branches. */
  quiet?: string;
  /** What the weight and the bias of the others are near. */
  norm?: [weight: number, bias: number];
  /** Hash of the parameters' names, in order. */
  names: number;
  logits: string;
  loss: number;
  gradients: string;
  statistics: string;
  statisticNames: number;
}
const TOLERANCE = 1e-4;
const casesOf = (file: string) =>
  (JSON.parse(readFileSync(new URL(`../fixtures/${file}`, import.meta.url), "utf8")) as { cases: Case[] }).cases;
/** Of gradients of the networks of many layers: an activation near its kink may be on either side of it after rounding. */
const KINKS = 2e-2;
const cases = [
  ...casesOf("zoo.json").map((c) => ({ ...c, tolerance: TOLERANCE })),
  ...casesOf("modern-zoo.json").map((c) => ({ ...c, tolerance: KINKS })),
];

/** Within the tolerance of the largest magnitude of what is expected, or of `least` where that is more. */
function expectDigest(
  what: string,
  found: readonly number[],
  expected: ArrayLike<number>,
  tolerance = TOLERANCE,
  least = 0,
): void {
  for (const [i, x] of found.entries()) {
    if (!(Math.abs(x - expected[i]!) <= tolerance * Math.max(expected[0]!, least))) {
      expect.fail(`${what}: ${["largest", "projection", "element"][i]} is ${x}, expected ${expected[i]}`);
    }
  }
}

describe("PyTorch computes the same", () => {
  it.each(cases.map((c) => [`${c.network} ${JSON.stringify(c.options)}`, c] as const))("%s", async (_, c) => {
    const model = models.create(c.network, c.options);
    const { module, input, classes } = model;
    const { session, names, run } = await compiledNetwork(model, c.batch);
    try {
      expect(hash(names.join(" "))).toBe(c.names);
      const parameters = parametersOf(module);
      for (const [name, { shape }] of parameters) {
        // `fill` in zoo.py does the same.
        const [weight, bias] = c.norm ?? [1, 0];
        const isQuiet = (of: string) => new RegExp(c.quiet ?? "bn3\\.weight$").test(of);
        const weightOf = name.replace(/bias$/, "weight");
        const isNormBias = parameters.get(weightOf)?.shape.length === 1 && !isQuiet(weightOf);
        const [scale, centre] = [2, 4].includes(shape.length)
          ? [Math.sqrt(6 / (sizeOf(shape) / shape.at(-1)!)), 0]
          : name.endsWith("bias")
            ? [0.1, isNormBias ? bias : 0]
            : [0.1 * weight, isQuiet(name) ? 0.1 : weight];
        await session.writeState(name, fromTorch(formula(name, sizeOf(shape), scale, centre), shape));
      }
      const statistics = statisticsOf(module);
      for (const [name, { shape }] of statistics) {
        await session.writeState(name, new Float32Array(sizeOf(shape)).fill(name.endsWith("running_var") ? 1 : 0));
      }
      const [height, width, channels] = input as [number, number, number];
      const chw = formula(c.pictures, c.batch * sizeOf(input), c.magnitude);
      const pixels = new Float32Array(chw.length);
      for (let i = 0; i < pixels.length; i++) {
        const [n, pixel] = [Math.floor(i / sizeOf(input)), Math.floor((i % sizeOf(input)) / channels)];
        pixels[i] = chw[(n * channels + (i % channels)) * height * width + pixel]!;
      }
      const labels = Array.from({ length: c.batch }, (_, n) => (3 * n) % classes);
      const result = await run(pixels, labels);

      const logits = unpacked(c.logits);
      const largest = logits.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
      for (const [i, x] of result("logits").entries()) {
        expect(Math.abs(x - logits[i]!), `logit ${i} is ${x}, expected ${logits[i]}`).toBeLessThan(TOLERANCE * largest);
      }
      const loss = result("losses").reduce((sum, x) => sum + x, 0) / c.batch;
      expect(Math.abs(loss / c.loss - 1)).toBeLessThan(TOLERANCE);
      const gradients = unpacked(c.gradients);
      expect(gradients).toHaveLength(3 * names.length);
      const steepest = gradients.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
      for (const [i, [name, { shape }]] of [...parameters].entries()) {
        const found = digest(name, toTorch(result(`d ${name}`), shape));
        const expected = gradients.subarray(3 * i, 3 * i + 3);
        // A norm takes the mean away, and with it the bias in front: what is left of its gradient is rounding.
        if (expected[0]! < 1e-9 * steepest) expect(found[0], name).toBeLessThan(1e-6 * steepest);
        else expectDigest(`gradient of ${name}`, found, expected, c.tolerance, 1e-3 * steepest);
      }
      const kept = unpacked(c.statistics);
      expect(hash([...statistics.keys()].join(" "))).toBe(c.statisticNames);
      expect(kept).toHaveLength(3 * statistics.size);
      for (const [i, name] of [...statistics.keys()].entries()) {
        const found = digest(name, (await session.readState(name)) as Float32Array);
        expectDigest(name, found, kept.subarray(3 * i, 3 * i + 3));
      }
    } finally {
      await session.close();
    }
  });
});
