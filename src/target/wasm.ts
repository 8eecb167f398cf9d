/**
 * WebAssembly with SIMD, as V8 compiles it for x86-64: of its 16 xmm registers it keeps one for itself, and beyond the
 * others it spills, so kernels stay within. Masks are vectors; ints are as many as wanted.
 */
import { CACHES, COSTS } from "./costs.js";
import type { Target } from "./target.js";

export const WASM: Target = {
  isa: "wasm",
  name: "wasm",
  lanes: 4,
  registers: { vector: 15, int: 64, mask: 0 },
  fma: "separate",
  foldsBroadcast: false,
  hoistsLoads: true,
  sumsInFlight: 10,
  lineBytes: 64,
  prefetching: { leastPerOutput: 32, leastPerPixel: 16, longestRun: 192 },
  caches: CACHES,
  costs: { ...COSTS, tile: { ...COSTS.tile, isPaidWhole: true } },
};

/** With relaxed SIMD, whose multiply-adds are fused. */
export const WASM_RELAXED: Target = { ...WASM, fma: "fused" };
