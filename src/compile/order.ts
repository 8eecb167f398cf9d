/**
 * Puts steps into levels: a step's level is one more than the highest level of a step that it must wait for. Steps of one level
 * run side by side without a barrier, so the critical path is the number of barriers.
 */
import type { Buffer } from "../kernels/strategy.js";

export interface Access {
  readonly reads: readonly Buffer[];
  readonly writes: readonly Buffer[];
}

/**
 * The level of each step, given in an order in which every step comes after the steps that it depends on: a read waits for
 * the writes before it, a write for the reads and writes before it.
 */
export function levels(steps: readonly Access[]): number[] {
  const lastWrite = new Map<Buffer, number>();
  const lastRead = new Map<Buffer, number>();
  return steps.map(({ reads, writes }) => {
    let level = 0;
    for (const buffer of reads) level = Math.max(level, (lastWrite.get(buffer) ?? -1) + 1);
    for (const buffer of writes) {
      level = Math.max(level, (lastWrite.get(buffer) ?? -1) + 1, (lastRead.get(buffer) ?? -1) + 1);
    }
    for (const buffer of reads) lastRead.set(buffer, Math.max(lastRead.get(buffer) ?? -1, level));
    for (const buffer of writes) lastWrite.set(buffer, Math.max(lastWrite.get(buffer) ?? -1, level));
    return level;
  });
}
