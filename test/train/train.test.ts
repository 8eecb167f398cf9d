/** Training, measuring and classifying through the calls that users write. */
import { describe, expect, it } from "vitest";
import { DataError, MemoryError, OptionError, ShapeError, TrainingError } from "#fovea/base/errors.js";
import type { Value } from "#fovea/graph/graph.js";
import { createClassifier } from "#fovea/model/classifier.js";
import type { TrainedModel } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import * as nn from "#fovea/nn/index.js";
import { adam } from "#fovea/train/optimizers/adam.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import type { Progress } from "#fovea/train/records.js";
import { evaluate, type TrainOptions, train } from "#fovea/train/train.js";
import { pictures } from "../support/pictures.js";

const quiet = { note: () => {} };
const learn = pictures(300, 1);
const test = pictures(100, 2);

const lenet = () => models.create("lenet5");
const short: TrainOptions = { ...quiet, test, epochs: 3, batchSize: 16, optimizer: sgd({ lr: 0.02, momentum: 0.9 }) };

/** A residual network of one's own, with dropout. */
class Own extends nn.Module {
  readonly first = nn.conv2d({ in: 1, out: 4, kernel: 3, padding: 1 });
  readonly blocks = [nn.conv2d({ in: 4, out: 4, kernel: 3, padding: 1 }), nn.tanh()];
  readonly pool = nn.maxPool2d(4);
  readonly drop = nn.dropout(0.2);
  readonly head = nn.linear({ in: 196, out: 10 });
  override forward(x: Value): Value {
    const first = nn.relu().forward(this.first.forward(x));
    const inner = this.blocks.reduce((value, block) => block.forward(value), first);
    return this.head.forward(this.drop.forward(nn.flatten().forward(this.pool.forward(inner))));
  }
}

const bits = (model: TrainedModel) =>
  [...model.weights].map(([name, { data }]) => [name, Buffer.from(data.buffer).toString("base64")]);

