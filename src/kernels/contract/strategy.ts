/**
 * The contract between the planner and the kernels. A strategy says which nodes it accepts, what they would cost, and
 * lowers them to steps; the planner takes the cheapest that accepts, ties by list order. A step is one kernel over a
 * number of work pieces; the runtime cuts the pieces over the threads, so **no result may depend on how**: a piece
 * writes what no other piece of the same step writes, and reads nothing that the same step writes elsewhere.
 */

import type { Value } from "../../graph/graph.js";
import type { Signature } from "../../graph/shape.js";
import type { Target } from "../../target/target.js";
import type { Buffer, Emitter } from "./emitter.js";
import type { Layout } from "./layout.js";
import type { Packing } from "./packing.js";
import type { PointwiseGroup } from "./pointwise-group.js";

/**
 * A node with the elementwise nodes that are fused into its store. `chain[0]` has `root` as an input, `chain[i]` has
 * `chain[i-1]`; their other inputs are values of the same layout, channel vectors [C] or scalars. `result` is what is
 * stored: the last of the chain, or the root where the chain is empty. With an `update`, nothing else reads the root,
 * and the group's outputs are stored in its place.
 */
export interface Work {
  /** The node that is computed. */
  readonly root: Value;
  /** Elementwise nodes that are fused into its store, in order. */
  readonly chain: readonly Value[];
  /** The value that is stored. */
  readonly result: Value;
  /**
   * The group of elementwise nodes whose outputs are stored in place of the root: an optimizer's update of a parameter.
   */
  readonly update?: PointwiseGroup;
  /** Replacement inputs of the root: see `Strategy.reads`. */
  readonly reads?: readonly Value[] | undefined;
  /** The root's first input, where it is computed as it is read and is nowhere in memory: see `prologue.ts`. */
  readonly prologue?: Value;
  /** The max pool that the chain's end goes through on its way to memory: see `pooled-store.ts`. */
  readonly pool?: PoolWork;
}

/**
 * A max pool that is computed as its image is stored. `result` of the work is the last of its chain, or the pool
 * itself.
 */
export interface PoolWork {
  /** The pool. */
  readonly node: Value;
  /** Elementwise nodes that are fused into its store. */
  readonly chain: readonly Value[];
  /** Whether its gradient asks where the maxima were. */
  readonly hasPlaces: boolean;
}

/** The services for lowering a node. */
export interface Lowering extends Emitter {
  /** The largest batch that the program will run. */
  readonly maxBatch: number;
  /** How a value lies in memory. */
  layout(value: Signature): Layout;
  /** Where a value lies (an input of the work, or its result). */
  buffer(value: Value): Buffer;
  /** Memory that lives from the first to the last step of this work that uses it. */
  temporary(
    label: string,
    bytes: {
      /** Bytes, whatever the batch. @default 0 */
      fixedBytes?: number;
      /** Further bytes for each sample. @default 0 */
      sampleBytes?: number;
    },
  ): Buffer;
  /**
   * Where the maxima of a pool of `image` were: 0 to 3 for each number of the result, which lie as these do. Whoever
   * computes the pool writes them, where its `PoolWork` says so.
   */
  places(image: Value, pool: Signature): Buffer;
  /**
   * Whether a value depends on states and constants only, so that what is made of it is made in the `prepare` section.
   */
  isStatic(value: Value): boolean;
  /**
   * Memory that depends on `from` alone (a weight in the order a kernel reads it): made once for all users with an
   * equal spec; where `from` depends only on parameters it is made again only when they change.
   */
  packed<Spec>(packing: Packing<Spec>, from: Value, spec: Spec): Buffer;
}

/**
 * A way to compute a node: accepts it or not, estimates its cost, and lowers it to steps. The planner takes the
 * cheapest that accepts.
 */
export interface Strategy {
  /** Its name, for profiles and printed programs. */
  readonly name: string;
  /** The ops, by name, that it may accept. */
  readonly ops: readonly string[];
  /** Whether chains of elementwise nodes may be fused into its store. */
  readonly fuses: boolean;
  /** Whether an elementwise node that is the first input may be computed as it is read. */
  readonly readsThrough?: boolean;
  /**
   * Replacement inputs of its kernels: the operands of an input that is computed as it is read. A node without readers
   * is not computed.
   */
  reads?(node: Value): readonly Value[] | undefined;
  /** Whether its result, with a chain fused into it, can be stored through this max pool and its chain alone. */
  pools?(node: Value, chain: readonly Value[], pool: PoolWork, to: Pick<Lowering, "target" | "maxBatch">): boolean;
  /** Whether it can compute such an update as it stores the node, an unbatched gradient. */
  updates?(node: Value, update: PointwiseGroup, target: Target): boolean;
  /** Whether it can compute this node on this machine. */
  accepts(node: Value, target: Target): boolean;
  /**
   * Estimated nanoseconds for one sample (or one call, for unbatched work) on one core: only compared with its rivals'.
   * It knows no batch, so that the same numbers come out whatever the batch that a program is compiled for.
   */
  cost(node: Value, target: Target): number;
  /** Writes the steps that compute the work. */
  lower(work: Work, to: Lowering): void;
}
