/** Pooling layers, and the trainable subsampling of LeNet-5. */

import { OptionError } from "../base/errors.js";
import { type Check, checkOptions, type Fields, isRecord, needed } from "../base/options.js";
import { literal, optionsOf, rowText, takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { shapeText } from "../graph/shape.js";
import { add, multiply } from "../ops/elementwise/arithmetic.js";
import {
  AVG_POOL,
  type AvgPoolOptions,
  adaptiveAvgPool2d as adaptiveAvgPool2dOf,
  avgPool2d as avgPool2dOf,
  MAX_POOL,
  type MaxPoolOptions,
  maxPool2d as maxPool2dOf,
} from "../ops/pool.js";
import { mean } from "../ops/reduce.js";
import { refuse } from "../ops/support.js";
import { type Pair, pair, pairOf, type WindowOptions } from "../ops/window.js";
import { checkLayer, checkWhole, count, INITIALIZERS } from "./check.js";
import type { Initializer } from "./initializer.js";
import { Module, Parameter } from "./module.js";

function checkPool<T extends WindowOptions>(layer: string, kernel: Pair, options: T, fields: Fields<T>): void {
  pairOf(kernel, `${layer}: kernel`);
  checkLayer(layer, options, fields);
}

/** A pool is made by its kernel and an object of options, or by one object that holds both. */
export interface PoolMaker<O, R> {
  (kernel: Pair, options?: O): R;
  (
    options: O & {
      /** Height and width of a window in pixels: one number for both, or [height, width]. */
      readonly kernel: Pair;
    },
  ): R;
}

/** `make`, which also takes the kernel among the options, and refuses options in a row. */
function takingKernel<O extends object, R>(
  layer: string,
  fields: Fields<O>,
  make: (kernel: Pair, options?: O) => R,
): PoolMaker<O, R> {
  const table: Readonly<Record<string, Check>> = { kernel: needed(pairOf), ...fields };
  return (...given: unknown[]) => {
    const [first, options] = given;
    if (isRecord(first) && options === undefined) {
      checkOptions(layer, first, table, `${layer}: `);
      const { kernel, ...rest } = first;
      return make(kernel as Pair, rest as O);
    }
    if (first === undefined || isRecord(first) || (options !== undefined && !isRecord(options))) {
      const meant = optionsOf(given, table);
      const size = literal(meant.get("kernel")) ?? "...";
      meant.delete("kernel");
      const rest = [...meant].map(([name, value]) => `${name}: ${literal(value) ?? "..."}`).join(", ");
      throw new OptionError(
        `${layer}: is given ${rowText(given)}, expected a kernel and an object of options: nn.${layer}(${size}${rest === "" ? "" : `, { ${rest} }`})`,
      );
    }
    return make(first as Pair, options as O | undefined);
  };
}

/** Maximum pooling, as `nn.maxPool2d` makes it. */
export class MaxPool2d extends Module {
  constructor(
    /** Height and width of a window in pixels: one number for both, or [height, width]. */
    readonly kernel: Pair,
    /** Its options, as they were given. */
    readonly options: MaxPoolOptions = {},
  ) {
    super();
    checkPool("maxPool2d", kernel, options, MAX_POOL);
  }
  override forward(x: Value): Value {
    return maxPool2dOf(x, this.kernel, this.options);
  }
}

/** Average pooling, as `nn.avgPool2d` makes it. */
export class AvgPool2d extends Module {
  constructor(
    /** Height and width of a window in pixels: one number for both, or [height, width]. */
    readonly kernel: Pair,
    /** Its options, as they were given. */
    readonly options: AvgPoolOptions = {},
  ) {
    super();
    checkPool("avgPool2d", kernel, options, AVG_POOL);
  }
  override forward(x: Value): Value {
    return avgPool2dOf(x, this.kernel, this.options);
  }
}

/** Average pooling to a fixed number of pixels, as `nn.adaptiveAvgPool2d` makes it. */
export class AdaptiveAvgPool2d extends Module {
  constructor(
    /** Height and width of the output in pixels: one number for both, or [height, width]. */
    readonly output: Pair,
  ) {
    super();
    pairOf(output, "adaptiveAvgPool2d: output");
    const [height, width] = pair(output);
    checkWhole("adaptiveAvgPool2d", { "output height": height, "output width": width });
  }
  override forward(x: Value): Value {
    expectImage("adaptiveAvgPool2d", x);
    return adaptiveAvgPool2dOf(x, this.output);
  }
}

/** The mean of each channel over all pixels, as `nn.globalAvgPool2d` makes it. */
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

/** Options of `nn.subsample2d`. */
export interface Subsample2dOptions {
  /** Channels of the input: the extent of its last axis. */
  readonly channels: number;
  /**
   * Height and width of a window, which is the stride too: one number for both, or [height, width].
   * @default 2
   */
  readonly kernel?: Pair;
  /**
   * Initial values of `weight`.
   * @default { kind: "constant", value: 1 / (kernel height x kernel width) }, the mean
   */
  readonly weightInit?: Initializer;
  /**
   * Initial values of `bias`.
   * @default { kind: "constant", value: 0 }
   */
  readonly biasInit?: Initializer;
}

const SUBSAMPLE: Fields<Subsample2dOptions> = { channels: needed(count), kernel: pairOf, ...INITIALIZERS };

/** The trainable subsampling of LeNet-5, as `nn.subsample2d` makes it. */
export class Subsample2d extends Module {
  /** The factor of each channel, [channels]. */
  readonly weight: Parameter;
  /** The offset of each channel, [channels]. */
  readonly bias: Parameter;

  constructor(
    /** Its options, as they were given. */
    readonly options: Subsample2dOptions,
  ) {
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

/**
 * The maximum of each window of each channel: [height, width, channels] to [height', width', channels]. The stride is
 * the kernel by default. Padding counts as minus infinity; NaN wins. PyTorch: `nn.MaxPool2d`.
 *
 * @example
 * ```js
 * import { nn, trace } from "fovea";
 *
 * console.log(trace(nn.maxPool2d(2), { input: [28, 28, 6] }).output.shape); // [ 14, 14, 6 ]
 * console.log(trace(nn.maxPool2d(3, { stride: 2, padding: 1 }), { input: [28, 28, 6] }).output.shape); // [ 14, 14, 6 ]
 * ```
 *
 * @param kernel height and width of a window in pixels: one number for both, or [height, width]; or one object with it
 * and the options: `{ kernel: 3, stride: 2 }`
 * @throws OptionError on an option that is unknown; ShapeError when it is traced, if the kernel is larger than the
 * padded input
 */
export const maxPool2d = takingKernel(
  "maxPool2d",
  MAX_POOL,
  (kernel: Pair, options?: MaxPoolOptions) => new MaxPool2d(kernel, options),
);
/**
 * The mean of each window of each channel: [height, width, channels] to [height', width', channels]. The stride is the
 * kernel by default. Padding counts as zeros, unless `divisor` is `"valid"`. PyTorch: `nn.AvgPool2d`.
 *
 * @example
 * ```js
 * import { nn, trace } from "fovea";
 *
 * console.log(trace(nn.avgPool2d(2), { input: [28, 28, 6] }).output.shape); // [ 14, 14, 6 ]
 * ```
 *
 * @param kernel height and width of a window in pixels: one number for both, or [height, width]; or one object with it
 * and the options: `{ kernel: 3, stride: 2 }`
 * @throws OptionError on an option that is unknown; ShapeError when it is traced, if the kernel is larger than the
 * padded input
 */
export const avgPool2d = takingKernel(
  "avgPool2d",
  AVG_POOL,
  (kernel: Pair, options?: AvgPoolOptions) => new AvgPool2d(kernel, options),
);
/**
 * Pools to `output` pixels: pixel i of n is the mean from floor(i x height / n) to ceil((i + 1) x height / n), and
 * likewise across. [height, width, channels] becomes [output height, output width, channels]. PyTorch:
 * `nn.AdaptiveAvgPool2d`.
 *
 * @example
 * ```js
 * import { nn, trace } from "fovea";
 *
 * console.log(trace(nn.adaptiveAvgPool2d(6), { input: [13, 13, 256] }).output.shape); // [ 6, 6, 256 ]
 * ```
 *
 * @param output one number for both sides, or [height, width]
 * @throws OptionError if `output` is no pair of whole numbers from 1; ShapeError when it is traced, if the input is no
 * image
 */
export const adaptiveAvgPool2d: (output: Pair) => AdaptiveAvgPool2d = (...given) => {
  const [output, width] = given as readonly unknown[];
  const isRow = typeof width === "number" && typeof output === "number";
  if (isRow || output === undefined || isRecord(output)) {
    const meant = literal(isRow ? [output, width] : Object.values((output ?? {}) as object)[0]) ?? "...";
    throw new OptionError(
      `adaptiveAvgPool2d: is given ${rowText(given)}, expected a number, or [height, width]: nn.adaptiveAvgPool2d(${meant})`,
    );
  }
  return new AdaptiveAvgPool2d(given[0]);
};
/**
 * The mean of each channel over all pixels: [height, width, channels] to [channels]. PyTorch: `x.mean((2, 3))`.
 *
 * @example
 * ```js
 * import { nn, trace } from "fovea";
 *
 * console.log(trace(nn.globalAvgPool2d(), { input: [7, 7, 512] }).output.shape); // [ 512 ]
 * ```
 *
 * @throws ShapeError when it is traced, if the input is no image
 */
export const globalAvgPool2d = (): GlobalAvgPool2d => new GlobalAvgPool2d();
/**
 * The sum of each window, times a trainable factor, plus a trainable bias, one of each a channel: layers S2 and S4 of
 * LeNet-5 (LeCun et al. 1998). [height, width, channels] becomes [height / kernel, width / kernel, channels], rounded
 * down. The squashing function that follows in the paper is a layer of its own.
 * @throws OptionError on an option that is unknown or missing; ShapeError when it is traced, if the channels do not fit
 */
export const subsample2d = takingOptions(
  "nn.subsample2d",
  SUBSAMPLE,
  (options: Subsample2dOptions) => new Subsample2d(options),
);
