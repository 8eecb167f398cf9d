/**
 * Kernels as WebAssembly SIMD. Every virtual register becomes a local (an i32 or a v128), and the engine's compiler
 * turns those into machine registers. A vector of one lane is a v128 whose lane 0 counts: its memory accesses touch
 * exactly 4 bytes, and its arithmetic is the vectors', so that bits match. Masks are v128 of -1 or 0 a lane.
 *
 * Addresses are unsigned 32-bit. An access's offset of zero or more goes into the instruction (where it is added
 * without wrapping around; see LOWEST_POINTER), a negative one is added to the pointer.
 */

import { KernelError } from "../../base/errors.js";
import { atOnce, type Steps } from "../../base/steps.js";
import type { Instr, Kernel } from "../ir.js";
import { verifyKernel } from "../verify.js";
import { type FunctionBody, type MemoryLimits, writeModule } from "./module.js";
import { vectorCode } from "./vectors.js";
import { FunctionWriter } from "./writer.js";

/**
 * A module that imports `env.memory` and exports "k0", "k1", ..., one a kernel, each
 * `(table: i32, begin: i32, end: i32, batch: i32) -> ()`, where `table` is an array of 32-bit memory offsets.
 */
export function encodeWasm(kernels: readonly Kernel[], memory: MemoryLimits): Uint8Array<ArrayBuffer> {
  return atOnce(encodeWasmSteps(kernels, memory));
}

/** The same, a kernel a step. */
export function* encodeWasmSteps(kernels: readonly Kernel[], memory: MemoryLimits): Steps<Uint8Array<ArrayBuffer>> {
  const bodies: FunctionBody[] = [];
  for (const kernel of kernels) {
    bodies.push(encodeKernel(kernel));
    yield;
  }
  return writeModule(memory, 4, [], bodies);
}

function encodeKernel(kernel: Kernel): FunctionBody {
  return functionWriter(kernel).finish();
}

/** What writes a kernel's function. `source`: see FunctionWriter. */
export function functionWriter(kernel: Kernel, source?: (i: Instr, position: number) => void): FunctionWriter {
  if (kernel.target.isa !== "wasm")
    throw new KernelError(`kernel "${kernel.name}" is written for ${kernel.target.name}, not for wasm`);
  verifyKernel(kernel);
  return new FunctionWriter(kernel, vectorCode, source);
}
