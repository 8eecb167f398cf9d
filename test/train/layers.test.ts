/** What a layer gave, brought along with the answer; and models as bytes, as pages fetch them. */
import { expect, it } from "vitest";
import { createClassifier } from "#fovea/model/classifier.js";
import { encodeModel, parseModel } from "#fovea/model/model-file.js";
import type { TrainedModel } from "#fovea/model/trained-model.js";
import { conv2d, flatten, linear, maxPool2d, relu, sequential } from "#fovea/nn/index.js";

const module = sequential({
  conv: conv2d({ in: 1, out: 2, kernel: 1 }),
  relu: relu(),
  pool: maxPool2d(2),
  flatten: flatten(),
  fc: linear({ in: 2, out: 2 }),
});
const weight = (shape: number[], ...data: number[]) => ({ shape, data: Float32Array.from(data) });
const model: TrainedModel = {
  module,
  input: [2, 2, 1],
  classes: ["no", "yes"],
  scaling: { mean: [0], std: [1] },
  weights: new Map([
    ["conv.weight", weight([1, 1, 1, 2], 1, -1)],
    ["conv.bias", weight([2], 0, 1)],
    ["fc.weight", weight([2, 2], 1, 0, 0, 2)],
    ["fc.bias", weight([2], 0, 0)],
  ]),
};

it.each(["wasm", undefined] as const)("gives what the layers gave (backend %s)", async (backend) => {
  const classify = await createClassifier(model, { backend, batch: 2, layers: ["conv", "relu", "pool", "fc"] });
  const [first, second] = await classify.all([
    [1, -2, 3, 4],
    [0, 0, 0, -5],
  ]);
  // Channel 0 is x, channel 1 is 1 - x.
  expect([...(first?.layers.keys() ?? [])]).toEqual(["conv", "relu", "pool", "fc"]);
  expect(first?.layers.get("conv")).toEqual({
    shape: [2, 2, 2],
    data: Float32Array.of(1, 0, -2, 3, 3, -2, 4, -3),
  });
  expect(first?.layers.get("relu")?.data).toEqual(Float32Array.of(1, 0, 0, 3, 3, 0, 4, 0));
  expect(first?.layers.get("pool")).toEqual({ shape: [1, 1, 2], data: Float32Array.of(4, 3) });
  expect([first?.logits, first?.layers.get("fc")?.data, first?.class]).toEqual([
    Float32Array.of(4, 6),
    Float32Array.of(4, 6),
    "yes",
  ]);
  expect(second?.layers.get("relu")?.data).toEqual(Float32Array.of(0, 1, 0, 1, 0, 1, 0, 6));
  await classify.close();
});

it("names the layers there are where one is not", async () => {
  await expect(createClassifier(model, { layers: ["relu1"] })).rejects.toThrow(
    'unknown layer "relu1"; did you mean "relu"? (known: conv, relu, pool, flatten, fc)',
  );
});

it("reads a model from bytes as it was written to them", () => {
  const bytes = new Uint8Array(Buffer.concat(encodeModel(model)));
  const { input, classes, scaling, weights } = parseModel(bytes, { network: module });
  expect({ input, classes, scaling, weights }).toEqual({
    input: model.input,
    classes: model.classes,
    scaling: model.scaling,
    weights: model.weights,
  });
  expect(() => parseModel(bytes.subarray(0, -4), { network: module }, "digits.safetensors")).toThrow(
    /^digits\.safetensors: cut short/,
  );
});
