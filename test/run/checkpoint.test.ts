/** Checkpoints: where they go on from, bit for bit, and whose they refuse to be. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FileError, TrainingError } from "#fovea/base/errors.js";
import type { BackendName } from "#fovea/devices/cpu/backends/backend.js";
import { CpuDevice } from "#fovea/devices/cpu/cpu-device.js";
import { readSafetensorsFile, writeSafetensorsFile } from "#fovea/formats/safetensors/safetensors-node.js";
import * as models from "#fovea/models/index.js";
import { identify, readCheckpoint, restoreCheckpoint, saveCheckpoint } from "#fovea/run/checkpoint-node.js";
import type { TrainingConfig } from "#fovea/run/config.js";
import { optimizerFrom, TRAINING_DEFAULTS } from "#fovea/train/defaults.js";
import { Trainer } from "#fovea/train/trainer.js";
import { pictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";

const data = { train: pictures(100, 1), test: pictures(30, 2) };
const config: TrainingConfig = {
  ...TRAINING_DEFAULTS,
  network: "mlp",
  options: models.create("mlp").options,
  data: "bars",
  epochs: 2,
  batchSize: 7, // 15 steps an epoch, the last one short
  optimizer: { name: "adam", lr: 0.002, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 },
};

async function withTrainer<T>(
  use: (trainer: Trainer) => Promise<T>,
  options: { readonly config?: TrainingConfig; readonly backend?: BackendName; readonly data?: typeof data } = {},
): Promise<T> {
  const { config: { network, optimizer, ...rest } = config } = options;
  const session = await CpuDevice.create({ threads: 2, backend: options.backend, note: () => {} });
  try {
    const { module, input } = models.create(network);
    const wanted = { ...rest, optimizer: optimizerFrom(optimizer) };
    return await use(await Trainer.create(session, module, input, options.data ?? data, wanted));
  } finally {
    await session.close();
  }
}

/** Every state's bits. */
async function states({ device }: Trainer): Promise<[string, string][]> {
  const read = async (name: string) => Buffer.from((await device.readState(name)).slice().buffer).toString("base64");
  return Promise.all(device.states().map(async ({ name }) => [name, await read(name)] as [string, string]));
}

/** Trains until `steps` steps are done, and saves. */
const stopAt = (steps: number, path: string, of = config) =>
  withTrainer(
    async (trainer) => {
      await trainer.run({ shouldStop: () => trainer.state.step >= steps });
      await saveCheckpoint(path, trainer, identify(trainer, of, data));
      return { state: trainer.state, states: await states(trainer) };
    },
    { config: of },
  );

const everything: TrainingConfig = {
  ...config,
  schedule: { kind: "one-cycle" },
  groups: [{ match: "bias$", lr: 4, weightDecay: 0 }],
  noDecay: "norms-and-biases",
  freeze: ["fc2.weight"],
  clipNorm: 0.5,
  accumulate: 4, // groups of 4, 4, 4 and 3: steps 1, 6 and 19 end in the middle of one
  average: { kind: "lookahead", every: 3, ramp: 1 },
  labelSmoothing: 0.1,
  patience: 1,
};

it.each([
  ["plain", config, "fc1.weight.secondMoment"],
  ["every technique", everything, "fc1.weight.average"],
  [
    "a moving average",
    { ...everything, average: { kind: "ema", decay: 0.9 }, accumulate: 1 } as const,
    "fc1.bias.average",
  ],
])("goes on from any step to the same bits, in every state and figure: %s", async (_, config, state) => {
  const whole = await withTrainer(
    async (trainer) => {
      expect(await trainer.run()).toBe(true);
      return { states: await states(trainer), history: trainer.state.history };
    },
    { config },
  );
  const names = whole.states.map(([name]) => name);
  expect(names).toContain(state);
  expect(names.includes("fc2.weight.secondMoment")).toBe(config.freeze === undefined);
  expect(names.includes("fc1.weight.gradient")).toBe((config.accumulate ?? 1) > 1);
  const figures = ({ history }: Pick<typeof whole, "history">) =>
    history.map(({ trainSeconds: _, testSeconds: __, waited: ___, ...record }) => record);
  for (const steps of [1, 6, 15, 19]) {
    const path = join(temporaryFolder(), "checkpoint.safetensors");
    const stopped = await stopAt(steps, path, config);
    expect(stopped.state.epoch).toBe(steps < 15 ? 0 : 1);
    expect(stopped.state.batch > 0).toBe(steps !== 15);
    const resumed = await withTrainer(
      async (trainer) => {
        const notes = await restoreCheckpoint(trainer, await readCheckpoint(path), identify(trainer, config, data));
        expect(notes).toEqual([]);
        expect(trainer.state).toEqual(stopped.state);
        expect(await states(trainer)).toEqual(stopped.states);
        expect(await trainer.run()).toBe(true);
        return { states: await states(trainer), history: trainer.state.history };
      },
      { config },
    );
    expect(resumed.states).toEqual(whole.states);
    expect(figures(resumed)).toEqual(figures(whole));
  }
});

