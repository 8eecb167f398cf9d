/**
 * The transposed convolution layer, PyTorch's ConvTranspose2d. Weights are [kernel y, kernel x, out / groups, in]:
 * those of the convolution that goes the other way, so that files have PyTorch's [in, out / groups, kernel y, kernel
 * x].
 */

import { type Fields, flag, needed, pick } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { shapeText } from "../graph/shape.js";
import { CONV_TRANSPOSE, convTranspose2d as convTransposeOf } from "../ops/conv-transpose.js";
import { add } from "../ops/elementwise/arithmetic.js";
import { refuse } from "../ops/support.js";
import { type Pair, pair, pairOf } from "../ops/window.js";
import { checkLayer, checkWhole, count, INITIALIZERS } from "./check.js";
import { defaultBias, defaultWeights, type Initializer } from "./initializer.js";
import { Module, Parameter } from "./module.js";

/** Options of `nn.convTranspose2d`. */
export interface ConvTranspose2dOptions {
  /** Channels of the input. PyTorch: `in_channels`. */
  readonly in: number;
  /** Channels of the output. PyTorch: `out_channels`. */
  readonly out: number;
  /** Height and width of the filters in pixels: one number for both, or [height, width]. PyTorch: `kernel_size`. */
  readonly kernel: Pair;
  /**
   * Output pixels from one input pixel's window to the next: one number for both axes, or [y, x].
   * @default 1
   */
  readonly stride?: Pair;
  /**
   * Pixels that are cut off the output at each side: one number for all sides, or [y, x].
   * @default 0
   */
  readonly padding?: Pair;
  /**
   * Rows and columns that are added to the output below and at the right: one number for both, or [y, x]. PyTorch:
   * `output_padding`.
   * @default 0
   */
  readonly outputPadding?: Pair;
  /**
   * Pixels from one tap of a filter to the next: one number for both axes, or [y, x].
   * @default 1
   */
  readonly dilation?: Pair;
  /**
   * Groups into which the channels are divided. It divides `in` and `out`.
   * @default 1
   */
  readonly groups?: number;
  /**
   * Whether a number is added to each output channel.
   * @default true
   */
  readonly bias?: boolean;
  /**
   * Initial values of `weight`.
   * @default uniform within 1 / sqrt(fanIn) with fanIn = kernel height x kernel width x out / groups, as in PyTorch
   */
  readonly weightInit?: Initializer;
  /**
   * Initial values of `bias`.
   * @default uniform within 1 / sqrt(fanIn), as in PyTorch
   */
  readonly biasInit?: Initializer;
}

const FIELDS: Fields<ConvTranspose2dOptions> = {
  in: needed(count),
  out: needed(count),
  kernel: needed(pairOf),
  stride: pairOf,
  padding: pairOf,
  outputPadding: pairOf,
  groups: count,
  bias: flag,
  dilation: pairOf,
  ...INITIALIZERS,
};

/** A transposed convolution of images, as `nn.convTranspose2d` makes it. */
export class ConvTranspose2d extends Module {
  /**
   * The filters, [kernel height, kernel width, out / groups, in]: those of the convolution that goes the other way.
   * Files hold them in PyTorch's order, [in, out / groups, kernel height, kernel width].
   */
  readonly weight: Parameter;
  /** One number an output channel, [out]; undefined with `bias: false`. */
  readonly bias: Parameter | undefined;

  constructor(
    /** Its options, as they were given. */
    readonly options: ConvTranspose2dOptions,
  ) {
    super();
    checkLayer("convTranspose2d", options, FIELDS);
    const { in: inputs, out, groups = 1 } = options;
    const [ky, kx] = pair(options.kernel);
    checkWhole("convTranspose2d", { in: inputs, out, "kernel height": ky, "kernel width": kx, groups });
    if (inputs % groups !== 0 || out % groups !== 0) {
      refuse(
        "convTranspose2d",
        "",
        `groups ${groups} does not divide in ${inputs} and out ${out}; choose a common divisor`,
      );
    }
    // What PyTorch takes for the fan-in: that of the weight's second axis.
    const fanIn = ky * kx * (out / groups);
    this.weight = new Parameter([ky, kx, out / groups, inputs], options.weightInit ?? defaultWeights(fanIn));
    this.bias = options.bias === false ? undefined : new Parameter([out], options.biasInit ?? defaultBias(fanIn));
  }

  override forward(x: Value): Value {
    const { in: inputs } = this.options;
    if (x.shape.length !== 3 || x.shape[2] !== inputs) {
      const expected = `height x width x ${inputs}`;
      const is = shapeText({ shape: x.shape });
      refuse("convTranspose2d", x.graph.path, `in ${inputs} does not fit its input ${is}, expected ${expected}`);
    }
    const y = convTransposeOf(x, this.weight.in(x), pick(this.options, CONV_TRANSPOSE));
    return this.bias === undefined ? y : add(y, this.bias.in(x));
  }
}

/**
 * Transposed convolution of an image [height, width, in] to [height', width', out], with height' = (height - 1) x
 * stride - 2 padding + dilation x (kernel - 1) + outputPadding + 1, and likewise the width. PyTorch:
 * `nn.ConvTranspose2d`.
 *
 * @example
 * ```js
 * import { nn, trace } from "fovea";
 *
 * const layer = nn.convTranspose2d({ in: 16, out: 8, kernel: 2, stride: 2 });
 * console.log(trace(layer, { input: [7, 7, 16] }).output.shape); // [ 14, 14, 8 ]
 * ```
 *
 * @throws OptionError on an option that is unknown or missing; ShapeError if `groups` does not divide the channels, and
 * when it is traced if the input has other channels
 */
export const convTranspose2d = takingOptions(
  "nn.convTranspose2d",
  FIELDS,
  (options: ConvTranspose2dOptions) => new ConvTranspose2d(options),
);
