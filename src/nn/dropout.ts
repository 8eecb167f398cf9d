/** The dropout layer: drops each element with probability p in training, and does nothing otherwise. */
import { OptionError } from "../base/errors.js";
import { isRecord } from "../base/options.js";
import { literal, rowText } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { dropout as dropoutOf, saltOf } from "../ops/dropout.js";
import { Module, tracingOf } from "./module.js";

/** Drops numbers in training, as `nn.dropout` makes it. */
export class Dropout extends Module {
  constructor(
    /** Probability that a number is dropped in training. */
    readonly p: number,
  ) {
    super();
    if (isRecord(p)) {
      const meant = literal((p as { p?: unknown }).p) ?? "0.5";
      throw new OptionError(`dropout: is given ${rowText([p])}, expected a probability: nn.dropout(${meant})`);
    }
    if (!(p >= 0 && p < 1)) throw new OptionError(`dropout: p is ${p}, expected a probability from 0 to less than 1`);
  }

  override forward(x: Value): Value {
    const tracing = tracingOf(x.graph);
    if (tracing === undefined || !tracing.training || this.p === 0) return x;
    // A layer used twice must not drop the same elements twice.
    const use = tracing.use(this);
    const salt = saltOf(use === 0 ? x.graph.path : `${x.graph.path}#${use}`);
    return dropoutOf(x, tracing.random(), { p: this.p, salt });
  }
}

/**
 * In training each number becomes 0 with probability `p`, and the others are divided by 1 - p (Srivastava et al. 2014).
 * In prediction it does nothing. The shape stays. PyTorch: `nn.Dropout`.
 *
 * @example
 * ```js
 * import { nn } from "fovea";
 *
 * const head = nn.sequential(nn.flatten(), nn.dropout(0.2), nn.linear({ in: 512, out: 10 }));
 * console.log(nn.parameterCount(head)); // 5130
 * ```
 *
 * @param p probability that a number is dropped, from 0 to less than 1; 0.5 by default
 * @throws OptionError if `p` is out of its range
 */
export const dropout = (p = 0.5): Dropout => new Dropout(p);
