/**
 * What stands above devices knows none of them: a second device, with a memory of its own and transfers that take their time, trains,
 * measures, predicts and resumes through the same calls, and comes to what the processor comes to but for rounding.
 */
import { cpSync } from "node:fs";
import { expect, it } from "vitest";
import { lookInside } from "#fovea/analysis/inspect/look.js";
import { openDevice, registerDevice } from "#fovea/devices/open.js";
import { ReferenceDevice } from "#fovea/devices/reference/reference-device.js";
import { Graph } from "#fovea/graph/graph.js";
import { runTraining } from "#fovea/index-node.js";
import { createClassifier } from "#fovea/model/classifier.js";
import { untrained } from "#fovea/model/trained-model.js";
import { create } from "#fovea/models/index.js";
import * as nn from "#fovea/nn/index.js";
import { add, multiply } from "#fovea/ops/index.js";
import type { TrainingConfig } from "#fovea/run/config.js";
import { openRunFolder } from "#fovea/run/folder-node.js";
import { createLabeller } from "#fovea/segmentation/labeller.js";
import { TRAINING_DEFAULTS } from "#fovea/train/defaults.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { evaluate, type TrainOptions, train } from "#fovea/train/train.js";
import { random } from "../support/random.js";
import { temporaryFolder } from "../support/temporary.js";
import { toy } from "../support/toy.js";

let transfers = 0;
const { integer } = random(5);
/** As a transfer over a bus: it takes so long or so long. */
const transfer = () => {
  transfers++;
  return new Promise((resolve) => setTimeout(resolve, integer(0, 2)));
};
registerDevice("slow", async (options) => new ReferenceDevice({ ...options, transfer }));

const quiet = { note: () => {} };
const data = toy({ length: 20, shape: [28, 28, 1], classes: 10 });
const test = toy({ length: 7, shape: [28, 28, 1], classes: 10, seed: 2 });

