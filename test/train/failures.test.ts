/** Nothing that was computed is lost where a training ends by throwing, and callbacks are waited for, whatever they return. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TrainingError } from "#fovea/base/errors.js";
import { loadModel } from "#fovea/model/model-file-node.js";
import { untrained } from "#fovea/model/trained-model.js";
import type { TrainingConfig } from "#fovea/run/config.js";
import { openRunFolder } from "#fovea/run/folder-node.js";
import { runTraining } from "#fovea/run/run-node.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import type { EpochRecord } from "#fovea/train/records.js";
import { evaluate, type TrainOptions, train } from "#fovea/train/train.js";
import type { TrainingFailure } from "#fovea/train/training-run.js";
import { temporaryFolder } from "../support/temporary.js";
import { toy, toyNetwork } from "../support/toy.js";

const data = toy({ length: 40 });
const test = toy({ length: 9, seed: 2 });
const base: TrainOptions = { threads: 1, note: () => {}, epochs: 4, batchSize: 8, optimizer: sgd({ lr: 0.05 }) };
const failure = (options: TrainOptions) =>
  train(toyNetwork(), data, { ...base, ...options }).then(
    () => {
      throw new Error("nothing failed");
    },
    (error: unknown) => error as TrainingFailure,
  );
const numbers = (model: { readonly weights: ReadonlyMap<string, { readonly data: Float32Array }> } | undefined) =>
  model && [...model.weights].map(([name, { data }]) => [name, [...data]]);

let unhandled: unknown[];
const note = (reason: unknown) => void unhandled.push(reason);
beforeEach(() => {
  unhandled = [];
  process.on("unhandledRejection", note);
});
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

describe("a loss that becomes infinite", () => {
  // From epoch 3 on no step is small.
  const explodes: TrainOptions = {
    schedule: { kind: "step", milestones: [2], gamma: 1e300 },
    optimizer: sgd({ lr: 0.01 }),
  };

  it("leaves the history, the best and the last network on the error", async () => {
    const error = await failure({ ...explodes, test, keepBest: true });
    expect(error).toBeInstanceOf(TrainingError);
    expect(error.message).toMatch(/is not finite at step \d+ \(epoch 3\)/);
    const calm: TrainOptions = {
      ...base,
      optimizer: sgd({ lr: 0.01 }),
      schedule: { kind: "constant" },
      epochs: 2,
      test,
      keepBest: true,
    };
    const two = await train(toyNetwork(), data, calm);
    const { run } = error;
    expect(run!.history.map(({ epoch, train }) => [epoch, train])).toEqual(
      two.history.map(({ epoch, train }) => [epoch, train]),
    );
    expect(numbers(run!.model)).toEqual(numbers(two.model));
    expect([run!.best!.epoch, numbers(run!.best!.model)]).toEqual([two.best!.epoch, numbers(two.best!.model)]);
    expect([run!.completed, run!.stoppedEarly]).toEqual([false, false]);
    // Who prints the error does not want all weights.
    expect(Object.keys(error)).toEqual([]);
  });

  it("in the first epoch leaves no network", async () => {
    const { run } = await failure({ schedule: { kind: "constant" }, optimizer: sgd({ lr: 3e38 }) });
    expect(run).toEqual({ history: [], completed: false, stoppedEarly: false });
  });
});

describe.each(["onStep", "onProgress", "onEpoch"] as const)("%s", (name) => {
  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error(`from ${name}`);
      },
    ],
    ["rejects", () => Promise.reject(new Error(`from ${name}`))],
    ["rejects late", () => new Promise((_, reject) => setTimeout(() => reject(new Error(`from ${name}`)), 5))],
  ])("that %s ends training with that very error, and what was learned", async (_, call) => {
    let calls = 0;
    const error = await failure({ test, [name]: () => (++calls === 2 ? call() : undefined) });
    expect(error.message).toBe(`from ${name}`);
    expect(calls).toBe(2);
    expect(error.run!.history).toHaveLength(name === "onEpoch" ? 2 : 0);
    expect([...error.run!.model!.weights.keys()]).toEqual(["fc.weight", "fc.bias"]);
  });

  it("is waited for", async () => {
    let [open, most, calls] = [0, 0, 0];
    await train(toyNetwork(), data, {
      ...base,
      epochs: 2,
      [name]: async () => {
        most = Math.max(most, ++open);
        calls++;
        await new Promise((resolve) => setTimeout(resolve, 2));
        open--;
      },
    });
    expect([open, most, calls]).toEqual([0, 1, name === "onEpoch" ? 2 : 10]);
  });
});

it("an error that can carry nothing is put into one that can", async () => {
  const error = await failure({
    onStep: () => {
      throw "a text"; // as people do
    },
  });
  expect(error).toBeInstanceOf(TrainingError);
  expect([error.message, error.cause]).toEqual(["training ended by an error: a text", "a text"]);
  expect(error.run!.history).toEqual([]);
  const frozen = Object.freeze(new Error("frozen"));
  const other = await failure({ onStep: () => Promise.reject(frozen) });
  expect([other.cause, other.run!.completed]).toEqual([frozen, false]);
});

it("errors from before the first step have no run", async () => {
  expect((await failure({ epochs: 0 })).run).toBeUndefined();
  expect((await failure({ memoryLimit: 1 })).run).toBeUndefined();
});

it("evaluate waits for its callback and ends with what it throws", async () => {
  const model = untrained(toyNetwork(), { data });
  const attempt = evaluate(model, data, {
    batchSize: 4,
    onProgress: () => Promise.reject(new Error("from onProgress")),
  });
  await expect(attempt).rejects.toThrow("from onProgress");
  const seen: number[] = [];
  await evaluate(model, data, {
    batchSize: 16,
    async onProgress({ done }) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      seen.push(done);
    },
  });
  expect(seen).toEqual([16, 32, 40]);
});

describe("a run that keeps itself on disk", () => {
  const config: TrainingConfig = {
    network: "mlp",
    options: { classes: 3, channels: 1, size: 6 },
    data: "toy",
    epochs: 4,
    batchSize: 8,
    optimizer: { name: "sgd", lr: 0.01, momentum: 0, nesterov: false, weightDecay: 0 },
    schedule: { kind: "step", milestones: [2], gamma: 1e300 },
    seed: 0,
  };
  const options = (out: string) => ({
    config,
    data: { train: data, test },
    out,
    session: { threads: 1, note: () => {} },
    checkpointEverySeconds: 60,
  });

  it("has what it learned until the loss became infinite, and says where", async () => {
    const out = join(temporaryFolder(), "run");
    const error = await runTraining(options(out)).catch((e: unknown) => e as Error);
    expect(error).toBeInstanceOf(TrainingError);
    expect((error as Error).message).toContain(
      `; ${join(out, "model.safetensors")} has the network after epoch 2, ${join(out, "best.safetensors")} that after the best one, `,
    );
    const log = readFileSync(join(out, "log.jsonl"), "utf8").trim().split("\n");
    expect(log.map((line) => (JSON.parse(line) as EpochRecord).epoch)).toEqual([1, 2]);
    const last = JSON.parse(log[1]!) as EpochRecord;
    const saved = await evaluate(await loadModel(join(out, "model.safetensors")), test, { threads: 1 });
    expect([saved.loss, saved.accuracy]).toEqual([last.test!.loss, last.test!.accuracy]);
    expect(readdirSync(out)).toContain("checkpoint.safetensors");
    expect(readdirSync(out)).not.toContain("run.lock");
  });

  it("ends with what a listener throws, at once or later, and can go on", async () => {
    const out = join(temporaryFolder(), "run");
    const calm = { ...options(out), config: { ...config, schedule: { kind: "constant" } as const } };
    const attempt = runTraining(calm, {
      async onEpoch({ epoch }) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (epoch === 2) throw new Error("from the listener");
      },
    });
    await expect(attempt).rejects.toThrow("from the listener");
    const { folder } = await openRunFolder(out);
    const { out: _, ...rest } = calm;
    const resumed = await runTraining({ ...rest, resume: folder });
    expect(resumed.history.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
  });

  it("refuses data that is none", async () => {
    const out = join(temporaryFolder(), "run");
    const bad = { train: { ...data, labels: new Int32Array(40).fill(3) }, test };
    await expect(runTraining({ ...options(out), data: bad })).rejects.toThrow("toy: label 3 of picture 0 is no class");
    await expect(runTraining({ ...options(out), config: { ...config, epochs: 1e308 } })).rejects.toThrow(
      "epochs is 1e+308, expected a whole number of at most 1000000",
    );
  });
});
