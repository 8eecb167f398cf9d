/**
 * What a kernel keeps in its frame beside registers of its own: copies of loop bounds that change inside the loop, and
 * the address of the operand table where no register is left for it. Counted before the code is written, in the order
 * in which the emitter will ask for slots, because the frame is made by the first instructions.
 */
import type { Instr } from "../ir.js";
import type { Loop } from "../liveness.js";
import type { Selection } from "./select.js";

export interface Frame {
  readonly slots: number;
  readonly tableSlot: number | undefined;
}

/** `slots`: those that are taken already; `tableInFrame`: the operand table has no register. */
export function frameOf(selection: Selection, slots: number, tableInFrame: boolean): Frame {
  let tableSlot: number | undefined;
  const walk = (block: readonly Instr[]): void => {
    for (const i of block) {
      if (i.op === "operand") {
        if (tableInFrame) tableSlot ??= slots++;
      } else if (i.op === "loop") {
        if (neverRuns(i)) continue;
        if (copiesBound(selection, i)) slots++;
        walk(i.body);
      } else if (i.op === "if") {
        walk(i.body);
        walk(i.otherwise);
      }
    }
  };
  walk(selection.body);
  return { slots, tableSlot };
}

/** No code is written for it. */
export function neverRuns({ from, to }: Loop): boolean {
  return typeof from === "number" && typeof to === "number" && from >= to;
}

/** Whether the bound is copied to the frame before the loop starts. */
export function copiesBound(selection: Selection, loop: Loop): boolean {
  return !selection.countsOnly(loop) && selection.copiesBound(loop);
}
