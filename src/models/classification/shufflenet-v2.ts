/**
 * ShuffleNetV2 (Ma, Zhang, Zheng, Sun, "ShuffleNet V2: practical guidelines for efficient CNN architecture design",
 * 2018): a block computes one half of the channels and leaves the other; then the halves are interleaved. Names and
 * initial values are torchvision's.
 */
import type { Value } from "../../graph/graph.js";
import {
  batchNorm2d,
  conv2d,
  flatten,
  globalAvgPool2d,
  linear,
  Module,
  maxPool2d,
  relu,
  sequential,
} from "../../nn/index.js";
import { arrange, concat, slice } from "../../ops/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, IMAGENET_SCALING } from "../parts.js";

/** Table 5 of the paper: channels of the three stages, and of the last convolution. */
const VARIANTS = [
  { name: "shufflenet_v2_x0_5", channels: [48, 96, 192], last: 1024, parameters: 1_366_792 },
  { name: "shufflenet_v2_x1_0", channels: [116, 232, 464], last: 1024, parameters: 2_278_604 },
  { name: "shufflenet_v2_x1_5", channels: [176, 352, 704], last: 1024, parameters: 3_503_624 },
  { name: "shufflenet_v2_x2_0", channels: [244, 488, 976], last: 2048, parameters: 7_393_996 },
];
const BLOCKS = [4, 8, 4];
const FIRST = 24;

const point = (inputs: number, out: number) => conv2d({ in: inputs, out, kernel: 1, bias: false });
const depthwise = (channels: number, stride: number) =>
  conv2d({ in: channels, out: channels, kernel: 3, stride, padding: 1, groups: channels, bias: false });
const norm = (channels: number) => batchNorm2d({ channels });

class ShuffleBlock extends Module {
  /** Where the picture is halved: both halves are computed, each of the whole input. */
  readonly branch1: Module | undefined;
  readonly branch2: Module;

  constructor(inputs: number, out: number, stride: number) {
    super();
    const half = out / 2;
    this.branch1 =
      stride === 1
        ? undefined
        : sequential(depthwise(inputs, stride), norm(inputs), point(inputs, half), norm(half), relu());
    this.branch2 = sequential(
      point(stride === 1 ? half : inputs, half),
      norm(half),
      relu(),
      depthwise(half, stride),
      norm(half),
      point(half, half),
      norm(half),
      relu(),
    );
  }

  override forward(x: Value): Value {
    const half = x.shape[2]! / 2;
    const [kept, read] =
      this.branch1 === undefined ? [slice(x, 2, 0, half), slice(x, 2, half, 2 * half)] : [this.branch1.forward(x), x];
    return shuffled(concat([kept, this.branch2.forward(read)], 2));
  }
}

/** The first channel of each half, the second of each, and so on. */
function shuffled(x: Value): Value {
  const channels = x.shape[2]!;
  return arrange(
    x,
    Array.from({ length: channels }, (_, c) => (c % 2) * (channels / 2) + Math.floor(c / 2)),
  );
}

const convolution = (inputs: number, out: number, kernel: number, stride: number) =>
  sequential(conv2d({ in: inputs, out, kernel, stride, padding: (kernel - 1) / 2, bias: false }), norm(out), relu());

function layers(channels: readonly number[], last: number): Record<string, Module> {
  const stages = channels.map((out, i): [string, Module] => {
    const inputs = i === 0 ? FIRST : channels[i - 1]!;
    const blocks = Array.from({ length: BLOCKS[i]! }, (_, b) =>
      b === 0 ? new ShuffleBlock(inputs, out, 2) : new ShuffleBlock(out, out, 1),
    );
    return [`stage${i + 2}`, sequential(...blocks)];
  });
  return {
    conv1: convolution(3, FIRST, 3, 2),
    maxpool: maxPool2d(3, { stride: 2, padding: 1 }),
    ...Object.fromEntries(stages),
    conv5: convolution(channels.at(-1)!, last, 1, 1),
  };
}

export const shufflenets = VARIANTS.map(({ name, channels, last, parameters }) =>
  defineModel({
    name,
    description: `ShuffleNetV2 ${name.slice(15).replace("_", ".")} times as wide: half the channels computed, then interleaved; 224x224`,
    defaults: { classes: 1000, size: 224 },
    parameters,
    input: ({ size }) => [size, size, 3],
    classes: ({ classes }) => classes,
    scaling: IMAGENET_SCALING,
    training: { batchSize: 32, lr: 0.0125, weightDecay: 4e-5 },
    build({ classes, size }) {
      checkSize(name, size, 32);
      return imageClassifier({
        features: sequential(layers(channels, last)),
        head: (outputs) =>
          sequential({ avgpool: globalAvgPool2d(), flatten: flatten(), fc: linear({ in: last, out: outputs }) }),
        classes,
      });
    },
  }),
);
