/**
 * DeepLabV3 (Chen, Papandreou, Schroff, Adam, "Rethinking atrous convolution for semantic image segmentation", 2017) on ResNet-50 or
 * MobileNetV3-Large, whose last stages are dilated: a 1x1 convolution, three dilated 3x3 ones and the mean of the picture, side by side, say the
 * class of every 8th or 16th pixel, and bilinear interpolation that of each.
 *
 * With `aux`, the default as in torchvision's files, a second head reads the middle of the network in training; its loss counts 0.5. Names are
 * torchvision's.
 */
import type { Value } from "../../graph/graph.js";
import {
  adaptiveAvgPool2d,
  batchNorm2d,
  conv2d,
  dropout,
  Module,
  relu,
  type Sequential,
  sequential,
} from "../../nn/index.js";
import { tracingOf } from "../../nn/module.js";
import { concat, resize } from "../../ops/index.js";
import { dilatedResnet50 } from "../classification/resnet.js";
import { defineModel } from "../definition.js";
import { LARGE, mobilenetV3Layers } from "../mobilenet-v3-layers.js";
import { IMAGENET_SCALING } from "../parts.js";
import { anySize, COMMON, checkPicture, pixelLoss } from "./any-size.js";

const CHANNELS = 256;

/** Padded so that the picture keeps its size. */
const rectified = (inputs: number, out: number, kernel: number, dilation = 1): Module[] => [
  conv2d({ in: inputs, out, kernel, dilation, padding: (dilation * (kernel - 1)) / 2, bias: false }),
  batchNorm2d({ channels: out }),
  relu(),
];

/** Atrous spatial pyramid pooling. */
class Pyramid extends Module {
  readonly convs: readonly Module[];
  readonly project: Module;

  constructor(inputs: number, p: number) {
    super();
    this.convs = [
      sequential(...rectified(inputs, CHANNELS, 1)),
      ...[12, 24, 36].map((dilation) => sequential(...rectified(inputs, CHANNELS, 3, dilation))),
      sequential(adaptiveAvgPool2d(1), ...rectified(inputs, CHANNELS, 1)),
    ];
    this.project = sequential(...rectified(5 * CHANNELS, CHANNELS, 1), dropout(p));
  }

  override forward(x: Value): Value {
    const size = [x.shape[0]!, x.shape[1]!] as const;
    const maps = this.convs.map((conv) => resize(conv.forward(x), size, "bilinear"));
    return this.project.forward(concat(maps, 2));
  }
}

interface Backbone {
  readonly layers: Sequential;
  readonly channels: number;
  /** The child that the auxiliary head reads, and its channels. */
  readonly middle: readonly [string, number];
}

interface HeadOptions {
  readonly classes: number;
  readonly dropout: number;
  readonly aux: boolean;
}

export class DeepLabV3 extends Module {
  readonly backbone: Sequential;
  readonly classifier: Module;
  readonly aux_classifier: Module | undefined;
  readonly #middle: string;

  constructor({ layers, channels, middle: [name, inputs] }: Backbone, { classes, dropout: p, aux }: HeadOptions) {
    super();
    this.backbone = layers;
    const score = (from: number) => conv2d({ in: from, out: classes, kernel: 1 });
    this.classifier = sequential(new Pyramid(channels, p), ...rectified(CHANNELS, CHANNELS, 3), score(CHANNELS));
    // torchvision's FCNHead drops a fifth of what the pyramid does.
    this.aux_classifier = aux
      ? sequential(...rectified(inputs, inputs / 4, 3), dropout(p / 5), score(inputs / 4))
      : undefined;
    this.#middle = name;
  }

  override forward(x: Value): Value {
    return anySize(x, 1, 3, (picture) => {
      const size = [picture.shape[0]!, picture.shape[1]!] as const;
      let middle: Value | undefined;
      let y = picture;
      for (const [name, layer] of this.backbone.children()) {
        y = (layer as Module).forward(y);
        if (name === this.#middle) middle = y;
      }
      const answer = resize(this.classifier.forward(y), size, "bilinear");
      if (this.aux_classifier === undefined || tracingOf(x.graph)?.training !== true) return answer;
      return concat([resize(this.aux_classifier.forward(middle!), size, "bilinear"), answer], 2);
    });
  }
}

const VARIANTS = [
  {
    name: "deeplabv3_resnet50",
    description: "DeepLabV3 on ResNet-50: dilated convolutions side by side",
    parameters: 42_004_074,
    backbone: (): Backbone => ({ layers: sequential(dilatedResnet50()), channels: 2048, middle: ["layer3", 1024] }),
  },
  {
    name: "deeplabv3_mobilenet_v3_large",
    description: "DeepLabV3 on MobileNetV3-Large: dilated convolutions side by side",
    parameters: 11_029_328,
    backbone: (): Backbone => ({
      layers: sequential(...mobilenetV3Layers(LARGE, true)),
      channels: 960,
      middle: ["4", 40],
    }),
  },
];

export const deeplabs = VARIANTS.map(({ name, description, parameters, backbone }) =>
  defineModel({
    name,
    description,
    task: "segmentation",
    defaults: { ...COMMON, classes: 21, height: 520, width: 520, dropout: 0.5, aux: true as boolean },
    parameters,
    input: ({ height, width }) => [height, width, 3],
    classes: ({ classes }) => classes,
    loss: (options) => pixelLoss(options, 0.5),
    scaling: IMAGENET_SCALING,
    build(options) {
      checkPicture(name, options);
      return new DeepLabV3(backbone(), options);
    },
  }),
);
