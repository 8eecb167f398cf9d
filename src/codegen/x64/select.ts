/**
 * Instruction selection: drops what is never read, writes results straight to the mutable register that they are copied
 * to, and decides which loads, broadcasts and constants become the memory operand of the one instruction that reads
 * them.
 *
 * A load moves down to its reader only within one block, past no store, loop or branch and past no change of its
 * pointer, so it reads the same bytes.
 */

import type { CodeTarget } from "../../target/target.js";
import { type Instr, type Kernel, type Reg, reads, writes } from "../ir.js";
import type { Loop } from "../liveness.js";
import type { Usage } from "../verify.js";

export type Folded = Extract<Instr, { op: "load" | "broadcast" | "splat" }>;

export interface Selection {
  readonly body: readonly Instr[];
  /** By register id: the instruction whose result is taken from memory where it is read. */
  readonly folded: ReadonlyMap<number, Folded>;
  /** Registers that an instruction reads, the pointers of folded loads in place of their results. */
  reads(i: Instr): readonly Reg[];
  /** The loop has no loop inside. */
  isInnermost(loop: Loop): boolean;
  /** The loop's counter is never read: it may count down instead. */
  countsOnly(loop: Loop): boolean;
  /** The loop's bound changes inside its body, so it is copied to the frame first. */
  copiesBound(loop: Loop): boolean;
}

export function select(kernel: Kernel, { uses: inText, assignments }: Usage, fold: boolean): Selection {
  const uses = inText.slice();
  const simplifier = new Simplifier(kernel, uses, fold);
  const body = simplifier.simplify(kernel.body);
  const { folded, foldedInto, innermost } = simplifier;
  const changing = new Map<Loop, boolean>();
  return {
    body,
    folded,
    reads: (i) => foldedInto.get(i) ?? reads(i),
    isInnermost: (loop) => innermost.has(loop),
    countsOnly: (loop) => uses[loop.index.id] === 0,
    copiesBound: (loop) => {
      const { to } = loop;
      // What is assigned once was assigned before the loop, which reads it.
      if (typeof to === "number" || !to.mutable || assignments[to.id] === 1) return false;
      let known = changing.get(loop);
      if (known === undefined) {
        known = assigns(loop.body, to);
        changing.set(loop, known);
      }
      return known;
    },
  };
}

function assigns(block: readonly Instr[], reg: Reg): boolean {
  return block.some(
    (i) =>
      writes(i)?.id === reg.id ||
      ((i.op === "loop" || i.op === "if") && assigns(i.body, reg)) ||
      (i.op === "if" && assigns(i.otherwise, reg)),
  );
}

/**
 * Rewrites a kernel's blocks, inner ones first. What it notes of registers stands in tables by their ids, as places: an
 * instruction's index counted from the pass's own start, so that whatever another block or pass has noted is smaller.
 */
class Simplifier {
  readonly folded = new Map<number, Folded>();
  /** What an instruction with a memory operand reads. */
  readonly foldedInto = new Map<Instr, readonly Reg[]>();
  readonly innermost = new Set<Loop>();
  readonly #uses: Int32Array;
  readonly #target: CodeTarget;
  readonly #folds: boolean;
  readonly #definedAt: Int32Array;
  /** Last instruction that reads or writes a mutable register. */
  readonly #touchedAt: Int32Array;
  /** Last assignment of a mutable pointer. */
  readonly #assignedAt: Int32Array;
  #nextStart = 1;
  #loopsSeen = 0;

  constructor(kernel: Kernel, uses: Int32Array, folds: boolean) {
    this.#uses = uses;
    this.#target = kernel.target;
    this.#folds = folds;
    this.#definedAt = new Int32Array(kernel.registerCount);
    this.#touchedAt = new Int32Array(kernel.registerCount);
    this.#assignedAt = new Int32Array(kernel.registerCount);
  }

  simplify(block: readonly Instr[]): Instr[] {
    const direct = this.#assignDirectly(this.#dropUnread(block));
    return this.#folds ? this.#fold(direct) : direct;
  }

