/**
 * LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998) in the form taught today: ReLU for squashing, maximum pooling for
 * subsampling, full connections between the maps, and softmax cross-entropy on the last layer's ten numbers.
 *
 *     28x28 -> conv 5x5, padding 2, 6 -> pool 2 -> conv 5x5, 16 -> pool 2 -> 400 -> 120 -> 84 -> 10
 *
 * Size 32 takes pictures that bring their border along: no padding, otherwise the same network.
 */

import { OptionError } from "../../base/errors.js";
import { conv2d, flatten, linear, maxPool2d, relu, sequential } from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";

export const lenet5 = defineModel({
  name: "lenet5",
  description: "LeNet-5 as taught today: 5x5 convolutions to 6 and 16 maps, ReLU, 2x2 max pools, 400-120-84-10",
  defaults: { classes: 10, channels: 1, size: 28 },
  parameters: 61_706,
  input: ({ size, channels }) => [size, size, channels],
  classes: ({ classes }) => classes,
  build({ size, channels, classes }) {
    if (size !== 28 && size !== 32) {
      throw new OptionError(`lenet5: option size is ${size}, expected 28 (padded by 2) or 32; resize the pictures`);
    }
    return imageClassifier({
      features: sequential({
        conv1: conv2d({ in: channels, out: 6, kernel: 5, padding: size === 28 ? 2 : 0 }),
        relu1: relu(),
        pool1: maxPool2d(2),
        conv2: conv2d({ in: 6, out: 16, kernel: 5 }),
        relu2: relu(),
        pool2: maxPool2d(2),
        flatten: flatten(),
        fc1: linear({ in: 400, out: 120 }),
        relu3: relu(),
        fc2: linear({ in: 120, out: 84 }),
        relu4: relu(),
      }),
      head: (outputs) => sequential({ fc3: linear({ in: 84, out: outputs }) }),
      classes,
    });
  },
});
