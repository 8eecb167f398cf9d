/**
 * AlexNet in one column (Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014), as torchvision
 * publishes weights for it: 64 first filters, no groups, no normalisation. Names and initial values are torchvision's.
 * The network of 2012 is alexnet-2012.ts. `bn-alexnet` has batch normalisation behind each layer but the last (Canziani, Paszke and Culurciello
 * 2017).
 */

import {
  adaptiveAvgPool2d,
  batchNorm2d,
  conv2d,
  dropout,
  flatten,
  linear,
  type Module,
  maxPool2d,
  relu,
  sequential,
} from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, IMAGENET_SCALING } from "../parts.js";

const pool = () => maxPool2d(3, { stride: 2 });

const VARIANTS = [
  {
    name: "alexnet",
    description: "AlexNet in one column, as torchvision has it: five convolutions, 9216-4096-4096-1000; 224x224",
    normalise: false,
    parameters: 61_100_840,
  },
  {
    name: "bn-alexnet",
    description: "AlexNet in one column, with batch normalisation; 224x224",
    normalise: true,
    parameters: 61_119_528,
  },
];

export const alexnets = VARIANTS.map(({ name, description, normalise, parameters }) => {
  const rectified = (layer: Module, channels: number) =>
    normalise ? [layer, batchNorm2d({ channels }), relu()] : [layer, relu()];
  return defineModel({
    name,
    description,
    defaults: { classes: 1000, size: 224, hidden: 4096, dropout: 0.5 },
    parameters,
    input: ({ size }) => [size, size, 3],
    classes: ({ classes }) => classes,
    scaling: IMAGENET_SCALING,
    training: { batchSize: 128, lr: 0.01, weightDecay: 5e-4 },
    build({ classes, size, hidden, dropout: p }) {
      checkSize(name, size, 63);
      return imageClassifier({
        features: sequential({
          features: sequential(
            ...rectified(conv2d({ in: 3, out: 64, kernel: 11, stride: 4, padding: 2 }), 64),
            pool(),
            ...rectified(conv2d({ in: 64, out: 192, kernel: 5, padding: 2 }), 192),
            pool(),
            ...rectified(conv2d({ in: 192, out: 384, kernel: 3, padding: 1 }), 384),
            ...rectified(conv2d({ in: 384, out: 256, kernel: 3, padding: 1 }), 256),
            ...rectified(conv2d({ in: 256, out: 256, kernel: 3, padding: 1 }), 256),
            pool(),
          ),
        }),
        head: (outputs) =>
          sequential({
            avgpool: adaptiveAvgPool2d(6),
            flatten: flatten(),
            classifier: sequential(
              dropout(p),
              ...rectified(linear({ in: 256 * 6 * 6, out: hidden }), hidden),
              dropout(p),
              ...rectified(linear({ in: hidden, out: hidden }), hidden),
              linear({ in: hidden, out: outputs }),
            ),
          }),
        classes,
      });
    },
  });
});
