/**
 * A machine to run programs on, as narrow as it can be: what it can hold, memory, code, and calling it. Nothing above
 * `devices/cpu/` knows which one it has. A kernel is called as `kernel(table, begin, end, batch)`, where `table` is the
 * address of an array of operand addresses.
 */
import type { Kernel } from "../../../codegen/ir.js";
import type { Target } from "../../../target/target.js";

/**
 * A way to use the processor: machine code with 512-bit or 256-bit vectors (Node on x64), WebAssembly, or an
 * interpreter of kernels for tests.
 */
export type BackendName = "avx512" | "avx2" | "wasm" | "interpreter";

export const BACKEND_NAMES: readonly BackendName[] = ["avx512", "avx2", "wasm", "interpreter"];

export interface BackendLimits {
  /** Bytes that every segment's address is a multiple of. */
  readonly alignment: number;
  readonly largestSegment: number;
  /** Bytes of all segments together. */
  readonly largestTotal: number;
  /** Whether workers can reach its memory and code; otherwise everything runs on the caller's thread. */
  readonly threads: boolean;
  /** Bytes of one address in a table. */
  readonly pointerBytes: number;
}

/**
 * A run of zero-filled memory. Views are made on demand: a WebAssembly memory that is not shared loses them as it
 * grows.
 */
export interface Segment {
  readonly address: number;
  readonly bytes: number;
  f32(byteOffset: number, length: number): Float32Array;
  i32(byteOffset: number, length: number): Int32Array;
  u8(byteOffset: number, length: number): Uint8Array;
}

/** What a kernel may touch of one operand. */
export interface OperandMemory {
  readonly segment: Segment;
  readonly offset: number;
  readonly bytes: number;
}

export type KernelFunction = (table: number, begin: number, end: number, batch: number) => void;

/**
 * Encoded kernels, in a form that can be sent to a worker and bound there (the interpreter's never leaves its thread).
 */
export type Code =
  /** `entry` is the code that calls a kernel by its address. */
  | { readonly kind: "native"; readonly entry: number; readonly addresses: readonly number[] }
  | { readonly kind: "wasm"; readonly module: WebAssembly.Module; readonly memory: WebAssembly.Memory }
  | { readonly kind: "interpreter"; readonly kernels: readonly Kernel[] };

export interface Backend {
  readonly name: BackendName;
  /** What programs must be compiled for. */
  readonly target: Target;
  readonly limits: BackendLimits;
  /** Throws MemoryError where the machine refuses. */
  allocate(bytes: number): Segment;
  free(segment: Segment): void;
  /**
   * Gives pages of a segment back to the system: their numbers are lost, and they are zeros when they are next touched.
   * Absent where memory never shrinks.
   */
  discard?(segment: Segment, offset: number, bytes: number): void;
  encode(kernels: readonly Kernel[]): Promise<Code>;
  /** Functions to call the code with on this thread. */
  bind(code: Code): Promise<KernelFunction[]>;
  /** Writes operand addresses at a byte offset of a segment; returns the table's address. */
  writeTable(segment: Segment, offset: number, operands: readonly OperandMemory[]): number;
  /** Gives everything back. Only when no thread runs its code any more. */
  release(): void;
}
