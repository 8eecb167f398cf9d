/** Makes encoded WebAssembly callable on this thread; on the caller's thread and in workers alike. */
import { BackendError } from "../../../base/errors.js";
import type { Code, KernelFunction } from "./backend.js";

export async function bindWasm(code: Code): Promise<KernelFunction[]> {
  if (code.kind !== "wasm") throw new BackendError(`${code.kind} code cannot be bound as WebAssembly`);
  const { exports } = await WebAssembly.instantiate(code.module, { env: { memory: code.memory } });
  const functions: KernelFunction[] = [];
  for (let n = 0; exports[`k${n}`] !== undefined; n++) functions.push(exports[`k${n}`] as KernelFunction);
  return functions;
}
