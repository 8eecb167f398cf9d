/**
 * What must hold of every kernel before it is interpreted or encoded: registers are assigned on every path before they
 * are read, values that are assigned once are assigned in one place, and a loop's index belongs to the loop alone.
 *
 * A register assigned in a loop's body counts as unassigned after the loop (which may run no times); of an `if`, what
 * both branches assign counts afterwards.
 */
import { KernelError } from "../base/errors.js";
import { type Instr, type Kernel, reads, writes } from "./ir.js";
import { lineOf, printInstr } from "./print.js";

/** By register id, how often each is read and assigned in a kernel's text. */
export interface Usage {
  readonly uses: Int32Array;
  readonly assignments: Int32Array;
}

/** @throws KernelError. What it has counted on the way is what an encoder asks first. */
export function verifyKernel(kernel: Kernel): Usage {
  const { registerCount } = kernel;
  const uses = new Int32Array(registerCount);
  const assignments = new Int32Array(registerCount);
  const assigned = new Uint8Array(registerCount); // assigned on every path to here
  const indices = new Set<number>(); // of the loops around
  const fail = (i: Instr, message: string): never => {
    throw new KernelError(`kernel "${kernel.name}", line ${lineOf(kernel, i)}: ${printInstr(i, kernel)}: ${message}`);
  };

  /** Marks a register, and notes it in `fresh` where it was not marked before. */
  const assign = (id: number, fresh: number[]): void => {
    if (assigned[id] === 1) return;
    assigned[id] = 1;
    fresh.push(id);
  };
  const forget = (fresh: readonly number[]): void => {
    for (const id of fresh) assigned[id] = 0;
  };

  /** Checks a block; returns what it assigned and was not assigned before it. */
  const check = (block: readonly Instr[]): number[] => {
    const fresh: number[] = [];
    for (const i of block) {
      for (const r of reads(i)) {
        if (assigned[r.id] !== 1) fail(i, `"${r.name}" (%${r.id}) is read where it may not have been assigned`);
        uses[r.id]!++;
      }
      const dst = writes(i);
      if (dst !== undefined) {
        if (dst.id < 0 || dst.id >= registerCount) fail(i, `%${dst.id} is no register of this kernel`);
        if (!dst.mutable && assignments[dst.id]! > 0) fail(i, `"${dst.name}" is assigned twice but is not mutable`);
        if (indices.has(dst.id)) fail(i, `a loop's index is the loop's to change; copy it with var()`);
        assignments[dst.id]!++;
      }
      if (i.op === "loop") {
        if (!(Number.isInteger(i.step) && i.step > 0)) fail(i, `step ${i.step} is not a positive integer`);
        const index: number[] = [];
        assign(i.index.id, index);
        indices.add(i.index.id);
        forget(check(i.body));
        indices.delete(i.index.id);
        forget(index);
      } else if (i.op === "if") {
        const then = check(i.body);
        forget(then);
        const otherwise = check(i.otherwise);
        forget(otherwise);
        const inBoth = new Set(otherwise);
        for (const id of then) if (inBoth.has(id)) assign(id, fresh);
      } else if (dst !== undefined) assign(dst.id, fresh);
    }
    return fresh;
  };
  for (const { id } of [kernel.begin, kernel.end, kernel.batch]) assigned[id] = 1;
  check(kernel.body);
  return { uses, assignments };
}
