/**
 * Which backend and how many threads: what the caller asks for, else the environment (FOVEA_BACKEND, FOVEA_THREADS,
 * FOVEA_WINOGRAD), else
 * the best that is there. Machine code that is refused is replaced by WebAssembly only where nobody asked for it by name.
 */
import type { Target } from "../codegen/ir.js";
import { detectWasm } from "../codegen/wasm/features.js";
import { BackendError, OptionError, unknownName } from "../errors.js";
import { BACKEND_NAMES, type Backend, type BackendName } from "./backend.js";
import { InterpreterBackend } from "./interpreter-backend.js";
import type { Platform } from "./platform.js";
import { WasmBackend } from "./wasm-backend.js";

export interface BackendChoice {
  readonly backend?: BackendName | Backend | undefined;
  /** Fused multiply-add in WebAssembly where the engine has it; on unless switched off. */
  readonly relaxedSimd?: boolean | undefined;
  /** What the interpreter interprets. */
  readonly interpreterTarget?: Target | undefined;
}

export async function chooseBackend(
  choice: BackendChoice,
  platform: Platform,
  note: (text: string) => void,
): Promise<Backend> {
  if (typeof choice.backend === "object") return choice.backend;
  const asked = choice.backend ?? platform.environment("FOVEA_BACKEND");
  if (asked !== undefined && asked !== "") {
    const name = BACKEND_NAMES.find((known) => known === asked);
    if (name === undefined)
      throw unknownName(choice.backend === undefined ? "FOVEA_BACKEND" : "backend", asked, BACKEND_NAMES);
    if (name === "interpreter") return new InterpreterBackend(choice.interpreterTarget);
    return name === "wasm" ? createWasm(choice, platform, note) : platform.createNative(name);
  }
  if (platform.sharesMemory()) {
    try {
      const [best] = await platform.nativeTargets();
      if (best !== undefined) return await platform.createNative(best);
    } catch (cause) {
      note(`fovea: machine code is refused here (${firstLine(cause)}); using WebAssembly`);
    }
  }
  return createWasm(choice, platform, note);
}

function createWasm(choice: BackendChoice, platform: Platform, note: (text: string) => void): Backend {
  const relaxedSimd = choice.relaxedSimd ?? true;
  if (relaxedSimd) platform.enableRelaxedSimd();
  const { simd, relaxed } = detectWasm();
  if (!simd)
    throw new BackendError(
      `this ${platform.name === "browser" ? "browser" : "engine"} has no WebAssembly SIMD (128-bit vectors), which fovea ` +
        'needs; Chrome 91, Firefox 89, Safari 16.4 and Node 16.4 brought it: update it, or choose backend "interpreter", which is very slow',
    );
  const shared = platform.sharesMemory();
  if (!shared)
    note(
      "fovea: no SharedArrayBuffer here, so everything runs on one thread" +
        (platform.name === "browser"
          ? "; serve the page with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp"
          : ""),
    );
  return new WasmBackend({ shared, relaxed: relaxedSimd && relaxed });
}

const MOST_THREADS = 256;

export function chooseThreads(threads: number | undefined, platform: Platform): number {
  const variable = platform.environment("FOVEA_THREADS");
  const asked = threads ?? (variable === undefined || variable === "" ? undefined : Number(variable));
  if (asked === undefined) return Math.max(1, Math.min(MOST_THREADS, platform.parallelism()));
  if (!Number.isInteger(asked) || asked < 1 || asked > MOST_THREADS)
    throw new OptionError(
      `${threads === undefined ? `FOVEA_THREADS "${variable}"` : `threads ${threads}`}: expected a whole number from 1 to ${MOST_THREADS}`,
    );
  return asked;
}

/** Whether programs may use Winograd's convolutions: `FOVEA_WINOGRAD=off` where the caller does not say. */
export function chooseWinograd(winograd: boolean | undefined, platform: Platform): boolean {
  const variable = platform.environment("FOVEA_WINOGRAD");
  if (winograd !== undefined || variable === undefined || variable === "") return winograd ?? true;
  if (variable !== "on" && variable !== "off")
    throw new OptionError(`FOVEA_WINOGRAD "${variable}": expected "on" or "off"`);
  return variable === "on";
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split("\n", 1)[0]!;
}

const said = new Set<string>();

/** Warns on the console, each text once a process. */
export function noteOnce(text: string): void {
  if (said.has(text)) return;
  said.add(text);
  console.warn(text);
}
