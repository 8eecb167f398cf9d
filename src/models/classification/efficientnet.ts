/**
 * EfficientNet (Tan, Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019): one network
 * made wider, deeper and larger of picture by one factor. EfficientNetV2 (2021) has one convolution in place of the
 * first two of each early block.
 *
 * Names and initial values are torchvision's. The last blocks drop out in training as a whole, by stochastic depth.
 */
import {
  dropout,
  flatten,
  globalAvgPool2d,
  linear,
  type Module,
  SqueezeExcitation,
  sequential,
  silu,
} from "../../nn/index.js";
import { Branch, convNorm, type NormOptions, roundChannels } from "../blocks.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, constant, IMAGENET_SCALING } from "../parts.js";

interface Stage {
  /** Whether the first two convolutions of a block are one. */
  readonly fused?: true;
  readonly widening: number;
  readonly kernel: number;
  readonly stride: number;
  readonly out: number;
  readonly blocks: number;
}

const stage = (widening: number, kernel: number, stride: number, out: number, blocks: number): Stage => ({
  ...{ widening, kernel, stride, out, blocks },
});
const fused = (...row: Parameters<typeof stage>): Stage => ({ ...stage(...row), fused: true });

/** Table 1 of the paper. */
const B0 = [
  stage(1, 3, 1, 16, 1),
  stage(6, 3, 2, 24, 2),
  stage(6, 5, 2, 40, 2),
  stage(6, 3, 2, 80, 3),
  stage(6, 5, 1, 112, 3),
  stage(6, 5, 2, 192, 4),
  stage(6, 3, 1, 320, 1),
];
/** Table 4 of the paper on EfficientNetV2. */
const V2_S = [
  fused(1, 3, 1, 24, 2),
  fused(4, 3, 2, 48, 4),
  fused(4, 3, 2, 64, 4),
  stage(4, 3, 2, 128, 6),
  stage(6, 3, 1, 160, 9),
  stage(6, 3, 2, 256, 15),
];

const widened = (width: number, depth: number): Stage[] =>
  B0.map((row) => ({ ...row, out: roundChannels(row.out * width), blocks: Math.ceil(row.blocks * depth) }));

interface Variant {
  readonly name: string;
  readonly size: number;
  readonly first: number;
  readonly stages: readonly Stage[];
  readonly last: number;
  readonly dropout: number;
  readonly norm?: NormOptions;
  readonly parameters: number;
}

function scaled(name: string, parameters: number, size: number, width: number, depth: number, p: number): Variant {
  const stages = widened(width, depth);
  return { name, parameters, size, stages, first: roundChannels(32 * width), last: 4 * stages.at(-1)!.out, dropout: p };
}

/** The size of a picture, the factors of width and depth, and the dropout. */
const VARIANTS: readonly Variant[] = [
  scaled("efficientnet_b0", 5_288_548, 224, 1, 1, 0.2),
  scaled("efficientnet_b1", 7_794_184, 240, 1, 1.1, 0.2),
  scaled("efficientnet_b2", 9_109_994, 288, 1.1, 1.2, 0.3),
  scaled("efficientnet_b3", 12_233_232, 300, 1.2, 1.4, 0.3),
  scaled("efficientnet_b4", 19_341_616, 380, 1.4, 1.8, 0.4),
  {
    ...{ name: "efficientnet_v2_s", parameters: 21_458_488, size: 384, stages: V2_S, first: 24, last: 1280 },
    ...{ dropout: 0.2, norm: { eps: 1e-3 } },
  },
];

/** The layers of a block. */
function layersOf(inputs: number, { fused, widening, kernel, out }: Stage, stride: number, norm: NormOptions): Module {
  const wide = roundChannels(inputs * widening);
  const isWider = wide !== inputs;
  const activation = silu;
  const narrow = convNorm({ in: wide, out, kernel: 1, norm });
  if (fused) {
    const first = { in: inputs, kernel, stride, norm, activation };
    return isWider ? sequential(convNorm({ ...first, out: wide }), narrow) : sequential(convNorm({ ...first, out }));
  }
  return sequential(
    ...(isWider ? [convNorm({ in: inputs, out: wide, kernel: 1, norm, activation })] : []),
    convNorm({ in: wide, out: wide, kernel, stride, groups: wide, norm, activation }),
    new SqueezeExcitation({ channels: wide, squeeze: Math.max(1, Math.floor(inputs / 4)), activation }),
    narrow,
  );
}

function features({ first, stages, last, norm = {} }: Variant, stochasticDepth: number): Module {
  const count = stages.reduce((sum, { blocks }) => sum + blocks, 0);
  let channels = first;
  let index = 0;
  const made = stages.map((row) => {
    const blocks = Array.from({ length: row.blocks }, (_, i) => {
      const stride = i === 0 ? row.stride : 1;
      const isAdded = stride === 1 && channels === row.out;
      const block = new Branch(
        "block",
        layersOf(channels, row, stride, norm),
        isAdded,
        (stochasticDepth * index) / count,
      );
      channels = row.out;
      index++;
      return block;
    });
    return sequential(...blocks);
  });
  return sequential(
    convNorm({ in: 3, out: first, stride: 2, norm, activation: silu }),
    ...made,
    convNorm({ in: channels, out: last, kernel: 1, norm, activation: silu }),
  );
}

export const efficientnets = VARIANTS.map((variant) =>
  defineModel({
    name: variant.name,
    description: `EfficientNet${variant.name.slice(12).replace("_b", "-B").replace("_v2_s", "V2-S")}: inverted residuals with squeeze-and-excitation; ${variant.size}x${variant.size}`,
    defaults: { classes: 1000, size: variant.size, dropout: variant.dropout, stochasticDepth: 0.2 },
    parameters: variant.parameters,
    input: ({ size }) => [size, size, 3],
    classes: ({ classes }) => classes,
    scaling: IMAGENET_SCALING,
    training: { batchSize: 32, lr: 0.0125, weightDecay: 1e-5 },
    build({ classes, size, dropout: p, stochasticDepth }) {
      checkSize(variant.name, size, 32);
      return imageClassifier({
        features: sequential({ features: features(variant, stochasticDepth) }),
        head: (outputs) => {
          const bound = 1 / Math.sqrt(outputs);
          const weightInit = { kind: "uniform", low: -bound, high: bound } as const;
          return sequential({
            avgpool: globalAvgPool2d(),
            flatten: flatten(),
            classifier: sequential(
              dropout(p),
              linear({ in: variant.last, out: outputs, weightInit, biasInit: constant(0) }),
            ),
          });
        },
        classes,
      });
    },
  }),
);
