/**
 * SqueezeNet 1.1 (Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016; 1.1 is its authors'
 * revision with 2.4 times fewer operations). A fire module squeezes to few channels by 1x1 convolutions and expands by 1x1
 * and 3x3 ones side by side. No dense layer: a 1x1 convolution gives a map a class, and its mean is the score.
 *
 * Names and initial values are torchvision's; pools keep a last incomplete window, as there and in the published weights.
 */

import type { Value } from "../../graph/graph.js";
import {
  conv2d,
  dropout,
  flatten,
  globalAvgPool2d,
  type Initializer,
  Module,
  maxPool2d,
  relu,
  sequential,
} from "../../nn/index.js";
import { concat, relu as rectified } from "../../ops/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, constant, gaussian, IMAGENET_SCALING } from "../parts.js";

/** He et al. 2015, uniform. */
function convolution(inputs: number, out: number, kernel: number, stride = 1, padding = 0): Module {
  const weightInit: Initializer = { kind: "kaimingUniform", fanIn: kernel ** 2 * inputs, negativeSlope: 0 };
  return conv2d({ in: inputs, out, kernel, stride, padding, weightInit, biasInit: constant(0) });
}

class Fire extends Module {
  readonly squeeze: Module;
  readonly expand1x1: Module;
  readonly expand3x3: Module;

  constructor({ inputs, squeeze, expand }: { inputs: number; squeeze: number; expand: number }) {
    super();
    this.squeeze = convolution(inputs, squeeze, 1);
    this.expand1x1 = convolution(squeeze, expand, 1);
    this.expand3x3 = convolution(squeeze, expand, 3, 1, 1);
  }

  override forward(x: Value): Value {
    const few = rectified(this.squeeze.forward(x));
    return concat([rectified(this.expand1x1.forward(few)), rectified(this.expand3x3.forward(few))], 2);
  }
}

const fire = (inputs: number, squeeze: number, expand: number) => new Fire({ inputs, squeeze, expand });
const pool = () => maxPool2d(3, { stride: 2, ceil: true });

export const squeezenet = defineModel({
  name: "squeezenet1_1",
  description: "SqueezeNet 1.1: fire modules, no dense layer; 224x224",
  defaults: { classes: 1000, size: 224, dropout: 0.5 },
  parameters: 1_235_496,
  input: ({ size }) => [size, size, 3],
  classes: ({ classes }) => classes,
  scaling: IMAGENET_SCALING,
  training: { batchSize: 128, lr: 0.01, weightDecay: 2e-4 },
  build({ classes, size, dropout: p }) {
    checkSize("squeezenet1_1", size, 32);
    return imageClassifier({
      features: sequential({
        features: sequential(
          convolution(3, 64, 3, 2),
          relu(),
          pool(),
          fire(64, 16, 64),
          fire(128, 16, 64),
          pool(),
          fire(128, 32, 128),
          fire(256, 32, 128),
          pool(),
          fire(256, 48, 192),
          fire(384, 48, 192),
          fire(384, 64, 256),
          fire(512, 64, 256),
        ),
      }),
      head: (outputs) =>
        sequential({
          classifier: sequential(
            dropout(p),
            conv2d({ in: 512, out: outputs, kernel: 1, weightInit: gaussian(0.01), biasInit: constant(0) }),
            relu(),
            globalAvgPool2d(),
          ),
          flatten: flatten(),
        }),
      classes,
    });
  },
});
