/** Whether a program fits, asked before anything is allocated. */
import { MemoryError } from "../errors.js";
import type { BackendLimits } from "./backend.js";

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
}

export function checkMemory(need: Requirement, available: Available): void {
  const parts = Object.entries(need.parts).sort((a, b) => b[1] - a[1]);
  const total = parts.reduce((sum, [, bytes]) => sum + bytes, 0);
  const [largest, largestBytes] = parts[0] ?? ["nothing", 0];
  const { limits, memoryLimit, machine } = available;
  const bounds: [number, string, string][] = [
    [limits.largestTotal, `${available.backend} can hold`, ""],
    [machine ?? Number.POSITIVE_INFINITY, "this machine has", ""],
    [memoryLimit ?? Number.POSITIVE_INFINITY, "memoryLimit allows", ", or raise memoryLimit"],
  ];
  const [most, who, or] = bounds.reduce((a, b) => (b[0] < a[0] ? b : a));
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

export function gibibytes(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  if (bytes >= 2 ** 20) return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return `${Math.ceil(bytes / 1024)} KiB`;
}
