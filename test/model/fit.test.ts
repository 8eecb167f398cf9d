/** What does not fit the network: answers that are not what the labels ask for, and weights that are not the network's. */
import { describe, expect, it } from "vitest";
import { lookInside } from "#fovea/analysis/inspect/look.js";
import { FileError, FoveaError, OptionError, ShapeError } from "#fovea/base/errors.js";
import type { Value } from "#fovea/graph/graph.js";
import { createClassifier } from "#fovea/model/classifier.js";
import { encodeModel, parseModel } from "#fovea/model/model-file.js";
import { type TrainedModel, untrained } from "#fovea/model/trained-model.js";
import { initialWeights, type Weight } from "#fovea/model/weights/weights.js";
import * as nn from "#fovea/nn/index.js";
import * as ops from "#fovea/ops/index.js";
import { createLabeller } from "#fovea/segmentation/labeller.js";
import { sceneDataset } from "#fovea/segmentation/scene-dataset.js";
import { evaluate, train } from "#fovea/train/train.js";
import { toy, toyNetwork } from "../support/toy.js";

const data = toy();
const options = { threads: 1, epochs: 1, note: () => {} };

const errorOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => new Error("nothing was refused"),
    (error: unknown) => error as Error,
  );

class Net extends nn.Module {
  readonly fc = nn.linear({ in: 36, out: 3 });
  readonly #after: (y: Value, x: Value) => Value;
  constructor(after: (y: Value, x: Value) => Value, loss?: unknown) {
    super();
    this.#after = after;
    if (loss !== undefined) this.loss = loss as nn.Loss;
  }
  override forward(x: Value): Value {
    return this.#after(this.fc.forward(ops.flatten(x)), x);
  }
}

describe("an answer that is not a number a class", () => {
  const conv = (out: number, kernel: number) => nn.sequential(nn.conv2d({ in: 1, out, kernel }));

  it.each<[string, nn.Module, string]>([
    [
      "maps",
      conv(3, 3),
      "the network gives 4x4x3, expected one number a class, since each picture has one label; put nn.flatten() and " +
        "nn.linear({ in: 48, out: classes }), or nn.globalAvgPool2d(), behind its last layer",
    ],
    ["one number", new Net((y) => ops.sum(y)), "the network gives one number, expected one number a class"],
    [
      "rows",
      new Net((_, x) => ops.reshape(x, [6, 6])),
      "the network gives 6x6, expected one number a class, since each picture has one label; end it with nn.linear({ in, out: classes })",
    ],
    [
      "no floats",
      new Net((y) => ops.argmax(y)),
      "the network gives one number, expected 32-bit floating-point numbers, one a class; leave argmax out",
    ],
    [
      "a constant",
      new Net((_, x) => x.graph.constant(0, { shape: [3], batched: true })),
      "the network gives 3, which does not depend on its input; use the input in forward",
    ],
    [
      "an unknown loss",
      new Net((y) => y, { kind: "crossentropy" }),
      'unknown loss of the network: kind "crossentropy"; did you mean "crossEntropy"?',
    ],
    [
      "a loss without its number",
      new Net((y) => y, { kind: "maximumAPosteriori" }),
      "loss maximumAPosteriori: j is undefined, expected a number",
    ],
  ])("%s", async (_, module, message) => {
    const model = untrained(module, { data });
    for (const attempt of [
      () => train(module, data, options),
      () => evaluate(model, data, { threads: 1 }),
      () => createClassifier(model, { threads: 1 }),
    ]) {
      const error = await errorOf(attempt());
      expect(error).toBeInstanceOf(message.includes("loss") ? OptionError : ShapeError);
      expect(error.message).toContain(message);
    }
  });

  it("is one where there is one place", async () => {
    expect((await train(conv(3, 6), data, options)).history).toHaveLength(1);
  });

  it("has too few classes", async () => {
    const two = nn.sequential(nn.flatten(), nn.linear({ in: 36, out: 2 }));
    await expect(train(two, data, options)).rejects.toThrow("toy: has 3 classes, but the network tells 2 apart");
  });
});

describe("maps that are not of the labels' size", () => {
  const classes = {
    classes: ["sky", "road"].map((name, value) => ({ name, value, color: [value, 0, 0] as const })),
    ignore: [],
  };
  const scene = { name: "street", height: 8, width: 8, pixels: new Uint8Array(192), labels: new Uint8Array(64) };
  const scenes = sceneDataset({ name: "scenes", classes, scenes: [scene] });
  class PixelNet extends nn.Module {
    readonly body: nn.Module;
    override loss: nn.Loss;
    constructor(body: nn.Module, loss: object = {}) {
      super();
      this.body = body;
      this.loss = { kind: "pixelCrossEntropy", classes: 2, ...loss };
    }
    override forward(x: Value): Value {
      return this.body.forward(x);
    }
  }
  const conv = (out: number, stride = 1) => nn.conv2d({ in: 3, out, kernel: 3, padding: 1, stride });

  it.each<[string, nn.Module, string]>([
    [
      "smaller",
      new PixelNet(conv(2, 2)),
      "the network gives 4x4x2, expected 8x8x2: a number a class for every pixel of the 8x8x3 that it takes; bring its last map to the picture's size, by nn.upsample",
    ],
    [
      "of other classes",
      new PixelNet(conv(3)),
      "the network gives 8x8x3, expected 8x8x2: a number a class for every pixel of the 8x8x3 that it takes; end it with 2 channels",
    ],
    ["none", new PixelNet(nn.sequential(conv(2), nn.flatten())), "the network gives 128, expected 8x8x2"],
    [
      "weighed by other classes",
      new PixelNet(conv(2), { weights: [1, 2, 3] }),
      "loss pixelCrossEntropy: weights are 1, 2, 3, expected a number of at least 0 for each of 2 classes",
    ],
  ])("%s", async (_, module, message) => {
    const error = await errorOf(train(module, scenes, options));
    expect(error).toBeInstanceOf(FoveaError);
    expect(error.message).toContain(message);
    const model = untrained(module, { data: scenes });
    await expect(evaluate(model, scenes, { threads: 1 })).rejects.toThrow(message);
    const labeller = await createLabeller(model, { threads: 1, note: () => {} });
    await expect(labeller.label(scene)).rejects.toThrow(message);
    await labeller.close();
  });
});

