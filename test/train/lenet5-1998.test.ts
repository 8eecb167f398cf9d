/** What LeNet-5 as published asks of training: its loss and scaling, a border, distortions, and its weights in files. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TensorToWrite } from "#fovea/formats/safetensors/safetensors.js";
import { readSafetensorsFile, writeSafetensorsFile } from "#fovea/formats/safetensors/safetensors-node.js";
import { createClassifier } from "#fovea/model/classifier.js";
import { loadModel, saveModel } from "#fovea/model/model-file-node.js";
import { type TrainedModel, untrained } from "#fovea/model/trained-model.js";
import { C3_CONNECTIONS } from "#fovea/models/classification/lenet5-1998.js";
import * as models from "#fovea/models/index.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { evaluate, type TrainOptions, train } from "#fovea/train/train.js";
import { pictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";

const quiet = { note: () => {} };
const learn = pictures(300, 1);
const test = pictures(100, 2);
const network = () => models.create("lenet5-1998");
const short: TrainOptions = {
  ...quiet,
  test,
  epochs: 2,
  batchSize: 20,
  optimizer: sgd({ lr: 0.001, momentum: 0.9 }),
  distort: true,
};

const bits = (model: TrainedModel) =>
  [...model.weights].map(([name, { data }]) => [name, Buffer.from(data.slice().buffer).toString("base64")]);

describe("training", () => {
  it("learns pictures of 28x28 on their border, scaled as the network wants", async () => {
    const run = await train(network(), learn, {
      ...short,
      epochs: 8,
      batchSize: 10,
      schedule: { kind: "constant" },
      distort: false,
    });
    expect(run.history[7]!.test!.accuracy).toBeGreaterThan(0.9);
    expect(run.model.input).toEqual([32, 32, 1]);
    expect(run.model.scaling).toEqual(network().scaling);
    // The loss is the network's own: far from ln 10 in the beginning, when all penalties are near 84.
    expect(run.history[0]!.train.loss).toBeGreaterThan(5);
    const again = await evaluate(run.model, test, quiet);
    expect([again.loss, again.accuracy]).toEqual([run.history[7]!.test!.loss, run.history[7]!.test!.accuracy]);
  });

  it("distorts alike for any number of threads, anew in each epoch, and never in evaluation", async () => {
    const of = (options: TrainOptions) => train(network(), learn, { ...short, ...options });
    const [one, two, none, other] = await Promise.all([
      of({ threads: 1 }),
      of({ threads: 2 }),
      of({ distort: false }),
      of({ distort: { shear: 0 } }),
    ]);
    expect(bits(two.model)).toEqual(bits(one.model));
    expect(two.history.map(({ test }) => test)).toEqual(one.history.map(({ test }) => test));
    expect(bits(none.model)).not.toEqual(bits(one.model));
    expect(bits(other.model)).not.toEqual(bits(one.model));
    const again = await evaluate(one.model, test, quiet);
    expect(again.loss).toBe(one.history[1]!.test!.loss);
    await expect(of({ distort: { scale: 2 } })).rejects.toThrow("distort: scale is 2");
  });
});

describe("a classifier", () => {
  it("puts a smaller picture on a border of background, as training does", async () => {
    const model = untrained(network(), { data: learn, seed: 5 });
    const classify = await createClassifier(model, quiet);
    const small = learn.images.subarray(0, 784);
    const field = new Uint8Array(1024);
    for (let y = 0; y < 28; y++) field.set(small.subarray(28 * y, 28 * y + 28), 32 * (y + 2) + 2);
    const whole = await classify(field);
    expect((await classify(small)).logits).toEqual(whole.logits);
    const scaled = Float32Array.from(small, (p) => (p / 255 - model.scaling.mean[0]!) / model.scaling.std[0]!);
    expect((await classify(scaled)).logits).toEqual(whole.logits);
    // Ten negative penalties, which the likeliest class has least of.
    expect(Math.max(...whole.logits)).toBeLessThan(0);
    expect(whole.logits[whole.label]).toBe(Math.max(...whole.logits));
    await expect(classify(new Uint8Array(27 * 27))).rejects.toThrow("the picture has 729 numbers, expected 1024");
    await expect(classify(new Uint8Array(14 * 14))).rejects.toThrow("the picture has 196 numbers");
    await classify.close();
  });
});

describe("files", () => {
  it("hold C3 as a whole convolution with zeros, and give the same model back", async () => {
    const model = untrained(network(), { data: learn, seed: 5 });
    const path = join(temporaryFolder(), "model.safetensors");
    await saveModel(path, model);
    const { tensors } = await readSafetensorsFile(path);
    const c3 = tensors.get("c3.weight")!;
    expect(c3.shape).toEqual([16, 6, 5, 5]);
    // OIHW: exactly the kernels of the table are there.
    for (let kernel = 0; kernel < 96; kernel++) {
      const there = Array.from(c3.data.subarray(25 * kernel, 25 * kernel + 25) as Float32Array).some((x) => x !== 0);
      expect(there).toBe(C3_CONNECTIONS[Math.floor(kernel / 6)]!.includes(kernel % 6));
    }
    const loaded = await loadModel(path);
    expect(bits(loaded)).toEqual(bits(model));
    expect(loaded.scaling).toEqual(model.scaling);
    expect(loaded.module.loss).toEqual({ kind: "maximumAPosteriori", j: 10 });
    const from = model.weights.get("c3.weight")!.data;
    expect((c3.data as Float32Array)[6 * 25 * 15]).toBe(from[9]); // map 15 sees map 0 last of its ten
  });

  it("of other programs take the network's scaling, and must be zero where nothing is connected", async () => {
    const model = untrained(network(), { data: learn, seed: 5 });
    const path = join(temporaryFolder(), "model.safetensors");
    await saveModel(path, model);
    const { tensors } = await readSafetensorsFile(path);
    await writeSafetensorsFile(path, tensors, {});
    expect((await loadModel(path, { network: "lenet5-1998" })).scaling).toEqual(model.scaling);
    const whole = Float32Array.from(tensors.get("c3.weight")!.data as Float32Array);
    whole[3 * 25] = 1e-6;
    const changed = new Map<string, TensorToWrite>(tensors).set("c3.weight", { shape: [16, 6, 5, 5], data: whole });
    await writeSafetensorsFile(path, changed, {});
    await expect(loadModel(path, { network: "lenet5-1998" })).rejects.toThrow(
      'tensor "c3.weight": the kernel from map 3 to map 0 is not zero, but these are not connected',
    );
  });
});
