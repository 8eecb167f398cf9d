/** A loss and metrics of a network's own: worked by hand, and the usual ones drawn again, to the bit. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Dataset, evaluate, nn, ops, type TrainedModel, train, type Value } from "#fovea/index.js";
import { events, fovea } from "../support/cli.js";
import { writePictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";

/** Pictures of one pixel, 0 or 255, of the classes off and on. */
const data = (labels: readonly number[], pixels: readonly number[] = labels.map((label) => 255 * label)): Dataset => ({
  name: "lights",
  length: labels.length,
  shape: [1, 1, 1],
  classes: ["off", "on"],
  mean: [0],
  std: [1],
  images: Uint8Array.from(pixels),
  labels: Int32Array.from(labels),
});

/** Logits [0, 2 x] of a pixel x from 0 to 1. */
function lamp(own: Partial<Pick<nn.Module, "loss" | "metrics">>): TrainedModel {
  const module = Object.assign(nn.sequential({ flatten: nn.flatten(), fc: nn.linear({ in: 1, out: 2 }) }), own);
  const weights = new Map([
    ["fc.weight", { shape: [1, 2], data: Float32Array.of(0, 2) }],
    ["fc.bias", { shape: [2], data: new Float32Array(2) }],
  ]);
  return { module, input: [1, 1, 1], classes: ["off", "on"], scaling: { mean: [0], std: [1] }, weights };
}

type Draw = (outputs: Value, labels: Value) => Value;
const own = (of: Draw): Partial<Pick<nn.Module, "loss">> => ({ loss: { kind: "own", of } });
const quiet = { threads: 1, note: () => {} };

describe("evaluate", () => {
  it("takes the loss and the means of the metrics", async () => {
    // Off with logits [0, 0]: -log 1/2. On with [0, 2]: log(1 + e^-2). Off with [0, 2]: log(1 + e^2).
    const [half, right, wrong] = [Math.LN2, Math.log1p(Math.exp(-2)), Math.log1p(Math.exp(2))];
    const model = lamp({
      ...own((outputs, labels) => ops.square(ops.crossEntropy(outputs, labels))),
      metrics: {
        confidence: (outputs) => ops.maxReduce(ops.softmax(outputs)),
        right: (outputs, labels) => ops.correct(outputs, labels),
      },
    });
    const measured = await evaluate(model, data([0, 1, 0], [0, 255, 255]), quiet);
    expect(measured.loss).toBeCloseTo((half ** 2 + right ** 2 + wrong ** 2) / 3, 5);
    const sure = 1 / (1 + Math.exp(-2));
    expect(measured.metrics!["confidence"]).toBeCloseTo((0.5 + 2 * sure) / 3, 5);
    expect(measured.metrics!["right"]).toBe(measured.accuracy);
    expect(measured.accuracy).toBeCloseTo(2 / 3, 12);
  });

  it("says nothing of metrics where there are none", async () => {
    expect(await evaluate(lamp({}), data([0, 1]), quiet)).not.toHaveProperty("metrics");
  });

  it.each<[string, Parameters<typeof lamp>[0], string]>([
    [
      "one number a class",
      own((outputs) => outputs),
      "loss: expected one number for each picture, f32, found Nx2 of type f32; ops.mean(x) makes one of several",
    ],
    [
      "one for the batch",
      own((outputs) => ops.mean(outputs, { batch: true })),
      "loss: expected one number for each picture, found one for the whole batch; leave batch: true out",
    ],
    [
      "nothing",
      own(() => undefined as never),
      "loss: expected one number for each picture, the value that ops give; found undefined",
    ],
    [
      "a label",
      { metrics: { label: (_, labels) => labels } },
      "metric label: expected one number for each picture, f32, found N of type i32",
    ],
  ])("refuses what gives %s", async (_, parts, message) => {
    await expect(evaluate(lamp(parts), data([0, 1]), quiet)).rejects.toThrow(message);
  });

  it("refuses views, which are averaged as probabilities", async () => {
    const model = lamp({ metrics: { right: ops.correct } });
    await expect(evaluate(model, data([0, 1]), { ...quiet, testTimeAugmentation: "flip" })).rejects.toThrow(
      "testTimeAugmentation: averages probabilities, of which the network's own loss and metrics cannot be computed",
    );
  });
});

