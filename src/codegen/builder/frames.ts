/**
 * Which integers and pointers live in the kernel's frame, so that registers are left for what runs most often. What is
 * computed once and kept for later does: an innermost loop reads it once, from the first cache. So does the counter of
 * a loop around another. What changes stays in a register, since it mostly changes in an innermost loop. Where a kernel
 * knows better, it says so.
 */
import type { Instr, Reg } from "../ir.js";

export class Frames {
  /** Those that were not told where to live. */
  readonly #open = new Set<Reg>();

  /** A new variable: in the frame until it changes. */
  variable(reg: Reg, told: boolean | undefined): void {
    place(reg, told ?? true);
    if (told === undefined) this.#open.add(reg);
  }

  changes(reg: Reg): void {
    if (this.#open.delete(reg)) place(reg, false);
  }

  /** A loop's counter, when the loop's body is written. */
  counter(index: Reg, body: readonly Instr[], told: boolean | undefined): void {
    place(index, told ?? hasLoop(body));
  }
}

function place(reg: Reg, inFrame: boolean): void {
  (reg as { inFrame: boolean }).inFrame = inFrame;
}

function hasLoop(body: readonly Instr[]): boolean {
  return body.some((i) => i.op === "loop" || (i.op === "if" && (hasLoop(i.body) || hasLoop(i.otherwise))));
}
