/** Which places of its inputs a node reads, as its op's traits say. */
import { type AxisReads, OWN_PLACE } from "./axis-reads.js";
import type { Value } from "./graph.js";

/** Along axis 0 (rows) or 1 (columns) of input `input`; undefined where it may read all of it. */
export function readsOf(node: Value, input: number, axis: 0 | 1): AxisReads | undefined {
  const { traits } = node.op;
  if (traits?.reads !== undefined) return traits.reads(node, input, axis);
  return traits?.elementwise === true ? OWN_PLACE : undefined;
}