it("refuses another run, naming what differs and both values", async () => {
  const path = join(temporaryFolder(), "checkpoint.safetensors");
  await stopAt(2, path);
  const saved = await readCheckpoint(path);
  const refusal = (other: TrainingConfig, otherData = data) =>
    withTrainer(async (trainer) => restoreCheckpoint(trainer, saved, identify(trainer, other, otherData)), {
      config: other,
      data: otherData,
    }).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
  expect(await refusal({ ...config, data: "elsewhere" })).toBeUndefined();
  const several = await refusal({ ...config, seed: 4, epochs: 3, optimizer: { ...config.optimizer, lr: 0.1 } });
  expect(several).toBeInstanceOf(TrainingError);
  expect(several?.message).toContain(
    "belongs to another run: epochs is 3, was 2; optimizer.lr is 0.1, was 0.002; seed is 4, was 0.",
  );
  const pixel = { ...data, train: { ...data.train, images: data.train.images.slice().fill(9, 500, 501) } };
  expect((await refusal(config, pixel))?.message).toMatch(
    /belongs to another run: data train.fingerprint is "[0-9a-f]{16}", was "[0-9a-f]{16}"/,
  );
  expect((await refusal(config, { ...data, test: pictures(29, 2) }))?.message).toContain(
    "data test.length is 29, was 30",
  );
});

it("goes on with another backend, and says that the bits will differ", async () => {
  const path = join(temporaryFolder(), "checkpoint.safetensors");
  await stopAt(2, path);
  const saved = await readCheckpoint(path);
  const other = { ...saved, backend: { ...saved.backend, name: "another" }, plan: "0" };
  const notes = await withTrainer(async (trainer) =>
    restoreCheckpoint(trainer, other, identify(trainer, config, data)),
  );
  expect(notes).toHaveLength(1);
  expect(notes[0]).toMatch(/^backend name is ".*", was "another": the run will not be bit-identical/);
  const plan = await withTrainer(async (trainer) =>
    restoreCheckpoint(trainer, { ...saved, plan: "0" }, identify(trainer, config, data)),
  );
  expect(plan).toEqual([
    "the plan is not the one it was begun with: the run will not be bit-identical to one never stopped",
  ]);
  // And it does go on, in code of another kind.
  await withTrainer(
    async (trainer) => {
      await restoreCheckpoint(trainer, saved, identify(trainer, config, data));
      expect(await trainer.run()).toBe(true);
    },
    { backend: "wasm" },
  );
});

it("refuses a file whose states are not those of the run, and files that are no checkpoint", async () => {
  const path = join(temporaryFolder(), "checkpoint.safetensors");
  await stopAt(1, path);
  const { tensors, metadata } = await readSafetensorsFile(path);
  const changed = new Map([...tensors].filter(([name]) => name !== "fc1.bias.firstMoment"));
  changed.set("fc2.bias", { dtype: "F32", shape: [7], data: new Float32Array(7) });
  await writeSafetensorsFile(path, changed, metadata);
  const failure = withTrainer(async (trainer) =>
    restoreCheckpoint(trainer, await readCheckpoint(path), identify(trainer, config, data)),
  );
  await expect(failure).rejects.toThrow(
    'does not fit the run: state "fc2.bias" is 7, expected 100; state "fc1.bias.firstMoment" is missing',
  );
  await writeSafetensorsFile(path, tensors, { format: "fovea" });
  await expect(readCheckpoint(path)).rejects.toThrow(
    "not a checkpoint: it is a model, which cannot be trained further",
  );
  await writeSafetensorsFile(path, tensors, { ...metadata, state: "{" });
  await expect(readCheckpoint(path)).rejects.toThrow('metadata "state" is not JSON; the checkpoint is damaged');
  await expect(readCheckpoint(path)).rejects.toBeInstanceOf(FileError);
});

it("notices a bit that was turned, anywhere in the numbers or the metadata", async () => {
  const path = join(temporaryFolder(), "checkpoint.safetensors");
  const { state } = await stopAt(1, path);
  const good = readFileSync(path);
  const header = 8 + Number(good.readBigUInt64LE());
  const inMetadata = good.indexOf('\\"step\\":') + '\\"step\\":'.length;
  for (const at of [header, header + 5001, good.length - 1, inMetadata]) {
    const damaged = Buffer.from(good);
    damaged[at]! ^= 2;
    writeFileSync(path, damaged);
    const what = at === inMetadata ? "its metadata" : 'the numbers of "[^"]+"';
    await expect(readCheckpoint(path)).rejects.toThrow(
      new RegExp(`checkpoint\\.safetensors: the checkpoint is damaged: ${what} are not what was written$`),
    );
    await expect(readCheckpoint(path)).rejects.toBeInstanceOf(FileError);
  }
  writeFileSync(path, good);
  expect((await readCheckpoint(path)).state).toEqual(state);
});

it("never replaces a good checkpoint by one with numbers that are not finite", async () => {
  const path = join(temporaryFolder(), "checkpoint.safetensors");
  const good = await stopAt(2, path);
  await withTrainer(async (trainer) => {
    await trainer.device.writeState("fc3.bias", new Float32Array(10).fill(Number.NaN));
    await expect(saveCheckpoint(path, trainer, identify(trainer, config, data))).rejects.toThrow(
      'a number in "fc3.bias" is not finite at step 1',
    );
  });
  expect((await readCheckpoint(path)).state).toEqual(good.state);
});
