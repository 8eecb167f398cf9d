/**
 * AlexNet as published (Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
 * networks", 2012). The two columns, of which each GPU computed one, are convolutions of two groups. Local response
 * normalisation stands behind the relus of the first two, with the paper's alpha, which is not divided by the window's
 * size (Caffe and PyTorch divide). Pictures are 227x227, for which the paper's arithmetic works out (its text says
 * 224). The paper takes the mean picture off the bytes; we take off the mean colour.
 */

import { conv2d, dropout, flatten, linear, localResponseNorm, maxPool2d, relu, sequential } from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, constant, gaussian, IMAGENET_SCALING } from "../parts.js";

/**
 * Section 5: weights from N(0, 0.01^2); biases 1 in the second, fourth and fifth convolution and the hidden dense
 * layers, else 0.
 */
const from = (bias: 0 | 1) => ({ weightInit: gaussian(0.01), biasInit: constant(bias) });

const pool = () => maxPool2d(3, { stride: 2 });

/** Section 3.3: k = 2, n = 5, alpha = 1e-4, beta = 0.75. */
const normalisation = () => localResponseNorm({ size: 5, alpha: 1e-4, beta: 0.75, k: 2, alphaDivided: false });

/** What the first convolution and the three pools make of a picture's side: 6 of 227. */
function lastSide(size: number): number {
  const pooled = (side: number) => Math.floor((side - 3) / 2) + 1;
  return pooled(pooled(pooled(Math.floor((size - 11) / 4) + 1)));
}

export const alexnet2012 = defineModel({
  name: "alexnet-2012",
  description: "AlexNet as published: two groups, local response normalisation, 9216-4096-4096-1000; 227x227",
  defaults: { classes: 1000, size: 227, hidden: 4096, dropout: 0.5 },
  parameters: 60_965_224,
  input: ({ size }) => [size, size, 3],
  classes: ({ classes }) => classes,
  // Bytes less the mean colour: its first filters and their rate are made for numbers of that size.
  scaling: { mean: IMAGENET_SCALING.mean, std: [1 / 255, 1 / 255, 1 / 255] },
  training: { batchSize: 128, lr: 0.01, weightDecay: 5e-4 },
  build({ classes, size, hidden, dropout: p }) {
    checkSize("alexnet-2012", size, 67);
    return imageClassifier({
      features: sequential({
        conv1: conv2d({ in: 3, out: 96, kernel: 11, stride: 4, ...from(0) }),
        relu1: relu(),
        norm1: normalisation(),
        pool1: pool(),
        conv2: conv2d({ in: 96, out: 256, kernel: 5, padding: 2, groups: 2, ...from(1) }),
        relu2: relu(),
        norm2: normalisation(),
        pool2: pool(),
        conv3: conv2d({ in: 256, out: 384, kernel: 3, padding: 1, ...from(0) }),
        relu3: relu(),
        conv4: conv2d({ in: 384, out: 384, kernel: 3, padding: 1, groups: 2, ...from(1) }),
        relu4: relu(),
        conv5: conv2d({ in: 384, out: 256, kernel: 3, padding: 1, groups: 2, ...from(1) }),
        relu5: relu(),
        pool5: pool(),
      }),
      head: (outputs) =>
        sequential({
          flatten: flatten(),
          fc6: linear({ in: 256 * lastSide(size) ** 2, out: hidden, ...from(1) }),
          relu6: relu(),
          drop6: dropout(p),
          fc7: linear({ in: hidden, out: hidden, ...from(1) }),
          relu7: relu(),
          drop7: dropout(p),
          fc8: linear({ in: hidden, out: outputs, ...from(0) }),
        }),
      classes,
    });
  },
});