it("learns", async () => {
  const seen: Progress[] = [];
  const epochs: number[] = [];
  const run = await train(lenet(), learn, {
    ...short,
    onProgress: (progress) => seen.push(progress),
    onEpoch: ({ epoch }) => void epochs.push(epoch),
  });
  expect(run.completed).toBe(true);
  expect(run.history.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  expect(run.history[2]!.test!.accuracy).toBeGreaterThan(0.95);
  expect(run.history[2]!.train.loss).toBeLessThan(run.history[0]!.train.loss / 2);
  expect(run.model.network).toEqual({ name: "lenet5", options: { classes: 10, channels: 1, size: 28 } });
  expect(epochs).toEqual([1, 2, 3]);
  const trained = seen.filter(({ phase, epoch }) => phase === "train" && epoch === 1);
  expect(trained.map(({ done }) => done)).toEqual([...Array.from({ length: 18 }, (_, i) => 16 * (i + 1)), 300]);
  // The last test loss is what evaluating the result gives, to the bit.
  const again = await evaluate(run.model, test, quiet);
  expect([again.loss, again.accuracy]).toEqual([run.history[2]!.test!.loss, run.history[2]!.test!.accuracy]);
  expect(again.samples).toBe(100);
  expect(again.confusion.flat().reduce((a, b) => a + b)).toBe(100);
  expect(again.confusion.reduce((sum, row, i) => sum + row[i]!, 0)).toBe(Math.round(100 * again.accuracy));
});

it("learns with a network of one's own, and with Adam", async () => {
  const run = await train(new Own(), learn, {
    ...quiet,
    test,
    epochs: 5,
    batchSize: 20,
    optimizer: adam({ lr: 0.005 }),
  });
  expect(run.history[4]!.test!.accuracy).toBeGreaterThan(0.9);
  expect([...run.model.weights.keys()]).toContain("blocks.0.weight");
  expect([run.model.network, run.model.input]).toEqual([undefined, [28, 28, 1]]);
});

it("gives the same bits for any number of threads, dropout included, and others for another seed", async () => {
  const results = await Promise.all(
    [1, 2, 7].map(async (threads) => bits((await train(new Own(), learn, { ...short, epochs: 1, threads })).model)),
  );
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
  expect(bits((await train(new Own(), learn, { ...short, epochs: 1, seed: 1 })).model)).not.toEqual(results[0]);
});

it("stops when asked, and gives what was learned until then", async () => {
  const abort = new AbortController();
  const run = await train(lenet(), learn, {
    ...short,
    signal: abort.signal,
    onProgress: ({ epoch, done }) => {
      if (epoch === 2 && done >= 64) abort.abort();
    },
  });
  expect(run.completed).toBe(false);
  expect(run.history).toHaveLength(1);
  expect(run.model.weights.size).toBe(10);
});

describe("what cannot be", () => {
  const fails = (network: Parameters<typeof train>[0], options: Partial<TrainOptions> = {}, data = learn) =>
    train(network, data, { ...short, ...options }).catch((error: unknown) => error as Error);

  it("a loss that is not finite: step, rate and what to try", async () => {
    const error = await fails(lenet(), { optimizer: sgd({ lr: 1e10 }) });
    expect(error).toBeInstanceOf(TrainingError);
    expect((error as Error).message).toMatch(
      /is not finite at step \d+ \(epoch 1\) with learning rate [\d.e+]+: try a lower learning rate \([\d.e+]+ for a start\), a warm-up/,
    );
  });

  it("a batch larger than memory allows", async () => {
    const error = await fails(lenet(), { memoryLimit: 1e6, batchSize: 256 });
    expect(error).toBeInstanceOf(MemoryError);
    expect((error as Error).message).toContain("memoryLimit allows 977 KiB");
  });

  it("a layer that does not fit its input: path, both shapes, cure", async () => {
    const net = nn.sequential({ conv1: nn.conv2d({ in: 1, out: 4, kernel: 5 }), fc1: nn.linear({ in: 100, out: 10 }) });
    const error = await fails(net);
    expect(error).toBeInstanceOf(ShapeError);
    expect((error as Error).message).toBe(
      "linear(fc1): in 100 does not fit its input 24x24x4 (2304 features), expected 100 features; set in to 2304",
    );
  });

  it("data that the network cannot take", async () => {
    expect(await fails(models.create("mlp", { size: 27 }))).toBeInstanceOf(DataError);
    const few = (await fails(models.create("lenet5", { classes: 4 }))) as Error;
    expect(few.message).toContain("has 10 classes, but the network tells 4 apart; set its option classes to 10");
  });

  it("options out of range", async () => {
    expect(await fails(lenet(), { epochs: 0 })).toBeInstanceOf(OptionError);
    expect(((await fails(lenet(), { batchSize: 1.5 })) as Error).message).toContain("batchSize is 1.5");
    expect(((await fails(lenet(), { seed: -1 })) as Error).message).toContain("seed is -1");
  });
});

describe("compile", () => {
  it("classifies one picture or many, in overlapping calls, as evaluation does", async () => {
    const { model } = await train(lenet(), learn, short);
    const { predictions } = await evaluate(model, test, quiet);
    const picture = (i: number) => test.images.slice(784 * i, 784 * (i + 1));
    const classify = await createClassifier(model, quiet);
    const several = await createClassifier(model, { ...quiet, batch: 8 });
    try {
      const calls = await Promise.all(Array.from({ length: 20 }, (_, i) => classify(picture(i))));
      expect(calls.map(({ label }) => label)).toEqual([...predictions.slice(0, 20)]);
      const all = await several.all(Array.from({ length: 20 }, (_, i) => picture(i)));
      expect(all.map(({ label }) => label)).toEqual([...predictions.slice(0, 20)]);
      const [first] = calls;
      expect(first!.class).toBe(String(first!.label));
      expect(first!.probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      const best = Math.max(...first!.logits);
      const exponentials = [...first!.logits].map((x) => Math.exp(x - best));
      const sum = exponentials.reduce((a, b) => a + b);
      for (const [i, e] of exponentials.entries()) expect(first!.probabilities[i]).toBeCloseTo(e / sum, 5);
      // Numbers that are no bytes go in as they are.
      const scaled = Float32Array.from(picture(0), (byte) => (byte / 255 - 0.25) / 0.25);
      expect((await classify(scaled)).logits).toEqual(first!.logits);
      expect((await classify([...scaled])).logits).toEqual(first!.logits);
      await expect(classify(new Float32Array(10))).rejects.toThrow("has 10 numbers, expected 784 (28 x 28 x 1");
      // The picture may be changed at once.
      const mine = picture(0);
      const answer = classify(mine);
      mine.fill(0);
      expect((await answer).logits).toEqual(first!.logits);
    } finally {
      await Promise.all([classify.close(), several.close()]);
    }
    await expect(classify(picture(0))).rejects.toThrow("closed");
    await expect(createClassifier(model, { batch: 0 })).rejects.toThrow("batch is 0");
  });
});
