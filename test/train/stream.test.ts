/** Training and measuring on pictures that stay on disk: the same bits as in memory, and as a run that was never stopped. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Transform } from "#fovea/data/augment/augment.js";
import { openDataset } from "#fovea/data/open-node.js";
import type { OpenOptions } from "#fovea/data/open-options.js";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import type { BackendName } from "#fovea/devices/cpu/backends/backend.js";
import { CpuDevice } from "#fovea/devices/cpu/cpu-device.js";
import { initialWeights, writeWeights } from "#fovea/model/weights/weights.js";
import * as nn from "#fovea/nn/index.js";
import { identify, readCheckpoint, restoreCheckpoint, saveCheckpoint } from "#fovea/run/checkpoint-node.js";
import type { TrainingConfig } from "#fovea/run/config.js";
import { TRAINING_DEFAULTS } from "#fovea/train/defaults.js";
import { Evaluator } from "#fovea/train/evaluate/evaluator.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { Trainer } from "#fovea/train/trainer.js";
import type { TrainerOptions } from "#fovea/train/trainer-options.js";
import { damaged, jpegOf, put, writePictureFolder } from "../support/picture-folder.js";
import { temporaryFolder } from "../support/temporary.js";

const INPUT = [16, 16, 3] as const;
const net = () =>
  nn.sequential(
    nn.conv2d({ in: 3, out: 8, kernel: 3, padding: 1 }),
    nn.relu(),
    nn.maxPool2d(4),
    nn.flatten(),
    nn.linear({ in: 128, out: 3 }),
  );
const AUGMENT: readonly Transform[] = [
  { kind: "randomResizedCrop", scale: [0.3, 1], ratio: [0.75, 4 / 3] },
  { kind: "flip", mode: "alternating", probability: 0.5 },
];

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fovea-test-"));
  const sizeOf = (n: number) => [24 + (n % 5), 20 + (n % 7)] as const;
  await writePictureFolder(folder, { classes: 3, train: 10, test: 5, sizeOf });
});
afterAll(() => rmSync(folder, { recursive: true }));

const open = (options: OpenOptions = {}) => openDataset(folder, { size: [16, 16], ...options });

async function withTrainer<T>(
  data: { readonly train: Dataset; readonly test: Dataset },
  options: Partial<TrainerOptions>,
  use: (trainer: Trainer) => Promise<T>,
  backend?: BackendName,
): Promise<T> {
  const session = await CpuDevice.create({ threads: 2, backend, note: () => {} });
  const wanted = {
    ...TRAINING_DEFAULTS,
    epochs: 2,
    batchSize: 7,
    optimizer: sgd({ lr: 0.05, momentum: 0.9 }),
    ...options,
  };
  try {
    return await use(await Trainer.create(session, net(), INPUT, data, wanted));
  } finally {
    await session.close();
  }
}

/** Every state's bits, and the figures of the epochs. */
async function results(trainer: Trainer) {
  const read = async (name: string) =>
    Buffer.from((await trainer.device.readState(name)).slice().buffer).toString("base64");
  const states = await Promise.all(trainer.device.states().map(async ({ name }) => [name, await read(name)]));
  return { states, figures: trainer.state.history.map(({ epoch, train, test }) => ({ epoch, train, test })) };
}

const trained = (
  data: { train: Dataset; test: Dataset },
  options: Partial<TrainerOptions> = {},
  backend?: BackendName,
) =>
  withTrainer(
    data,
    options,
    async (trainer) => {
      expect(await trainer.run()).toBe(true);
      return results(trainer);
    },
    backend,
  );

it("learns the same bits from disk as from memory", async () => {
  const memory = await open({ stream: false });
  const disk = await open({ stream: true, workers: 2 });
  // What was measured on a sample of all pictures is what was measured on all of them.
  expect([disk.train.mean, disk.train.std]).toEqual([memory.train.mean, memory.train.std]);
  const plain = await trained(memory);
  expect(plain.figures.length).toBe(2);
  expect(await trained(disk)).toEqual(plain);
  const augment: readonly Transform[] = [{ kind: "padCrop", padding: 2, mode: "reflect" }];
  expect(await trained(await open({ stream: true, workers: 0 }), { augment })).toEqual(
    await trained(memory, { augment }),
  );
});

it.each(["wasm", "interpreter"] as const)("fills the memory of %s, too", async (backend) => {
  const few = backend === "interpreter" ? { epochs: 1, batchSize: 15 } : {};
  const disk = await open({ stream: true, workers: 1 });
  expect(await trained(disk, few, backend)).toEqual(await trained(await open({ stream: false }), few, backend));
});

