/**
 * What the engine's WebAssembly offers, found by asking it: tiny modules are validated, one is compiled, and the fused
 * multiply-add is run on numbers that tell one rounding from two (relaxed SIMD lets an engine choose either).
 *
 * Node 20 has relaxed SIMD behind a flag: see `enable-relaxed-node.ts`.
 */
import { ByteWriter } from "./bytes.js";
import { VALUE_I32, writeModule } from "./module.js";
import { OP, SIMD } from "./opcodes.js";

export interface WasmFeatures {
  /** 128-bit vectors: without them fovea has no WebAssembly backend. */
  readonly simd: boolean;
  /** Fused multiply-add, one rounding: kernels may be written for WASM_RELAXED. */
  readonly relaxed: boolean;
  /** Memory shared between workers (in a page: only where it is cross-origin isolated). */
  readonly threads: boolean;
  /** What kernels cannot be compiled for, if they cannot. */
  readonly missing?: WasmObstacle;
}

/** No WebAssembly at all; no vectors; or all is there, and a policy refuses to compile a module. */
export type WasmObstacle =
  | { readonly kind: "absent" | "noVectors" }
  | { readonly kind: "refused"; readonly cause: unknown };

export function detectWasm(): WasmFeatures {
  const missing = obstacle();
  if (missing !== undefined)
    return { simd: missing.kind === "refused", relaxed: false, threads: sharesMemory(), missing };
  return { simd: true, relaxed: fuses(), threads: sharesMemory() };
}

/** Whether the engine reads relaxed SIMD at all. */
export function acceptsRelaxedSimd(): boolean {
  return isPresent() && WebAssembly.validate(multiplyAddModule(true));
}

function isPresent(): boolean {
  return typeof WebAssembly === "object" && typeof WebAssembly.Module === "function";
}

function obstacle(): WasmObstacle | undefined {
  if (!isPresent()) return { kind: "absent" };
  const bytes = multiplyAddModule(false);
  if (!WebAssembly.validate(bytes)) return { kind: "noVectors" };
  try {
    new WebAssembly.Module(bytes);
    return undefined;
  } catch (cause) {
    return { kind: "refused", cause };
  }
}

/** `k0()`: the bits of lane 0 of a multiply-add that is 2^-24 where it rounds once and 0 where it rounds twice. */
function multiplyAddModule(relaxed: boolean): Uint8Array<ArrayBuffer> {
  const code = new ByteWriter();
  const splat = (value: number) => {
    code.byte(OP.simd).u32(SIMD.v128_const);
    for (let lane = 0; lane < 4; lane++) code.fixed32(new Int32Array(Float32Array.of(value).buffer)[0]!);
  };
  splat(1 + 2 ** -12);
  splat(1 + 2 ** -12);
  if (!relaxed) code.byte(OP.simd).u32(SIMD.f32x4_mul);
  splat(-(1 + 2 ** -11));
  code.byte(OP.simd).u32(relaxed ? SIMD.f32x4_relaxed_madd : SIMD.f32x4_add);
  code.byte(OP.simd).u32(SIMD.i32x4_extract_lane).byte(0);
  return writeModule(undefined, 0, [VALUE_I32], [{ locals: [], code }]);
}

function fuses(): boolean {
  const bytes = multiplyAddModule(true);
  if (!WebAssembly.validate(bytes)) return false;
  const { k0 } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  if (typeof k0 !== "function") return false;
  return new Float32Array(Int32Array.of(k0()).buffer)[0] === 2 ** -24;
}

function sharesMemory(): boolean {
  if (typeof SharedArrayBuffer === "undefined" || !isPresent()) return false;
  return WebAssembly.validate(writeModule({ initialPages: 1, maximumPages: 1, shared: true }, 0, [], []));
}
