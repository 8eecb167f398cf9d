/**
 * What sessions ask of the place they run in: `platform-node.ts` in Node, Bun and Deno, `platform-browser.ts` anywhere
 * else.
 */
import type { WasmObstacle } from "../../../codegen/wasm/features.js";
import type { WorkerHandle } from "../../../host/worker-handle.js";
import type { Backend } from "../backends/backend.js";

export type NativeName = "avx512" | "avx2";

export interface Platform {
  readonly name: "node" | "browser";
  environment(variable: string): string | undefined;
  /** How many threads can run at once. */
  parallelism(): number;
  /** Bytes of memory that this process may use, where it is known. */
  memory(): number | undefined;
  /**
   * Why there is one thread here at most, and what can be done about it; undefined where workers can share memory with
   * the caller.
   */
  whyAlone(): string | undefined;
  /** Throws where workers are refused. */
  startWorker(name: string): WorkerHandle;
  /** Why a worker did not start, and what can be done about it. `cause` is what was thrown or heard. */
  whyNoWorker(cause: unknown): Promise<string>;
  /** What stands in WebAssembly's way here, and what can be done about it. */
  whyNoWasm(obstacle: WasmObstacle): string;
  /** Instruction sets of this processor that fovea's tests run on, best first; empty where there are none. */
  nativeTargets(): Promise<readonly NativeName[]>;
  /** Throws where native calls or executable memory are refused. */
  createNative(name: NativeName): Promise<Backend>;
  /** Turns on what the engine keeps behind a flag; before the first module is compiled that needs it. */
  enableRelaxedSimd(): void;
}
