/**
 * FCN-8s (Long, Shelhamer, Darrell, "Fully convolutional networks for semantic segmentation", 2015): VGG-16 whose dense
 * layers are convolutions, so that it classifies every 32nd pixel; these scores are doubled, joined by addition to
 * scores read from pool4, doubled, joined to those of pool3, and made eight times as large, by transposed convolutions
 * that start as bilinear interpolation.
 *
 * The paper pads the picture by 100 pixels and cuts; here every convolution is padded by half its kernel, so that grids
 * fit without cutting. The backbone has torchvision's names (`features.0.weight`), so that its VGG weights load; the
 * rest has the paper's.
 */

import type { Value } from "../../graph/graph.js";
import {
  batchNorm2d,
  type Conv2d,
  type ConvTranspose2d,
  conv2d,
  convTranspose2d,
  dropout,
  Module,
  maxPool2d,
  relu,
} from "../../nn/index.js";
import { add } from "../../ops/index.js";
import { defineModel } from "../definition.js";
import { constant, heNormal, IMAGENET_SCALING } from "../parts.js";
import { anySize, COMMON, checkPicture, checkWidths, pixelLoss } from "./any-size.js";

interface FcnOptions {
  readonly classes: number;
  /** Maps of the five stages, and the convolutions of each. */
  readonly widths: readonly number[];
  readonly convolutions: readonly number[];
  /** Maps of the two layers behind the backbone, and the kernel of the first. */
  readonly hidden: number;
  readonly context: number;
  readonly dropout: number;
  /** Whether batch normalisation follows each convolution. */
  readonly norm: boolean;
}

function backbone({ widths, convolutions, norm }: FcnOptions): Module[] {
  let channels = 3;
  return widths.flatMap((out, stage) => {
    const layers = Array.from({ length: convolutions[stage]! }, () => {
      const weightInit = heNormal(9 * out);
      const convolution = conv2d({ in: channels, out, kernel: 3, padding: 1, weightInit, biasInit: constant(0) });
      channels = out;
      return norm ? [convolution, batchNorm2d({ channels: out }), relu()] : [convolution, relu()];
    });
    return [...layers.flat(), maxPool2d(2)];
  });
}

export class FCN8s extends Module {
  readonly features: readonly Module[];
  readonly fc6: Conv2d;
  readonly fc7: Conv2d;
  readonly score_fr: Conv2d;
  readonly score_pool4: Conv2d;
  readonly score_pool3: Conv2d;
  readonly upscore2: ConvTranspose2d;
  readonly upscore_pool4: ConvTranspose2d;
  readonly upscore8: ConvTranspose2d;
  readonly #dropout: Module;

  constructor(options: FcnOptions) {
    super();
    const { classes, widths, hidden, context } = options;
    this.features = backbone(options);
    const rectified = (inputs: number, kernel: number) => ({
      ...{ in: inputs, out: hidden, kernel, padding: (kernel - 1) / 2 },
      weightInit: heNormal(kernel * kernel * inputs),
      biasInit: constant(0),
    });
    this.fc6 = conv2d(rectified(widths[4]!, context));
    this.fc7 = conv2d(rectified(hidden, 1));
    this.score_fr = conv2d({ in: hidden, out: classes, kernel: 1 });
    this.score_pool4 = conv2d({ in: widths[3]!, out: classes, kernel: 1 });
    this.score_pool3 = conv2d({ in: widths[2]!, out: classes, kernel: 1 });
    const upscore = (factor: number) => {
      const kernel = 2 * factor;
      const weightInit = { kind: "bilinear", kernel: [kernel, kernel], maps: classes } as const;
      const size = { kernel, stride: factor, padding: factor / 2 };
      return convTranspose2d({ in: classes, out: classes, ...size, bias: false, weightInit });
    };
    this.upscore2 = upscore(2);
    this.upscore_pool4 = upscore(2);
    this.upscore8 = upscore(8);
    this.#dropout = dropout(options.dropout);
  }

  override forward(x: Value): Value {
    return anySize(x, 32, 3, (picture) => {
      const pools: Value[] = [];
      let y = picture;
      for (const [i, layer] of this.features.entries()) {
        y = layer.forward(y);
        if (i + 1 === this.features.length || layer.constructor.name === "MaxPool2d") pools.push(y);
      }
      const dense = (layer: Conv2d, value: Value) => this.#dropout.forward(relu().forward(layer.forward(value)));
      y = this.score_fr.forward(dense(this.fc7, dense(this.fc6, y)));
      y = add(this.upscore2.forward(y), this.score_pool4.forward(pools[3]!));
      y = add(this.upscore_pool4.forward(y), this.score_pool3.forward(pools[2]!));
      return this.upscore8.forward(y);
    });
  }
}

const VARIANTS = [
  {
    name: "fcn8s",
    description: "FCN-8s on VGG-16: scores of every 32nd, 16th and 8th pixel, made large and added",
    parameters: 134_489_759,
    defaults: {
      classes: 21,
      widths: [64, 128, 256, 512, 512],
      convolutions: [2, 2, 3, 3, 3],
      hidden: 4096,
      context: 7,
      dropout: 0.5,
      norm: false,
    },
  },
  {
    name: "fcn8s-small",
    description: "FCN-8s on a narrow VGG with batch normalisation, to be trained from nothing",
    parameters: 1_354_113,
    defaults: {
      classes: 11,
      widths: [32, 64, 96, 128, 160],
      convolutions: [2, 2, 2, 2, 2],
      hidden: 256,
      context: 3,
      dropout: 0.2,
      norm: true,
    },
  },
] as const;

export const fcn8s = VARIANTS.map(({ name, description, parameters, defaults }) =>
  defineModel({
    name,
    description,
    task: "segmentation",
    defaults: {
      ...COMMON,
      ...(defaults as FcnOptions),
    },
    most: { convolutions: 64 },
    parameters,
    input: ({ height, width }) => [height, width, 3],
    classes: ({ classes }) => classes,
    loss: ({ classes, classWeights }) => pixelLoss({ classes, classWeights }),
    scaling: IMAGENET_SCALING,
    build(options) {
      checkPicture(name, options);
      checkWidths(name, "widths", options.widths, 5, 5);
      checkWidths(name, "convolutions", options.convolutions, 5, 5);
      return new FCN8s(options);
    },
  }),
);
