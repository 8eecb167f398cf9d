/**
 * ConvNeXt (Liu, Mao, Wu, Feichtenhofer, Darrell, Xie, "A ConvNet for the 2020s", 2022): depthwise 7x7 convolutions,
 * layer norm over the channels of a pixel, two dense layers a pixel with GELU between, a learned factor a channel, and
 * stochastic depth.
 *
 * Names and initial values are torchvision's.
 */
import type { Value } from "../../graph/graph.js";
import {
  conv2d,
  flatten,
  gelu,
  globalAvgPool2d,
  identity,
  layerNorm,
  linear,
  Module,
  Parameter,
  StochasticDepth,
  sequential,
} from "../../nn/index.js";
import { add, conv2d as convolved, multiply, reshape } from "../../ops/index.js";

import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, constant, gaussian, IMAGENET_SCALING } from "../parts.js";

/** Channels and blocks of the four stages; the probability of going without the last block. */
const VARIANTS = [
  { name: "convnext_tiny", widths: [96, 192, 384, 768], blocks: [3, 3, 9, 3], depth: 0.1, parameters: 28_589_128 },
  { name: "convnext_small", widths: [96, 192, 384, 768], blocks: [3, 3, 27, 3], depth: 0.4, parameters: 50_223_688 },
  { name: "convnext_base", widths: [128, 256, 512, 1024], blocks: [3, 3, 27, 3], depth: 0.5, parameters: 88_591_464 },
];

const INIT = { weightInit: gaussian(0.02), biasInit: constant(0) };
const norm = (channels: number) => layerNorm({ shape: channels, eps: 1e-6 });

/** A dense layer for each pixel. Its weight is one of a dense layer, [in, out], as in the files. */
class PixelLinear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(
    readonly inputs: number,
    readonly out: number,
  ) {
    super();
    this.weight = new Parameter([inputs, out], INIT.weightInit);
    this.bias = new Parameter([out], INIT.biasInit);
  }

  override forward(x: Value): Value {
    const kernel = reshape(this.weight.in(x), [1, 1, this.inputs, this.out]);
    return add(convolved(x, kernel), this.bias.in(x));
  }
}

class Block extends Module {
  /** Of the shape that the files have. */
  readonly layer_scale: Parameter;
  readonly block: Module;
  readonly stochastic_depth: Module;

  constructor(channels: number, probability: number) {
    super();
    this.layer_scale = new Parameter([channels, 1, 1], constant(1e-6));
    this.block = sequential(
      conv2d({ in: channels, out: channels, kernel: 7, padding: 3, groups: channels, ...INIT }),
      // torchvision brings the channels behind the pixels here, and back in the end.
      identity(),
      norm(channels),
      new PixelLinear(channels, 4 * channels),
      gelu(),
      new PixelLinear(4 * channels, channels),
    );
    this.stochastic_depth = new StochasticDepth(probability);
  }

  override forward(x: Value): Value {
    const scale = reshape(this.layer_scale.in(x), [x.shape[2]!]);
    return add(x, this.stochastic_depth.forward(multiply(this.block.forward(x), scale)));
  }
}

function features(widths: readonly number[], blocks: readonly number[], stochasticDepth: number): Module {
  const count = blocks.reduce((sum, n) => sum + n, 0);
  let index = 0;
  const layers: Module[] = [
    sequential(conv2d({ in: 3, out: widths[0]!, kernel: 4, stride: 4, ...INIT }), norm(widths[0]!)),
  ];
  for (const [i, width] of widths.entries()) {
    if (i > 0) {
      const before = widths[i - 1]!;
      layers.push(sequential(norm(before), conv2d({ in: before, out: width, kernel: 2, stride: 2, ...INIT })));
    }
    layers.push(
      sequential(
        ...Array.from({ length: blocks[i]! }, () => new Block(width, (stochasticDepth * index++) / (count - 1))),
      ),
    );
  }
  return sequential(...layers);
}

export const convnexts = VARIANTS.map(({ name, widths, blocks, depth, parameters }) =>
  defineModel({
    name,
    description: `ConvNeXt-${name[9]!.toUpperCase()}${name.slice(10)}: depthwise 7x7 convolutions and layer norm; 224x224`,
    defaults: { classes: 1000, size: 224, stochasticDepth: depth },
    parameters,
    input: ({ size }) => [size, size, 3],
    classes: ({ classes }) => classes,
    scaling: IMAGENET_SCALING,
    training: { batchSize: 32, lr: 0.005, weightDecay: 1e-4 },
    build({ classes, size, stochasticDepth }) {
      checkSize(name, size, 32);
      const last = widths.at(-1)!;
      return imageClassifier({
        features: sequential({ features: features(widths, blocks, stochasticDepth) }),
        head: (outputs) =>
          sequential({
            avgpool: globalAvgPool2d(),
            classifier: sequential(norm(last), flatten(), linear({ in: last, out: outputs, ...INIT })),
          }),
        classes,
      });
    },
  }),
);