describe("weights that are not the network's", () => {
  const module = nn.sequential({
    conv: nn.conv2d({ in: 1, out: 2, kernel: 3 }),
    flatten: nn.flatten(),
    fc: nn.linear({ in: 32, out: 3 }),
  });
  const model = untrained(module, { data });
  const drawn = new Map([...initialWeights(module, 0)].map(([name, { shape, data }]) => [name, { shape, data }]));
  const withWeight = (name: string, weight: Partial<Weight> | undefined) => {
    const weights = new Map<string, Weight>(drawn);
    if (weight === undefined) weights.delete(name);
    else weights.set(name, { ...drawn.get(name)!, ...weight });
    return weights;
  };
  const nan = Float32Array.from(drawn.get("fc.weight")!.data);
  nan[17] = Number.NaN;

  it.each<[string, ReadonlyMap<string, Weight>, string]>([
    ["one is missing", withWeight("fc.bias", undefined), 'the network: "fc.bias" (3) is missing'],
    [
      "all are missing",
      new Map(),
      '"conv.weight" (3x3x1x2) is missing; "conv.bias" (2) is missing; "fc.weight" (32x3) is missing; "fc.bias" (3) is missing',
    ],
    [
      "one too many",
      withWeight("fc.wieght", { shape: [1], data: new Float32Array(1) }),
      '"fc.wieght" belongs to no layer',
    ],
    ["another shape", withWeight("fc.weight", { shape: [3, 32] }), '"fc.weight" (32x3) is given as [3, 32]'],
    [
      "other numbers than its shape",
      withWeight("fc.bias", { data: new Float32Array(4) }),
      '"fc.bias" (3) has 4 numbers, expected 3',
    ],
    [
      "64-bit numbers",
      withWeight("fc.bias", { data: new Float64Array(3) as never }),
      '"fc.bias" (3) is no Float32Array; bring its numbers into one',
    ],
    ["a list", withWeight("fc.bias", { data: [1, 2, 3] as never }), '"fc.bias" (3) is no Float32Array'],
    ["not a number", withWeight("fc.weight", { data: nan }), '"fc.weight" (32x3) has NaN as its number 17'],
    [
      "infinite",
      withWeight("fc.bias", { data: Float32Array.of(0, -Infinity, 0) }),
      '"fc.bias" (3) has -Infinity as its number 1',
    ],
  ])("%s", async (what, weights, message) => {
    const wrong: TrainedModel = { ...model, weights };
    for (const [attempt, where] of [
      [() => train(module, data, { ...options, initial: weights }), "initial: the weights do not fit the network: "],
      [() => createClassifier(wrong, { threads: 1 }), "createClassifier: the model's weights do not fit the network: "],
      [() => evaluate(wrong, data, { threads: 1 }), "evaluate: the model's weights do not fit the network: "],
      [
        () => lookInside(wrong, new Float32Array(36), { threads: 1 }),
        "inspect: the model's weights do not fit the network: ",
      ],
    ] as const) {
      const error = await errorOf(attempt());
      expect(error).toBeInstanceOf(OptionError);
      expect(error.message).toContain(message);
      expect(error.message).toContain(where);
    }
    expect(() => encodeModel(wrong)).toThrow(what.includes("missing") ? FileError : OptionError);
  });

  it("are refused in files, where a number is none", () => {
    const bytes = Buffer.concat(encodeModel({ ...model, weights: drawn }, "m.safetensors"));
    expect(parseModel(bytes, { network: module }).weights.size).toBe(4);
    // The last four bytes are a number of the last tensor.
    new DataView(bytes.buffer, bytes.byteOffset).setFloat32(bytes.length - 4, Number.NaN, true);
    expect(() => parseModel(bytes, { network: module }, "m.safetensors")).toThrow(
      /^m\.safetensors: tensor "\S+" holds NaN \(its number \d+\), expected finite numbers$/,
    );
  });

  it("fit as training and untrained() give them", async () => {
    const { model: trained } = await train(module, data, { ...options, initial: drawn });
    for (const each of [model, trained]) expect((await evaluate(each, data, { threads: 1 })).samples).toBe(12);
    expect((await train(module, data, { ...options, initial: trained.weights })).completed).toBe(true);
  });
});

it("refuses what is no network", async () => {
  await expect(train("lenet5" as never, data)).rejects.toThrow(
    'train: the network is "lenet5", expected a module or what models.create(...) gives; write models.create("lenet5")',
  );
  await expect(train(undefined as never, data)).rejects.toThrow("train: the network is undefined, expected a module");
  expect(() => untrained([] as never, { data })).toThrow("untrained: the network is [], expected a module");
  expect(() => untrained(toyNetwork(), { dat: data } as never)).toThrow(
    'unknown option of untrained "dat"; did you mean "data"?',
  );
});
