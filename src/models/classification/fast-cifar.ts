/**
 * A network that learns CIFAR-10 to 94% in few passes, in the manner of the speed records (Page, "How to train your
 * ResNet", 2018; Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024): a fixed first layer that whitens 2x2
 * patches, three blocks of two 3x3 convolutions with a pool behind the first, batch normalisation that follows the last
 * batches closely, GELU, the largest of each map, and small logits.
 *
 * Convolutions start as the identity on as many channels as come in, so that a deep network begins as a shallow one.
 * Its recipe is examples/cifar10-94.
 */

import type { Value } from "../../graph/graph.js";
import {
  batchNorm2d,
  conv2d,
  flatten,
  gelu,
  linear,
  Module,
  maxPool2d,
  sequential,
  whiteningConv2d,
} from "../../nn/index.js";
import { scale } from "../../ops/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize } from "../parts.js";

const WHITENING = { kernel: 2, channels: 24 };
/** Logits are divided by nine, which keeps the loss of so few steps from running ahead of the features. */
const LOGITS = 1 / 9;

class Scale extends Module {
  constructor(readonly factor: number) {
    super();
  }

  override forward(x: Value): Value {
    return scale(x, this.factor);
  }
}

const convolution = (inputs: number, out: number): Module =>
  conv2d({
    in: inputs,
    out,
    kernel: 3,
    padding: 1,
    bias: false,
    weightInit: { kind: "identity", kernel: [3, 3], in: inputs, out },
  });

const normalise = (channels: number): Module => batchNorm2d({ channels, momentum: 0.4 });

const block = (inputs: number, out: number): Module =>
  sequential({
    conv1: convolution(inputs, out),
    pool: maxPool2d(2),
    norm1: normalise(out),
    gelu1: gelu(),
    conv2: convolution(out, out),
    norm2: normalise(out),
    gelu2: gelu(),
  });

/** What three pools of two leave of a side that whitening makes shorter by one. */
const sideOf = (size: number): number => (size - WHITENING.kernel + 1) >> 3;

export const fastCifar = defineModel({
  name: "fast-cifar",
  description: "a whitening layer and six convolutions, made to reach 94% on CIFAR-10 in few passes; 32x32",
  defaults: { classes: 10, channels: 3, size: 32, widths: [64, 256, 256] },
  parameters: 1_972_792,
  input: ({ size, channels }) => [size, size, channels],
  classes: ({ classes }) => classes,
  // The recipe's rates are for its schedule and groups; these learn steadily without them.
  training: { epochs: 10, batchSize: 512, lr: 0.5, weightDecay: 1e-3, warmupSteps: 100 },
  build({ classes, channels, size, widths }) {
    checkSize("fast-cifar", size, 9);
    const [first, second, third] = widths as [number, number, number];
    const filters = 2 * Math.min(WHITENING.channels / 2, WHITENING.kernel ** 2 * channels);
    return imageClassifier({
      features: sequential({
        whiten: whiteningConv2d({ in: channels, out: filters, kernel: WHITENING.kernel }),
        gelu: gelu(),
        block1: block(filters, first),
        block2: block(first, second),
        block3: block(second, third),
        pool: maxPool2d(sideOf(size)),
      }),
      head: (outputs) =>
        sequential({
          flatten: flatten(),
          linear: linear({ in: third, out: outputs, bias: false }),
          scale: new Scale(LOGITS),
        }),
      classes,
    });
  },
});
