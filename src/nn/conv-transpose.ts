/**
 * The transposed convolution layer, PyTorch's ConvTranspose2d. Weights are [kernel y, kernel x, out / groups, in]: those of the convolution
 * that goes the other way, so that files have PyTorch's [in, out / groups, kernel y, kernel x].
 */

import { type Fields, flag, needed } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { shapeText } from "../graph/shape.js";
import { add } from "../ops/arithmetic.js";
import { convTranspose2d as convTransposeOf } from "../ops/conv-transpose.js";
import { refuse } from "../ops/support.js";
import { type Pair, pair } from "../ops/window.js";
import { checkLayer, checkWhole, count, INITIALIZERS, pairOf } from "./check.js";
import { defaultBias, defaultWeights, type Initializer } from "./initializer.js";
import { Module, Parameter } from "./module.js";

export interface ConvTranspose2dOptions {
  /** Channels. */
  readonly in: number;
  readonly out: number;
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly outputPadding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  readonly bias?: boolean;
  readonly weightInit?: Initializer;
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

export class ConvTranspose2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(readonly options: ConvTranspose2dOptions) {
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
    const y = convTransposeOf(x, this.weight.in(x), this.options);
    return this.bias === undefined ? y : add(y, this.bias.in(x));
  }
}

export const convTranspose2d = takingOptions(
  "nn.convTranspose2d",
  FIELDS,
  (options: ConvTranspose2dOptions) => new ConvTranspose2d(options),
);
