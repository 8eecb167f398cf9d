/**
 * The encoder of ENet (Paszke, Chaurasia, Kim, Culurciello, "ENet: a deep neural network architecture for real-time semantic segmentation",
 * 2016) as a classifier, as Canziani, Paszke and Culurciello (2017) compare it: bottlenecks, some of them dilated or taken apart into a column
 * and a row; then the mean of each map and a dense layer. Names are ours, stages and blocks as in the paper's table 1.
 */
import type { Value } from "../../graph/graph.js";
import {
  batchNorm2d,
  conv2d,
  Dropout2d,
  flatten,
  globalAvgPool2d,
  linear,
  Module,
  maxPool2d,
  prelu,
  sequential,
} from "../../nn/index.js";
import { add, concat, pad } from "../../ops/index.js";

import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, heNormal, IMAGENET_SCALING } from "../parts.js";

type Kind = "down" | "regular" | "asymmetric" | number;

/** Of a stage of 128 channels; a number is a dilation. */
const VARIED: readonly Kind[] = ["regular", 2, "asymmetric", 4, "regular", 8, "asymmetric", 16];

function convolution(inputs: number, out: number, kernel: readonly [number, number], stride = 1, dilation = 1) {
  const padding = kernel[0] === 2 ? 0 : ([((kernel[0] - 1) / 2) * dilation, ((kernel[1] - 1) / 2) * dilation] as const);
  const weightInit = heNormal(kernel[0] * kernel[1] * inputs);
  return conv2d({ in: inputs, out, kernel, stride, padding, dilation, bias: false, weightInit });
}

/** Behind a convolution. */
const normed = (channels: number) => [batchNorm2d({ channels }), prelu({ channels })];

/** A convolution of stride 2 beside a pool. */
class Initial extends Module {
  readonly conv = convolution(3, 13, [3, 3], 2);
  readonly pool = maxPool2d(2);
  readonly norm = batchNorm2d({ channels: 16 });
  readonly prelu = prelu({ channels: 16 });

  override forward(x: Value): Value {
    return this.prelu.forward(this.norm.forward(concat([this.conv.forward(x), this.pool.forward(x)], 2)));
  }
}

/** Figure 2b of the paper. Where it halves the picture, the shortcut is a pool and channels of zeros. */
class Bottleneck extends Module {
  readonly main: Module;
  readonly drop: Module;
  readonly prelu: Module;
  readonly #pool: Module | undefined;
  readonly #more: number;

  constructor(inputs: number, out: number, kind: Kind, probability: number) {
    super();
    const inner = out / 4;
    const isDown = kind === "down";
    const seeing =
      kind === "asymmetric"
        ? [convolution(inner, inner, [5, 1]), convolution(inner, inner, [1, 5])]
        : [convolution(inner, inner, [3, 3], 1, typeof kind === "number" ? kind : 1)];
    this.main = sequential(
      isDown ? convolution(inputs, inner, [2, 2], 2) : convolution(inputs, inner, [1, 1]),
      ...normed(inner),
      ...seeing,
      ...normed(inner),
      convolution(inner, out, [1, 1]),
      batchNorm2d({ channels: out }),
    );
    this.drop = new Dropout2d(probability);
    this.prelu = prelu({ channels: out });
    this.#pool = isDown ? maxPool2d(2) : undefined;
    this.#more = out - inputs;
  }

  override forward(x: Value): Value {
    const short = this.#pool === undefined ? x : pad(this.#pool.forward(x), [0, 0, 0], [0, 0, this.#more]);
    return this.prelu.forward(add(short, this.drop.forward(this.main.forward(x))));
  }
}

const stage = (inputs: number, out: number, kinds: readonly Kind[], probability: number): Module =>
  sequential(...kinds.map((kind, i) => new Bottleneck(i === 0 ? inputs : out, out, kind, probability)));

export const enet = defineModel({
  name: "enet",
  description: "The encoder of ENet: bottlenecks, dilated and taken apart; 224x224",
  defaults: { classes: 1000, size: 224, dropout: 0.1 },
  parameters: 466_519,
  input: ({ size }) => [size, size, 3],
  classes: ({ classes }) => classes,
  scaling: IMAGENET_SCALING,
  training: { batchSize: 64, lr: 0.01, weightDecay: 2e-4 },
  build({ classes, size, dropout: p }) {
    checkSize("enet", size, 32);
    return imageClassifier({
      features: sequential({
        initial: new Initial(),
        // The paper's 0.01 up to here and 0.1 behind.
        stage1: stage(16, 64, ["down", "regular", "regular", "regular", "regular"], p / 10),
        stage2: stage(64, 128, ["down", ...VARIED], p),
        stage3: stage(128, 128, VARIED, p),
      }),
      head: (outputs) =>
        sequential({ avgpool: globalAvgPool2d(), flatten: flatten(), fc: linear({ in: 128, out: outputs }) }),
      classes,
    });
  },
});
