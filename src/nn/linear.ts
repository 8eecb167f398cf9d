/** The fully connected layer. Weights are [in, out]. */

import { type Fields, flag, needed } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { shapeText, sizeOf } from "../graph/shape.js";
import { add } from "../ops/arithmetic.js";
import { linear as linearOf } from "../ops/linear.js";
import { refuse } from "../ops/support.js";
import { checkLayer, checkWhole, count, INITIALIZERS } from "./check.js";
import { defaultBias, defaultWeights, type Initializer } from "./initializer.js";
import { Module, Parameter } from "./module.js";

export interface LinearOptions {
  /** Features. */
  readonly in: number;
  readonly out: number;
  readonly bias?: boolean;
  readonly weightInit?: Initializer;
  readonly biasInit?: Initializer;
}

const FIELDS: Fields<LinearOptions> = { in: needed(count), out: needed(count), bias: flag, ...INITIALIZERS };

export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(readonly options: LinearOptions) {
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

export const linear = takingOptions("nn.linear", FIELDS, (options: LinearOptions) => new Linear(options));
