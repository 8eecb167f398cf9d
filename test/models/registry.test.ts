/**
 * Every registered network: its parameter count, its protocol, and a forward and backward pass, through the float64 oracle where
 * that is cheap and compiled at a reduced size where it is not. zoo-torch.test.ts compares the families with PyTorch.
 */
import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import * as models from "#fovea/models/index.js";
import { CROSS_ENTROPY, initialize, lossOf, parameterCount, parametersOf, savedOf, trace } from "#fovea/nn/index.js";
import { differentiate, mean } from "#fovea/ops/index.js";
import { compiledNetwork } from "../support/compiled-network.js";
import { random } from "../support/random.js";

const PUBLISHED: Readonly<Record<string, number>> = {
  mlp: 266_610,
  lenet5: 61_706,
  "lenet5-1998": 60_000,
  alexnet: 61_100_840,
  "bn-alexnet": 61_119_528,
  "alexnet-2012": 60_965_224,
  vgg11: 132_863_336,
  vgg11_bn: 132_868_840,
  vgg13: 133_047_848,
  vgg13_bn: 133_053_736,
  vgg16: 138_357_544,
  vgg16_bn: 138_365_992,
  vgg19: 143_667_240,
  vgg19_bn: 143_678_248,
  resnet18: 11_689_512,
  resnet34: 21_797_672,
  resnet50: 25_557_032,
  resnet101: 44_549_160,
  resnet152: 60_192_808,
  resnext50_32x4d: 25_028_904,
  resnext101_32x8d: 88_791_336,
  wide_resnet50_2: 68_883_240,
  wide_resnet101_2: 126_886_696,
  seresnet50: 28_088_024,
  resnet20: 269_722,
  resnet32: 464_154,
  resnet44: 658_586,
  resnet56: 853_018,
  resnet110: 1_727_962,
  squeezenet1_0: 1_248_424,
  squeezenet1_1: 1_235_496,
  nin: 7_595_176,
  "bn-nin": 7_600_432,
  enet: 466_519,
  googlenet: 6_624_904,
  inception_v3: 27_161_264,
  inception_v4: 42_679_816,
  densenet121: 7_978_856,
  densenet161: 28_681_000,
  densenet169: 14_149_480,
  densenet201: 20_013_928,
  mobilenet_v2: 3_504_872,
  mobilenet_v3_large: 5_483_032,
  mobilenet_v3_small: 2_542_856,
  mnasnet1_0: 4_383_312,
  shufflenet_v2_x0_5: 1_366_792,
  shufflenet_v2_x1_0: 2_278_604,
  shufflenet_v2_x1_5: 3_503_624,
  shufflenet_v2_x2_0: 7_393_996,
  regnet_x_400mf: 5_495_976,
  regnet_y_400mf: 4_344_144,
  regnet_y_800mf: 6_432_512,
  regnet_y_1_6gf: 11_202_430,
  efficientnet_b0: 5_288_548,
  efficientnet_b1: 7_794_184,
  efficientnet_b2: 9_109_994,
  efficientnet_b3: 12_233_232,
  efficientnet_b4: 19_341_616,
  efficientnet_v2_s: 21_458_488,
  convnext_tiny: 28_589_128,
  convnext_small: 50_223_688,
  convnext_base: 88_591_464,
  // Ours: 24 times 12 weights and 24 biases of the whitening, 9 (24 64 + 64^2 + 64 256 + 3 256^2) weights, 2 (2 64 + 4 256) of norms, 2560.
  "fast-cifar": 1_972_792,
  "alphago-policy": 3_882_793,
};
const BATCH = 2;
/** What the float64 oracle is asked for: above that the programs are compiled. */
const ORACLE_PARAMETERS = 300_000;
const isSmall = (name: string) => PUBLISHED[name]! < ORACLE_PARAMETERS && !name.startsWith("resnet");
const names = models.list().map((m) => m.name);

/** Networks that are straight along no step that float32 can tell, as they begin: zoo-torch.test.ts holds their gradients to PyTorch's. */
const CROOKED = /^inception|^nin$/;
/** Pictures of the reduced networks, by the first pattern that fits. */
const SIZES: readonly (readonly [RegExp, number])[] = [
  [/^alexnet-2012/, 67],
  [/^alphago/, 9],
  [/^inception/, 139],
  [/^vgg|^(wide_|se)?resnet|^resnext/, 32],
  [/./, 64],
];

