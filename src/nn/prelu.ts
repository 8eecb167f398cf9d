/** ReLU with learned slopes. */
import { checkOptions, type Fields, number, whole } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { shapeText } from "../graph/shape.js";
import { prelu as preluOf } from "../ops/elementwise/rectifiers.js";
import { refuse } from "../ops/support.js";
import { Module, Parameter } from "./module.js";

/** Options of `nn.prelu`. */
export interface PreluOptions {
  /** 1 for one slope, or as many as the input has channels. @default 1 */
  readonly channels?: number;
  /**
   * Initial value of the slopes.
   * @default 0.25
   */
  readonly init?: number;
}

const FIELDS: Fields<PreluOptions> = { channels: whole(1), init: number() };

/** The layer that `nn.prelu` makes. */
export class Prelu extends Module {
  /** The slopes, [channels]. */
  readonly weight: Parameter;

  constructor(options: PreluOptions = {}) {
    super();
    checkOptions("prelu", options, FIELDS, "prelu: ");
    const { channels = 1, init = 0.25 } = options;
    this.weight = new Parameter([channels], { kind: "constant", value: init });
  }

  override forward(x: Value): Value {
    const channels = this.weight.shape[0]!;
    if (channels > 1 && x.shape.at(-1) !== channels)
      refuse("prelu", x.graph.path, `its input is ${shapeText(x)}, expected ${channels} channels, as it has slopes`);
    return preluOf(x, this.weight.in(x));
  }
}

/** x above 0, and slope x below, the slopes learned (He et al. 2015). PyTorch's `PReLU`. */
export const prelu = takingOptions("nn.prelu", FIELDS, (options: PreluOptions = {}) => new Prelu(options));
