/**
 * What the engine's WebAssembly offers, found by asking it: tiny modules are validated, and the fused multiply-add is
 * run on numbers that tell one rounding from two (relaxed SIMD lets an engine choose either).
 *
 * Node 20 has relaxed SIMD behind a flag: call `enableRelaxedSimd` of `enable-relaxed-node.ts` first.
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
}

export function detectWasm(): WasmFeatures {
  if (typeof WebAssembly === "undefined") return { simd: false, relaxed: false, threads: false };
  const simd = WebAssembly.validate(multiplyAddModule(false));
  return { simd, relaxed: simd && fuses(), threads: sharesMemory() };
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
  if (typeof SharedArrayBuffer === "undefined") return false;
  return WebAssembly.validate(writeModule({ initialPages: 1, maximumPages: 1, shared: true }, 0, [], []));
}
