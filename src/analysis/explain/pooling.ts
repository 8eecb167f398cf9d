/** A pool taken apart: the size of its output, and what each window gave. Images are [height, width, channels]. */
import { ShapeError } from "../../base/errors.js";
import { evaluate } from "../../graph/evaluate.js";
import { Graph } from "../../graph/graph.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { tensor } from "../../graph/tensor.js";
import { type AvgPoolAttributes, avgPool2d, divisorsOf, maxPool2d } from "../../ops/pool.js";
import type { Pair, Window, WindowOptions } from "../../ops/window.js";
import { type AxisArithmetic, axesOf } from "./axis.js";

/** The function of a window: its maximum, mean or sum. */
export type PoolKind = "max" | "average" | "sum";

/** A pool to explain. */
export interface PoolQuestion extends WindowOptions {
  /** Shape of the image, [height, width, channels]. */
  readonly input: Shape;
  /**
   * The image's numbers, row-major, channels last.
   * @default none: only sizes are explained
   */
  readonly values?: ArrayLike<number> | undefined;
  /** Height and width of a window: one number for both, or [height, width]. */
  readonly kernel: Pair;
  /**
   * The function of a window.
   * @default "max"
   */
  readonly pool?: PoolKind;
  /**
   * Whether a last, incomplete window counts.
   * @default false
   */
  readonly ceil?: boolean;
}

/** A pool in numbers: its sizes, and its result where an image was given. */
export interface PoolExplanation {
  /** It is a pool. */
  readonly kind: "pool";
  /** Maximum, mean or sum. */
  readonly pool: PoolKind;
  /** Shape of the image, [height, width, channels]. */
  readonly input: Shape;
  /** Shape of the output, [height, width, channels]. */
  readonly output: Shape;
  /** Kernel, stride, padding and dilation in full. */
  readonly window: Window;
  /** Whether the padding was chosen so that output = input / stride. */
  readonly same: boolean;
  /** Whether a last, incomplete window counts. */
  readonly ceil: boolean;
  /** The arithmetic of the output's height. */
  readonly rows: AxisArithmetic;
  /** The arithmetic of the output's width. */
  readonly columns: AxisArithmetic;
  /** Comparisons or additions, one a tap. */
  readonly operations: number;
  /** The divisor of each output pixel, row by row, where means are taken. */
  readonly divisors?: Float64Array;
  /** The image's numbers, where they were given. */
  readonly values?: Float64Array;
  /** The output's numbers, row-major, where an image was given. */
  readonly result?: Float64Array;
}

/**
 * Explains a pool: sizes, formulas, and the result where an image is given.
 *
 * @example
 * ```js
 * import { explainPool } from "fovea/analysis";
 *
 * const { output, result } = explainPool({ input: [2, 2, 1], kernel: 2, values: [1, 2, 3, 4], pool: "average" });
 * console.log(output, Array.from(result ?? [])); // [ 1, 1, 1 ] [ 2.5 ]
 * ```
 *
 * @throws ShapeError or OptionError if the question makes no sense, as `nn.maxPool2d` does
 */
export function explainPool(question: PoolQuestion): PoolExplanation {
  const { input, values, kernel, pool = "max", ceil = false, stride, padding, dilation } = question;
  const graph = new Graph();
  const x = graph.input("image", { shape: input });
  const options = {
    ceil,
    ...(stride === undefined ? {} : { stride }),
    ...(padding === undefined ? {} : { padding }),
    ...(dilation === undefined ? {} : { dilation }),
  };
  const y =
    pool === "max"
      ? maxPool2d(x, kernel, options)
      : avgPool2d(x, kernel, { ...options, ...(pool === "sum" ? { divisor: 1 } : {}) });
  const window = y.attributes as AvgPoolAttributes;
  const explanation = {
    kind: "pool" as const,
    pool,
    input,
    output: y.shape,
    window,
    same: padding === "same",
    ceil,
    ...axesOf(window, input, ceil),
    operations: y.op.cost(y.inputs, y.attributes, y).multiplyAdds,
    ...(pool === "average" ? { divisors: divisorsOf(window, input, y.shape) } : {}),
  };
  if (values === undefined) return explanation;
  if (values.length !== sizeOf(input))
    throw new ShapeError(`${y.op.name}: the image has ${values.length} numbers, expected ${input.join(" x ")}`);
  const image = Float64Array.from(values);
  const [result] = evaluate([y], { inputs: { image: tensor([1, ...input], image) } }, 1);
  return { ...explanation, values: image, result: result!.data };
}

/** One pixel that a window reads. */
export interface PoolTap {
  /** Row of the image. */
  readonly row: number;
  /** Column of the image. */
  readonly column: number;
  /** The image's number. */
  readonly x: number;
  /** Whether it is the maximum; of equals the first. */
  readonly chosen: boolean;
}

/** How one number of the output comes about. */
export interface PoolStep {
  /** Row of the output. */
  readonly row: number;
  /** Column of the output. */
  readonly column: number;
  /** Channel. */
  readonly channel: number;
  /** Taps on pixels of the image, in reading order. */
  readonly taps: readonly PoolTap[];
  /** The divisor of the sum; 1 for sums and maxima. */
  readonly divisor: number;
  /** The number. */
  readonly result: number;
}

/** How one output came about. @throws ShapeError where the explanation has no numbers. */
export function poolStep(
  explanation: PoolExplanation,
  {
    row,
    column,
    channel,
  }: {
    /** Row of the output, from 0. */
    readonly row: number;
    /** Column of the output, from 0. */
    readonly column: number;
    /** Channel, from 0. */
    readonly channel: number;
  },
): PoolStep {
  const { input, output, window, values, result, divisors, pool } = explanation;
  if (values === undefined || result === undefined)
    throw new ShapeError("pool: a step is worked out only where the numbers of the image are given");
  const [height, width, channels] = input as [number, number, number];
  const given = result[(row * output[1]! + column) * channels + channel]!;
  const taps: PoolTap[] = [];
  for (let ky = 0; ky < window.kernel[0]; ky++)
    for (let kx = 0; kx < window.kernel[1]; kx++) {
      const y = row * window.stride[0] - window.padding[0] + ky * window.dilation[0];
      const x = column * window.stride[1] - window.padding[2] + kx * window.dilation[1];
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      const value = values[(y * width + x) * channels + channel]!;
      const chosen = pool === "max" && Object.is(value, given) && !taps.some((tap) => tap.chosen);
      taps.push({ row: y, column: x, x: value, chosen });
    }
  return { row, column, channel, taps, divisor: divisors?.[row * output[1]! + column] ?? 1, result: given };
}
