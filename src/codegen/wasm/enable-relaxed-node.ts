/** Node only: relaxed SIMD stands behind a V8 flag in Node 20, to be set before the first module is compiled. */
import { setFlagsFromString } from "node:v8";

/** Safe to call more than once, and in every worker thread; newer versions of Node have it on without a flag. */
export function enableRelaxedSimd(): void {
  setFlagsFromString("--experimental-wasm-relaxed-simd");
}
