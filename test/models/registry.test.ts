/** Every registered network: its parameter count, and a forward and backward pass through the float64 oracle. */
import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import * as models from "#fovea/models/index.js";
import { CROSS_ENTROPY, initialize, lossOf, parameterCount, parametersOf, trace } from "#fovea/nn/index.js";
import { differentiate, mean } from "#fovea/ops/index.js";
import { random } from "../support/random.js";

const PUBLISHED: Readonly<Record<string, number>> = { mlp: 266_610, lenet5: 61_706, "lenet5-1998": 60_000 };
const BATCH = 2;

it("lists every network with a published count", () => {
  expect(models.list().map((m) => m.name)).toEqual(Object.keys(PUBLISHED));
});

describe.each(models.list().map((m) => m.name))("%s", (name) => {
  it("has the published number of parameters", () => {
    expect(parameterCount(models.create(name).module)).toBe(PUBLISHED[name]);
    expect(models.definitionOf(name).parameters).toBe(PUBLISHED[name]);
  });

  it("runs forward and backward, and a step down the gradient lowers the loss", () => {
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
      'unknown network "lenet"; did you mean "lenet5"? (known: mlp, lenet5, lenet5-1998)',
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
