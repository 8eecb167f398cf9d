/** The convolution layer. Weights are HWIO, [kernel y, kernel x, in / groups, out]. */

import { type Fields, flag, needed } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { type Shape, shapeText } from "../graph/shape.js";
import { add } from "../ops/arithmetic.js";
import { conv2d as conv2dOf } from "../ops/conv.js";
import { refuse } from "../ops/support.js";
import { type Padding, type Pair, pair } from "../ops/window.js";
import { checkLayer, checkWhole, count, INITIALIZERS, pairOf, WINDOW } from "./check.js";
import { defaultBias, defaultWeights, type Initializer } from "./initializer.js";
import { Module, Parameter } from "./module.js";

export interface Conv2dOptions {
  /** Channels. */
  readonly in: number;
  readonly out: number;
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly padding?: Padding;
  readonly dilation?: Pair;
  readonly groups?: number;
  readonly bias?: boolean;
  readonly weightInit?: Initializer;
  readonly biasInit?: Initializer;
  /** Whether the weight stays as it starts; the bias is trained. */
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

export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(readonly options: Conv2dOptions) {
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
    const y = conv2dOf(x, this.weight.in(x), this.options);
    return this.bias === undefined ? y : add(y, this.bias.in(x));
  }
}

export const conv2d = takingOptions("nn.conv2d", FIELDS, (options: Conv2dOptions) => new Conv2d(options));
