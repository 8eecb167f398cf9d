import { expect, it } from "vitest";
import { summarize } from "#fovea/analysis/summary.js";
import { OptionError, ShapeError } from "#fovea/base/errors.js";
import { summaryText } from "#fovea/cli/commands/summary.js";
import { table } from "#fovea/cli/terminal/output.js";
import { CpuDevice } from "#fovea/devices/cpu/cpu-device.js";
import type { Value } from "#fovea/graph/graph.js";
import { createClassifier } from "#fovea/model/classifier.js";
import { untrained } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import * as nn from "#fovea/nn/index.js";
import { add } from "#fovea/ops/index.js";
import { optimizerFrom, TRAINING_DEFAULTS } from "#fovea/train/defaults.js";
import { Trainer } from "#fovea/train/trainer.js";
import { pictures } from "../support/pictures.js";

it("counts LeNet-5 as the textbooks do", async () => {
  const { layers, parameters, multiplyAdds, input, training } = await summarize(models.create("lenet5"));
  const rows = layers.map((l) => [l.path, l.kind, l.output.join("x"), l.parameters, l.multiplyAdds]);
  expect(rows).toEqual([
    ["conv1", "Conv2d", "28x28x6", 156, 28 * 28 * 6 * 25],
    ["relu1", "relu", "28x28x6", 0, 0],
    ["pool1", "MaxPool2d", "14x14x6", 0, 0],
    ["conv2", "Conv2d", "10x10x16", 2416, 10 * 10 * 16 * 25 * 6],
    ["relu2", "relu", "10x10x16", 0, 0],
    ["pool2", "MaxPool2d", "5x5x16", 0, 0],
    ["flatten", "reshape", "400", 0, 0],
    ["fc1", "Linear", "120", 48120, 48000],
    ["relu3", "relu", "120", 0, 0],
    ["fc2", "Linear", "84", 10164, 10080],
    ["relu4", "relu", "84", 0, 0],
    ["fc3", "Linear", "10", 850, 840],
  ]);
  expect([parameters, multiplyAdds, input, training]).toEqual([61_706, 416_520, [28, 28, 1], undefined]);
});

class Residual extends nn.Module {
  readonly inner = nn.conv2d({ in: 2, out: 2, kernel: 3, padding: 1, bias: false });
  override forward(x: Value): Value {
    return add(this.inner.forward(x), x);
  }
}

it("names what a block does itself by the block, and a shared layer once", async () => {
  const block = new Residual();
  const net = nn.sequential({ a: block, again: block, flatten: nn.flatten(), fc: nn.linear({ in: 32, out: 3 }) });
  const { layers } = await summarize(net, { input: [4, 4, 2] });
  expect(layers.map((l) => [l.path, l.kind, l.output, l.parameters, l.multiplyAdds])).toEqual([
    ["a.inner", "Conv2d", [4, 4, 2], 36, 2 * 16 * 36],
    ["a", "Residual", [4, 4, 2], 0, 0],
    ["flatten", "reshape", [32], 0, 0],
    ["fc", "Linear", [3], 99, 96],
  ]);
});

it("counts the memory of inference as a classifier takes it", async () => {
  const model = untrained(models.create("lenet5"), { data: { ...pictures(1), mean: [0], std: [1] } });
  const { inference } = await summarize(models.create("lenet5"), { batch: 8 });
  const classify = await createClassifier(model, { batch: 8, note: () => {} });
  const { memory } = classify;
  await classify.close();
  const { batch, total, engine: _, ...regions } = inference!;
  expect([batch, regions]).toEqual([8, memory]);
  expect(total).toBe(Object.values(memory).reduce((sum, bytes) => sum + bytes, 0));
});

it("counts three products forward and backward for each of a layer behind the first, which passes no gradient on", async () => {
  const { trainingMultiplyAdds, activationBytes } = await summarize(models.create("lenet5"));
  const [first, others] = [28 * 28 * 6 * 25, 416_520 - 28 * 28 * 6 * 25];
  expect(trainingMultiplyAdds).toBe(2 * first + 3 * others);
  expect(activationBytes).toBe(4 * (2 * 4704 + 1176 + 2 * 1600 + 400 + 400 + 2 * 120 + 2 * 84 + 10));
});

it("plans the memory that a trainer takes", async () => {
  const { module, input } = models.create("lenet5");
  const { training } = await summarize(models.create("lenet5"), { batch: 32 });
  const session = await CpuDevice.create({ note: () => {} });
  const data = pictures(64);
  const options = { ...TRAINING_DEFAULTS, batchSize: 32, optimizer: optimizerFrom(TRAINING_DEFAULTS.optimizer) };
  await Trainer.create(session, module, input, { train: data, test: data }, options);
  const { memory } = session;
  await session.close();
  expect(training!.parameters + training!.optimizerState).toBe(memory.store);
  expect(training!.parameters).toBeGreaterThan(4 * 61_706);
  expect(training!.pictures).toBeLessThan(memory.slots);
  expect(training!.pictures + training!.evaluation).toBeGreaterThan(memory.slots);
  expect(training!.packedWeights).toBeGreaterThanOrEqual(memory.prepared);
  // The batch's outputs of both convolutions, padded to eight and sixteen channels, are alive at once.
  expect(training!.activations + training!.gradients).toBeGreaterThan(4 * 32 * (784 * 6 + 100 * 16));
  expect(training!.total).toBe(Object.values(memory).reduce((sum, bytes) => sum + bytes, 0));
  const adam = await summarize(models.create("lenet5"), {
    batch: 32,
    optimizer: optimizerFrom({ name: "adam", lr: 0.1, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 }),
  });
  expect(adam.training!.optimizerState).toBe(2 * adam.training!.parameters);
});

it("says what is missing or does not fit", async () => {
  await expect(summarize(nn.sequential(nn.relu()))).rejects.toBeInstanceOf(OptionError);
  const net = nn.sequential(nn.conv2d({ in: 3, out: 4, kernel: 3 }));
  await expect(summarize(net, { input: [8, 8, 1] })).rejects.toBeInstanceOf(ShapeError);
});

it("is shown as a table with numbers to the right", async () => {
  const net = nn.sequential({ fc: nn.linear({ in: 1000, out: 12 }) });
  const summary = await summarize(net, { input: [1000] });
  expect(summaryText("mine", summary)).toBe(
    [
      "mine: takes 1000",
      "",
      "layer  kind    output  parameters  multiply-adds  activations  sees  stride  from",
      "fc     Linear      12      12,012         12,000           48  all",
      "total                      12,012         12,000           48",
      "",
      "  parameters                  12,012, 47 KiB",
      "  activations of a picture    1 KiB, every layer's kept",
      "  multiply-adds of a picture  12,000 in inference, 24,000 in training",
    ].join("\n"),
  );
  expect(
    table(
      ["a", "b"],
      [
        ["x", "1,000"],
        ["long", "2"],
      ],
    ),
  ).toBe("a         b\nx     1,000\nlong      2");
});
