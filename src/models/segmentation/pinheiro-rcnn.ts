/**
 * Pinheiro, Collobert, "Recurrent convolutional neural networks for scene labeling" (ICML 2014): one network f is
 * applied p times with shared weights. Each instance reads the picture and the class planes of the instance before
 * (none for the first), the picture at the next scale, so that it sees twice as far as the one before and can mend what
 * that one got wrong. The loss is the sum of the losses of all instances; the last one's answer counts.
 *
 *     f: 7x7 to 32 maps, tanh, 2x2 max pool, 7x7 to 64, tanh, 5x5 to 128, tanh, 1x1 to the classes
 *
 * (layer sizes are ours; the paper leaves them open). The paper computes an answer for every place by shifting the
 * picture and stitching the answers together. Here the first instance takes the picture at half its size and answers
 * for every fourth pixel, and the later ones go over that grid with dilated convolutions and pools that do not skip,
 * which gives for every place of the grid what a shifted picture would. Planes are softmax probabilities, which keeps
 * them of one size whatever the instance. What f sees of the picture is YUV, locally normalised at its scale, as in
 * Farabet's network of the year before: light differs from street to street, and on the raw colours the third instance
 * unlearned on new streets what the second knew. Weights begin as Glorot and Bengio's, with the gain of tanh.
 */

import type { Value } from "../../graph/graph.js";
import { type Conv2d, conv2d, Module } from "../../nn/index.js";
import { tracingOf } from "../../nn/module.js";
import {
  add,
  avgPool2d,
  concat,
  conv2d as conv2dOf,
  maxPool2d,
  pad,
  resize,
  slice,
  softmax,
  tanh,
} from "../../ops/index.js";
import { defineModel } from "../definition.js";
import { checkWholeOption } from "../parts.js";
import { anySize, COMMON, checkPicture, checkWidths, pixelLoss, within } from "./any-size.js";
import { locallyNormalised, yuv } from "./pyramid.js";

export class PinheiroRcnn extends Module {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;
  readonly conv3: Conv2d;
  readonly classifier: Conv2d;
  readonly #instances: number;

  constructor(maps: readonly number[], classes: number, instances: number) {
    super();
    const [first, second, third] = maps as readonly [number, number, number];
    this.conv1 = stage(3 + classes, first, 7);
    this.conv2 = stage(first, second, 7);
    this.conv3 = stage(second, third, 5);
    this.classifier = conv2d({ in: third, out: classes, kernel: 1 });
    this.#instances = instances;
  }

  /** The layer with neighbours `step` pixels apart, zeros around; planes that x lacks at its end are zeros, too. */
  #apply(layer: Conv2d, x: Value, step: number): Value {
    const half = (layer.weight.shape[0]! - 1) / 2;
    return within(layer, x, () => {
      const whole = layer.weight.in(x);
      const seen = x.shape[2]!;
      const weight = seen === whole.shape[2] ? whole : slice(whole, 2, 0, seen);
      return add(conv2dOf(x, weight, { dilation: step, padding: step * half }), layer.bias!.in(x));
    });
  }

  /** f for a picture without class planes, its pool skipping each other pixel: half as high and wide. */
  #coarse(picture: Value): Value {
    // tanh keeps the order of numbers, and stands where there are fewer.
    const first = tanh(maxPool2d(this.#apply(this.conv1, picture, 1), 2));
    return this.#scores(first, 1);
  }

  /** The same for every pixel, its neighbours `step` pixels apart. */
  #dense(x: Value, step: number): Value {
    const first = densePool(tanh(this.#apply(this.conv1, x, step)), step);
    return this.#scores(first, 2 * step);
  }

  /** f behind its pool. */
  #scores(first: Value, step: number): Value {
    const second = tanh(this.#apply(this.conv2, first, step));
    return this.classifier.forward(tanh(this.#apply(this.conv3, second, step)));
  }

  override forward(x: Value): Value {
    const all = tracingOf(x.graph)?.training === true;
    return anySize(x, 4, 3, (picture) => {
      const [height, width] = picture.shape as readonly [number, number, number];
      const colours = yuv(picture);
      const answers = [this.#coarse(seen(avgPool2d(colours, 2), 1))];
      let view = avgPool2d(colours, 4);
      for (let i = 1; i < this.#instances; i++) {
        const step = 2 ** (i - 1);
        // The picture at the next scale, at every place of the grid.
        if (i > 1) view = avgPool2d(view, 3, { stride: 1, padding: step / 2, dilation: step / 2, divisor: "valid" });
        answers.push(this.#dense(concat([seen(view, step), softmax(answers.at(-1)!)], 2), step));
      }
      const large = (all ? answers : answers.slice(-1)).map((scores) => resize(scores, [height, width], "bilinear"));
      return concat(large, 2);
    });
  }
}

/** What f sees of a picture whose pixels at f's scale lie `step` apart. */
const seen = (colours: Value, step: number): Value => locallyNormalised(colours, 16 * step - 1);

function stage(inputs: number, out: number, kernel: number): Conv2d {
  const [fanIn, fanOut] = [kernel ** 2 * inputs, kernel ** 2 * out];
  const weightInit = { kind: "xavierNormal", fanIn, fanOut, gain: 5 / 3 } as const;
  return conv2d({ in: inputs, out, kernel, weightInit, biasInit: { kind: "constant", value: 0 } });
}

/** The larger of each pixel and those `step` behind it, beyond the edge 0; as many as before. */
function densePool(x: Value, step: number): Value {
  return maxPool2d(pad(x, [0, 0, 0], [step, step, 0]), 2, { stride: 1, dilation: step });
}

export const pinheiroRcnn = defineModel({
  name: "pinheiro-rcnn",
  description: "Pinheiro, Collobert 2014: one network applied p times, each reading the class planes of the one before",
  task: "segmentation",
  defaults: { ...COMMON, maps: [32, 64, 128] as readonly number[], instances: 3 },
  // The network is unrolled: each application is built.
  most: { instances: 32 },
  parameters: 328_747,
  input: ({ height, width }) => [height, width, 3],
  classes: ({ classes }) => classes,
  loss: ({ classes, classWeights }) => pixelLoss({ classes, classWeights }),
  // Colours from 0 to 1, which it normalises itself.
  scaling: { mean: [0, 0, 0], std: [1, 1, 1] },
  build(options) {
    checkPicture("pinheiro-rcnn", options);
    checkWidths("pinheiro-rcnn", "maps", options.maps, 3, 3);
    checkWholeOption("pinheiro-rcnn", "instances", options.instances, 1, 4);
    return new PinheiroRcnn(options.maps, options.classes, options.instances);
  },
});
