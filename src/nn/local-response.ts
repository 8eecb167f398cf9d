/** Local response normalisation, as AlexNet has it; see ops/local-response.ts. */

import { type Fields, flag, needed } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { shapeText } from "../graph/shape.js";
import {
  checkLocalResponseNorm,
  type LocalResponseNormOptions,
  localResponseNorm as localResponseNormOf,
} from "../ops/local-response.js";
import { refuse } from "../ops/support.js";
import { checkLayer, count } from "./check.js";
import { Module } from "./module.js";

const FIELDS: Fields<LocalResponseNormOptions> = {
  size: needed(count),
  alpha: count,
  beta: count,
  k: count,
  alphaDivided: flag,
};

export class LocalResponseNorm extends Module {
  constructor(readonly options: LocalResponseNormOptions) {
    super();
    checkLayer("localResponseNorm", options, FIELDS);
    checkLocalResponseNorm(options);
  }

  override forward(x: Value): Value {
    if (x.shape.length === 0) {
      refuse("localResponseNorm", x.graph.path, `its input is ${shapeText(x)}, expected channels in the last axis`);
    }
    return localResponseNormOf(x, this.options);
  }
}

/** size 5, alpha 1e-4, beta 0.75, k 2, alphaDivided false in the paper of 2012; PyTorch's defaults unless said. */
export const localResponseNorm = takingOptions(
  "nn.localResponseNorm",
  FIELDS,
  (options: LocalResponseNormOptions) => new LocalResponseNorm(options),
);
