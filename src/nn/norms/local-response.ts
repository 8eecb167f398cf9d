/** Local response normalisation, as AlexNet has it; see ops/local-response.ts. */

import { takingOptions } from "../../base/positional.js";
import type { Value } from "../../graph/graph.js";
import { shapeText } from "../../graph/shape.js";
import {
  checkLocalResponseNorm,
  LOCAL_RESPONSE_NORM,
  type LocalResponseNormOptions,
  localResponseNorm as localResponseNormOf,
} from "../../ops/local-response.js";
import { refuse } from "../../ops/support.js";
import { checkLayer } from "../check.js";
import { Module } from "../module.js";

/** Local response normalisation across channels, as `nn.localResponseNorm` makes it. */
export class LocalResponseNorm extends Module {
  constructor(
    /** Its options, as they were given. */
    readonly options: LocalResponseNormOptions,
  ) {
    super();
    checkLayer("localResponseNorm", options, LOCAL_RESPONSE_NORM);
    checkLocalResponseNorm(options);
  }

  override forward(x: Value): Value {
    if (x.shape.length === 0) {
      refuse("localResponseNorm", x.graph.path, `its input is ${shapeText(x)}, expected channels in the last axis`);
    }
    return localResponseNormOf(x, this.options);
  }
}

/**
 * Local response normalisation across channels (Krizhevsky, Sutskever and Hinton 2012, section 3.3): each number is
 * divided by a power of the squares in a window of channels around it. The shape stays. Defaults are those of PyTorch's
 * `nn.LocalResponseNorm`. The paper has size 5, alpha 1e-4, beta 0.75, k 2 and alphaDivided false.
 * @throws OptionError on an option that is unknown or out of its range
 */
export const localResponseNorm = takingOptions(
  "nn.localResponseNorm",
  LOCAL_RESPONSE_NORM,
  (options: LocalResponseNormOptions) => new LocalResponseNorm(options),
);
