/** What the kernel language may ask of a machine. */

/** Elements of a vector. */
export type Lanes = 1 | 4 | 8 | 16;

/** Whether `a * b + c` rounds once, or the product and the sum each. */
export type FmaMode = "fused" | "separate";

/** What a machine offers to a kernel: a strategy asks this, and never the machine's name. */
export interface Target {
  readonly name: "avx512" | "avx2" | "wasm";
  /** The widest vector: 16, 8 or 4. Narrower powers down to 4, and 1, are also there. */
  readonly lanes: Lanes;
  /** Vector registers that a kernel may keep alive at once (the encoder's own needs already taken off). */
  readonly vectorRegisters: number;
  /** Integer and pointer registers that a kernel may keep alive at once. */
  readonly intRegisters: number;
  readonly fma: FmaMode;
  /** Whether a broadcast load can be an operand of an arithmetic instruction without a register. */
  readonly foldsBroadcast: boolean;
  /**
   * Whether an engine compiles the code anew and puts all loads of a block before its arithmetic, as V8 does with WebAssembly: the steps
   * of an unrolled reduction then spill each other's operands, so that each needs a turn of its own.
   */
  readonly hoistsLoads: boolean;
}
