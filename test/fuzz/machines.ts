/** The targets that programs are encoded for, on every machine, and those that this machine can run. */

import type { Kernel } from "#fovea/codegen/ir.js";
import { encodeWasm } from "#fovea/codegen/wasm/encode.js";
import { encodeX64 } from "#fovea/codegen/x64/encode.js";
import type { SessionOptions } from "#fovea/devices/cpu/session.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, AVX512, WASM, WASM_RELAXED } from "#fovea/target/targets.js";
import { nativeTargets, wasmFeatures } from "../support/kernels.js";

export interface Machine {
  readonly name: string;
  readonly target: Target;
  /** How a session of it is made; undefined where this machine cannot. */
  readonly session: SessionOptions | undefined;
}

/** FOVEA_BACKEND holds this machine to less than it has, as everywhere. */
const allowed = ["avx512", "avx2", "wasm"].slice(
  Math.max(0, ["avx512", "avx2", "wasm"].indexOf(process.env["FOVEA_BACKEND"] ?? "")),
);

function native(name: "avx512" | "avx2", target: Target): Machine {
  const runs = nativeTargets.includes(name) && allowed.includes(name);
  return { name, target, session: runs ? { backend: name } : undefined };
}

export const MACHINES: readonly Machine[] = [
  native("avx512", AVX512),
  native("avx2", AVX2),
  { name: "wasm", target: WASM, session: wasmFeatures.simd ? { backend: "wasm", relaxedSimd: false } : undefined },
  { name: "wasm-relaxed", target: WASM_RELAXED, session: wasmFeatures.relaxed ? { backend: "wasm" } : undefined },
];

const MEMORY = { initialPages: 1, maximumPages: 1, shared: false };

/** Encodes kernels as their backend would. @throws where one does not encode. */
export function encode(kernels: readonly Kernel[], target: Target): void {
  if (target.name !== "wasm") for (const kernel of kernels) encodeX64(kernel);
  else if (!WebAssembly.validate(encodeWasm(kernels, MEMORY))) throw new Error("the WebAssembly module is not valid");
}
