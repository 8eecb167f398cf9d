/** Pooling layers, and the trainable subsampling of LeNet-5. */

import { expecting, type Fields, flag, needed } from "../base/options.js";
import type { Value } from "../graph/graph.js";
import { shapeText } from "../graph/shape.js";
import { add, multiply } from "../ops/arithmetic.js";
import {
  type AvgPoolOptions,
  adaptiveAvgPool2d as adaptiveAvgPool2dOf,
  avgPool2d as avgPool2dOf,
  type MaxPoolOptions,
  maxPool2d as maxPool2dOf,
} from "../ops/pool.js";
import { mean } from "../ops/reduce.js";
import { refuse } from "../ops/support.js";
import { type Pair, pair, type WindowOptions } from "../ops/window.js";
import { checkLayer, checkWhole, count, INITIALIZERS, pairOf, WINDOW } from "./check.js";
import type { Initializer } from "./initializer.js";
import { Module, Parameter } from "./module.js";

const MAX_POOL: Fields<MaxPoolOptions> = { ...WINDOW, ceil: flag };
const AVG_POOL: Fields<AvgPoolOptions> = {
  ...MAX_POOL,
  divisor: expecting(
    '"window", "valid" or a number',
    (value) => value === "window" || value === "valid" || typeof value === "number",
  ),
};

function checkPool<T extends WindowOptions>(layer: string, kernel: Pair, options: T, fields: Fields<T>): void {
  pairOf(kernel, `${layer}: kernel`);
  checkLayer(layer, options, fields);
}

export class MaxPool2d extends Module {
  constructor(
    readonly kernel: Pair,
    readonly options: MaxPoolOptions = {},
  ) {
    super();
    checkPool("maxPool2d", kernel, options, MAX_POOL);
  }
  override forward(x: Value): Value {
    return maxPool2dOf(x, this.kernel, this.options);
  }
}

export class AvgPool2d extends Module {
  constructor(
    readonly kernel: Pair,
    readonly options: AvgPoolOptions = {},
  ) {
    super();
    checkPool("avgPool2d", kernel, options, AVG_POOL);
  }
  override forward(x: Value): Value {
    return avgPool2dOf(x, this.kernel, this.options);
  }
}

/** As many pixels as `output` says, each the mean of its part of the image, however large that is: PyTorch's bins. */
export class AdaptiveAvgPool2d extends Module {
  constructor(readonly output: Pair) {
    super();
    const [height, width] = pair(output);
    checkWhole("adaptiveAvgPool2d", { "output height": height, "output width": width });
  }
  override forward(x: Value): Value {
    expectImage("adaptiveAvgPool2d", x);
    return adaptiveAvgPool2dOf(x, this.output);
  }
}

/** The mean of each channel over all pixels: an image becomes a vector of its channels. */
export class GlobalAvgPool2d extends Module {
  override forward(x: Value): Value {
    expectImage("globalAvgPool2d", x);
    return mean(x, { axes: [0, 1] });
  }
}

function expectImage(layer: string, x: Value): void {
  if (x.shape.length === 3) return;
  const text = shapeText({ shape: x.shape });
  refuse(
    layer,
    x.graph.path,
    `its input is ${text}, expected an image [height, width, channels]; pool before flattening`,
  );
}

export interface Subsample2dOptions {
  readonly channels: number;
  /** 2 unless said; the stride is the kernel. */
  readonly kernel?: Pair;
  readonly weightInit?: Initializer;
  readonly biasInit?: Initializer;
}

const SUBSAMPLE: Fields<Subsample2dOptions> = { channels: needed(count), kernel: pairOf, ...INITIALIZERS };

/**
 * LeCun et al. 1998, layers S2 and S4: the sum of each window, times a trainable coefficient, plus a trainable bias, one
 * of each a channel. It starts as the mean. The squashing that follows it there is a layer of its own.
 */
export class Subsample2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(readonly options: Subsample2dOptions) {
    super();
    checkLayer("subsample2d", options, SUBSAMPLE);
    const { channels, kernel = 2 } = options;
    const [ky, kx] = pair(kernel);
    checkWhole("subsample2d", { channels, "kernel height": ky, "kernel width": kx });
    this.weight = new Parameter([channels], options.weightInit ?? { kind: "constant", value: 1 / (ky * kx) });
    this.bias = new Parameter([channels], options.biasInit ?? { kind: "constant", value: 0 });
  }

  override forward(x: Value): Value {
    const { channels, kernel = 2 } = this.options;
    if (x.shape.at(-1) !== channels) {
      const text = shapeText({ shape: x.shape });
      refuse(
        "subsample2d",
        x.graph.path,
        `channels ${channels} does not fit its input ${text}; set channels to ${x.shape.at(-1)}`,
      );
    }
    const sums = avgPool2dOf(x, kernel, { divisor: 1 });
    return add(multiply(sums, this.weight.in(x)), this.bias.in(x));
  }
}

/** The stride is the kernel unless said, as in PyTorch. */
export const maxPool2d = (kernel: Pair, options?: MaxPoolOptions): MaxPool2d => new MaxPool2d(kernel, options);
export const avgPool2d = (kernel: Pair, options?: AvgPoolOptions): AvgPool2d => new AvgPool2d(kernel, options);
/** One number for both sides, or [height, width]. */
export const adaptiveAvgPool2d = (output: Pair): AdaptiveAvgPool2d => new AdaptiveAvgPool2d(output);
export const globalAvgPool2d = (): GlobalAvgPool2d => new GlobalAvgPool2d();
export const subsample2d = (options: Subsample2dOptions): Subsample2d => new Subsample2d(options);
