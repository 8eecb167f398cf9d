/** The instruction sets that the encoders write for, as kernels see them. */
import type { Target } from "./target.js";

export const AVX512: Target = {
  name: "avx512",
  lanes: 16,
  vectorRegisters: 32,
  intRegisters: 14,
  fma: "fused",
  foldsBroadcast: true,
  hoistsLoads: false,
};

export const AVX2: Target = {
  name: "avx2",
  lanes: 8,
  vectorRegisters: 16,
  intRegisters: 14,
  fma: "fused",
  foldsBroadcast: false,
  hoistsLoads: false,
};

/** V8 has 16 xmm registers on x86-64 and keeps one for itself; beyond that it spills, so kernels stay within. */
export const WASM: Target = {
  name: "wasm",
  lanes: 4,
  vectorRegisters: 15,
  intRegisters: 64,
  fma: "separate",
  foldsBroadcast: false,
  hoistsLoads: true,
};

export const WASM_RELAXED: Target = { ...WASM, fma: "fused" };
