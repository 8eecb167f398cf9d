/** Pooling layers, and the trainable subsampling of LeNet-5. */
import { shapeText, type Value } from "../graph/value.js";
import { add, multiply } from "../ops/arithmetic.js";
import {
  type AvgPoolOptions,
  avgPool2d as avgPool2dOf,
  type MaxPoolOptions,
  maxPool2d as maxPool2dOf,
} from "../ops/pool.js";
import { refuse } from "../ops/support.js";
import { type Pair, pair } from "../ops/window.js";
import { checkWhole } from "./check.js";
import type { Initializer } from "./initializer.js";
import { Module, Parameter } from "./module.js";

export class MaxPool2d extends Module {
  constructor(
    readonly kernel: Pair,
    readonly options: MaxPoolOptions = {},
  ) {
    super();
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
  }
  override forward(x: Value): Value {
    return avgPool2dOf(x, this.kernel, this.options);
  }
}

export interface Subsample2dOptions {
  readonly channels: number;
  /** 2 unless said; the stride is the kernel. */
  readonly kernel?: Pair;
  readonly weightInit?: Initializer;
  readonly biasInit?: Initializer;
}

/**
 * LeCun et al. 1998, layers S2 and S4: the sum of each window, times a trainable coefficient, plus a trainable bias, one
 * of each a channel. It starts as the mean. The squashing that follows it there is a layer of its own.
 */
export class Subsample2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(readonly options: Subsample2dOptions) {
    super();
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
export const subsample2d = (options: Subsample2dOptions): Subsample2d => new Subsample2d(options);
