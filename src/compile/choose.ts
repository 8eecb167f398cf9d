/** Which kernel strategy computes a node, and what is noted of the units that are planned. */
import type { Target } from "../codegen/ir.js";
import { ShapeError } from "../errors.js";
import type { Entry } from "../graph/graph.js";
import { shapeText, type Value } from "../graph/value.js";
import type { Strategy } from "../kernels/strategy.js";
import type { Live } from "./live.js";
import type { PlannedUnit } from "./program.js";

/** The cheapest of those that accept the node. @throws ShapeError where none does. */
export function chooseStrategy(node: Value, strategies: readonly Strategy[], target: Target): Strategy {
  let best: Strategy | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const strategy of strategies) {
    if (!strategy.ops.includes(node.op.name) || !strategy.accepts(node, target)) continue;
    const cost = strategy.cost(node, target);
    if (cost < least) {
      least = cost;
      best = strategy;
    }
  }
  if (best === undefined) {
    const inputs = node.inputs.map(shapeText).join(", ");
    throw new ShapeError(`${node.op.name}(${node.path}): no kernel accepts it on ${target.name} (inputs ${inputs})`);
  }
  return best;
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

/** A rough time on one core: 60 billion multiply-adds and 10 GB a second. Only decides where a program runs. */
export function estimate(nodes: readonly Value[]): { fixed: number; perSample: number } {
  const total = { fixed: 300, perSample: 0 };
  for (const node of nodes) {
    const cost = node.op.cost(node.inputs, node.attributes, node);
    const nanoseconds = cost.multiplyAdds / 60 + cost.bytes / 10;
    if (isOfSamples(node)) total.perSample += nanoseconds;
    else total.fixed += nanoseconds;
  }
  return total;
}

/** Whether it is computed for every sample, as a sum over all of them is, too. */
const isOfSamples = (node: Value): boolean => node.batched || node.inputs.some((i) => i.batched);
