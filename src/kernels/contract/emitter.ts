/** What steps are made of: kernels, the memory that they touch, and how many pieces of work there are. */

import type { KernelDefinition } from "../../codegen/definition.js";
import type { Kernel } from "../../codegen/ir.js";
import type { Attributes } from "../../graph/graph.js";
import type { Target } from "../../target/target.js";
import type { Layout } from "./layout.js";

/** A place in memory that the planner will give an address: a value's, or a step's own temporary. 64-byte aligned. */
export interface Buffer {
  /** Its number in the program. */
  readonly id: number;
  /** Its name, for printed programs. */
  readonly label: string;
  /** Bytes, whatever the batch. All bytes together are rounded up to 64. */
  readonly fixedBytes: number;
  /** Further bytes for each sample. */
  readonly sampleBytes: number;
  /** Every thread has a copy: a workspace, which no step leaves anything in. */
  readonly perThread?: boolean;
}

/** How many pieces a step has: `count`, times ceil(batch / samples) if `samples` is given. */
export interface Pieces {
  /** Pieces; of each group of samples, with `samples`. */
  readonly count: number;
  /** Samples of a group. Without it the number of pieces does not depend on the batch. */
  readonly samples?: number;
  /**
   * Whether pieces come in the order of samples, and each keeps to its own samples in every operand that has a batch.
   */
  readonly isLocal?: boolean;
}

export function pieceCount(pieces: Pieces, batch: number): number {
  return pieces.samples === undefined ? pieces.count : pieces.count * Math.ceil(batch / pieces.samples);
}

/** A call of an op's `reference`, in plain data: its operands are those of the step, the inputs before the result. */
export interface ReferenceCall {
  /** The name that it is registered under. */
  readonly op: string;
  /** Attributes of the node. */
  readonly attributes: Attributes;
  /** How its inputs lie in memory. */
  readonly inputs: readonly Layout[];
  /** How its result lies in memory. */
  readonly output: Layout;
}

/** Where steps go. It tells nothing of one program from another. */
export interface Emitter {
  /** The machine that steps are written for. */
  readonly target: Target;
  /**
   * Memory of which every thread has a copy, for values that a kernel keeps between its loops and that are too many for
   * registers. A step may have one at most. Its contents are arbitrary when the kernel is called, and unused
   * afterwards.
   */
  workspace(bytes: number): Buffer;
  /** The kernel of this spec for the target, built where it is new. */
  kernel<Spec>(definition: KernelDefinition<Spec>, spec: Spec): Kernel;
  /**
   * Operands in the order of `kernel.operands`. `reference` is called in the place of the kernel, which does nothing.
   */
  step(kernel: Kernel, operands: readonly Buffer[], pieces: Pieces, reference?: ReferenceCall): void;
}
