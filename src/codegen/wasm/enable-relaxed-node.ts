/**
 * Node only: relaxed SIMD stands behind a V8 flag in Node 20, to be set before the first module that uses it is
 * compiled.
 */
import { setFlagsFromString } from "node:v8";
import { acceptsRelaxedSimd } from "./features.js";

/**
 * Safe to call more than once, and in every worker thread. The flag is set only where it does something: later engines
 * have relaxed SIMD without it, and complain on the terminal about a flag that they no longer know.
 */
export function enableRelaxedSimd(): void {
  const [major] = process.versions.node.split(".");
  if (Number(major) > 20 || acceptsRelaxedSimd()) return;
  setFlagsFromString("--experimental-wasm-relaxed-simd");
}
