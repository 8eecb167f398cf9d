/** Elementwise nodes that are computed together, as the planner hands them to the kernels. */
import type { Value } from "../../graph/graph.js";

/** Elementwise nodes that are computed together. */
export interface PointwiseGroup {
  /** In topological order, all of one shape, all batched or none. */
  readonly nodes: readonly Value[];
  /** The nodes whose values are needed outside. */
  readonly outputs: readonly Value[];
}
