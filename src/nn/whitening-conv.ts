/**
 * A first convolution that whitens patches of pictures (Coates and Ng 2012; in the fast CIFAR-10 recipes of Page 2018 and Jordan
 * 2024). Its filters are the directions in which patches of the training pictures vary, each divided by how much, and their negatives:
 * they are computed from the pictures before training (train/techniques/whitening.ts) and stay as they are. A bias, if any, is trained. In files
 * it is a convolution as any other.
 */
import { OptionError } from "../base/errors.js";
import { type Fields, flag, needed } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import { type Padding, type Pair, pair } from "../ops/window.js";
import { checkLayer, count, pairOf, WINDOW } from "./check.js";
import { Conv2d } from "./conv.js";

export interface WhiteningConv2dOptions {
  /** Channels of the pictures. */
  readonly in: number;
  readonly kernel: Pair;
  /** Filters, an even number: two for each of the strongest directions; unless said, of all in x kernel height x kernel width. */
  readonly out?: number;
  readonly stride?: Pair;
  readonly padding?: Padding;
  readonly bias?: boolean;
  /** Added to each variance, so that directions of noise are not blown up; 5e-4 unless said. */
  readonly eps?: number;
  /** How many training pictures patches are taken from, at most; 5000 unless said. */
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

export const whiteningConv2d = takingOptions(
  "nn.whiteningConv2d",
  FIELDS,
  (options: WhiteningConv2dOptions) => new WhiteningConv2d(options),
);
