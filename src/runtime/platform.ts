/**
 * What the runtime asks of the place it runs in: `platform-node.ts` in Node, Bun and Deno, `platform-browser.ts` anywhere else. Both are
 * imported by literal names, so that every bundler can follow; `browser` in package.json puts the latter in the former's place
 * in bundles for pages, which must not name Node's modules.
 */
import type { WasmObstacle } from "../codegen/wasm/features.js";
import type { Backend } from "./backend.js";
import { platform as browserPlatform } from "./platform-browser.js";

export interface WorkerHandle {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** The worker threw, could not start, or ended unasked. */
  onFailure(listener: (cause: unknown) => void): void;
  /** Whether the worker keeps the process alive. */
  hold(alive: boolean): void;
  /** Ends it when it has done what it has at hand; resolves when it does nothing any more. */
  retire(): Promise<void>;
  /** At once, whatever it does; resolves when the thread runs no more. */
  terminate(): Promise<void>;
}

export type NativeName = "avx512" | "avx2";

export interface Platform {
  readonly name: "node" | "browser";
  environment(variable: string): string | undefined;
  /** How many threads can run at once. */
  parallelism(): number;
  /** Bytes of memory that this process may use, where it is known. */
  memory(): number | undefined;
  /** Why there is one thread here at most, and what can be done about it; undefined where workers can share memory with the caller. */
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

let installed: Platform | undefined;

/** In place of the one that is found. */
export function installPlatform(platform: Platform): void {
  installed = platform;
}

export async function currentPlatform(): Promise<Platform> {
  // Service workers refuse `import()`, so what pages need is there already.
  installed ??= isNode() ? (await import("./platform-node.js")).platform : browserPlatform;
  return installed;
}

function isNode(): boolean {
  return typeof process !== "undefined" && process.versions?.node !== undefined;
}
