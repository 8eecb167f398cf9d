/** The dropout layer: drops each element with probability p in training, and does nothing otherwise. */
import { OptionError } from "../base/errors.js";
import { isRecord } from "../base/options.js";
import { literal, rowText } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { dropout as dropoutOf, saltOf } from "../ops/dropout.js";
import { Module, tracingOf } from "./module.js";

export class Dropout extends Module {
  constructor(readonly p: number) {
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

export const dropout = (p = 0.5): Dropout => new Dropout(p);
