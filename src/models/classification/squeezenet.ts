/**
 * SqueezeNet (Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016). 1.0 is that of the
 * paper, 1.1 its authors' revision with 2.4 times fewer operations. A fire module squeezes to few channels by 1x1
 * convolutions and expands by 1x1 and 3x3 ones side by side. No dense layer: a 1x1 convolution gives a map a class, and
 * its mean is the score.
 *
 * Names and initial values are torchvision's; pools keep a last incomplete window, as there and in the published
 * weights.
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

  constructor(inputs: number, squeeze: number) {
    super();
    this.squeeze = convolution(inputs, squeeze, 1);
    this.expand1x1 = convolution(squeeze, 4 * squeeze, 1);
    this.expand3x3 = convolution(squeeze, 4 * squeeze, 3, 1, 1);
  }

  override forward(x: Value): Value {
    const few = rectified(this.squeeze.forward(x));
    return concat([rectified(this.expand1x1.forward(few)), rectified(this.expand3x3.forward(few))], 2);
  }
}

const pool = () => maxPool2d(3, { stride: 2, ceil: true });

/** First filters and their kernel; then fire modules by the channels that they squeeze to, P for a pool. */
const VARIANTS = [
  { name: "squeezenet1_0", parameters: 1_248_424, first: 96, kernel: 7, table: "P 16 16 32 P 32 48 48 64 P 64" },
  { name: "squeezenet1_1", parameters: 1_235_496, first: 64, kernel: 3, table: "P 16 16 P 32 32 P 48 48 64 64" },
];

function layersOf(first: number, table: string): Module[] {
  let channels = first;
  return table.split(" ").map((entry) => {
    if (entry === "P") return pool();
    const fire = new Fire(channels, Number(entry));
    channels = 8 * Number(entry);
    return fire;
  });
}

export const squeezenets = VARIANTS.map(({ name, parameters, first, kernel, table }) =>
  defineModel({
    name,
    description: `SqueezeNet ${name.slice(10).replace("_", ".")}: fire modules, no dense layer; 224x224`,
    defaults: { classes: 1000, size: 224, dropout: 0.5 },
    parameters,
    input: ({ size }) => [size, size, 3],
    classes: ({ classes }) => classes,
    scaling: IMAGENET_SCALING,
    training: { batchSize: 128, lr: 0.01, weightDecay: 2e-4 },
    build({ classes, size, dropout: p }) {
      checkSize(name, size, 32);
      return imageClassifier({
        features: sequential({
          features: sequential(convolution(3, first, kernel, 2), relu(), ...layersOf(first, table)),
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
  }),
);
