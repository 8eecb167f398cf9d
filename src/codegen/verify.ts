/**
 * What must hold of every kernel before it is interpreted or encoded: registers are assigned on every path before they
 * are read, values that are assigned once are assigned in one place, and a loop's index belongs to the loop alone.
 *
 * A register assigned in a loop's body counts as unassigned after the loop (which may run no times); of an `if`, what
 * both branches assign counts afterwards.
 */
import { KernelError } from "../errors.js";
import { type Instr, type Kernel, reads, writes } from "./ir.js";
import { lineOf, printInstr } from "./print.js";

export function verifyKernel(kernel: Kernel): void {
  const defined = new Set<number>(); // assigned anywhere in the text so far
  const indices = new Set<number>(); // of the loops around
  const fail = (i: Instr, message: string): never => {
    throw new KernelError(`kernel "${kernel.name}", line ${lineOf(kernel, i)}: ${printInstr(i, kernel)}: ${message}`);
  };

  /** Checks a block that starts with `assigned`; returns what is assigned at its end. */
  const check = (block: readonly Instr[], assigned: Set<number>): Set<number> => {
    for (const i of block) {
      for (const r of reads(i)) {
        if (!assigned.has(r.id)) fail(i, `"${r.name}" (%${r.id}) is read where it may not have been assigned`);
      }
      const dst = writes(i);
      if (dst !== undefined) {
        if (dst.id < 0 || dst.id >= kernel.registerCount) fail(i, `%${dst.id} is no register of this kernel`);
        if (!dst.mutable && defined.has(dst.id)) fail(i, `"${dst.name}" is assigned twice but is not mutable`);
        if (indices.has(dst.id)) fail(i, `a loop's index is the loop's to change; copy it with var()`);
        defined.add(dst.id);
      }
      if (i.op === "loop") {
        if (!(Number.isInteger(i.step) && i.step > 0)) fail(i, `step ${i.step} is not a positive integer`);
        indices.add(i.index.id);
        check(i.body, new Set(assigned).add(i.index.id));
        indices.delete(i.index.id);
      } else if (i.op === "if") {
        const then = check(i.body, new Set(assigned));
        const otherwise = check(i.otherwise, new Set(assigned));
        for (const id of then) if (otherwise.has(id)) assigned.add(id);
      } else if (dst !== undefined) assigned.add(dst.id);
    }
    return assigned;
  };
  check(kernel.body, new Set([kernel.begin.id, kernel.end.id, kernel.batch.id]));
}
