/**
 * Which barriers a run may leave out. Where steps on both sides go sample by sample, and the batch falls evenly on the
 * threads, a thread reads only what it has written itself and need not wait for the others: forward through
 * convolutions, pools and linear layers, for as long as nothing is summed over samples and no memory is given to
 * another value.
 */
import type { Buffer } from "../kernels/contract/emitter.js";
import { ALIGNMENT } from "./memory.js";
import type { Places } from "./places.js";
import type { Region } from "./program.js";
import type { Draft } from "./step-draft.js";

/** Samples that a piece of such a step may have at most; each thread must have whole groups of so many. */
export const SAMPLES_TOGETHER = 16;

/** Operands that are remembered: where there are more, steps are long and a barrier costs nothing. */
const MOST_USES = 256;

/** An operand of a step. */
interface Use {
  readonly region: Region;
  readonly from: number;
  readonly to: number;
  readonly writes: boolean;
  /** The buffer, where it has nothing but samples and the step keeps to those of its pieces. */
  readonly ownSamples: Buffer | undefined;
}

/** Of groups of steps with a barrier between each two: whether the one before a group may be left out. */
export function sparedBarriers(groups: readonly (readonly Draft[])[], places: Places): boolean[] {
  let since: Use[] = []; // the last barrier that stays
  return groups.map((group) => {
    const uses = group.flatMap((draft) => usesOf(draft, places));
    const spared = since.length + uses.length <= MOST_USES && !uses.some((a) => since.some((b) => meet(a, b)));
    if (spared) since.push(...uses);
    else since = uses;
    return spared;
  });
}

function usesOf({ kernel, operands, pieces }: Draft, places: Places): Use[] {
  const { samples = 0, isLocal = false } = pieces;
  const isEven = isLocal && samples > 0 && SAMPLES_TOGETHER % samples === 0;
  return operands.flatMap((buffer, i) => {
    if (buffer.perThread) return [];
    const { region, offset, bytes } = places.place(buffer);
    const ownSamples = isEven && buffer.sampleBytes > 0 && buffer.fixedBytes < ALIGNMENT ? buffer : undefined;
    return { region, from: offset, to: offset + bytes, writes: kernel.operands[i]!.access !== "read", ownSamples };
  });
}

/** Whether two threads may meet there, of which one writes. */
function meet(a: Use, b: Use): boolean {
  if (!(a.writes || b.writes) || a.region !== b.region || a.to <= b.from || b.to <= a.from) return false;
  return a.ownSamples === undefined || a.ownSamples !== b.ownSamples;
}
