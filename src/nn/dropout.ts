/** The dropout layer: drops each element with probability p in training, and does nothing otherwise. */
import { OptionError } from "../base/errors.js";
import { isRecord } from "../base/options.js";
import { literal, rowText } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import type { Shape } from "../graph/shape.js";
import { dropout as dropoutOf, saltOf } from "../ops/dropout.js";
import { multiply } from "../ops/elementwise/arithmetic.js";
import { Module, type Part, tracingOf } from "./module.js";

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

/** In training, factors 0 with a probability and else what makes up for it, for parts of each sample. */
abstract class PartDropout extends Module {
  readonly #dropout: Dropout;

  constructor(
    /** The probability that a part is dropped, from 0 to less than 1. */
    readonly p: number,
  ) {
    super();
    this.#dropout = new Dropout(p);
  }

  /** The shape of one number a part. */
  protected abstract partsOf(x: Value): Shape;

  override children(): [string, Part][] {
    return [["dropout", this.#dropout]];
  }

  override forward(x: Value): Value {
    const one = x.graph.constant(1, { shape: this.partsOf(x), batched: true });
    const kept = this.#dropout.forward(one);
    return kept === one ? x : multiply(x, kept);
  }
}

/** Stochastic depth, as `nn.stochasticDepth` makes it. */
export class StochasticDepth extends PartDropout {
  protected override partsOf(): Shape {
    return [];
  }
}

/** Dropout of whole channels, as `nn.dropout2d` makes it. */
export class Dropout2d extends PartDropout {
  protected override partsOf(x: Value): Shape {
    return [...x.shape.slice(0, -1).map(() => 1), x.shape.at(-1) ?? 1];
  }
}

/**
 * Stochastic depth (Huang et al. 2016), also called drop path: in training each sample goes without the branch with this probability, and the others
 * are divided by the probability that they do not. It does nothing in prediction. The shape stays. torchvision: `ops.StochasticDepth` of mode "row".
 *
 * @param p the probability that a sample is dropped, from 0 to less than 1; 0.5 by default
 * @throws OptionError if p is no such probability
 */
export const stochasticDepth = (p = 0.5): StochasticDepth => new StochasticDepth(p);

/**
 * Dropout of whole channels (Tompson et al. 2014): in training each channel of a sample is 0 with this probability, and the others are divided by the
 * probability that they are not. It does nothing in prediction. The shape stays. PyTorch: `nn.Dropout2d`.
 *
 * @param p the probability that a channel is dropped, from 0 to less than 1; 0.5 by default
 * @throws OptionError if p is no such probability
 */
export const dropout2d = (p = 0.5): Dropout2d => new Dropout2d(p);
