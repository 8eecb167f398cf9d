/** Which kernel strategy computes a node, and what is noted of the units that are planned. */

import type { Entry, Value } from "../graph/graph.js";
import { bytesOfValue } from "../graph/shape.js";
import type { PointwiseGroup } from "../kernels/contract/pointwise-group.js";
import type { PoolWork, Strategy } from "../kernels/contract/strategy.js";
import { referenceStrategy } from "../kernels/reference/reference.js";
import type { Target } from "../target/target.js";
import type { Abilities } from "./fuse.js";
import type { Live } from "./live.js";
import type { PlannedUnit } from "./program.js";

/** A strategy that accepts a node, and the nanoseconds that it says it would take. */
export interface Candidate {
  readonly strategy: Strategy;
  readonly nanoseconds: number;
}

/** Those that accept the node, in the order of the list. */
function candidatesOf(node: Value, strategies: readonly Strategy[], target: Target): Candidate[] {
  return strategies
    .filter((strategy) => strategy.ops.includes(node.op.name) && strategy.accepts(node, target))
    .map((strategy) => ({ strategy, nanoseconds: strategy.cost(node, target) }));
}

/**
 * The first of the cheapest that accept the node; where none does, the op's own `reference`.
 */
export function chooseStrategy(node: Value, strategies: readonly Strategy[], target: Target): Strategy {
  let best: Candidate | undefined;
  for (const each of candidatesOf(node, strategies, target))
    if (each.nanoseconds < (best?.nanoseconds ?? Number.POSITIVE_INFINITY)) best = each;
  return best?.strategy ?? referenceStrategy;
}

export interface ChoiceOptions {
  readonly strategies: readonly Strategy[];
  /** Ops that are computed by their reference in any case, by name. */
  readonly byReference: readonly string[] | "all";
  readonly target: Target;
  readonly maxBatch: number;
}

/** The strategies of an entry's nodes, each chosen when it is first asked for, and what they can do. */
export class Choice implements Abilities {
  readonly #strategies: readonly Strategy[];
  readonly #byReference: readonly string[] | "all";
  readonly #chosen = new Map<Value, Strategy>();
  readonly target: Target;
  readonly maxBatch: number;

  constructor({ strategies, byReference, target, maxBatch }: ChoiceOptions) {
    this.#strategies = strategies;
    this.#byReference = byReference;
    this.target = target;
    this.maxBatch = maxBatch;
  }

  of(node: Value): Strategy {
    let strategy = this.#chosen.get(node);
    if (strategy === undefined) {
      strategy = this.byReference(node) ? referenceStrategy : chooseStrategy(node, this.#strategies, this.target);
      this.#chosen.set(node, strategy);
    }
    return strategy;
  }

  /** All that accept the node, the one that is taken first, then by what they would take. */
  candidates(node: Value): Candidate[] {
    const taken = this.of(node);
    const { fixed, perSample } = estimateReference(node, this.target);
    const accepting = candidatesOf(node, this.#strategies, this.target);
    if (taken === referenceStrategy) accepting.push({ strategy: taken, nanoseconds: fixed + perSample });
    return accepting.sort(
      (a, b) => Number(b.strategy === taken) - Number(a.strategy === taken) || a.nanoseconds - b.nanoseconds,
    );
  }

  byReference({ op }: Value): boolean {
    return this.#byReference === "all" || this.#byReference.includes(op.name);
  }

  fuses(node: Value): boolean {
    return this.of(node).fuses;
  }

  readsThrough(node: Value): boolean {
    return this.of(node).readsThrough === true;
  }

  reads(node: Value): readonly Value[] | undefined {
    return this.of(node).reads?.(node);
  }

  pools(node: Value, chain: readonly Value[], pool: PoolWork): boolean {
    return this.of(node).pools?.(node, chain, pool, this) ?? false;
  }

  updates(node: Value, group: PointwiseGroup): boolean {
    return this.of(node).updates?.(node, group, this.target) ?? false;
  }
}

/** What a program says of a unit of these nodes. */
export function plannedUnit(strategy: string, nodes: readonly Value[], entry: Entry, live: Live): PlannedUnit {
  return {
    strategy,
    isPacking: false,
    nodes: nodes.map((node) => ({
      path: node.path,
      op: node.op.name,
      multiplyAdds: node.op.cost(node.inputs, node.attributes, node).multiplyAdds,
      isBatched: isOfSamples(node),
      isForward: live.isForward(node),
      isAssigned: entry.assigns.some(({ value }) => value === node),
    })),
  };
}

/**
 * A rough time on one core of nodes that are computed together: their multiply-adds, and the bytes that they read and
 * hand on. Only decides where a program runs, and what is computed twice to save memory.
 */
export function estimate(nodes: readonly Value[], { costs }: Target): { fixed: number; perSample: number } {
  const { step, rate } = costs;
  const total = { fixed: step.alone, perSample: 0 };
  const add = (nanoseconds: number, isEach: boolean) => {
    if (isEach) total.perSample += nanoseconds;
    else total.fixed += nanoseconds;
  };
  const read = new Set(nodes.flatMap((node) => node.inputs));
  const within = new Set(nodes);
  for (const node of nodes) {
    add(node.op.cost(node.inputs, node.attributes, node).multiplyAdds / rate.multiplyAdds, isOfSamples(node));
    if (!read.has(node)) add(bytesOfValue(node) / rate.bytes, node.batched);
  }
  for (const value of read) if (!within.has(value)) add(bytesOfValue(value) / rate.bytes, value.batched);
  return total;
}

export function estimateReference(node: Value, target: Target): { fixed: number; perSample: number } {
  const { fixed, perSample } = estimate([node], target);
  const { reference } = target.costs;
  return { fixed: reference * fixed, perSample: reference * perSample };
}

/** Whether it is computed for every sample, as a sum over all of them is, too. */
export const isOfSamples = (node: Value): boolean => node.batched || node.inputs.some((i) => i.batched);
