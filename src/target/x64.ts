/** x86-64 with AVX-512, and with AVX2 and FMA. Masks of AVX2 are vectors. */
import { CACHES, COSTS } from "./costs.js";
import type { Target } from "./target.js";

export const AVX512: Target = {
  isa: "x64",
  name: "avx512",
  lanes: 16,
  registers: { vector: 32, int: 14, mask: 7 },
  fma: "fused",
  foldsBroadcast: true,
  hoistsLoads: false,
  sumsInFlight: 10,
  lineBytes: 64,
  prefetching: { leastPerOutput: 32, leastPerPixel: 16, longestRun: 192 },
  caches: CACHES,
  costs: COSTS,
};

export const AVX2: Target = {
  ...AVX512,
  name: "avx2",
  lanes: 8,
  registers: { vector: 16, int: 14, mask: 0 },
  foldsBroadcast: false,
  costs: { ...COSTS, tile: { ...COSTS.tile, isPaidWhole: true } },
};
