/** The machines that the encoders write for. */
export { WASM, WASM_RELAXED } from "./wasm.js";
export { AVX2, AVX512 } from "./x64.js";
