/**
 * Farabet, Couprie, Najman, LeCun, "Learning hierarchical features for scene labeling" (TPAMI 2013): three sizes of the picture
 * (pyramid.ts) go through one network with shared weights, and what it finds at all of them is joined for every fourth pixel.
 *
 *     7x7 to 16 maps, 10 of which see Y and 6 U and V, tanh, 2x2 max pool; 7x7 to 64 maps, each of which sees 8 of the 16, tanh, pool;
 *     7x7 to 256 maps, each of which sees 32 of the 64; joined, 768 maps; a classifier with one hidden layer of 1024 units
 *
 * Which maps are seen was drawn once, by a fixed seed. The paper trains features first and the classifier behind them; here both learn
 * at once. Class scores are made as large as the picture bilinearly. Superpixels vote after it (src/segmentation).
 */
import { OptionError } from "../../errors.js";
import type { Value } from "../../graph/value.js";
import { type Conv2d, conv2d, Module, maxPool2d, type PartialConv2d, partialConv2d, tanh } from "../../nn/index.js";
import { concat, resize } from "../../ops/index.js";
import { Random } from "../../random.js";
import { registerModel } from "../registry.js";
import { anySize, COMMON, checkPicture, checkWidths, pixelLoss } from "./any-size.js";
import { laplacianPyramid, locallyNormalised, yuv } from "./pyramid.js";

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
  readonly conv1: PartialConv2d;
  readonly conv2: PartialConv2d;
  readonly conv3: PartialConv2d;
  readonly hidden: Conv2d;
  readonly classifier: Conv2d;
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

  #features(x: Value): Value {
    const once = (layer: Module, value: Value) => maxPool2d(2).forward(tanh().forward(layer.forward(value)));
    return this.conv3.forward(once(this.conv2, once(this.conv1, x)));
  }

  override forward(x: Value): Value {
    return anySize(x, 4 * 2 ** (this.#scales - 1), 3, (picture) => {
      const [height, width] = picture.shape as readonly [number, number, number];
      const levels = laplacianPyramid(yuv(picture), this.#scales).map((level) => locallyNormalised(level));
      const seen = levels.map((level) => resize(this.#features(level), [height / 4, width / 4], "bilinear"));
      const scores = this.classifier.forward(tanh().forward(this.hidden.forward(concat(seen, 2))));
      return resize(scores, [height, width], "bilinear");
    });
  }
}

registerModel({
  name: "farabet-multiscale",
  description:
    "Farabet et al. 2013: one network over three sizes of the picture, a classifier of 1024 units for every fourth pixel",
  task: "segmentation",
  defaults: { ...COMMON, classes: 33, maps: [16, 64, 256] as readonly number[], hidden: 1024, scales: 3 },
  parameters: 1_249_191,
  input: ({ height, width }) => [height, width, 3],
  classes: ({ classes }) => classes,
  loss: ({ classes, classWeights }) => pixelLoss({ classes, classWeights }),
  // The pyramid is of colours from 0 to 1, and normalises them itself.
  scaling: { mean: [0, 0, 0], std: [1, 1, 1] },
  build(options) {
    checkPicture("farabet-multiscale", options);
    checkWidths("farabet-multiscale", "maps", options.maps, 3, 3);
    if (!Number.isInteger(options.scales) || options.scales < 1 || options.scales > 5) {
      throw new OptionError(
        `farabet-multiscale: option scales is ${options.scales}, expected a whole number from 1 to 5`,
      );
    }
    return new FarabetMultiscale(options.maps, options.hidden, options.classes, options.scales);
  },
});