  #startPass(block: readonly Instr[]): number {
    const start = this.#nextStart;
    this.#nextStart += block.length;
    return start;
  }

  /** Removes comments and results that nothing reads, from the end upward; inner blocks are simplified on the way. */
  #dropUnread(block: readonly Instr[]): Instr[] {
    const kept: Instr[] = [];
    for (let n = block.length - 1; n >= 0; n--) {
      const i = block[n]!;
      if (i.op === "comment") continue;
      if (i.op === "loop") kept.push(this.#simplifyLoop(i));
      else if (i.op === "if") {
        const otherwise = this.simplify(i.otherwise);
        kept.push({ ...i, otherwise, body: this.simplify(i.body) });
      } else if ("dst" in i && !i.dst.mutable && this.#uses[i.dst.id] === 0)
        for (const r of reads(i)) this.#uses[r.id]!--;
      else kept.push(i);
    }
    return kept.reverse();
  }

  #simplifyLoop(loop: Loop): Loop {
    const seen = ++this.#loopsSeen;
    const simplified = { ...loop, body: this.simplify(loop.body) };
    if (this.#loopsSeen === seen) this.innermost.add(simplified);
    return simplified;
  }

  /** `t = a op b; set m = t` becomes `m = a op b` where nothing else reads t and nothing touches m in between. */
  #assignDirectly(block: readonly Instr[]): Instr[] {
    const start = this.#startPass(block);
    const out: (Instr | undefined)[] = [...block];
    let barrier = start - 1; // last loop or branch, which may touch anything
    for (let n = 0; n < block.length; n++) {
      const i = block[n]!;
      if (i.op === "set" && !i.src.mutable && this.#uses[i.src.id] === 1) {
        const at = this.#definedAt[i.src.id]!;
        const maker = at > barrier ? out[at - start] : undefined;
        if (maker && "dst" in maker && this.#touchedAt[i.dst.id]! <= at) {
          out[at - start] = { ...maker, dst: i.dst } as Instr;
          out[n] = undefined;
          this.#touchedAt[i.dst.id] = start + n;
          continue;
        }
      }
      if (i.op === "loop" || i.op === "if") barrier = start + n;
      for (const r of reads(i)) if (r.mutable) this.#touchedAt[r.id] = start + n;
      const dst = writes(i);
      if (dst !== undefined) (dst.mutable ? this.#touchedAt : this.#definedAt)[dst.id] = start + n;
    }
    return out.filter((i) => i !== undefined);
  }

  #fold(block: readonly Instr[]): Instr[] {
    const start = this.#startPass(block);
    const out: (Instr | undefined)[] = [...block];
    let barrier = start - 1; // last instruction that may change memory
    for (let n = 0; n < block.length; n++) {
      const i = block[n]!;
      for (const r of foldableArguments(i)) {
        const at = this.#definedAt[r.id]!;
        if (at < start || this.#uses[r.id] !== 1) continue;
        const from = block[at - start] as Folded;
        if (!fits(i, r, from, this.#target)) continue;
        if (from.op !== "splat" && (at < barrier || at < this.#assignedAt[from.at.ptr.id]!)) continue;
        this.folded.set(r.id, from);
        this.foldedInto.set(i, readsFolded(i, r, from));
        out[at - start] = undefined;
        break; // one memory operand an instruction
      }
      if (
        i.op === "loop" ||
        i.op === "if" ||
        i.op === "store" ||
        i.op === "storemask" ||
        i.op === "storeint" ||
        i.op === "storeas"
      )
        barrier = start + n;
      const dst = writes(i);
      if (dst === undefined) continue;
      if (dst.mutable) this.#assignedAt[dst.id] = start + n;
      else if (i.op === "load" || i.op === "broadcast" || i.op === "splat") this.#definedAt[dst.id] = start + n;
    }
    return out.filter((i) => i !== undefined);
  }
}

function readsFolded(i: Instr, operand: Reg, from: Folded): readonly Reg[] {
  const inPlace = from.op === "splat" ? NONE : [from.at.ptr];
  return reads(i).flatMap((r) => (r.id === operand.id ? inPlace : r));
}

/** Arguments that the machine instruction can take from memory. */
function foldableArguments(i: Instr): readonly Reg[] {
  switch (i.op) {
    case "float2":
      if (i.kind === "fadd" || i.kind === "fmul") return [i.b, i.a];
      return i.kind === "pmin" || i.kind === "pmax" ? [i.a] : [i.b];
    case "float1":
      return i.kind === "fabs" || i.kind === "fneg" ? [] : [i.a];
    case "fma":
      return [i.a, i.b, i.c];
    case "intvec2":
      if (i.kind === "umulhi") return [];
      return i.kind === "vsub" ? [i.b] : [i.b, i.a];
    case "convert":
      return i.kind === "toInt" || i.kind === "toFloat" ? [i.a] : [];
    case "cmpfloat":
      return i.kind === "lt" || i.kind === "le" ? [i.b] : [i.b, i.a];
    case "cmpint":
      return i.kind === "gt" ? [i.b] : [i.b, i.a];
    case "select":
      return [i.a];
    default:
      return NONE;
  }
}

const NONE: readonly Reg[] = [];

/** Whether the memory operand touches exactly the bytes of the folded load. */
function fits(i: Instr, r: Reg, from: Folded, target: CodeTarget): boolean {
  const lanes = "lanes" in r.type ? r.type.lanes : 1;
  const scalarForm = i.op === "float2" || i.op === "float1" || i.op === "fma" || i.op === "cmpfloat";
  if (target.foldsBroadcast || from.op === "splat") return true;
  return lanes === 1 ? scalarForm : from.op === "load";
}
