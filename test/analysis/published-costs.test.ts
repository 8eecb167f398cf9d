/**
 * Multiply-adds of the zoo against published ones: torchvision's weight documentation (GFLOPS, which there are multiply-adds
 * in units of 10^9, to three digits), and for the others the sums of their papers' layers, worked by hand.
 */
import { expect, it } from "vitest";
import { summarize } from "#fovea/analysis/summary.js";
import * as models from "#fovea/models/index.js";

const TORCHVISION = {
  alexnet: 0.714,
  "bn-alexnet": 0.714,
  vgg11: 7.609,
  vgg11_bn: 7.609,
  vgg13: 11.308,
  vgg13_bn: 11.308,
  vgg16: 15.47,
  vgg16_bn: 15.47,
  vgg19: 19.632,
  vgg19_bn: 19.632,
  resnet18: 1.814,
  resnet34: 3.664,
  resnet50: 4.089,
  resnet101: 7.801,
  resnet152: 11.514,
  resnext50_32x4d: 4.23,
  resnext101_32x8d: 16.414,
  wide_resnet50_2: 11.398,
  wide_resnet101_2: 22.753,
  squeezenet1_0: 0.819,
  squeezenet1_1: 0.349,
  googlenet: 1.498,
  inception_v3: 5.713,
  densenet121: 2.834,
  densenet161: 7.728,
  densenet169: 3.36,
  densenet201: 4.291,
  mobilenet_v2: 0.301,
  mobilenet_v3_large: 0.217,
  mobilenet_v3_small: 0.057,
  mnasnet1_0: 0.314,
  shufflenet_v2_x0_5: 0.04,
  shufflenet_v2_x1_0: 0.145,
  shufflenet_v2_x1_5: 0.296,
  shufflenet_v2_x2_0: 0.583,
  regnet_x_400mf: 0.414,
  regnet_y_400mf: 0.402,
  regnet_y_800mf: 0.834,
  regnet_y_1_6gf: 1.612,
  efficientnet_b0: 0.386,
  efficientnet_b1: 0.687,
  efficientnet_b2: 1.088,
  efficientnet_b3: 1.827,
  efficientnet_b4: 4.394,
  efficientnet_v2_s: 8.366,
  convnext_tiny: 4.456,
  convnext_small: 8.684,
  convnext_base: 15.355,
};

/** Of a ResNet for CIFAR with n blocks a stage: 3x3 convolutions at 32x32x16, 16x16x32 and 8x8x64, and a dense layer. */
const cifar = (n: number) =>
  1024 * 27 * 16 +
  2 * n * 1024 * 9 * 16 * 16 +
  (256 * 9 * 16 * 32 + (2 * n - 1) * 256 * 9 * 32 * 32) +
  (64 * 9 * 32 * 64 + (2 * n - 1) * 64 * 9 * 64 * 64) +
  640;

/** Network in network: 11x11 at 54x54, 5x5 at 27x27, 3x3 at 13x13 and 6x6, two or one of 1x1 behind each. */
const NIN =
  54 * 54 * (363 * 96 + 2 * 96 * 96) +
  27 * 27 * (2400 * 256 + 2 * 256 * 256) +
  13 * 13 * (2304 * 384 + 2 * 384 * 384) +
  6 * 6 * (3456 * 1024 + 1024 * 1024 + 1024 * 1000);

const BY_HAND = {
  nin: NIN,
  "bn-nin": NIN,
  mlp: 784 * 300 + 300 * 100 + 100 * 10,
  lenet5: 28 * 28 * 25 * 6 + 10 * 10 * 150 * 16 + 400 * 120 + 120 * 84 + 84 * 10,
  // C3 is computed with zeros where the paper connects nothing; the output's distances are no multiply-adds of a layer.
  "lenet5-1998": 28 * 28 * 25 * 6 + 10 * 10 * 150 * 16 + 400 * 120 + 120 * 84,
  // Two groups in the second, fourth and fifth convolution.
  "alexnet-2012":
    55 * 55 * 363 * 96 +
    27 * 27 * 1200 * 256 +
    13 * 13 * (2304 * 384 + 1728 * 384 + 1728 * 256) +
    9216 * 4096 +
    4096 * 4096 +
    4096 * 1000,
  resnet20: cifar(3),
  resnet32: cifar(5),
  resnet44: cifar(7),
  resnet56: cifar(9),
  resnet110: cifar(18),
};

const multiplyAdds = async (name: string) => (await summarize(models.create(name))).multiplyAdds;

it.each(Object.entries(TORCHVISION))("%s: %d GMAC", async (name, published) => {
  expect(Number(((await multiplyAdds(name)) / 1e9).toFixed(3))).toBe(published);
});

it.each(Object.entries(BY_HAND))("%s: %d multiply-adds", async (name, counted) => {
  expect(await multiplyAdds(name)).toBe(counted);
});

/** Multiply-adds of these are not published. */
const UNPUBLISHED = ["fast-cifar", "alphago-policy", "inception_v4", "enet", "seresnet50"];

it("knows every network that is carried, or says which it does not", () => {
  const known = [...Object.keys(TORCHVISION), ...Object.keys(BY_HAND), ...UNPUBLISHED];
  expect(
    models
      .list()
      .map(({ name }) => name)
      .filter((name) => !known.includes(name)),
  ).toEqual([]);
});
