/** What those who train, measure or predict may say about the machine. */
import type { Note } from "../base/notes.js";
import { callback, expecting, type Fields, flag, isRecord, text } from "../base/options.js";
import type { BackendChoice } from "./cpu/backends/choose.js";

export { BACKEND_NAMES, type BackendName } from "./cpu/backends/backend.js";

/** The devices that come with fovea. */
export const DEVICE_NAMES = ["cpu", "reference"] as const;

/** The device that computes, and its settings. All are optional. */
export interface MachineOptions {
  /**
   * The device that computes: `"cpu"`, or `"reference"`, which computes each op's meaning in float64. The reference is
   * more than a thousand times slower, for comparisons; it takes `memoryLimit` and `note` alone of the other options.
   * @default "cpu"
   */
  readonly device?: string | undefined;
  /**
   * How the processor is used: `"avx512"` or `"avx2"` (machine code, in Node on x64), `"wasm"` (WebAssembly), or
   * `"interpreter"` (slow, for tests). The environment variable FOVEA_BACKEND sets it, too.
   * @default the fastest that the machine has
   */
  readonly backend?: BackendChoice["backend"];
  /**
   * Uses fused multiply-adds in WebAssembly where the engine has them.
   * @default true
   */
  readonly relaxedSimd?: boolean | undefined;
  /**
   * Threads that compute, from 1 to 256. With 1 no worker is started. The environment variable FOVEA_THREADS sets it,
   * too.
   * @default as many as the machine runs at once
   */
  readonly threads?: number | undefined;
  /**
   * Bytes that may be allocated. A program that needs more is refused before anything is allocated.
   * @default what the machine has
   */
  readonly memoryLimit?: number | undefined;
  /**
   * Whether 3x3 and 5x5 convolutions of stride 1 may be computed by Winograd's form, which is up to 2.7 times as fast.
   * An output then errs by up to 1e-5 of the largest products in its tile of 6x6 input pixels, some of which lie
   * outside its own window: beside a pixel of 1e6, by about 0.1. An infinite or NaN pixel makes all 4x4 (5x5
   * convolutions: 2x2) outputs of its tiles so, up to four pixels away.
   * @default true, unless the environment variable FOVEA_WINOGRAD is "off"
   */
  readonly winograd?: boolean | undefined;
  /**
   * Called with a text about the choice of backend and threads. The call that says something waits for a promise that
   * it returns, and rejects with what it throws.
   * @default prints each text once on the console
   */
  readonly note?: Note | undefined;
}

/** What each may be. Names of devices and backends and the number of threads are held where they are chosen. */
export const MACHINE_OPTIONS: Fields<MachineOptions> = {
  device: text,
  backend: expecting(
    "the name of a backend",
    (name) => typeof name === "string" || (isRecord(name) && "target" in name),
  ),
  threads: expecting("a whole number from 1 to 256", (threads) => typeof threads === "number"),
  relaxedSimd: flag,
  winograd: flag,
  memoryLimit: expecting("a number of bytes", (bytes) => typeof bytes === "number" && bytes > 0),
  note: callback,
};
