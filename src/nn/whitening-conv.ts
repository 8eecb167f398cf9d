/**
 * A first convolution that whitens patches of pictures (Coates and Ng 2012; in the fast CIFAR-10 recipes of Page 2018
 * and Jordan 2024). Its filters are the directions in which patches of the training pictures vary, each divided by how
 * much, and their negatives: they are computed from the pictures before training (train/techniques/whitening.ts) and
 * stay as they are. A bias, if any, is trained. In files it is a convolution as any other.
 */
import { OptionError } from "../base/errors.js";
import { type Fields, flag, needed } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import { type Padding, type Pair, pair, pairOf, WINDOW } from "../ops/window.js";
import { checkLayer, count } from "./check.js";
import { Conv2d } from "./conv.js";

/** Options of `nn.whiteningConv2d`. */
export interface WhiteningConv2dOptions {
  /** Channels of the pictures. */
  readonly in: number;
  /** Height and width of the filters in pixels: one number for both, or [height, width]. */
  readonly kernel: Pair;
  /**
   * Filters, an even number: two for each of the directions in which patches vary most.
   * @default 2 x in x kernel height x kernel width, which is all directions
   */
  readonly out?: number;
  /**
   * Pixels from one window to the next: one number for both axes, or [y, x].
   * @default 1
   */
  readonly stride?: Pair;
  /**
   * Pixels of zeros around the input: one number for all sides, [y, x], a record of sides, or `"same"`.
   * @default 0
   */
  readonly padding?: Padding;
  /**
   * Whether a trainable number is added to each output channel.
   * @default true
   */
  readonly bias?: boolean;
  /**
   * Added to each variance, so that directions of noise are not amplified.
   * @default 5e-4
   */
  readonly eps?: number;
  /**
   * Training pictures, at most, from which patches are taken.
   * @default 5000
   */
  readonly pictures?: number;
}

const FIELDS: Fields<WhiteningConv2dOptions> = {
  in: needed(count),
  kernel: needed(pairOf),
  out: count,
  stride: WINDOW.stride,
  padding: WINDOW.padding,
  bias: flag,
  eps: count,
  pictures: count,
};

/** A convolution that whitens patches of pictures, as `nn.whiteningConv2d` makes it. */
export class WhiteningConv2d extends Conv2d {
  constructor(options: WhiteningConv2dOptions) {
    checkLayer("whiteningConv2d", options, FIELDS);
    const { eps = 5e-4, pictures = 5000, ...shape } = options;
    const [ky, kx] = pair(options.kernel);
    const directions = options.in * ky * kx;
    const { out = 2 * directions } = options;
    if (!(out >= 2 && out % 2 === 0 && out <= 2 * directions)) {
      throw new OptionError(
        `whiteningConv2d: out is ${out}, expected an even number up to ${2 * directions}, two for each of in ${options.in} x kernel ${ky}x${kx}`,
      );
    }
    if (!(eps > 0)) throw new OptionError(`whiteningConv2d: eps is ${eps}, expected more than 0`);
    if (!(Number.isInteger(pictures) && pictures >= 1)) {
      throw new OptionError(`whiteningConv2d: pictures is ${pictures}, expected a whole number from 1`);
    }
    super({ ...shape, out, fixed: true, weightInit: { kind: "whitening", fanIn: directions, eps, pictures } });
  }
}

/**
 * A first convolution that whitens patches of pictures (Coates and Ng 2012; the CIFAR-10 recipes of Page 2018 and
 * Jordan 2024). Its filters are the directions in which patches of the training pictures vary, each divided by its
 * standard deviation, and their negatives. They are computed before training and stay as they are. Shapes are those of
 * `nn.conv2d`.
 * @throws OptionError on an option that is unknown, missing or out of its range
 */
export const whiteningConv2d = takingOptions(
  "nn.whiteningConv2d",
  FIELDS,
  (options: WhiteningConv2dOptions) => new WhiteningConv2d(options),
);
