/** Makes images larger or smaller, PyTorch's Upsample (align_corners=False): by a factor, or to a size. */
import { OptionError } from "../base/errors.js";
import { type Fields, oneOf } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { type ResizeMode, resize } from "../ops/resize.js";
import { refuse } from "../ops/support.js";
import { type Pair, pair, pairOf } from "../ops/window.js";
import { checkLayer } from "./check.js";
import { Module } from "./module.js";

/** Options of `nn.upsample`: either `scaleFactor` or `size`. */
export interface UpsampleOptions {
  /**
   * Height and width are multiplied by this and rounded down: one number for both, or [y, x]. It may be below 1. Pixels
   * are placed by the factor itself, as in PyTorch (recompute_scale_factor=False).
   * @default none: `size` is given in its place
   */
  readonly scaleFactor?: Pair;
  /**
   * Height and width of the output in pixels: one number for both, or [height, width].
   * @default none: `scaleFactor` is given in its place
   */
  readonly size?: Pair;
  /**
   * `"nearest"` copies the nearest pixel; `"bilinear"` interpolates between four.
   * @default "nearest"
   */
  readonly mode?: ResizeMode;
}

const FIELDS: Fields<UpsampleOptions> = { size: pairOf, scaleFactor: pairOf, mode: oneOf(["nearest", "bilinear"]) };

/** Resizes images, as `nn.upsample` makes it. */
export class Upsample extends Module {
  constructor(
    /** Its options, as they were given. */
    readonly options: UpsampleOptions,
  ) {
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

/**
 * Makes images larger or smaller, by a factor or to a size: [height, width, channels] to [height', width', channels].
 * Pixels are areas. PyTorch: `nn.Upsample` with align_corners=False.
 *
 * @example
 * ```js
 * import { nn, trace } from "fovea";
 *
 * const layer = nn.upsample({ scaleFactor: 2, mode: "bilinear" });
 * console.log(trace(layer, { input: [16, 16, 3] }).output.shape); // [ 32, 32, 3 ]
 * ```
 *
 * @throws OptionError if neither or both of `scaleFactor` and `size` are given; ShapeError when it is traced, if the
 * input is no image
 */
export const upsample = takingOptions("nn.upsample", FIELDS, (options: UpsampleOptions) => new Upsample(options));
