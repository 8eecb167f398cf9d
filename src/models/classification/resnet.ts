/**
 * ResNet for ImageNet (He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2015): a 7x7 convolution
 * and a pool, four stages of residual blocks of 64, 128, 256 and 512 channels (times 4 behind a bottleneck), the mean
 * of each map, one dense layer. Where a stage halves the picture or widens it, the shortcut is a 1x1 convolution (kind
 * B).
 *
 * ResNeXt (Xie, Girshick, Dollar, Tu, He, "Aggregated residual transformations for deep neural networks", 2016)
 * computes the 3x3 convolution of a bottleneck in 32 groups. Wide ResNet (Zagoruyko, Komodakis, "Wide residual
 * networks", 2016) gives it twice the channels. SE-ResNet (Hu, Shen, Albanie, Sun, Wu, "Squeeze-and-excitation
 * networks", 2017) is timm's.
 *
 * A bottleneck (1x1, 3x3, 1x1) that halves the picture does so in its 3x3 convolution, as torchvision has it ("v1.5");
 * the paper does so in the first 1x1: option strideOn "1x1". Names and initial values are torchvision's.
 */

import { OptionError } from "../../base/errors.js";
import {
  batchNorm2d,
  conv2d,
  flatten,
  globalAvgPool2d,
  linear,
  type Module,
  maxPool2d,
  relu,
  SqueezeExcitation,
  sequential,
} from "../../nn/index.js";

import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, heNormal, IMAGENET_SCALING } from "../parts.js";
import { Residual } from "./residual.js";

interface Row {
  readonly name: string;
  readonly description: string;
  /** Table 1 of the paper: blocks a stage. */
  readonly blocks: readonly number[];
  readonly parameters: number;
  /** Channels of the 3x3 convolution of a bottleneck, in those of ResNet. @default 1 */
  readonly widening?: number;
  /** Of the 3x3 convolution of a bottleneck. @default 1 */
  readonly groups?: number;
  /** Whether squeeze-and-excitation ends a bottleneck. @default false */
  readonly excites?: true;
}

const plain = (name: string, blocks: readonly number[], parameters: number, kind: string): Row => ({
  name,
  description: `ResNet of ${name.slice(6)} layers, ${kind}; 224x224`,
  blocks,
  parameters,
});
const BASIC = "blocks of two 3x3 convolutions";
const BOTTLENECK = "bottleneck blocks (1x1, 3x3, 1x1)";

const BASIC_ROWS = [
  plain("resnet18", [2, 2, 2, 2], 11_689_512, BASIC),
  plain("resnet34", [3, 4, 6, 3], 21_797_672, BASIC),
];
const BOTTLENECK_ROWS: readonly Row[] = [
  plain("resnet50", [3, 4, 6, 3], 25_557_032, BOTTLENECK),
  plain("resnet101", [3, 4, 23, 3], 44_549_160, BOTTLENECK),
  plain("resnet152", [3, 8, 36, 3], 60_192_808, BOTTLENECK),
  {
    name: "resnext50_32x4d",
    description: "ResNeXt of 50 layers, 32 groups of 4 channels and more; 224x224",
    blocks: [3, 4, 6, 3],
    parameters: 25_028_904,
    widening: 2,
    groups: 32,
  },
  {
    name: "resnext101_32x8d",
    description: "ResNeXt of 101 layers, 32 groups of 8 channels and more; 224x224",
    blocks: [3, 4, 23, 3],
    parameters: 88_791_336,
    widening: 4,
    groups: 32,
  },
  {
    name: "wide_resnet50_2",
    description: "Wide ResNet of 50 layers, twice the channels in each bottleneck; 224x224",
    blocks: [3, 4, 6, 3],
    parameters: 68_883_240,
    widening: 2,
  },
  {
    name: "wide_resnet101_2",
    description: "Wide ResNet of 101 layers, twice the channels in each bottleneck; 224x224",
    blocks: [3, 4, 23, 3],
    parameters: 126_886_696,
    widening: 2,
  },
  {
    name: "seresnet50",
    description: "SE-ResNet of 50 layers: squeeze-and-excitation in each bottleneck; 224x224",
    blocks: [3, 4, 6, 3],
    parameters: 28_088_024,
    excites: true,
  },
];

const WIDTHS = [64, 128, 256, 512];

/** Padded so that stride 1 keeps the picture's size. */
function convolution(inputs: number, out: number, kernel: number, stride = 1, groups = 1, dilation = 1): Module {
  const padding = (dilation * (kernel - 1)) / 2;
  const weightInit = heNormal(kernel ** 2 * out);
  return conv2d({ in: inputs, out, kernel, stride, padding, groups, dilation, bias: false, weightInit });
}

/** A block of some inner width that takes `inputs` channels. */
interface BlockKind {
  readonly expansion: number;
  main(inputs: number, width: number, stride: number, dilation: number): Module;
}

