/**
 * What work is estimated to take on a machine, in nanoseconds of one core, and what its caches hold: what strategies
 * and cuts are compared by. The numbers are the target's (`target/costs.ts`).
 */
import type { Value } from "../../graph/graph.js";
import type { Target } from "../../target/target.js";

/** By simple vector code, whose time is that of its arithmetic and of the memory that it goes through. */
export function elementsNanoseconds(node: Value, { costs }: Target): number {
  const { multiplyAdds, bytes } = node.op.cost(node.inputs, node.attributes, node);
  return multiplyAdds * costs.element + bytes * costs.byte.moved;
}

/** Number by number: the general kernels. */
export function scalarNanoseconds(node: Value, { costs }: Target): number {
  return node.op.cost(node.inputs, node.attributes, node).multiplyAdds * costs.multiplyAdd.scalar;
}

/** Bytes of all partial sums of a step, at most: a second step reads them again, and other values are there, too. */
export function mostPartialBytes({ caches }: Target): number {
  return caches.l3 / 4;
}
