/**
 * Inception v4 (Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the impact of residual
 * connections on learning", 2016): four modules of a kind, seven and three of others, between them two that halve the
 * picture; figures 3 to 9 of the paper.
 *
 * Names are timm's, and so are the initial values.
 */
import { avgPool2d, dropout, flatten, globalAvgPool2d, linear, maxPool2d, sequential } from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, HALF_SCALING, heNormal } from "../parts.js";
import { branches, column, normedBy, row } from "./inception.js";

const normed = normedBy(heNormal);
const point = { kernel: 1 };
const open = { kernel: 3 };
const square = { kernel: 3, padding: 1 };
const halving = { kernel: 3, stride: 2 };
const mean = () => avgPool2d(3, { stride: 1, padding: 1, divisor: "valid" });
const halvingPool = () => maxPool2d(3, { stride: 2 });

const stem = () => [
  normed(3, 32, halving),
  normed(32, 32, open),
  normed(32, 64, square),
  branches({ maxpool: halvingPool() }, { conv: normed(64, 96, halving) }),
  branches(
    { branch0: sequential(normed(160, 64, point), normed(64, 96, open)) },
    {
      branch1: sequential(
        normed(160, 64, point),
        normed(64, 64, row(7)),
        normed(64, 64, column(7)),
        normed(64, 96, open),
      ),
    },
  ),
  branches({ conv: normed(192, 192, halving) }, { maxpool: halvingPool() }),
];

const moduleA = () =>
  branches(
    { branch0: normed(384, 96, point) },
    { branch1: sequential(normed(384, 64, point), normed(64, 96, square)) },
    { branch2: sequential(normed(384, 64, point), normed(64, 96, square), normed(96, 96, square)) },
    { branch3: sequential(mean(), normed(384, 96, point)) },
  );

const reductionA = () =>
  branches(
    { branch0: normed(384, 384, halving) },
    { branch1: sequential(normed(384, 192, point), normed(192, 224, square), normed(224, 256, halving)) },
    { branch2: halvingPool() },
  );

const moduleB = () =>
  branches(
    { branch0: normed(1024, 384, point) },
    { branch1: sequential(normed(1024, 192, point), normed(192, 224, row(7)), normed(224, 256, column(7))) },
    {
      branch2: sequential(
        normed(1024, 192, point),
        normed(192, 192, column(7)),
        normed(192, 224, row(7)),
        normed(224, 224, column(7)),
        normed(224, 256, row(7)),
      ),
    },
    { branch3: sequential(mean(), normed(1024, 128, point)) },
  );

const reductionB = () =>
  branches(
    { branch0: sequential(normed(1024, 192, point), normed(192, 192, halving)) },
    {
      branch1: sequential(
        normed(1024, 256, point),
        normed(256, 256, row(7)),
        normed(256, 320, column(7)),
        normed(320, 320, halving),
      ),
    },
    { branch2: halvingPool() },
  );

const moduleC = () =>
  branches(
    { branch0: normed(1536, 256, point) },
    {
      branch1_0: normed(1536, 384, point),
      split: branches({ branch1_1a: normed(384, 256, row(3)) }, { branch1_1b: normed(384, 256, column(3)) }),
    },
    {
      branch2_0: normed(1536, 384, point),
      branch2_1: normed(384, 448, column(3)),
      branch2_2: normed(448, 512, row(3)),
      split: branches({ branch2_3a: normed(512, 256, row(3)) }, { branch2_3b: normed(512, 256, column(3)) }),
    },
    { branch3: sequential(mean(), normed(1536, 256, point)) },
  );

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

export const inceptionV4 = defineModel({
  name: "inception_v4",
  description: "Inception v4: fourteen modules of three kinds; 299x299",
  defaults: { classes: 1000, size: 299, dropout: 0 },
  parameters: 42_679_816,
  input: ({ size }) => [size, size, 3],
  classes: ({ classes }) => classes,
  scaling: HALF_SCALING,
  training: { batchSize: 32, lr: 0.0125, weightDecay: 1e-4 },
  build({ classes, size, dropout: p }) {
    checkSize("inception_v4", size, 75);
    const layers = [
      ...stem(),
      ...times(4, moduleA),
      reductionA(),
      ...times(7, moduleB),
      reductionB(),
      ...times(3, moduleC),
    ];
    return imageClassifier({
      features: sequential({ features: sequential(...layers) }),
      head: (outputs) =>
        sequential({
          global_pool: globalAvgPool2d(),
          flatten: flatten(),
          head_drop: dropout(p),
          last_linear: linear({ in: 1536, out: outputs }),
        }),
      classes,
    });
  },
});
