/** The convolution layer. Weights are HWIO, [kernel y, kernel x, in / groups, out]. */

import { type Fields, flag, needed, pick } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { type Shape, shapeText } from "../graph/shape.js";
import { CONV, conv2d as conv2dOf } from "../ops/conv.js";
import { add } from "../ops/elementwise/arithmetic.js";
import { refuse } from "../ops/support.js";
import { type Padding, type Pair, pair, pairOf, WINDOW } from "../ops/window.js";
import { checkLayer, checkWhole, count, INITIALIZERS } from "./check.js";
import { defaultBias, defaultWeights, type Initializer } from "./initializer.js";
import { Module, Parameter } from "./module.js";

/** Options of `nn.conv2d`. */
export interface Conv2dOptions {
  /** Channels of the input. PyTorch: `in_channels`. */
  readonly in: number;
  /** Channels of the output: the number of filters. PyTorch: `out_channels`. */
  readonly out: number;
  /** Height and width of the filters in pixels: one number for both, or [height, width]. PyTorch: `kernel_size`. */
  readonly kernel: Pair;
  /**
   * Pixels from one window to the next: one number for both axes, or [y, x].
   * @default 1
   */
  readonly stride?: Pair;
  /**
   * Pixels of zeros around the input: one number for all sides, [y, x], a record of sides, or `"same"`, which makes the
   * output the input's size over the stride, rounded up.
   * @default 0
   */
  readonly padding?: Padding;
  /**
   * Pixels from one tap of a filter to the next: one number for both axes, or [y, x].
   * @default 1
   */
  readonly dilation?: Pair;
  /**
   * Groups into which the channels are divided; each group of outputs reads its own group of inputs. It divides `in`
   * and `out`. `groups: in` is a depthwise convolution.
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
   * @default uniform within 1 / sqrt(fanIn) with fanIn = kernel height x kernel width x in / groups, as in PyTorch
   */
  readonly weightInit?: Initializer;
  /**
   * Initial values of `bias`.
   * @default uniform within 1 / sqrt(fanIn), as in PyTorch
   */
  readonly biasInit?: Initializer;
  /**
   * Whether the weight stays as it starts. The bias is trained in either case.
   * @default false
   */
  readonly fixed?: boolean;
}

const FIELDS: Fields<Conv2dOptions> = {
  in: needed(count),
  out: needed(count),
  kernel: needed(pairOf),
  ...WINDOW,
  groups: count,
  bias: flag,
  ...INITIALIZERS,
  fixed: flag,
};

/** A convolution of images, as `nn.conv2d` makes it. */
export class Conv2d extends Module {
  /**
   * The filters, [kernel height, kernel width, in / groups, out]. Files hold them in PyTorch's order, [out, in /
   * groups, kernel height, kernel width].
   */
  readonly weight: Parameter;
  /** One number an output channel, [out]; undefined with `bias: false`. */
  readonly bias: Parameter | undefined;

  constructor(
    /** Its options, as they were given. */
    readonly options: Conv2dOptions,
  ) {
    super();
    checkLayer("conv2d", options, FIELDS);
    const { in: inputs, out, groups = 1 } = options;
    const [ky, kx] = pair(options.kernel);
    checkWhole("conv2d", { in: inputs, out, "kernel height": ky, "kernel width": kx, groups });
    if (inputs % groups !== 0 || out % groups !== 0) {
      refuse("conv2d", "", `groups ${groups} does not divide in ${inputs} and out ${out}; choose a common divisor`);
    }
    const shape: Shape = [ky, kx, inputs / groups, out];
    const fanIn = ky * kx * (inputs / groups);
    const trainable = !(options.fixed ?? false);
    this.weight = new Parameter(shape, options.weightInit ?? defaultWeights(fanIn), { trainable });
    this.bias = options.bias === false ? undefined : new Parameter([out], options.biasInit ?? defaultBias(fanIn));
  }

  override forward(x: Value): Value {
    const { in: inputs } = this.options;
    if (x.shape.length !== 3 || x.shape[2] !== inputs) {
      const expected = x.shape.length === 3 ? `${x.shape[0]}x${x.shape[1]}x${inputs}` : `height x width x ${inputs}`;
      const cure =
        x.shape.length === 3 ? `set in to ${x.shape[2]}, or out of the layer before to ${inputs}` : "give it an image";
      refuse(
        "conv2d",
        x.graph.path,
        `in ${inputs} does not fit its input ${shapeText({ shape: x.shape })}, expected ${expected}; ${cure}`,
      );
    }
    const y = conv2dOf(x, this.weight.in(x), pick(this.options, CONV));
    return this.bias === undefined ? y : add(y, this.bias.in(x));
  }
}

/**
 * Convolution of an image [height, width, in] to [height', width', out], with height' = floor((height + padding above
 * and below - dilation x (kernel - 1) - 1) / stride) + 1, and likewise the width. As in PyTorch's `nn.Conv2d` the
 * filters are not mirrored. Defaults are PyTorch's; images are channels-last.
 *
 * @example
 * ```js
 * import { nn, trace } from "fovea";
 *
 * const layer = nn.conv2d({ in: 3, out: 16, kernel: 3, stride: 2, padding: 1 });
 * console.log(trace(layer, { input: [32, 32, 3] }).output.shape); // [ 16, 16, 16 ]
 * console.log(nn.parameterCount(layer)); // 448
 * ```
 *
 * @throws OptionError on an option that is unknown or missing; ShapeError if `groups` does not divide the channels, and
 * when it is traced if the input has other channels or is smaller than the kernel
 */
export const conv2d = takingOptions("nn.conv2d", FIELDS, (options: Conv2dOptions) => new Conv2d(options));