it("goes on in mid-epoch to the same bits, with another number of workers", async () => {
  const config = { ...TRAINING_DEFAULTS, network: "lenet5", options: {}, data: folder } as unknown as TrainingConfig;
  const options = { augment: AUGMENT };
  const whole = await trained(await open({ stream: true, workers: 2 }), options);
  for (const [steps, workers] of [
    [2, 1],
    [7, 3],
  ] as const) {
    const path = join(temporaryFolder(), "checkpoint.safetensors");
    const before = await open({ stream: true, workers: 2 });
    await withTrainer(before, options, async (trainer) => {
      expect(await trainer.run({ shouldStop: () => trainer.state.step >= steps })).toBe(false);
      expect(trainer.state.batch).toBeGreaterThan(0);
      await saveCheckpoint(path, trainer, identify(trainer, config, before));
    });
    const data = await open({ stream: true, workers });
    const resumed = await withTrainer(data, options, async (trainer) => {
      const notes = await restoreCheckpoint(trainer, await readCheckpoint(path), identify(trainer, config, data));
      expect(notes).toEqual([]);
      expect(await trainer.run()).toBe(true);
      return results(trainer);
    });
    expect(resumed).toEqual(whole);
  }
});

it("is another run where the files are others", async () => {
  const disk = await open({ stream: true, workers: 0 });
  const other = temporaryFolder();
  await writePictureFolder(other, { classes: 3, train: 10, test: 5, sizeOf: () => [24, 24], seed: 2 });
  const { train } = await openDataset(other, { stream: true, workers: 0, size: [16, 16] });
  expect(train.contents).not.toBe(disk.train.contents);
  expect((await open({ stream: true, workers: 0 })).train.contents).toBe(disk.train.contents);
});

it("tells how much of the time it waited for pictures", async () => {
  const disk = await open({ stream: true, workers: 0 });
  const { stream, ...facts } = disk.train;
  const slow: Dataset = {
    ...facts,
    stream: (options) => {
      const inner = stream!(options);
      const fill: typeof inner.fill = async (...args) => {
        const replaced = await inner.fill(...args);
        await new Promise((resolve) => setTimeout(resolve, 60));
        return replaced;
      };
      return { ...inner, fill, close: () => inner.close() };
    },
  };
  const shares: number[] = [];
  const record = await withTrainer({ ...disk, train: slow }, { epochs: 1, batchSize: 2 }, async (trainer) => {
    await trainer.run({ progress: ({ phase, waited }) => phase === "train" && shares.push(waited!) });
    return trainer.state.history[0]!;
  });
  expect(record.waited).toBeGreaterThan(0.5);
  expect(record.waited).toBeLessThanOrEqual(1);
  expect(shares.length).toBe(15);
  expect(shares.at(-1)).toBeCloseTo(record.waited!, 1);
});

it("stops at an error of a picture, and closes what it started", async () => {
  const other = temporaryFolder();
  await writePictureFolder(other, { classes: 3, train: 4, test: 2, sizeOf: () => [24, 24] });
  const data = await openDataset(other, { stream: true, workers: 2, size: [16, 16] });
  rmSync(join(other, "train/class2/003.jpg"));
  await withTrainer(data, { batchSize: 2 }, async (trainer) => {
    await expect(trainer.run()).rejects.toThrow(/class2\/003\.jpg: no such file; pictures must stay as they are/);
    await expect(trainer.run()).rejects.toThrow(/class2\/003\.jpg/);
  });
});

it("measures without pictures that will not decode, once and over views", async () => {
  const other = temporaryFolder();
  await writePictureFolder(other, { classes: 3, train: 2, test: 4, sizeOf: () => [20, 20] });
  const options = { stream: true, workers: 0, maxBroken: { count: 1 } } as const;
  const good = await openDataset(other, options);
  put(other, "val/class1/002.jpg", damaged(await jpegOf(20, 20, 1, 1)));
  const some = await openDataset(other, options);
  const held = await openDataset(other, { ...options, stream: false, size: [20, 20] });
  expect([good.test.length, some.test.length, held.test.length]).toEqual([12, 12, 11]);
  for (const views of [undefined, "flip", "ten"] as const) {
    const network = views === "ten" ? net() : nn.sequential(nn.flatten(), nn.linear({ in: 1200, out: 3 }));
    const session = await CpuDevice.create({ threads: 1, note: () => {} });
    try {
      const input = views === "ten" ? INPUT : ([20, 20, 3] as const);
      const evaluator = await Evaluator.create(session, network, input, { testTimeAugmentation: views, batchSize: 5 });
      await writeWeights(session, initialWeights(network, 1));
      const { mean, std } = good.train;
      const all = await evaluator.run({ ...good.test, mean, std });
      const { seconds, predictions, ...figures } = await evaluator.run({ ...some.test, mean, std });
      const { seconds: _, predictions: others, ...expected } = await evaluator.run({ ...held.test, mean, std });
      expect(figures).toEqual(expected);
      expect(figures.samples).toBe(11);
      expect([...predictions]).toEqual([...all.predictions].map((p, n) => (n === 6 ? -1 : p)));
      expect([...predictions].filter((p) => p >= 0)).toEqual([...others]);
    } finally {
      await session.close();
    }
  }
});
