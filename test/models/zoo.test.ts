/** What the published networks start with, as papers and torchvision say it, and what their options refuse. */
import { expect, it } from "vitest";
import * as models from "#fovea/models/index.js";
import { type Initializer, parametersOf } from "#fovea/nn/index.js";

const startOf = (network: string, name: string): Initializer =>
  parametersOf(models.create(network).module).get(name)!.init;
const constant = (value: number) => ({ kind: "constant", value });

it("starts AlexNet as the paper does: N(0, 0.01^2), biases 1 in conv 2, 4, 5 and the hidden dense layers", () => {
  const ones: string[] = [];
  for (const [name, { init }] of parametersOf(models.create("alexnet-2012").module)) {
    if (name.endsWith("weight")) expect(init).toEqual({ kind: "normal", mean: 0, standardDeviation: 0.01 });
    else if (init.kind === "constant" && init.value === 1) ones.push(name);
    else expect(init).toEqual(constant(0));
  }
  expect(ones).toEqual(["conv2.bias", "conv4.bias", "conv5.bias", "fc6.bias", "fc7.bias"]);
});

it("starts the others as torchvision does, with He's distribution of the fan-out in VGG and ResNet", () => {
  const he = (fan: number) => ({ kind: "kaimingNormal", fanIn: fan, negativeSlope: 0 });
  expect(startOf("vgg16", "features.2.weight")).toEqual(he(9 * 64));
  expect(startOf("vgg16", "features.2.bias")).toEqual(constant(0));
  expect(startOf("vgg16_bn", "features.1.weight")).toEqual(constant(1));
  expect(startOf("vgg16", "classifier.0.weight")).toEqual({ kind: "normal", mean: 0, standardDeviation: 0.01 });
  expect(startOf("resnet50", "conv1.weight")).toEqual(he(49 * 64));
  expect(startOf("resnet50", "layer2.0.downsample.0.weight")).toEqual(he(512));
  expect(startOf("resnet50", "layer2.0.bn3.bias")).toEqual(constant(0));
  expect(startOf("squeezenet1_1", "features.3.squeeze.weight")).toEqual({
    kind: "kaimingUniform",
    fanIn: 64,
    negativeSlope: 0,
  });
  expect(startOf("squeezenet1_1", "classifier.1.weight")).toMatchObject({ kind: "normal", standardDeviation: 0.01 });
  // PyTorch's own layers: within 1 / sqrt(fan-in).
  expect(startOf("alexnet", "features.0.bias")).toEqual({
    kind: "uniform",
    low: -1 / Math.sqrt(363),
    high: 1 / Math.sqrt(363),
  });
  // CIFAR's: He's of the fan-in.
  expect(startOf("resnet20", "layer2.0.conv1.weight")).toEqual(he(9 * 16));
});

it("refuses pictures that are too small and a stride that is nowhere", () => {
  expect(() => models.create("vgg11", { size: 31 })).toThrow(
    "vgg11: option size is 31, expected a whole number from 32",
  );
  expect(() => models.create("alexnet-2012", { size: 66 })).toThrow(
    "option size is 66, expected a whole number from 67",
  );
  expect(() => models.create("resnet50", { strideOn: "5x5" })).toThrow(
    'resnet50: option strideOn is "5x5", expected "3x3" or, as in the paper, "1x1"',
  );
  expect(() => models.create("resnet18", { strideOn: "1x1" })).toThrow("unknown option of resnet18");
  expect(() => models.create("resnet18", { classes: 0 })).toThrow("out is 0, expected a whole number from 1");
});