const basic: BlockKind = {
  expansion: 1,
  main: (inputs, width, stride) =>
    sequential({
      conv1: convolution(inputs, width, 3, stride),
      bn1: batchNorm2d({ channels: width }),
      relu1: relu(),
      conv2: convolution(width, width, 3),
      bn2: batchNorm2d({ channels: width }),
    }),
};

const bottleneck = ({ widening = 1, groups = 1, excites }: Row, strideOn: string): BlockKind => ({
  expansion: 4,
  main: (inputs, width, stride, dilation) => {
    const inner = widening * width;
    return sequential({
      conv1: convolution(inputs, inner, 1, strideOn === "1x1" ? stride : 1),
      bn1: batchNorm2d({ channels: inner }),
      relu1: relu(),
      conv2: convolution(inner, inner, 3, strideOn === "3x3" ? stride : 1, groups, dilation),
      bn2: batchNorm2d({ channels: inner }),
      relu2: relu(),
      conv3: convolution(inner, 4 * width, 1),
      bn3: batchNorm2d({ channels: 4 * width }),
      ...(excites && { se: new SqueezeExcitation({ channels: 4 * width, squeeze: width / 4 }) }),
    });
  },
});

/** The first block of a stage may halve and widen, and is dilated as the stage before; the others keep what they get. */
function stage(
  { main, expansion }: BlockKind,
  [inputs, width]: readonly [number, number],
  blocks: number,
  stride: number,
  [before, dilation]: readonly [number, number],
): Module {
  const out = expansion * width;
  const first = () => {
    if (stride === 1 && inputs === out) return undefined;
    return sequential(convolution(inputs, out, 1, stride), batchNorm2d({ channels: out }));
  };
  return sequential(
    ...Array.from({ length: blocks }, (_, i) =>
      i === 0
        ? new Residual(main(inputs, width, stride, before), first())
        : new Residual(main(out, width, 1, dilation)),
    ),
  );
}

/** All but the head, by name. From stage `dilatedFrom` on the picture keeps its size, and dilation lets convolutions see as far. */
function layersOf(kind: BlockKind, blocks: readonly number[], dilatedFrom = WIDTHS.length): Record<string, Module> {
  let dilation = 1;
  const stages = WIDTHS.map((width, i) => {
    const inputs = i === 0 ? 64 : kind.expansion * WIDTHS[i - 1]!;
    const isDilated = i >= dilatedFrom;
    const before = dilation;
    if (isDilated) dilation *= 2;
    const made = stage(kind, [inputs, width], blocks[i]!, i === 0 || isDilated ? 1 : 2, [before, dilation]);
    return [`layer${i + 1}`, made] as const;
  });
  return {
    conv1: convolution(3, 64, 7, 2),
    bn1: batchNorm2d({ channels: 64 }),
    relu: relu(),
    maxpool: maxPool2d(3, { stride: 2, padding: 1 }),
    ...Object.fromEntries(stages),
  };
}

/** ResNet-50 without its head, whose last two stages are dilated: what networks that label pixels stand on. */
export const dilatedResnet50 = (): Record<string, Module> =>
  layersOf(bottleneck(BOTTLENECK_ROWS[0]!, "3x3"), BOTTLENECK_ROWS[0]!.blocks, 2);

function resnet(kind: BlockKind, blocks: readonly number[], classes: number): Module {
  return imageClassifier({
    features: sequential(layersOf(kind, blocks)),
    head: (outputs) =>
      sequential({
        avgpool: globalAvgPool2d(),
        flatten: flatten(),
        fc: linear({ in: 512 * kind.expansion, out: outputs }),
      }),
    classes,
  });
}

/** The paper's rate is 0.1 at batch 256. */
const TRAINING = { batchSize: 32, lr: 0.0125, weightDecay: 1e-4 };

const basicResnets = BASIC_ROWS.map(({ name, description, blocks, parameters }) =>
  defineModel({
    name,
    description,
    defaults: { classes: 1000, size: 224 },
    parameters,
    input: ({ size }) => [size, size, 3],
    classes: ({ classes }) => classes,
    scaling: IMAGENET_SCALING,
    training: TRAINING,
    build({ classes, size }) {
      checkSize(name, size, 16);
      return resnet(basic, blocks, classes);
    },
  }),
);

const bottleneckResnets = BOTTLENECK_ROWS.map((row) => {
  const { name, description, blocks, parameters } = row;
  return defineModel({
    name,
    description,
    defaults: { classes: 1000, size: 224, strideOn: "3x3" },
    parameters,
    input: ({ size }) => [size, size, 3],
    classes: ({ classes }) => classes,
    scaling: IMAGENET_SCALING,
    training: TRAINING,
    build({ classes, size, strideOn }) {
      checkSize(name, size, 16);
      if (strideOn !== "3x3" && strideOn !== "1x1") {
        throw new OptionError(`${name}: option strideOn is "${strideOn}", expected "3x3" or, as in the paper, "1x1"`);
      }
      return resnet(bottleneck(row, strideOn), blocks, classes);
    },
  });
});

export const resnets = [...basicResnets, ...bottleneckResnets];