/** The largest difference. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

it("LeNet-5 is trained, measured and asked on either", async () => {
  const options: TrainOptions = {
    epochs: 1,
    batchSize: 8,
    optimizer: sgd({ lr: 0.05, momentum: 0.9 }),
    test,
    ...quiet,
  };
  const both = ["cpu", "slow"].map(async (device) => {
    const run = await train(create("lenet5"), data, { ...options, device });
    const measured = await evaluate(run.model, test, { device, batchSize: 4, ...quiet });
    const classify = await createClassifier(run.model, { device, batch: 2, layers: ["relu1"], ...quiet });
    const pictures = [0, 1, 2].map((i) => test.images.subarray(i * 784, (i + 1) * 784));
    const answers = await classify.all(pictures);
    await classify.close();
    return { run, measured, answers };
  });
  const [cpu, slow] = [await both[0]!, await both[1]!];
  expect(transfers).toBeGreaterThan(10);
  expect(slow.run.history[0]!.train.loss).toBeCloseTo(cpu.run.history[0]!.train.loss, 5);
  expect(slow.run.history[0]!.test!.loss).toBeCloseTo(cpu.run.history[0]!.test!.loss, 5);
  for (const [name, { data }] of cpu.run.model.weights) {
    expect(apart(data, slow.run.model.weights.get(name)!.data), name).toBeLessThan(1e-5);
  }
  expect(slow.measured.loss).toBeCloseTo(cpu.measured.loss, 5);
  expect(slow.measured.confusion).toEqual(cpu.measured.confusion);
  for (const [i, { label, probabilities, layers }] of cpu.answers.entries()) {
    expect(slow.answers[i]!.label).toBe(label);
    expect(apart(slow.answers[i]!.probabilities, probabilities)).toBeLessThan(1e-5);
    expect(apart(slow.answers[i]!.layers.get("relu1")!.data, layers.get("relu1")!.data)).toBeLessThan(1e-5);
  }
});

const small = () =>
  nn.sequential({
    conv: nn.conv2d({ in: 1, out: 4, kernel: 3 }),
    norm: nn.batchNorm2d({ channels: 4 }),
    drop: nn.dropout(0.25),
    flatten: nn.flatten(),
    fc: nn.linear({ in: 64, out: 3 }),
  });

it.each<[string, TrainOptions]>([
  ["mixed batches, averages and clipped gradients", { mixup: 0.4, average: { kind: "ema", decay: 0.9 }, clipNorm: 1 }],
  ["groups of batches", { accumulate: 2, clipNorm: 1, distort: true }],
  ["testTimeAugmentation", { testTimeAugmentation: "flip", augment: "flip" }],
])("%s come to the same", async (_, techniques) => {
  const [learn, seen] = [toy({ length: 30 }), toy({ length: 9, seed: 2 })];
  const run = (device: string) =>
    train(small(), learn, { epochs: 2, batchSize: 8, test: seen, device, ...quiet, ...techniques });
  const [cpu, slow] = [await run("cpu"), await run("slow")];
  for (const [i, record] of cpu.history.entries()) {
    expect(slow.history[i]!.train.loss).toBeCloseTo(record.train.loss, 4);
    expect(slow.history[i]!.test!.loss).toBeCloseTo(record.test!.loss, 4);
  }
  for (const [name, { data }] of cpu.model.weights) {
    expect(apart(data, slow.model.weights.get(name)!.data), name).toBeLessThan(1e-4);
  }
});

it("a run on disk goes on there to the same bits", async () => {
  const folder = temporaryFolder();
  const config: TrainingConfig = {
    ...TRAINING_DEFAULTS,
    network: "lenet5",
    options: create("lenet5").options,
    data: "toy",
    epochs: 2,
    batchSize: 10,
    seed: 3,
  };
  const start = (name: string) => ({
    config,
    data: { train: data, test },
    out: `${folder}/${name}`,
    session: { device: "slow", ...quiet },
    checkpointEverySeconds: 1000,
  });
  const whole = await runTraining(start("whole"));
  let steps = 0;
  const stop = new AbortController();
  const onProgress = () => {
    if (++steps >= 1) stop.abort();
  };
  const stopped = await runTraining(start("stopped"), { onProgress, signal: stop.signal });
  expect(stopped.completed).toBe(false);
  const notes: string[] = [];
  const { out: _, ...again } = start("stopped");
  // On another device it goes on, and says that its bits are others.
  const elsewhere: string[] = [];
  cpSync(stopped.folder.path, `${folder}/copy`, { recursive: true });
  const copy = (await openRunFolder(`${folder}/copy`)).folder;
  const moved = await runTraining(
    { ...again, session: { device: "cpu", ...quiet }, resume: copy },
    { onPlan: (plan) => void elsewhere.push(...plan.notes) },
  );
  expect(moved.history.at(-1)!.test!.loss).toBeCloseTo(whole.history.at(-1)!.test!.loss, 4);
  expect(elsewhere[0]).toMatch(
    /^backend name is "\w+", was "reference": the run will not be bit-identical to one never stopped$/,
  );
  const resumed = await runTraining(
    { ...again, resume: stopped.folder },
    { onPlan: (plan) => void notes.push(plan.backend, ...plan.notes) },
  );
  expect(notes).toEqual(["reference"]);
  expect(resumed.completed).toBe(true);
  expect(resumed.history.map(({ train, test }) => ({ train, test }))).toEqual(
    whole.history.map(({ train, test }) => ({ train, test })),
  );
});

it("pictures are labelled and looked into", async () => {
  const shape = [16, 32, 3] as const;
  const unet = create("unet", { classes: 2, height: 16, width: 32, widths: [2, 2, 2, 2, 4] });
  const scene = untrained(unet, { data: toy({ length: 1, shape, classes: 2 }) });
  const picture = { height: 16, width: 32, pixels: toy({ length: 1, shape }).images };
  const labels = await Promise.all(
    ["cpu", "slow"].map(async (device) => {
      const labeller = await createLabeller(scene, { device, ...quiet });
      const found = await labeller.label(picture);
      await labeller.close();
      return [...found];
    }),
  );
  expect(labels[1]).toEqual(labels[0]);
  const model = untrained(create("lenet5"), { data });
  const numbers = Float32Array.from(test.images.subarray(0, 784), (byte) => byte / 255);
  const [cpu, slow] = [
    await lookInside(model, numbers, { device: "cpu", ...quiet }),
    await lookInside(model, numbers, { device: "slow", ...quiet }),
  ];
  expect(slow.label).toBe(cpu.label);
  expect(apart(slow.probabilities, cpu.probabilities)).toBeLessThan(1e-5);
});

it.each(["cpu", "slow"])(
  "what was handed over may change at once, and states keep the order of jobs: %s",
  async (name) => {
    const device = await openDevice({ device: name, ...quiet });
    const graph = new Graph();
    const x = graph.input("x", { shape: [3] });
    const scale = graph.state("scale", "parameter", [3]);
    const y = multiply(x, scale);
    const executable = await device.compile(
      { name: "scale", outputs: { y, z: add(y, x) }, assigns: [] },
      { maxBatch: 2, slots: 2 },
    );
    expect(executable.inputs).toEqual([{ name: "x", shape: [3], batched: true, dtype: "f32" }]);
    expect(device.states().map(({ name, kind, shape }) => ({ name, kind, shape }))).toEqual([
      { name: "scale", kind: "parameter", shape: [3] },
    ]);
    const given = Float32Array.of(1, 2, 3, 4, 5, 6);
    const [a, b] = [await executable.acquire(), await executable.acquire()];
    const first = device.writeState("scale", [1, 1, 1]);
    a.fill("x", given);
    given.fill(0);
    const one = a.run(2);
    const second = device.writeState("scale", [2, 2, 2]);
    const { numbers, stride, done } = b.samples("x", 1);
    numbers.set([7, 8, 9]);
    expect(stride).toBeGreaterThanOrEqual(3);
    done();
    const two = b.run(1);
    const read = device.readState("scale");
    await Promise.all([first, one, second, two]);
    expect([...a.output("y")]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...b.output("z")]).toEqual([21, 24, 27]);
    expect([...(await read)]).toEqual([2, 2, 2]);
    await expect(b.run(3)).rejects.toThrow('program "scale": batch 3 is not a whole number from 1 to 2');
    b.release();
    await expect(b.run(1)).rejects.toThrow("this slot was released");
    await expect(executable.run({ y: [1] }, 1)).rejects.toThrow('unknown input of program "scale" "y"');
    await device.close();
  },
);

it("a limit is held before anything is there", async () => {
  await expect(train(small(), toy(), { device: "reference", memoryLimit: 1000, ...quiet })).rejects.toThrow(
    "but memoryLimit allows 1000",
  );
});
