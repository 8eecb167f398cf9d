/** Makes images larger or smaller, PyTorch's Upsample (align_corners=False): by a factor, or to a size. */
import { OptionError } from "../base/errors.js";
import { type Fields, oneOf } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { type ResizeMode, resize } from "../ops/resize.js";
import { refuse } from "../ops/support.js";
import { type Pair, pair } from "../ops/window.js";
import { checkLayer, pairOf } from "./check.js";
import { Module } from "./module.js";

export interface UpsampleOptions {
  /**
   * Height and width become the whole part of this many times as much; it may be below 1. Pixels are placed by the factor
   * itself, as PyTorch does (recompute_scale_factor=False).
   */
  readonly scaleFactor?: Pair;
  /** Height and width, in place of a factor. */
  readonly size?: Pair;
  /** "nearest" unless said, as in PyTorch. */
  readonly mode?: ResizeMode;
}

const FIELDS: Fields<UpsampleOptions> = { size: pairOf, scaleFactor: pairOf, mode: oneOf(["nearest", "bilinear"]) };

export class Upsample extends Module {
  constructor(readonly options: UpsampleOptions) {
    super();
    checkLayer("upsample", options, FIELDS);
    const { scaleFactor, size } = options;
    if ((scaleFactor === undefined) === (size === undefined)) {
      throw new OptionError(
        `upsample: expected either scaleFactor or size, got ${size === undefined ? "neither" : "both"}`,
      );
    }
    const bad =
      scaleFactor !== undefined && pair(scaleFactor).find((factor) => !(factor > 0 && Number.isFinite(factor)));
    if (typeof bad === "number") throw new OptionError(`upsample: scaleFactor is ${bad}, expected a number above 0`);
  }

  override forward(x: Value): Value {
    const { scaleFactor, size, mode = "nearest" } = this.options;
    if (x.shape.length !== 3) {
      refuse(
        "upsample",
        x.graph.path,
        `its input has ${x.shape.length} axes, expected an image [height, width, channels]`,
      );
    }
    const factors = pair(scaleFactor ?? 1);
    const to = size === undefined ? ([0, 1] as const).map((a) => Math.floor(x.shape[a]! * factors[a])) : pair(size);
    return resize(x, [to[0]!, to[1]!], mode, scaleFactor === undefined ? {} : { scaleFactor });
  }
}

export const upsample = takingOptions("nn.upsample", FIELDS, (options: UpsampleOptions) => new Upsample(options));
