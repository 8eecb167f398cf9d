/**
 * A machine, as plain data: its instructions, registers and caches, and what work costs on it. Strategies ask for the
 * fact that they need, never for the machine's name, and no other folder has numbers of its own about machines.
 *
 * A target is a kind of machine, not the one at hand: its caches and costs are nominal and the same wherever it runs.
 * They decide how sums are cut, and so the last bits of results: two computers of one target give the same bits.
 */

import type { Caches, Costs } from "./costs.js";

/** The instruction sets that encoders may be written for. `x64` and `wasm` have one. */
export type InstructionSet = "x64" | "arm64" | "wasm" | "wgsl";

/** Elements of a vector. */
export type Lanes = 1 | 4 | 8 | 16;

/** Whether `a * b + c` rounds once, or the product and the sum each. */
export type FmaMode = "fused" | "separate";

/** Registers that a kernel may keep alive at once, by class: the encoder's own needs are already taken off. */
export interface Registers {
  /** Vector registers. */
  readonly vector: number;
  /** Registers of integers and pointers. */
  readonly int: number;
  /** Registers of masks; 0 where masks are vectors. */
  readonly mask: number;
}

/** When to ask for memory ahead of its use, which costs an instruction. */
export interface Prefetching {
  /** Multiply-adds of an output beside which asking for its own place in memory costs nothing. */
  readonly leastPerOutput: number;
  /** Multiply-adds of a pixel beside which asking for a pixel of the next band costs nothing. */
  readonly leastPerPixel: number;
  /** Elements of a run up to which the next run is asked for: the processor sees for itself where longer ones go on. */
  readonly longestRun: number;
}

/**
 * The part of a machine that code may depend on: all that kernel builders and encoders are given of it. Every kernel's
 * key holds all of it, so that kernels are shared only where their code is the same.
 */
export interface CodeTarget {
  /** The instruction set. */
  readonly isa: InstructionSet;
  /** The variant of the instruction set, as people and saved files name it: "avx512". */
  readonly name: string;
  /** The widest vector: 16, 8 or 4. Narrower powers down to 4, and 1, are also there. */
  readonly lanes: Lanes;
  /** The registers that code may use. */
  readonly registers: Registers;
  /** How a multiply-add is rounded. */
  readonly fma: FmaMode;
  /** Whether a broadcast load can be an operand of an arithmetic instruction without a register. */
  readonly foldsBroadcast: boolean;
  /**
   * Whether an engine compiles the code anew and puts all loads of a block before its arithmetic, as V8 does with
   * WebAssembly: the steps of an unrolled reduction then spill each other's operands, so that each needs a turn of its
   * own.
   */
  readonly hoistsLoads: boolean;
  /** Independent sums that keep the multiply-add units busy. With fewer, each waits for its own last result. */
  readonly sumsInFlight: number;
  /** Bytes of a cache line. */
  readonly lineBytes: number;
  /** How far ahead memory is asked for. */
  readonly prefetching: Prefetching;
}

/** A machine: the facts that kernels depend on, and those that plans go by. */
export interface Target extends CodeTarget {
  /** Sizes of its caches. */
  readonly caches: Caches;
  /** Times that strategies estimate by. */
  readonly costs: Costs;
}