describe("train", () => {
  const options = { epochs: 3, batchSize: 2, threads: 1, note: () => {} };
  const network = (parts: Parameters<typeof lamp>[0]) => lamp(parts).module;
  const lights = data([0, 1, 1, 0, 1, 0]);

  it("with cross-entropy drawn again comes to the same bits", async () => {
    const usual = await train(network({}), lights, { ...options, test: lights });
    const drawn = await train(network(own((outputs, labels) => ops.crossEntropy(outputs, labels))), lights, {
      ...options,
      test: lights,
    });
    expect(drawn.history.map(({ train, test }) => [train, test])).toEqual(
      usual.history.map(({ train, test }) => [train, test]),
    );
    expect([...drawn.model.weights]).toEqual([...usual.model.weights]);
  });

  it("goes down another loss, and keeps the metrics of every epoch", async () => {
    const parts = {
      ...own((outputs, labels) => ops.square(ops.crossEntropy(outputs, labels))),
      metrics: { ce: ops.crossEntropy as Draw },
    };
    const { history } = await train(network(parts), lights, { ...options, test: lights });
    const tests = history.map(({ test }) => test!);
    expect(tests.at(-1)!.loss).toBeLessThan(tests[0]!.loss);
    // Of a mean of squares and a mean.
    for (const { loss, metrics } of tests) expect(loss).toBeGreaterThanOrEqual(metrics!["ce"]! ** 2);
  });

  it("refuses label smoothing, and says where a loss belongs", async () => {
    const smoothed = train(network(own((o, l) => ops.crossEntropy(o, l))), lights, { ...options, labelSmoothing: 0.1 });
    await expect(smoothed).rejects.toThrow('the network says its own loss, "own", whose targets cannot be smoothed');
    const wrong = { ...options, loss: () => {} } as typeof options;
    await expect(train(network({}), lights, wrong)).rejects.toThrow(
      'it is the network\'s: network.loss = { kind: "own", of: (outputs, labels) => ... }',
    );
  });
});

it("the command line shows them, and its report", async () => {
  const folder = temporaryFolder();
  writePictures(folder);
  writeFileSync(
    join(folder, "net.mjs"),
    `import { nn, ops } from "fovea";
const net = nn.sequential({ flatten: nn.flatten(), fc: nn.linear({ in: 784, out: 10 }) });
net.loss = { kind: "own", of: (outputs, labels) => ops.scale(ops.crossEntropy(outputs, labels), 2) };
net.metrics = { "<hits>": (outputs, labels) => ops.correct(outputs, labels) };
export default net;`,
  );
  const run = (...words: string[]) => fovea([...words, "--module", "net.mjs"], folder);
  const { stdout } = await run("train", "--data", "./digits", "--epochs", "2", "--out", "run", "--tensorboard");
  const hits = [...stdout.matchAll(/test accuracy ([\d.]+)% {2}<hits> ([\d.]+)/g)].map(([, accuracy, value]) => [
    Number(accuracy) / 100,
    Number(value),
  ]);
  expect(hits).toHaveLength(2);
  for (const [accuracy, value] of hits) expect(value).toBeCloseTo(accuracy!, 3);
  const log = events(readFileSync(join(folder, "run/log.jsonl"), "utf8")) as {
    test: { accuracy: number; metrics: object };
  }[];
  expect(log.map(({ test }) => test.metrics)).toEqual(log.map(({ test }) => ({ "<hits>": test.accuracy })));
  expect(readFileSync(join(folder, "run/report.html"), "utf8")).toContain("<span>&lt;hits&gt;</span>");
  expect((await run("train", "--resume", "run")).code).toBe(0);
  const measured = JSON.parse((await run("eval", "run", "--json")).stdout);
  expect(measured.metrics).toEqual({ "<hits>": measured.accuracy });
  expect((await run("eval", "run")).stdout).toMatch(/ {2}<hits> {4}\d\.\d{4}\n/);
});
