/**
 * Check mode: before a run everything that the program must write first is filled with NaN, so that a stale read shows;
 * after it, pad lanes of outputs and of states must be +0.
 */
import { BackendError } from "../../base/errors.js";
import type { Segment } from "./backends/backend.js";
import { firstDirtyPad, type Numbers, viewOf } from "./memory/copy.js";
import type { Resident } from "./memory/resident.js";

const STALE = 0x7fc0dead;

export function poison(resident: Resident, slot: number, scratch: Segment, prepare: boolean): void {
  const { program, preparedSegment, slotSegment } = resident;
  scratch.i32(0, scratch.bytes / 4).fill(STALE);
  if (prepare && preparedSegment !== undefined) {
    preparedSegment.i32(0, preparedSegment.bytes / 4).fill(STALE);
    resident.writeConstants();
  }
  for (const { place } of program.outputs)
    slotSegment.i32(resident.slotOffset(slot, place), Math.floor(place.bytes / 4)).fill(STALE);
}

export function checkProgramPads(resident: Resident, slot: number, batch: number): undefined {
  const { program, slotSegment } = resident;
  const check = (what: string, from: Numbers, layout: Parameters<typeof firstDirtyPad>[1]) => {
    const at = firstDirtyPad(from, layout, batch);
    if (at >= 0)
      throw new BackendError(
        `check: program "${program.name}" left ${from[at]} in a pad lane of ${what} (element ${at}); pad lanes are +0`,
      );
  };
  for (const { name, layout, place } of program.outputs)
    check(`output "${name}"`, viewOf(slotSegment, resident.slotOffset(slot, place), place.bytes, layout), layout);
  for (const { name, layout, segment, offset, bytes } of resident.writes)
    check(`state "${name}"`, viewOf(segment, offset, bytes, layout), layout);
}
