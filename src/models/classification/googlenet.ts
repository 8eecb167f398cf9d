/**
 * GoogLeNet (Szegedy et al., "Going deeper with convolutions", 2014): nine modules of convolutions of 1x1 and 3x3 and a
 * pool side by side, no dense layer but the last. It is torchvision's: batch normalisation behind each convolution, 3x3
 * in place of the paper's 5x5, and pools that keep a last incomplete window.
 *
 * With `aux`, two more classifiers read the middle of the network in training. Their losses count 0.3 each, as in the
 * paper. torchvision's files hold their weights: set `aux` to load those too.
 *
 * Published weights read pixels scaled by mean 0.5 and deviation 0.5: what torchvision's `transform_input` makes of
 * ImageNet's scaling.
 */
import {
  adaptiveAvgPool2d,
  dropout,
  flatten,
  globalAvgPool2d,
  linear,
  type Module,
  maxPool2d,
  relu,
  sequential,
} from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, gaussian, HALF_SCALING } from "../parts.js";
import { branches, normedBy } from "./inception.js";

const weightInit = gaussian(0.01);
const normed = normedBy(() => weightInit);
const point = { kernel: 1 };
const square = { kernel: 3, padding: 1 };

/**
 * Table 1 of the paper: channels of 1x1; 1x1 and 3x3 behind it; 1x1 and (in the paper) 5x5 behind it; 1x1 behind the
 * pool.
 */
const MODULES = {
  inception3a: [64, 96, 128, 16, 32, 32],
  inception3b: [128, 128, 192, 32, 96, 64],
  maxpool3: 3,
  inception4a: [192, 96, 208, 16, 48, 64],
  inception4b: [160, 112, 224, 24, 64, 64],
  inception4c: [128, 128, 256, 24, 64, 64],
  inception4d: [112, 144, 288, 32, 64, 64],
  inception4e: [256, 160, 320, 32, 128, 128],
  maxpool4: 2,
  inception5a: [256, 160, 320, 32, 128, 128],
  inception5b: [384, 192, 384, 48, 128, 128],
} as const;

const pool = (kernel: number) => maxPool2d(kernel, { stride: 2, ceil: true });

function layers(): Record<string, Module> {
  let channels = 192;
  const modules = Object.entries(MODULES).map(([name, row]): [string, Module] => {
    if (typeof row === "number") return [name, pool(row)];
    const [one, few3, three, few5, five, pooled] = row;
    const inputs = channels;
    channels = one + three + five + pooled;
    const whole = branches(
      { branch1: normed(inputs, one, point) },
      { branch2: sequential(normed(inputs, few3, point), normed(few3, three, square)) },
      { branch3: sequential(normed(inputs, few5, point), normed(few5, five, square)) },
      { branch4: sequential(maxPool2d(3, { stride: 1, padding: 1, ceil: true }), normed(inputs, pooled, point)) },
    );
    return [name, whole];
  });
  return {
    conv1: normed(3, 64, { kernel: 7, stride: 2, padding: 3 }),
    maxpool1: pool(3),
    conv2: normed(64, 64, point),
    conv3: normed(64, 192, square),
    maxpool2: pool(3),
    ...Object.fromEntries(modules),
  };
}

const auxiliary = (inputs: number, classes: number, p: number): Module =>
  sequential({
    pool: adaptiveAvgPool2d(4),
    conv: normed(inputs, 128, point),
    flatten: flatten(),
    fc1: linear({ in: 2048, out: 1024, weightInit }),
    relu: relu(),
    dropout: dropout(p),
    fc2: linear({ in: 1024, out: classes, weightInit }),
  });

export const googlenet = defineModel({
  name: "googlenet",
  description: "GoogLeNet with batch normalisation: nine Inception modules; 224x224",
  defaults: { classes: 1000, size: 224, dropout: 0.2, aux: false as boolean, auxDropout: 0.7 },
  parameters: 6_624_904,
  input: ({ size }) => [size, size, 3],
  classes: ({ classes }) => classes,
  scaling: HALF_SCALING,
  training: { batchSize: 32, lr: 0.0125, weightDecay: 1e-4 },
  build({ classes, size, dropout: p, aux, auxDropout }) {
    checkSize("googlenet", size, 15);
    return imageClassifier({
      features: sequential(layers()),
      head: (outputs) =>
        sequential({
          avgpool: globalAvgPool2d(),
          flatten: flatten(),
          dropout: dropout(p),
          fc: linear({ in: 1024, out: outputs, weightInit }),
        }),
      ...(aux && {
        auxiliary: {
          weight: 0.3,
          heads: (outputs: number) => ({
            aux1: { behind: "inception4a", head: auxiliary(512, outputs, auxDropout) },
            aux2: { behind: "inception4d", head: auxiliary(528, outputs, auxDropout) },
          }),
        },
      }),
      classes,
    });
  },
});
