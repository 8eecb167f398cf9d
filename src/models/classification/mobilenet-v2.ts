/**
 * MobileNetV2 (Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2: inverted residuals and linear bottlenecks", 2018):
 * blocks that widen their maps by a 1x1 convolution, see each by itself in a 3x3 one, and narrow them again by a 1x1
 * one without activation.
 *
 * Names and initial values are torchvision's.
 */
import {
  batchNorm2d,
  dropout,
  flatten,
  globalAvgPool2d,
  linear,
  type Module,
  relu6,
  sequential,
} from "../../nn/index.js";
import { Branch, convNorm, plainConvolution } from "../blocks.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, constant, gaussian, IMAGENET_SCALING } from "../parts.js";

/** Table 2 of the paper: widening, channels, blocks, stride of the first. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;
const FIRST = 32;
const LAST = 1280;

function block(inputs: number, out: number, widening: number, stride: number): Module {
  const wide = inputs * widening;
  const layers = sequential(
    ...(widening === 1 ? [] : [convNorm({ in: inputs, out: wide, kernel: 1, activation: relu6 })]),
    convNorm({ in: wide, out: wide, stride, groups: wide, activation: relu6 }),
    plainConvolution({ in: wide, out, kernel: 1 }),
    batchNorm2d({ channels: out }),
  );
  return new Branch("conv", layers, stride === 1 && inputs === out);
}

function layers(): Module[] {
  let channels = FIRST;
  const blocks = STAGES.flatMap(([widening, out, count, stride]) =>
    Array.from({ length: count }, (_, i) => {
      const made = block(channels, out, widening, i === 0 ? stride : 1);
      channels = out;
      return made;
    }),
  );
  return [
    convNorm({ in: 3, out: FIRST, stride: 2, activation: relu6 }),
    ...blocks,
    convNorm({ in: channels, out: LAST, kernel: 1, activation: relu6 }),
  ];
}

export const mobilenetV2 = defineModel({
  name: "mobilenet_v2",
  description: "MobileNetV2: inverted residuals of depthwise convolutions; 224x224",
  defaults: { classes: 1000, size: 224, dropout: 0.2 },
  parameters: 3_504_872,
  input: ({ size }) => [size, size, 3],
  classes: ({ classes }) => classes,
  scaling: IMAGENET_SCALING,
  training: { batchSize: 32, lr: 0.0125, weightDecay: 4e-5 },
  build({ classes, size, dropout: p }) {
    checkSize("mobilenet_v2", size, 32);
    return imageClassifier({
      features: sequential({ features: sequential(...layers()) }),
      head: (outputs) =>
        sequential({
          avgpool: globalAvgPool2d(),
          flatten: flatten(),
          classifier: sequential(
            dropout(p),
            linear({ in: LAST, out: outputs, weightInit: gaussian(0.01), biasInit: constant(0) }),
          ),
        }),
      classes,
    });
  },
});
