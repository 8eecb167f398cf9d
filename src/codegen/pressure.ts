/** How many registers a kernel needs at its widest point, so that a strategy can ask how many are free. */
import type { Kernel } from "./ir.js";
import { x64Pressure } from "./x64/encode.js";

/**
 * Vector and integer registers alive at once, counted as the encoder of the kernel's target would allocate them. A
 * kernel for WebAssembly is counted as for AVX2, without folded broadcasts.
 */
export function registerPressure(kernel: Kernel): { readonly vector: number; readonly int: number } {
  const { vector, int } = x64Pressure(kernel);
  return { vector, int };
}
