/**
 * AlexNet in one column (Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014), as torchvision
 * publishes weights for it: 64 first filters, no groups, no normalisation. Names and initial values are torchvision's.
 * The network of 2012 is alexnet-2012.ts.
 */

import { adaptiveAvgPool2d, conv2d, dropout, flatten, linear, maxPool2d, relu, sequential } from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, IMAGENET_SCALING } from "../parts.js";

const pool = () => maxPool2d(3, { stride: 2 });

export const alexnet = defineModel({
  name: "alexnet",
  description: "AlexNet in one column, as torchvision has it: five convolutions, 9216-4096-4096-1000; 224x224",
  defaults: { classes: 1000, size: 224, hidden: 4096, dropout: 0.5 },
  parameters: 61_100_840,
  input: ({ size }) => [size, size, 3],
  classes: ({ classes }) => classes,
  scaling: IMAGENET_SCALING,
  training: { batchSize: 128, lr: 0.01, weightDecay: 5e-4 },
  build({ classes, size, hidden, dropout: p }) {
    checkSize("alexnet", size, 63);
    return imageClassifier({
      features: sequential({
        features: sequential(
          conv2d({ in: 3, out: 64, kernel: 11, stride: 4, padding: 2 }),
          relu(),
          pool(),
          conv2d({ in: 64, out: 192, kernel: 5, padding: 2 }),
          relu(),
          pool(),
          conv2d({ in: 192, out: 384, kernel: 3, padding: 1 }),
          relu(),
          conv2d({ in: 384, out: 256, kernel: 3, padding: 1 }),
          relu(),
          conv2d({ in: 256, out: 256, kernel: 3, padding: 1 }),
          relu(),
          pool(),
        ),
      }),
      head: (outputs) =>
        sequential({
          avgpool: adaptiveAvgPool2d(6),
          flatten: flatten(),
          classifier: sequential(
            dropout(p),
            linear({ in: 256 * 6 * 6, out: hidden }),
            relu(),
            dropout(p),
            linear({ in: hidden, out: hidden }),
            relu(),
            linear({ in: hidden, out: outputs }),
          ),
        }),
      classes,
    });
  },
});
