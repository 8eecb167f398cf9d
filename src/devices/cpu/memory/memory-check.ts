/** Whether a program fits, asked before anything is allocated. */

import { MemoryError } from "../../../base/errors.js";
import type { Instr, Kernel } from "../../../codegen/ir.js";
import type { BackendLimits } from "../backends/backend.js";

export interface Requirement {
  /** What the program is called and the batch it was compiled for: the cure is a smaller one. */
  readonly program: string;
  readonly maxBatch: number;
  readonly slots: number;
  /** Bytes to be allocated for it, by part. */
  readonly parts: Readonly<Record<string, number>>;
  /** Bytes that the session has already. */
  readonly used: number;
}

export interface Available {
  readonly memoryLimit?: number | undefined;
  /** Of the machine or container. */
  readonly machine?: number | undefined;
  readonly limits: BackendLimits;
  readonly backend: string;
  /** Whether the backend can give memory back that was touched. */
  readonly discards?: boolean;
}

/** What a session may take, and what it takes before any program is loaded. */
export interface Room {
  readonly bytes: number;
  /** Who allows no more: "this machine has". */
  readonly who: string;
  /** Whether `memoryLimit` is what is in the way. */
  readonly isOwnLimit: boolean;
  readonly threads: number;
  readonly pointerBytes: number;
  /** Whether weights that are lent are given back to the system once they are packed. */
  readonly discards: boolean;
  /** Whether the engine compiles the kernels' code anew, and keeps what it makes of it: WebAssembly. */
  readonly compilesAgain: boolean;
}

export function roomOf({ limits, memoryLimit, machine, backend, discards }: Available, threads: number): Room {
  const bounds: [number, string, boolean][] = [
    [limits.largestTotal, `${backend} can hold`, false],
    [machine ?? Number.POSITIVE_INFINITY, "this machine has", false],
    [memoryLimit ?? Number.POSITIVE_INFINITY, "memoryLimit allows", true],
  ];
  const [bytes, who, isOwnLimit] = bounds.reduce((a, b) => (b[0] < a[0] ? b : a));
  return {
    bytes,
    who,
    isOwnLimit,
    threads,
    pointerBytes: limits.pointerBytes,
    discards: discards ?? false,
    compilesAgain: backend === "wasm",
  };
}

/** Machine code takes 6 to 8 bytes an instruction of the kernel language, and WebAssembly up to 15. */
const CODE_BYTES = 16;

/** Bytes set aside for the code of kernels, before it is written. */
export function codeBytes(kernels: readonly Kernel[]): number {
  const count = (body: readonly Instr[]): number =>
    body.reduce((sum, instr) => {
      if (instr.op === "loop") return sum + 1 + count(instr.body);
      return sum + 1 + (instr.op === "if" ? count(instr.body) + count(instr.otherwise) : 0);
    }, 0);
  return CODE_BYTES * kernels.reduce((sum, kernel) => sum + count(kernel.body), 0);
}

/**
 * About what the engine itself grows by from before a network is made until its first step has run: the libraries that
 * are loaded, a heap for each worker thread, what compiling leaves in that of the caller, which is cleaned up as it
 * grows, and what the engine makes of WebAssembly. Measured with Node 20 (bench/fovea/memory.mjs, FOVEA_BACKEND); no
 * limit counts it.
 */
export function engineBytes(code: number, { threads, compilesAgain }: Pick<Room, "threads" | "compilesAgain">): number {
  return 10.5e6 + 10e6 * threads + Math.min(82 * code, 38e6) + (compilesAgain ? Math.max(0, 60 * (code - 150e3)) : 0);
}

export function checkMemory(need: Requirement, available: Available): void {
  const parts = Object.entries(need.parts).sort((a, b) => b[1] - a[1]);
  const total = parts.reduce((sum, [, bytes]) => sum + bytes, 0);
  const [largest, largestBytes] = parts[0] ?? ["nothing", 0];
  const { limits } = available;
  const { bytes: most, who, isOwnLimit } = roomOf(available, 1);
  const or = isOwnLimit ? `, or raise memoryLimit to ${megabytes(need.used + total)}` : "";
  const cure = `compile it for a smaller batch than ${need.maxBatch}${need.slots > 1 ? ` or load it with fewer slots than ${need.slots}` : ""}`;
  const list = parts
    .filter(([, bytes]) => bytes > 0)
    .map(([part, bytes]) => `${part} ${gibibytes(bytes)}`)
    .join(", ");
  if (need.used + total > most) {
    const already = need.used > 0 ? ` beside the ${gibibytes(need.used)} in use` : "";
    throw new MemoryError(
      `program "${need.program}": needs ${gibibytes(total)}${already} (${list}), but ${who} ${gibibytes(most)}; ` +
        `${largest} is the largest part: ${cure}${or}`,
    );
  }
  if (largestBytes > limits.largestSegment)
    throw new MemoryError(
      `program "${need.program}": ${largest} needs ${gibibytes(largestBytes)} in one piece, but ${available.backend} can hold ` +
        `${gibibytes(limits.largestSegment)} at most; ${cure}`,
    );
}

/** Bytes as `--memory-limit` takes them, rounded up, so that as much is enough. */
export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)}MB`;
}

export function gibibytes(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  if (bytes >= 2 ** 20) return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return `${Math.ceil(bytes / 1024)} KiB`;
}
