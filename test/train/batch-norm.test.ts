/** A network with batch normalisation through training, checkpoints, files and prediction. */
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import { epochOrder } from "#fovea/data/sets/sampler.js";
import { CpuDevice } from "#fovea/devices/cpu/cpu-device.js";
import type { Device } from "#fovea/devices/device.js";
import { readSafetensorsFile, writeSafetensorsFile } from "#fovea/formats/safetensors/safetensors-node.js";
import type { Entry, Value } from "#fovea/graph/graph.js";
import { createClassifier } from "#fovea/model/classifier.js";
import { loadModel, saveModel } from "#fovea/model/model-file-node.js";
import type { TrainedModel } from "#fovea/model/trained-model.js";
import * as nn from "#fovea/nn/index.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { trainingEntries } from "#fovea/train/step.js";
import { evaluate, type TrainOptions, train } from "#fovea/train/train.js";
import { Trainer } from "#fovea/train/trainer.js";
import { pictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";

const quiet = { note: () => {} };
const learn = pictures(300, 1);
const test = pictures(100, 2);

/** A residual block with norms, one of them behind a convolution without a bias, and a norm of a vector. */
class Net extends nn.Module {
  readonly conv1 = nn.conv2d({ in: 1, out: 6, kernel: 3, stride: 2, padding: 1, bias: false });
  readonly bn1 = nn.batchNorm2d({ channels: 6 });
  readonly conv2 = nn.conv2d({ in: 6, out: 6, kernel: 3, padding: 1 });
  readonly bn2 = nn.batchNorm2d({ channels: 6, momentum: 0.3 });
  readonly pool = nn.adaptiveAvgPool2d(4);
  readonly bn3 = nn.batchNorm2d({ channels: 20 });
  readonly fc1 = nn.linear({ in: 96, out: 20 });
  readonly fc2 = nn.linear({ in: 20, out: 10 });
  override forward(x: Value): Value {
    const relu = nn.relu();
    const first = relu.forward(this.bn1.forward(this.conv1.forward(x)));
    const second = relu.forward(this.bn2.forward(this.conv2.forward(first)));
    const features = nn.flatten().forward(this.pool.forward(second));
    return this.fc2.forward(relu.forward(this.bn3.forward(this.fc1.forward(features))));
  }
}

const options: TrainOptions = {
  ...quiet,
  test,
  epochs: 3,
  batchSize: 20,
  optimizer: sgd({ lr: 0.05, momentum: 0.9 }),
};
const bits = ({ weights }: TrainedModel) =>
  [...weights].map(([name, { data }]) => [name, Buffer.from(data.slice().buffer).toString("base64")]);

it("learns, and evaluates and predicts with running statistics, also from a file", async () => {
  const run = await train(new Net(), learn, options);
  expect(run.history[2]!.test!.accuracy).toBeGreaterThan(0.95);
  const { weights } = run.model;
  expect([...weights.keys()]).toEqual([...nn.savedOf(run.model.module).keys()]);
  expect(weights.get("bn1.running_mean")!.data.every((m) => m !== 0)).toBe(true);
  expect(weights.get("bn1.running_var")!.data.every((v) => v > 0 && v !== 1)).toBe(true);
  // Single pictures have no statistics of their own: the answers are those of the whole set.
  const { predictions, loss } = await evaluate(run.model, test, quiet);
  expect(loss).toBe(run.history[2]!.test!.loss);
  const path = join(temporaryFolder(), "model.safetensors");
  await saveModel(path, run.model);
  const loaded = await loadModel(path, { network: new Net() });
  expect(bits(loaded)).toEqual(bits(run.model));
  const classify = await createClassifier(loaded, quiet);
  for (let i = 0; i < 10; i++) {
    expect((await classify(test.images.slice(784 * i, 784 * (i + 1)))).label).toBe(predictions[i]);
  }
  await classify.close();
  // PyTorch's files count batches beside; without statistics there is no model.
  const { tensors, metadata } = await readSafetensorsFile(path);
  const counted = new Map(tensors).set("bn1.num_batches_tracked", {
    dtype: "F32",
    shape: [],
    data: Float32Array.of(7),
  });
  await writeSafetensorsFile(path, counted, metadata);
  expect(bits(await loadModel(path, { network: new Net() }))).toEqual(bits(run.model));
  counted.delete("bn2.running_var");
  await writeSafetensorsFile(path, counted, metadata);
  await expect(loadModel(path, { network: new Net() })).rejects.toThrow('tensor "bn2.running_var" (6) is missing');
});

it("moves statistics with every batch that is trained on, and not with the update alone", () => {
  const entries = trainingEntries(new Net(), [28, 28, 1], sgd({ lr: 0.1 }));
  const moved = ({ assigns }: Entry) =>
    assigns.filter(({ state }) => state.attributes.kind === "statistic").map(({ state }) => state.attributes.name);
  const all = ["bn1", "bn2", "bn3"].flatMap((bn) => [`${bn}.running_mean`, `${bn}.running_var`]);
  expect(moved(entries.step)).toEqual(all);
  expect(moved(entries.accumulate)).toEqual(all);
  expect(moved(entries.apply)).toEqual([]);
});

it("takes the statistics of a last, shorter batch over the pictures that it has", async () => {
  const plain: TrainOptions = { ...quiet, epochs: 1, optimizer: sgd({ lr: 0.05 }), schedule: { kind: "constant" } };
  const chosen = (indices: readonly number[]): Dataset => ({
    ...learn,
    length: indices.length,
    images: Buffer.concat(indices.map((i) => learn.images.subarray(784 * i, 784 * (i + 1)))),
    labels: Uint8Array.from(indices, (i) => learn.labels[i]!),
  });
  const order = [...epochOrder(27, 0, 0)];
  const whole = await train(new Net(), chosen([...Array(27).keys()]), { ...plain, batchSize: 20 });
  // The same pictures in two trainings whose only batch is as long as they are many.
  const first = await train(new Net(), chosen(order.slice(0, 20)), { ...plain, batchSize: 20 });
  const rest = { ...plain, batchSize: 7, initial: first.model.weights };
  const second = await train(new Net(), chosen(order.slice(20)), rest);
  for (const [name, { data }] of second.model.weights) {
    const found = whole.model.weights.get(name)!.data;
    for (const [i, value] of data.entries()) expect(found[i], `${name} ${i}`).toBeCloseTo(value, 5);
  }
});

it("refuses batches of one picture where that is one number a channel, and passes over a last one", async () => {
  const plain: TrainOptions = { ...quiet, epochs: 1, optimizer: sgd({ lr: 0.05 }), schedule: { kind: "constant" } };
  const few = (length: number): Dataset => ({
    ...learn,
    length,
    images: learn.images.subarray(0, 784 * length),
    labels: learn.labels.subarray(0, length),
  });
  const refused = [train(new Net(), few(4), { ...plain, batchSize: 1 }), train(new Net(), few(1), plain)];
  for (const run of refused) {
    await expect(run).rejects.toThrow(
      "batchNorm2d(bn3): every batch is one picture, and there is one number a channel in it, which has no variance; " +
        "train with a batch size of at least 2",
    );
  }
  // Three pictures in batches of two: the third leaves the vector's statistics alone, and moves those of images.
  const statistics = async (length: number) => {
    const order = [...epochOrder(3, 0, 0)].slice(0, length);
    const set: Dataset = {
      ...few(length),
      images: Buffer.concat(order.map((i) => learn.images.subarray(784 * i, 784 * (i + 1)))),
      labels: Uint8Array.from(order, (i) => learn.labels[i]!),
    };
    const options: TrainOptions = { ...plain, optimizer: sgd({ lr: 0 }), batchSize: 2 };
    const { weights } = (await train(new Net(), length === 3 ? few(3) : set, options)).model;
    return (name: string) => [...weights.get(name)!.data];
  };
  const [two, three] = [await statistics(2), await statistics(3)];
  for (const name of ["bn3.running_mean", "bn3.running_var"]) {
    for (const [i, value] of two(name).entries()) expect(three(name)[i]).toBeCloseTo(value, 6);
  }
  expect(three("bn1.running_mean")).not.toEqual(two("bn1.running_mean"));
  const frozen = await train(new Net(), few(2), { ...plain, batchSize: 1, freeze: ["bn3"] });
  expect(frozen.history).toHaveLength(1);
});

it("gives the same bits for any number of threads", async () => {
  const results: unknown[] = [];
  for (const threads of [1, 2, 7])
    results.push(bits((await train(new Net(), learn, { ...options, epochs: 1, threads })).model));
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

it("goes on from a checkpoint's states to the same bits, running statistics among them", async () => {
  const wanted = {
    epochs: 2,
    batchSize: 20,
    optimizer: sgd({ lr: 0.05, momentum: 0.9 }),
    schedule: { kind: "constant" },
    seed: 0,
  } as const;
  const states = async (session: Device) =>
    Promise.all(session.states().map(async ({ name }) => [name, (await session.readState(name)).slice()] as const));
  const within = async <T>(use: (trainer: Trainer) => Promise<T>): Promise<T> => {
    const session = await CpuDevice.create({ threads: 2, ...quiet });
    try {
      return await use(await Trainer.create(session, new Net(), [28, 28, 1], { train: learn, test }, wanted));
    } finally {
      await session.close();
    }
  };
  const whole = await within(async (trainer) => {
    await trainer.run();
    return states(trainer.device);
  });
  let steps = 0;
  const half = await within(async (trainer) => {
    expect(await trainer.run({ shouldStop: () => trainer.state.step >= 4 && ++steps > 0 })).toBe(false);
    return { state: trainer.state, states: await states(trainer.device) };
  });
  expect(half.states.map(([name]) => name)).toContain("bn2.running_var");
  const resumed = await within(async (trainer) => {
    for (const [name, data] of half.states) await trainer.device.writeState(name, data);
    trainer.restore(half.state);
    expect(await trainer.run()).toBe(true);
    return states(trainer.device);
  });
  expect(resumed).toEqual(whole);
});