/** The same network with smaller pictures, narrower dense layers, fewer classes and nothing dropped. */
function reduced(name: string): models.Model {
  const [, size] = SIZES.find(([of]) => of.test(name))!;
  const small: models.ModelOptions = {
    size,
    hidden: 32,
    classes: 10,
    dropout: 0,
    stochasticDepth: 0,
    filters: 32,
    aux: false,
  };
  const { defaults } = models.definitionOf(name);
  return models.create(name, Object.fromEntries(Object.entries(small).filter(([key]) => key in defaults)));
}

it("lists every network with a published count", () => {
  expect(models.list().map((m) => m.name)).toEqual(Object.keys(PUBLISHED));
});

/** In place of `it` where the other test of a pair is the one for networks of this size. */
const unless = (_name: string, _test: () => void | Promise<void>): void => {};

describe.each(names)("%s", (name) => {
  it("has the published number of parameters", () => {
    expect(parameterCount(models.create(name).module)).toBe(PUBLISHED[name]);
    expect(models.definitionOf(name).parameters).toBe(PUBLISHED[name]);
  });

  it("has features and a head, and takes a new head for other classes", () => {
    const model = models.create(name);
    const { module, input, classes, options } = model;
    if (!(module instanceof models.ImageClassifier)) expect.fail(`${name} is a ${module.constructor.name}`);
    const { features } = module;
    // Classifiers for training alone stand between the two.
    const own = [...parametersOf(module).keys()].filter((path) => !path.startsWith("AuxLogits"));
    expect([...parametersOf(features).keys(), ...parametersOf(module.head).keys()]).toEqual(own);
    if (!("classes" in options)) {
      expect(() => module.resetClassifier(classes + 1)).toThrow(`not for ${classes + 1} classes`);
      return;
    }
    const before = [...parametersOf(module)];
    module.resetClassifier(classes + 3);
    // A saved model says what makes the same network again.
    expect([model.classes, model.options, module.classes]).toEqual([
      classes + 3,
      { ...options, classes: classes + 3 },
      classes + 3,
    ]);
    expect(models.create(name, model.options).classes).toBe(classes + 3);
    expect(module.features).toBe(features);
    expect(trace(module, { input, training: false }).output.shape).toEqual([classes + 3]);
    // The features' parameters are the same ones, the head's are new under the same names.
    const kept = parametersOf(features).size;
    for (const [i, [path, parameter]] of [...parametersOf(module)].entries()) {
      expect(path).toBe(before[i]![0]);
      expect(parameter === before[i]![1], path).toBe(i < kept);
    }
  });

  (isSmall(name) ? unless : it)(
    "compiles, runs forward and backward, and a step down the gradient lowers the loss",
    async () => {
      const model = reduced(name);
      const batch = 8;
      const { session, names: parameters, run } = await compiledNetwork(model, batch);
      try {
        const rng = random(5);
        const states = new Map<string, Float32Array>();
        // A uniform number of variance 1 stands for a normal one, which is slow for 60 million.
        const normal = () => Math.sqrt(12) * (rng.uniform() - 0.5);
        for (const [path, { shape, init }] of savedOf(model.module)) {
          const numbers = new Float32Array(shape.reduce((a, b) => a * b, 1));
          initialize(numbers, init, { uniform: rng.uniform, normal });
          // A random network of 152 layers is straight nowhere: its branches are made small beside its shortcuts.
          if (/^layer.*bn[23]\.weight$/.test(path)) numbers.fill(0.2);
          states.set(path, numbers);
          await session.writeState(path, numbers);
        }
        // Planes of a board are no colours, and taken as they are.
        const { mean, std } = model.scaling ?? { mean: [0, 0, 0], std: [1, 1, 1] };
        const pixels = Float32Array.from(
          { length: batch * model.input.reduce((a, b) => a * b, 1) },
          (_, i) => (rng.uniform() - mean[i % 3]!) / std[i % 3]!,
        );
        const labels = Array.from({ length: batch }, (_, i) => i % model.classes);
        const lossOfRun = (losses: Float32Array) => losses.reduce((sum, x) => sum + x, 0) / batch;
        const first = await run(pixels, labels);
        const before = lossOfRun(first("losses"));
        let squares = 0;
        for (const path of parameters) {
          const slope = first(`d ${path}`).reduce((sum, g) => sum + g * g, 0);
          expect(slope > 0 && Number.isFinite(slope), `${path}: |gradient|^2 is ${slope}`).toBe(true);
          squares += slope;
        }
        // A step that lowers the loss by this much where it is straight.
        const fall = 2e-4 * before;
        const rate = fall / squares;
        for (const path of parameters) {
          const slope = first(`d ${path}`);
          await session.writeState(
            path,
            states.get(path)!.map((w, i) => w - rate * slope[i]!),
          );
        }
        const after = lossOfRun((await run(pixels, labels))("losses"));
        expect((before - after) / fall).toBeGreaterThan(CROOKED.test(name) ? 0.2 : 0.8);
        expect((before - after) / fall).toBeLessThan(1.2);
      } finally {
        await session.close();
      }
    },
  );

  (isSmall(name) ? it : unless)("runs forward and backward, and a step down the gradient lowers the loss", () => {
    const { module, input, classes } = models.create(name);
    const { graph, output, parameters } = trace(module, { input, training: true });
    expect(output.shape).toEqual([classes]);
    const labels = graph.input("labels", { shape: [], dtype: "i32" });
    const loss = mean(lossOf(module.loss ?? CROSS_ENTROPY, output, labels), { batch: true });
    const names = [...parameters.keys()];
    const gradients = differentiate(
      loss,
      names.map((n) => parameters.get(n)!.value),
    );
    const rng = random(3);
    const states: Record<string, Tensor> = {};
    for (const [n, { value, init }] of parameters) {
      const numbers = new Float32Array(value.shape.reduce((a, b) => a * b, 1));
      initialize(numbers, init, rng);
      states[n] = tensor(value.shape, numbers);
    }
    const pixels = Float64Array.from({ length: BATCH * input.reduce((a, b) => a * b, 1) }, () => rng.uniform());
    const inputs = { input: tensor([BATCH, ...input], pixels), labels: tensor([BATCH], [3, classes - 1]) };
    const [before, ...slopes] = evaluate([loss, ...gradients], { inputs, states }, BATCH);
    // Untrained networks guess: the loss is near that of equal probabilities.
    if (module.loss === undefined) expect(Math.abs(before!.data[0]! - Math.log(classes))).toBeLessThan(0.3);
    let squares = 0;
    const rate = 1e-6;
    const moved = Object.fromEntries(
      names.map((n, i) => {
        const slope = slopes[i]!.data;
        expect(slope.some((g) => g !== 0)).toBe(true);
        squares += slope.reduce((sum, g) => sum + g * g, 0);
        return [
          n,
          tensor(
            states[n]!.shape,
            states[n]!.data.map((w, k) => w - rate * slope[k]!),
          ),
        ];
      }),
    );
    const after = evaluate([loss], { inputs, states: moved }, BATCH)[0]!.data[0]!;
    // First order: the loss falls by rate * |gradient|^2.
    expect((before!.data[0]! - after) / (rate * squares)).toBeCloseTo(1, 1);
  });
});

