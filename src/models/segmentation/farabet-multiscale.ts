/**
 * Farabet, Couprie, Najman, LeCun, "Learning hierarchical features for scene labeling" (TPAMI 2013): three sizes of the
 * picture (pyramid.ts) go through one network with shared weights, and what it finds at all of them is joined for every
 * fourth pixel.
 *
 *     7x7 to 16 maps, 10 of which see Y and 6 U and V, tanh, 2x2 max pool; 7x7 to 64 maps, each of which sees 8 of the
 * 16, tanh, pool;
 *     7x7 to 256 maps, each of which sees 32 of the 64; joined, 768 maps; a classifier with one hidden layer of 1024
 * units
 *
 * Which maps are seen was drawn once, by a fixed seed. The paper trains features first and the classifier behind them;
 * here both learn at once. Class scores are made as large as the picture bilinearly. Superpixels vote after it
 * (src/segmentation).
 */

import { Random } from "../../base/random.js";
import type { Value } from "../../graph/graph.js";
import {
  type Conv2d,
  conv2d,
  Module,
  maxPool2d,
  type PartialConv2d,
  partialConv2d,
  tanh,
  upsample,
} from "../../nn/index.js";
import { add, conv2d as conv2dOf, resize, slice } from "../../ops/index.js";
import { defineModel } from "../definition.js";
import { checkWholeOption } from "../parts.js";
import { anySize, COMMON, checkPicture, checkWidths, pixelLoss, within } from "./any-size.js";
import { LocalNormalisation, laplacianPyramid, yuv } from "./pyramid.js";

/** `out` maps, each of which sees `seen` of `inputs`. */
function drawn(inputs: number, out: number, seen: number): number[][] {
  const random = new Random(2013).fork(`${inputs} maps to ${out}`);
  return Array.from({ length: out }, () => {
    const order = Uint32Array.from({ length: inputs }, (_, i) => i);
    random.shuffle(order);
    return [...order.subarray(0, seen)].sort((a, b) => a - b);
  });
}

export class FarabetMultiscale extends Module {
  readonly normalisation = new LocalNormalisation();
  readonly conv1: PartialConv2d;
  readonly conv2: PartialConv2d;
  readonly conv3: PartialConv2d;
  readonly hidden: Conv2d;
  readonly classifier: Conv2d;
  readonly upsampling = upsample({ scaleFactor: 4, mode: "bilinear" });
  readonly #scales: number;

  constructor(maps: readonly number[], hidden: number, classes: number, scales: number) {
    super();
    const [first, second, third] = maps as readonly [number, number, number];
    const stage = (inputs: number, connections: number[][]) =>
      partialConv2d({ in: inputs, kernel: 7, padding: 3, connections });
    const luminance = Math.round((first * 10) / 16);
    this.conv1 = stage(
      3,
      Array.from({ length: first }, (_, i) => (i < luminance ? [0] : [1, 2])),
    );
    this.conv2 = stage(first, drawn(first, second, Math.ceil(first / 2)));
    this.conv3 = stage(second, drawn(second, third, Math.ceil(second / 2)));
    this.hidden = conv2d({ in: scales * third, out: hidden, kernel: 1 });
    this.classifier = conv2d({ in: hidden, out: classes, kernel: 1 });
    this.#scales = scales;
  }

  /** tanh stands behind the pools: it keeps the order of numbers, so the result is the same, of a quarter of them. */
  #features(x: Value): Value {
    const once = (layer: Module, value: Value) => tanh().forward(maxPool2d(2).forward(layer.forward(value)));
    return this.conv3.forward(once(this.conv2, once(this.conv1, x)));
  }

  /**
   * The hidden layer over the maps of all sizes, joined at the first one's. A 1x1 convolution and bilinear
   * interpolation may change places: each size's part of the layer is computed where its maps are small, then made
   * large and added to the others'.
   */
  #joined(features: readonly Value[]): Value {
    const [finest] = features as readonly [Value];
    const [height, width, maps] = finest.shape as readonly [number, number, number];
    return within(this.hidden, finest, () => {
      const weight = this.hidden.weight.in(finest);
      const parts = features.map((value, i) => conv2dOf(value, slice(weight, 2, i * maps, (i + 1) * maps)));
      const large = parts.slice(1).map((small) => resize(small, [height, width], "bilinear"));
      return large.reduce((sum, more) => add(sum, more), add(parts[0]!, this.hidden.bias!.in(finest)));
    });
  }

  override forward(x: Value): Value {
    return anySize(x, 4 * 2 ** (this.#scales - 1), 3, (picture) => {
      const levels = laplacianPyramid(yuv(picture), this.#scales).map((level) => this.normalisation.forward(level));
      const hidden = this.#joined(levels.map((level) => this.#features(level)));
      const scores = this.classifier.forward(tanh().forward(hidden));
      return this.upsampling.forward(scores);
    });
  }
}

export const farabetMultiscale = defineModel({
  name: "farabet-multiscale",
  description:
    "Farabet et al. 2013: one network over three sizes of the picture, a classifier of 1024 units for every fourth pixel",
  task: "segmentation",
  defaults: { ...COMMON, classes: 33, maps: [16, 64, 256] as readonly number[], hidden: 1024, scales: 3 },
  // A filter of the later stages reads a part of the maps, which is drawn one by one.
  most: { maps: 1024 },
  parameters: 1_249_191,
  input: ({ height, width }) => [height, width, 3],
  classes: ({ classes }) => classes,
  loss: ({ classes, classWeights }) => pixelLoss({ classes, classWeights }),
  // The pyramid is of colours from 0 to 1, and normalises them itself.
  scaling: { mean: [0, 0, 0], std: [1, 1, 1] },
  build(options) {
    checkPicture("farabet-multiscale", options);
    checkWidths("farabet-multiscale", "maps", options.maps, 3, 3);
    checkWholeOption("farabet-multiscale", "scales", options.scales, 1, 5);
    return new FarabetMultiscale(options.maps, options.hidden, options.classes, options.scales);
  },
});
