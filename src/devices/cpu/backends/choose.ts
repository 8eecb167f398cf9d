/**
 * Which backend and how many threads: what the caller asks for, else the environment (FOVEA_BACKEND, FOVEA_THREADS,
 * FOVEA_WINOGRAD), else the best that is there. Machine code that is refused is replaced by WebAssembly only where
 * nobody asked for it by name.
 */

import { BackendError, OptionError, unknownName } from "../../../base/errors.js";
import type { Note } from "../../../base/notes.js";
import { reasonOf } from "../../../base/reason.js";
import { detectWasm } from "../../../codegen/wasm/features.js";
import type { Target } from "../../../target/target.js";
import type { Platform } from "../platform/platform.js";
import { BACKEND_NAMES, type Backend, type BackendName } from "./backend.js";
import { InterpreterBackend } from "./interpreter.js";
import { WasmBackend } from "./wasm.js";

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
  note: Note,
  threads?: number,
): Promise<Backend> {
  if (typeof choice.backend === "object") return choice.backend;
  const wasm = () => createWasm(choice, platform, note, threads);
  const asked = choice.backend ?? platform.environment("FOVEA_BACKEND");
  if (asked !== undefined && asked !== "") {
    const name = BACKEND_NAMES.find((known) => known === asked);
    if (name === undefined)
      throw unknownName(choice.backend === undefined ? "FOVEA_BACKEND" : "backend", asked, BACKEND_NAMES);
    if (name === "interpreter") return new InterpreterBackend(choice.interpreterTarget);
    return name === "wasm" ? wasm() : platform.createNative(name);
  }
  const native = await createNative(platform);
  if (native === undefined) return wasm();
  if ("backend" in native) return native.backend;
  const refusal = reasonOf(native.refusal);
  const backend = await wasm().catch((cause) => {
    if (!(cause instanceof BackendError)) throw cause;
    throw new BackendError(`${cause.message}; machine code is refused, too (${refusal})`, { cause });
  });
  await note(`fovea: machine code is refused here (${refusal}); using WebAssembly`);
  return backend;
}

/** The best that this processor has, why it is refused, or undefined where there is none. */
async function createNative(platform: Platform): Promise<{ backend: Backend } | { refusal: unknown } | undefined> {
  if (platform.whyAlone() !== undefined) return undefined;
  try {
    const [best] = await platform.nativeTargets();
    return best && { backend: await platform.createNative(best) };
  } catch (refusal) {
    return { refusal };
  }
}

/** Notes that there is one thread only where more are wanted. */
async function createWasm(choice: BackendChoice, platform: Platform, note: Note, threads?: number): Promise<Backend> {
  const relaxedSimd = choice.relaxedSimd ?? true;
  const found = detectWasm();
  if (found.missing !== undefined)
    throw new BackendError(
      `${platform.whyNoWasm(found.missing)}, or choose backend "interpreter", which is very slow`,
      {
        cause: found.missing.kind === "refused" ? found.missing.cause : undefined,
      },
    );
  // Asked first: engines complain about flags for what they have without.
  if (relaxedSimd && !found.relaxed) platform.enableRelaxedSimd();
  const alone = platform.whyAlone();
  if (alone !== undefined && threads !== 1) await note(`fovea: ${alone}`);
  return new WasmBackend({
    shared: alone === undefined,
    relaxed: relaxedSimd && (found.relaxed || detectWasm().relaxed),
  });
}

const MOST_THREADS = 256;

/** Digits alone: `Number` would take " " for 0 and "1e1" for 10. */
const wholeNumber = (text: string) => (/^\d+$/.test(text.trim()) ? Number(text) : Number.NaN);

export function chooseThreads(threads: number | undefined, platform: Platform): number {
  const variable = platform.environment("FOVEA_THREADS");
  const asked = threads ?? (variable === undefined || variable === "" ? undefined : wholeNumber(variable));
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
