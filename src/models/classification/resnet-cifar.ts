/**
 * ResNet for CIFAR (He, Zhang, Ren, Sun 2015, section 4.2): a 3x3 convolution, three stages of n blocks of two 3x3
 * convolutions at 16, 32 and 64 channels, the mean of each map, one dense layer: 6n + 2 layers. Shortcuts have no
 * parameters: where a stage halves the picture they take every second pixel and add channels of zeros (kind A).
 *
 * Names are those of the weights that are published for CIFAR-10; initial values are He's, of the fan-in.
 */

import {
  batchNorm2d,
  conv2d,
  flatten,
  globalAvgPool2d,
  linear,
  type Module,
  relu,
  sequential,
} from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, heNormal, IMAGENET_SCALING } from "../parts.js";
import { Residual, SubsampleAndPad } from "./residual.js";

/** Blocks a stage. */
const VARIANTS = [
  { name: "resnet20", blocks: 3, parameters: 269_722 },
  { name: "resnet32", blocks: 5, parameters: 464_154 },
  { name: "resnet44", blocks: 7, parameters: 658_586 },
  { name: "resnet56", blocks: 9, parameters: 853_018 },
  { name: "resnet110", blocks: 18, parameters: 1_727_962 },
];

const convolution = (inputs: number, out: number, stride = 1): Module =>
  conv2d({ in: inputs, out, kernel: 3, stride, padding: 1, bias: false, weightInit: heNormal(9 * inputs) });

function block(inputs: number, out: number): Residual {
  const stride = inputs === out ? 1 : 2;
  const main = sequential({
    conv1: convolution(inputs, out, stride),
    bn1: batchNorm2d({ channels: out }),
    relu1: relu(),
    conv2: convolution(out, out),
    bn2: batchNorm2d({ channels: out }),
  });
  return new Residual(main, stride === 1 ? undefined : new SubsampleAndPad(stride, out));
}

const stage = (inputs: number, out: number, blocks: number): Module =>
  sequential(...Array.from({ length: blocks }, (_, i) => block(i === 0 ? inputs : out, out)));

export const cifarResnets = VARIANTS.map(({ name, blocks, parameters }) =>
  defineModel({
    name,
    description: `ResNet of ${name.slice(6)} layers for CIFAR, shortcuts without parameters; 32x32`,
    defaults: { classes: 10, size: 32 },
    parameters,
    input: ({ size }) => [size, size, 3],
    classes: ({ classes }) => classes,
    scaling: IMAGENET_SCALING,
    // The paper's 64,000 steps of 128 pictures.
    training: { epochs: 164, batchSize: 128, lr: 0.1, weightDecay: 1e-4, warmupSteps: 400 },
    build({ classes, size }) {
      checkSize(name, size, 8);
      return imageClassifier({
        features: sequential({
          conv1: convolution(3, 16),
          bn1: batchNorm2d({ channels: 16 }),
          relu: relu(),
          layer1: stage(16, 16, blocks),
          layer2: stage(16, 32, blocks),
          layer3: stage(32, 64, blocks),
        }),
        head: (outputs) =>
          sequential({
            avgpool: globalAvgPool2d(),
            flatten: flatten(),
            linear: linear({ in: 64, out: outputs, weightInit: heNormal(64) }),
          }),
        classes,
      });
    },
  }),
);
