/** The fully connected layer. Weights are [in, out]. */

import { type Fields, flag, needed } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { shapeText, sizeOf } from "../graph/shape.js";
import { add } from "../ops/elementwise/arithmetic.js";
import { linear as linearOf } from "../ops/linear.js";
import { refuse } from "../ops/support.js";
import { checkLayer, checkWhole, count, INITIALIZERS } from "./check.js";
import { defaultBias, defaultWeights, type Initializer } from "./initializer.js";
import { Module, Parameter } from "./module.js";

/** Options of `nn.linear`. */
export interface LinearOptions {
  /** Features of the input: its numbers, whatever its shape. PyTorch: `in_features`. */
  readonly in: number;
  /** Features of the output. PyTorch: `out_features`. */
  readonly out: number;
  /**
   * Whether a number is added to each output feature.
   * @default true
   */
  readonly bias?: boolean;
  /**
   * Initial values of `weight`.
   * @default uniform within 1 / sqrt(in), as in PyTorch
   */
  readonly weightInit?: Initializer;
  /**
   * Initial values of `bias`.
   * @default uniform within 1 / sqrt(in), as in PyTorch
   */
  readonly biasInit?: Initializer;
}

const FIELDS: Fields<LinearOptions> = { in: needed(count), out: needed(count), bias: flag, ...INITIALIZERS };

/** A fully connected layer, as `nn.linear` makes it. */
export class Linear extends Module {
  /** The factors, [in, out]. Files hold them in PyTorch's order, [out, in]. */
  readonly weight: Parameter;
  /** One number an output feature, [out]; undefined with `bias: false`. */
  readonly bias: Parameter | undefined;

  constructor(
    /** Its options, as they were given. */
    readonly options: LinearOptions,
  ) {
    super();
    checkLayer("linear", options, FIELDS);
    const { in: inputs, out } = options;
    checkWhole("linear", { in: inputs, out });
    this.weight = new Parameter([inputs, out], options.weightInit ?? defaultWeights(inputs));
    this.bias = options.bias === false ? undefined : new Parameter([out], options.biasInit ?? defaultBias(inputs));
  }

  override forward(x: Value): Value {
    const { in: inputs } = this.options;
    const features = sizeOf(x.shape);
    if (features !== inputs) {
      const text = shapeText({ shape: x.shape });
      const is = x.shape.length === 1 ? `${text}` : `${text} (${features} features)`;
      refuse(
        "linear",
        x.graph.path,
        `in ${inputs} does not fit its input ${is}, expected ${inputs} features; set in to ${features}`,
      );
    }
    const y = linearOf(x, this.weight.in(x));
    return this.bias === undefined ? y : add(y, this.bias.in(x));
  }
}

/**
 * A fully connected layer: y = x W + b, from [in] to [out]. An image [height, width, channels] of `in` numbers needs no
 * `nn.flatten()`: it is read in the order of PyTorch's flatten (C, H, W). PyTorch: `nn.Linear`.
 *
 * @example
 * ```js
 * import { nn, trace } from "fovea";
 *
 * const layer = nn.linear({ in: 784, out: 10 });
 * console.log(trace(layer, { input: [784] }).output.shape); // [ 10 ]
 * ```
 *
 * @throws OptionError on an option that is unknown or missing; ShapeError when it is traced, if the input has not `in`
 * numbers
 */
export const linear = takingOptions("nn.linear", FIELDS, (options: LinearOptions) => new Linear(options));