describe("lenet5", () => {
  it("has torch-style parameter names, HWIO weights and [in, out] matrices", () => {
    const shapes = [...parametersOf(models.create("lenet5").module)].map(([n, p]) => `${n} ${p.shape.join("x")}`);
    expect(shapes).toEqual([
      "conv1.weight 5x5x1x6",
      "conv1.bias 6",
      "conv2.weight 5x5x6x16",
      "conv2.bias 16",
      "fc1.weight 400x120",
      "fc1.bias 120",
      "fc2.weight 120x84",
      "fc2.bias 84",
      "fc3.weight 84x10",
      "fc3.bias 10",
    ]);
  });

  it("takes 32x32 pictures without padding, and other channels and classes", () => {
    const model = models.create("lenet5", { size: 32, channels: 3, classes: 7 });
    expect(model.input).toEqual([32, 32, 3]);
    expect(model.classes).toBe(7);
    expect(model.options).toEqual({ classes: 7, channels: 3, size: 32 });
    expect(trace(model.module, { input: model.input, training: false }).output.shape).toEqual([7]);
    // 300 more weights in conv1, and 3 classes of 85 numbers less.
    expect(parameterCount(model.module)).toBe(61_706 + 300 - 255);
  });
});

describe("names and options", () => {
  it("names the nearest network", () => {
    expect(() => models.create("lenet")).toThrow(
      'unknown network "lenet"; did you mean "lenet5"? (known: mlp, lenet5, lenet5-1998, alexnet',
    );
  });
  it("refuses unknown options and wrong kinds", () => {
    expect(() => models.create("lenet5", { clases: 3 })).toThrow(
      'unknown option of lenet5 "clases"; did you mean "classes"?',
    );
    expect(() => models.create("mlp", { classes: "ten" })).toThrow(
      'mlp: option classes is "ten", expected a number such as 10',
    );
    expect(() => models.create("lenet5", { size: 30 })).toThrow("option size is 30, expected 28 (padded by 2) or 32");
  });
  it("refuses to register a name twice", () => {
    expect(() => models.registerModel(models.definitionOf("mlp"))).toThrow('there is already a network "mlp"');
  });
});
