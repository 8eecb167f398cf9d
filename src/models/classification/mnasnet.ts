/**
 * MnasNet-B1 (Tan et al., "MnasNet: platform-aware neural architecture search for mobile", 2018): inverted residuals
 * found by a search that counts the time on a telephone. Names and initial values are torchvision's.
 */
import {
  batchNorm2d,
  dropout,
  flatten,
  globalAvgPool2d,
  linear,
  type Module,
  relu,
  sequential,
} from "../../nn/index.js";
import { Branch, plainConvolution } from "../blocks.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, constant, IMAGENET_SCALING } from "../parts.js";

/** Figure 7 of the paper: channels, kernel, stride of the first block, widening, blocks. */
const STAGES = [
  [24, 3, 2, 3, 3],
  [40, 5, 2, 3, 3],
  [80, 5, 2, 6, 3],
  [96, 3, 1, 6, 2],
  [192, 5, 2, 6, 4],
  [320, 3, 1, 6, 1],
] as const;
const LAST = 1280;

/** The paper's 0.9997 is what TensorFlow keeps of the old. */
const norm = (channels: number) => batchNorm2d({ channels, momentum: 1 - 0.9997 });

function inverted(inputs: number, out: number, kernel: number, stride: number, widening: number): Module {
  const wide = inputs * widening;
  const layers = sequential(
    plainConvolution({ in: inputs, out: wide, kernel: 1 }),
    norm(wide),
    relu(),
    plainConvolution({ in: wide, out: wide, kernel, stride, groups: wide }),
    norm(wide),
    relu(),
    plainConvolution({ in: wide, out, kernel: 1 }),
    norm(out),
  );
  return new Branch("layers", layers, stride === 1 && inputs === out);
}

function layers(): Module[] {
  let channels = 16;
  const stages = STAGES.map(([out, kernel, stride, widening, count]) => {
    const blocks = Array.from({ length: count }, (_, i) => {
      const made = inverted(channels, out, kernel, i === 0 ? stride : 1, widening);
      channels = out;
      return made;
    });
    return sequential(...blocks);
  });
  return [
    plainConvolution({ in: 3, out: 32, stride: 2 }),
    norm(32),
    relu(),
    plainConvolution({ in: 32, out: 32, groups: 32 }),
    norm(32),
    relu(),
    plainConvolution({ in: 32, out: 16, kernel: 1 }),
    norm(16),
    ...stages,
    plainConvolution({ in: channels, out: LAST, kernel: 1 }),
    norm(LAST),
    relu(),
  ];
}

export const mnasnet = defineModel({
  name: "mnasnet1_0",
  description: "MnasNet-B1: inverted residuals found by search; 224x224",
  defaults: { classes: 1000, size: 224, dropout: 0.2 },
  parameters: 4_383_312,
  input: ({ size }) => [size, size, 3],
  classes: ({ classes }) => classes,
  scaling: IMAGENET_SCALING,
  training: { batchSize: 32, lr: 0.0125, weightDecay: 1e-5 },
  build({ classes, size, dropout: p }) {
    checkSize("mnasnet1_0", size, 32);
    return imageClassifier({
      features: sequential({ layers: sequential(...layers()) }),
      head: (outputs) => {
        // Kaiming's uniform distribution of the fan-out with the gain of a sigmoid, which is 1.
        const bound = Math.sqrt(3 / outputs);
        const weightInit = { kind: "uniform", low: -bound, high: bound } as const;
        return sequential({
          avgpool: globalAvgPool2d(),
          flatten: flatten(),
          classifier: sequential(dropout(p), linear({ in: LAST, out: outputs, weightInit, biasInit: constant(0) })),
        });
      },
      classes,
    });
  },
});
