/**
 * A compiled entry point, ready to be encoded and run: kernels, the steps that call them, and where everything lies.
 * Plain data but for the kernels' code, so that it can be printed, stored and sent to a worker.
 *
 * Memory comes in four regions, each with its base given by the session:
 *   store     states (parameters, statistics, optimiser state), one canonical layout shared by all programs of a session
 *   prepared  constants, and what depends only on states, made again by the `prepare` steps when they changed; one region a
 *             program, unless it prepares in scratch
 *   slot      inputs and outputs; a session has several slots a program, so that steps can be queued
 *   scratch   everything else; one region shared by all programs of a session
 *   workspace what a kernel writes and reads within one call: every thread has its own, all steps use the same
 */
import type { Kernel } from "../codegen/ir.js";
import type { Pieces, ReferenceCall } from "../kernels/contract/emitter.js";
import type { Layout } from "../kernels/contract/layout.js";
import type { Target } from "../target/target.js";

export type Region = "store" | "prepared" | "slot" | "scratch" | "workspace";

export interface Place {
  readonly region: Region;
  /** Byte offset from the region's base; a multiple of 64. */
  readonly offset: number;
  /** Bytes at the largest batch. */
  readonly bytes: number;
  readonly label: string;
}

/** A node of the graph, as far as a profile wants to know it. */
export interface PlannedNode {
  /** The layer that made it; the parameter's name where it is part of an update. */
  readonly path: string;
  readonly op: string;
  /** Of one sample, or of a call where there are no samples. */
  readonly multiplyAdds: number;
  readonly isBatched: boolean;
  /** Whether an output of samples needs it: of a training step, the forward pass. */
  readonly isForward: boolean;
  /** Whether a state takes its value. */
  readonly isAssigned: boolean;
}

/** What the planner computes at once. All its steps share it. */
export interface PlannedUnit {
  /** The strategy that lowered it, such as `direct`; `elementwise`, `fill` and `copy` where there is no choice. */
  readonly strategy: string;
  /** Whether it only brings the node's value into the order in which kernels read it. */
  readonly isPacking: boolean;
  readonly nodes: readonly PlannedNode[];
}

export interface Step {
  /** Index into `kernels`. */
  readonly kernel: number;
  readonly operands: readonly Place[];
  readonly pieces: Pieces;
  /** The layer and op it belongs to: `conv1 conv2d+add+relu`. */
  readonly label: string;
  /** Whether every thread must have finished all earlier steps before this one starts. */
  readonly barrier: boolean;
  /** Whether a run may leave that barrier out where the batch falls evenly on the threads: see `barriers.ts`. */
  readonly sparesBarrier?: boolean;
  /**
   * Multiply-adds a sample (`samples` pieces) or a call, for profiles and for the choice to run on the caller's thread.
   */
  readonly nanoseconds: { readonly fixed: number; readonly perSample: number };
  /** What it is a part of, for profiles; absent where no graph was compiled. */
  readonly unit?: PlannedUnit;
  /**
   * Of an op without a kernel: who runs the program calls the op's `reference` in the place of the kernel, when all
   * steps before have ended and before any other begins.
   */
  readonly reference?: ReferenceCall;
  /** Whether it computes for the backward pass what was not kept. */
  readonly isAgain?: boolean;
}

export interface Port {
  readonly name: string;
  readonly layout: Layout;
  readonly place: Place;
}

export interface StoredState extends Port {
  readonly kind: "parameter" | "statistic" | "optimizer" | "gradient";
}

/** What the scratch is for: bytes where most of it is alive, which with the gaps between make all of it. */
export interface ScratchUse {
  /** What the forward pass made, or made again. */
  readonly activations: number;
  /** What the backward pass made: of activations and of weights. */
  readonly gradients: number;
  /** Weights in the order in which kernels read them. */
  readonly panels: number;
  readonly gaps: number;
  /** Values that are computed again in the backward pass, so that they need not be kept; empty where there is room. */
  readonly recomputed: readonly string[];
  /** The time that this takes, as a part of that of all steps, as estimated. */
  readonly extraTime: number;
}

/** Numbers that a program needs in its prepared region from the start, as they lie there (pads included). */
export interface Constant {
  readonly place: Place;
  readonly data: Float32Array;
}

export interface Program {
  readonly name: string;
  readonly target: Target;
  readonly maxBatch: number;
  readonly kernels: readonly Kernel[];
  /** Run once before the first run and again whenever a parameter has changed since. */
  readonly prepare: readonly Step[];
  /**
   * Whether what `prepare` makes lies in the scratch, behind that of the steps: it is lost when another program runs.
   */
  readonly preparesInScratch?: boolean;
  readonly steps: readonly Step[];
  /** Written when the program is loaded; none where absent. */
  readonly constants?: readonly Constant[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly states: readonly StoredState[];
  /** States that the steps write: running them makes `prepare` of other programs stale. */
  readonly writes: readonly string[];
  /** Of the workspace: what one thread needs. */
  readonly bytes: Readonly<Record<Region, number>>;
  readonly scratch?: ScratchUse;
}
