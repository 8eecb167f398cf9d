/**
 * Inception v3 (Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception architecture for computer vision",
 * 2015): large kernels are taken apart into rows and columns, 7x7 into 1x7 and 7x1. Names and initial values are
 * torchvision's.
 *
 * With `aux`, the default as in torchvision's files, one more classifier reads the middle of the network in training;
 * its loss counts 0.3, and pictures must be of 299 pixels or about. Without it they may be as small as 75.
 *
 * Published weights read pixels scaled by mean 0.5 and deviation 0.5: what torchvision's `transform_input` makes of
 * ImageNet's scaling.
 */
import { OptionError } from "../../base/errors.js";
import {
  avgPool2d,
  dropout,
  flatten,
  globalAvgPool2d,
  linear,
  type Module,
  maxPool2d,
  sequential,
} from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, gaussian, HALF_SCALING } from "../parts.js";
import { branches, column, normedBy, row } from "./inception.js";

const weightInit = gaussian(0.1);
const normed = normedBy(() => weightInit);
const point = { kernel: 1 };
const square = { kernel: 3, padding: 1 };
const halving = { kernel: 3, stride: 2 };
const mean = () => avgPool2d(3, { stride: 1, padding: 1 });
const halvingPool = () => maxPool2d(3, { stride: 2 });

/** 1x1; 5x5; 3x3 twice; a pool: figure 5 of the paper. */
const moduleA = (inputs: number, pooled: number) =>
  branches(
    { branch1x1: normed(inputs, 64, point) },
    { branch5x5_1: normed(inputs, 48, point), branch5x5_2: normed(48, 64, { kernel: 5, padding: 2 }) },
    {
      branch3x3dbl_1: normed(inputs, 64, point),
      branch3x3dbl_2: normed(64, 96, square),
      branch3x3dbl_3: normed(96, 96, square),
    },
    { pool: mean(), branch_pool: normed(inputs, pooled, point) },
  );

/** Halves the picture. */
const moduleB = (inputs: number) =>
  branches(
    { branch3x3: normed(inputs, 384, halving) },
    {
      branch3x3dbl_1: normed(inputs, 64, point),
      branch3x3dbl_2: normed(64, 96, square),
      branch3x3dbl_3: normed(96, 96, halving),
    },
    { pool: halvingPool() },
  );

/** 1x1; 7x7 taken apart; 7x7 twice taken apart; a pool: figure 6 of the paper. */
const moduleC = (inputs: number, few: number) =>
  branches(
    { branch1x1: normed(inputs, 192, point) },
    {
      branch7x7_1: normed(inputs, few, point),
      branch7x7_2: normed(few, few, row(7)),
      branch7x7_3: normed(few, 192, column(7)),
    },
    {
      branch7x7dbl_1: normed(inputs, few, point),
      branch7x7dbl_2: normed(few, few, column(7)),
      branch7x7dbl_3: normed(few, few, row(7)),
      branch7x7dbl_4: normed(few, few, column(7)),
      branch7x7dbl_5: normed(few, 192, row(7)),
    },
    { pool: mean(), branch_pool: normed(inputs, 192, point) },
  );

/** Halves the picture. */
const moduleD = (inputs: number) =>
  branches(
    { branch3x3_1: normed(inputs, 192, point), branch3x3_2: normed(192, 320, halving) },
    {
      branch7x7x3_1: normed(inputs, 192, point),
      branch7x7x3_2: normed(192, 192, row(7)),
      branch7x7x3_3: normed(192, 192, column(7)),
      branch7x7x3_4: normed(192, 192, halving),
    },
    { pool: halvingPool() },
  );

/** 1x1; a row beside a column; 3x3 and a row beside a column; a pool: figure 7 of the paper. */
const moduleE = (inputs: number) =>
  branches(
    { branch1x1: normed(inputs, 320, point) },
    {
      branch3x3_1: normed(inputs, 384, point),
      split: branches({ branch3x3_2a: normed(384, 384, row(3)) }, { branch3x3_2b: normed(384, 384, column(3)) }),
    },
    {
      branch3x3dbl_1: normed(inputs, 448, point),
      branch3x3dbl_2: normed(448, 384, square),
      split: branches({ branch3x3dbl_3a: normed(384, 384, row(3)) }, { branch3x3dbl_3b: normed(384, 384, column(3)) }),
    },
    { pool: mean(), branch_pool: normed(inputs, 192, point) },
  );

const layers = (): Record<string, Module> => ({
  Conv2d_1a_3x3: normed(3, 32, halving),
  Conv2d_2a_3x3: normed(32, 32, { kernel: 3 }),
  Conv2d_2b_3x3: normed(32, 64, square),
  maxpool1: halvingPool(),
  Conv2d_3b_1x1: normed(64, 80, point),
  Conv2d_4a_3x3: normed(80, 192, { kernel: 3 }),
  maxpool2: halvingPool(),
  Mixed_5b: moduleA(192, 32),
  Mixed_5c: moduleA(256, 64),
  Mixed_5d: moduleA(288, 64),
  Mixed_6a: moduleB(288),
  Mixed_6b: moduleC(768, 128),
  Mixed_6c: moduleC(768, 160),
  Mixed_6d: moduleC(768, 160),
  Mixed_6e: moduleC(768, 192),
  Mixed_7a: moduleD(768),
  Mixed_7b: moduleE(1280),
  Mixed_7c: moduleE(2048),
});

const auxiliary = (classes: number): Module =>
  sequential({
    pool: avgPool2d(5, { stride: 3 }),
    conv0: normed(768, 128, point),
    conv1: normedBy(() => gaussian(0.01))(128, 768, { kernel: 5 }),
    avgpool: globalAvgPool2d(),
    flatten: flatten(),
    fc: linear({ in: 768, out: classes, weightInit: gaussian(0.001) }),
  });

export const inceptionV3 = defineModel({
  name: "inception_v3",
  description: "Inception v3: kernels taken apart into rows and columns; 299x299",
  defaults: { classes: 1000, size: 299, dropout: 0.5, aux: true as boolean },
  parameters: 27_161_264,
  input: ({ size }) => [size, size, 3],
  classes: ({ classes }) => classes,
  scaling: HALF_SCALING,
  training: { batchSize: 32, lr: 0.0125, weightDecay: 1e-4 },
  build({ classes, size, dropout: p, aux }) {
    checkSize("inception_v3", size, 75);
    if (aux && size < 299) {
      throw new OptionError(`inception_v3: option size is ${size}, expected at least 299 with aux; set aux to false`);
    }
    return imageClassifier({
      features: sequential(layers()),
      head: (outputs) =>
        sequential({
          avgpool: globalAvgPool2d(),
          dropout: dropout(p),
          flatten: flatten(),
          fc: linear({ in: 2048, out: outputs, weightInit }),
        }),
      ...(aux && {
        auxiliary: {
          weight: 0.3,
          heads: (outputs: number) => ({ AuxLogits: { behind: "Mixed_6e", head: auxiliary(outputs) } }),
        },
      }),
      classes,
    });
  },
});
