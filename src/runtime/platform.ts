/**
 * What the runtime asks of the place it runs in. Pages get `platform-browser.ts`; Node installs `platform-node.ts`, which
 * bundlers for pages never see: nothing imports it by a literal name but entry points of Node.
 */
import type { Backend } from "./backend.js";

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
  /** Whether workers can share memory with the caller. */
  sharesMemory(): boolean;
  /** Throws where workers are refused. */
  startWorker(name: string): WorkerHandle;
  /** Instruction sets of this processor that fovea's tests run on, best first; empty where there are none. */
  nativeTargets(): Promise<readonly NativeName[]>;
  /** Throws where native calls or executable memory are refused. */
  createNative(name: NativeName): Promise<Backend>;
  /** Turns on what the engine keeps behind a flag; before the first module is compiled. */
  enableRelaxedSimd(): void;
}

let installed: Platform | undefined;

export function installPlatform(platform: Platform): void {
  installed = platform;
}

export async function currentPlatform(): Promise<Platform> {
  if (installed === undefined) {
    if (typeof process !== "undefined" && process.versions?.node !== undefined) {
      // Not a literal in the import, so that bundlers for pages leave it alone.
      const nodePlatform = "./platform-node.js";
      await import(/* @vite-ignore */ /* webpackIgnore: true */ nodePlatform);
    } else {
      installPlatform((await import("./platform-browser.js")).browserPlatform);
    }
  }
  return installed!;
}
