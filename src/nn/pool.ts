/** Pooling layers, and the trainable subsampling of LeNet-5. */

import { OptionError } from "../base/errors.js";
import { type Check, expecting, type Fields, flag, isRecord, needed } from "../base/options.js";
import { literal, optionsOf, rowText, takingOptions } from "../base/positional.js";
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
  stride: WINDOW.stride,
  padding: WINDOW.padding,
  ceil: flag,
  divisor: expecting(
    '"window", "valid" or a number',
    (value) => value === "window" || value === "valid" || typeof value === "number",
  ),
  dilation: WINDOW.dilation,
};

function checkPool<T extends WindowOptions>(layer: string, kernel: Pair, options: T, fields: Fields<T>): void {
  pairOf(kernel, `${layer}: kernel`);
  checkLayer(layer, options, fields);
}

/** `make`, which refuses a kernel among the options, and options in a row. */
function takingKernel<O extends object, R>(
  layer: string,
  fields: Fields<O>,
  make: (kernel: Pair, options?: O) => R,
): (kernel: Pair, options?: O) => R {
  const table: Readonly<Record<string, Check>> = { kernel: needed(pairOf), ...fields };
  return (...given) => {
    const [kernel, options] = given as readonly unknown[];
    if (kernel === undefined || isRecord(kernel) || (options !== undefined && !isRecord(options))) {
      const meant = optionsOf(given, table);
      const size = literal(meant.get("kernel")) ?? "...";
      meant.delete("kernel");
      const rest = [...meant].map(([name, value]) => `${name}: ${literal(value) ?? "..."}`).join(", ");
      throw new OptionError(
        `${layer}: is given ${rowText(given)}, expected a kernel and an object of options: nn.${layer}(${size}${rest === "" ? "" : `, { ${rest} }`})`,
      );
    }
    return make(...given);
  };
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
export const maxPool2d = takingKernel(
  "maxPool2d",
  MAX_POOL,
  (kernel: Pair, options?: MaxPoolOptions) => new MaxPool2d(kernel, options),
);
export const avgPool2d = takingKernel(
  "avgPool2d",
  AVG_POOL,
  (kernel: Pair, options?: AvgPoolOptions) => new AvgPool2d(kernel, options),
);
/** One number for both sides, or [height, width]. */
export const adaptiveAvgPool2d = (...given: [output: Pair]): AdaptiveAvgPool2d => {
  const [output, width] = given as readonly unknown[];
  const isRow = typeof width === "number" && typeof output === "number";
  if (isRow || isRecord(output)) {
    const meant = literal(isRow ? [output, width] : Object.values(output as object)[0]) ?? "...";
    throw new OptionError(
      `adaptiveAvgPool2d: is given ${rowText(given)}, expected a number, or [height, width]: nn.adaptiveAvgPool2d(${meant})`,
    );
  }
  return new AdaptiveAvgPool2d(given[0]);
};
export const globalAvgPool2d = (): GlobalAvgPool2d => new GlobalAvgPool2d();
export const subsample2d = takingOptions(
  "nn.subsample2d",
  SUBSAMPLE,
  (options: Subsample2dOptions) => new Subsample2d(options),
);
