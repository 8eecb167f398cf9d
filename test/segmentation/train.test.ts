/** Training on labelled scenes: it learns, and a run that was stopped ends in the same bits as one that was not. */
import { expect, it } from "vitest";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import { CpuDevice } from "#fovea/devices/cpu/cpu-device.js";
import * as models from "#fovea/models/index.js";
import { UNLABELLED } from "#fovea/segmentation/class-list.js";
import { composeScenes } from "#fovea/segmentation/compose-scenes.js";
import { evaluateScenes } from "#fovea/segmentation/evaluate.js";
import { createLabeller } from "#fovea/segmentation/labeller.js";
import { sceneDataset } from "#fovea/segmentation/scene-dataset.js";
import type { SceneSet } from "#fovea/segmentation/scene-set.js";
import { adamw } from "#fovea/train/optimizers/adam.js";
import { train } from "#fovea/train/train.js";
import { Trainer } from "#fovea/train/trainer.js";
import type { TrainerOptions } from "#fovea/train/trainer-options.js";
import { pictures } from "../support/pictures.js";

/** Items that are told apart by their shape: a full square, and a bar. */
const ITEMS: Dataset = {
  ...{ name: "shapes", length: 2, classes: ["square", "bar"], shape: [8, 8, 1] as const },
  images: Uint8Array.from({ length: 128 }, (_, i) => (i < 64 || (i & 7) === 3 || (i & 7) === 4 ? 255 : 0)),
  ...{ labels: Uint8Array.of(0, 1), mean: [0], std: [1] },
};
/** Some pixels of each scene have no label. */
function scenes(count: number, seed: number): SceneSet {
  const set = composeScenes(ITEMS, { count, height: 20, width: 26, seed });
  for (const { labels } of set.scenes) labels.fill(UNLABELLED, 0, 30);
  return set;
}
const sets = { train: scenes(48, 1), test: scenes(12, 2) };
const data = { train: sceneDataset(sets.train), test: sceneDataset(sets.test) };
const model = () => models.create("unet", { classes: 3, widths: [6, 8], height: 20, width: 26 });

const options: TrainerOptions = {
  epochs: 2,
  batchSize: 5,
  optimizer: adamw({ lr: 0.01 }),
  schedule: { kind: "cosine" },
  seed: 3,
  augment: [
    { kind: "padCrop", padding: 3, mode: "zero" },
    { kind: "flip", mode: "random", probability: 0.5 },
  ],
};

async function withTrainer<T>(use: (trainer: Trainer) => Promise<T>): Promise<T> {
  const session = await CpuDevice.create({ threads: 2, note: () => {} });
  try {
    const { module, input } = model();
    return await use(await Trainer.create(session, module, input, data, options));
  } finally {
    await session.close();
  }
}

it("learns to tell shapes apart, and says so by class", async () => {
  const run = await train(model(), data.train, {
    test: data.test,
    epochs: 6,
    batchSize: 4,
    optimizer: adamw({ lr: 0.01 }),
    note: () => {},
  });
  const last = run.history.at(-1)!.test!;
  expect(last.accuracy).toBeGreaterThan(0.9);
  expect(last.meanIoU!).toBeGreaterThan(0.6);
  const labeller = await createLabeller({ ...run.model, classes: data.train.classes }, { note: () => {} });
  try {
    const measured = await evaluateScenes(labeller, sets.test);
    // The trainer measures the same pixels by other programs.
    expect(measured.pixelAccuracy).toBeCloseTo(last.accuracy, 3);
    expect(measured.meanIoU).toBeCloseTo(last.meanIoU!, 2);
    const labelled = sets.test.scenes.reduce((n, { labels }) => n + labels.filter((l) => l !== UNLABELLED).length, 0);
    expect(measured.confusion.flat().reduce((a, b) => a + b, 0)).toBe(labelled);
    expect(measured.scenes).toHaveLength(12);
  } finally {
    await labeller.close();
  }
});

it("keeps the epoch of the best mean IoU, unless another figure is watched", async () => {
  // A rate that jumps about, so that the best epoch is not always the last one.
  const run = (watch?: "miou" | "accuracy" | "loss") =>
    train(model(), data.train, {
      test: data.test,
      ...{ epochs: 5, batchSize: 8, seed: 2, optimizer: adamw({ lr: 0.06 }), schedule: { kind: "constant" } as const },
      ...{ keepBest: true, watch, note: () => {} },
    });
  const chosen = await run();
  const tests = chosen.history.map(({ test }) => test!);
  const bestBy = (figure: (test: (typeof tests)[number]) => number) => 1 + argmax(tests.map(figure));
  expect(new Set([bestBy((t) => t.meanIoU!), bestBy((t) => t.accuracy), bestBy((t) => -t.loss)]).size).toBeGreaterThan(
    1,
  );
  expect(chosen.best!.epoch).toBe(bestBy((t) => t.meanIoU!));
  expect((await run("accuracy")).best!.epoch).toBe(bestBy((t) => t.accuracy));
  expect((await run("loss")).best!.epoch).toBe(bestBy((t) => -t.loss));
});

const argmax = (numbers: readonly number[]): number => numbers.indexOf(Math.max(...numbers));

it("goes on from any step to the same bits", async () => {
  const states = async ({ device }: Trainer) =>
    Promise.all(device.states().map(async ({ name }) => [name, Array.from(await device.readState(name))] as const));
  const whole = await withTrainer(async (trainer) => {
    expect(await trainer.run()).toBe(true);
    return {
      states: await states(trainer),
      history: trainer.state.history.map(({ train, test }) => ({ train, test })),
    };
  });
  const half = await withTrainer(async (trainer) => {
    await trainer.run({ shouldStop: () => trainer.state.step >= 13 });
    return { state: trainer.state, states: await states(trainer) };
  });
  // Those under way are done; an epoch has ten steps.
  expect(half.state.step).toBeGreaterThanOrEqual(13);
  expect(half.state.step).toBeLessThan(20);
  await withTrainer(async (trainer) => {
    for (const [name, numbers] of half.states) await trainer.device.writeState(name, Float32Array.from(numbers));
    trainer.restore(half.state);
    expect(await trainer.run()).toBe(true);
    expect(trainer.state.history.map(({ train, test }) => ({ train, test }))).toEqual(whole.history);
    expect(await states(trainer)).toEqual(whole.states);
  });
});

it("refuses data of the other kind, and what is for labels of whole pictures", async () => {
  await expect(train(model(), pictures(8, 1))).rejects.toThrow(
    "has a label a picture, but the network labels every pixel",
  );
  await expect(train(models.create("mlp"), data.train)).rejects.toThrow(
    "every pixel has a label, but the network gives a class a picture; choose one that labels pixels, such as unet",
  );
  const { module, input } = model();
  const session = await CpuDevice.create({ threads: 1, note: () => {} });
  await expect(Trainer.create(session, module, input, data, { ...options, mixup: 0.2 })).rejects.toThrow(
    "mixup: is for labels of whole pictures; leave it out",
  );
  await session.close();
  await expect(
    train(models.create("unet", { classes: 4, widths: [4, 4], height: 20, width: 26 }), data.train),
  ).rejects.toThrow("has 3 classes, but the network tells 4 apart; set its option classes to 3");
});
