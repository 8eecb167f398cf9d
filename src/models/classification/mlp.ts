/**
 * The fully connected baseline that convolutional networks are compared with: 784-300-100-10 with ReLU, after the
 * two-hidden-layer networks of LeCun et al. 1998.
 */

import { flatten, linear, relu, sequential } from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";

export const mlp = defineModel({
  name: "mlp",
  description: "fully connected baseline, 784-300-100-10, ReLU",
  defaults: { classes: 10, channels: 1, size: 28 },
  parameters: 266_610,
  input: ({ size, channels }) => [size, size, channels],
  classes: ({ classes }) => classes,
  build: ({ size, channels, classes }) =>
    imageClassifier({
      features: sequential({
        flatten: flatten(),
        fc1: linear({ in: size * size * channels, out: 300 }),
        relu1: relu(),
        fc2: linear({ in: 300, out: 100 }),
        relu2: relu(),
      }),
      head: (outputs) => sequential({ fc3: linear({ in: 100, out: outputs }) }),
      classes,
    }),
});
