/**
 * Instruction selection: drops what is never read, writes results straight to the mutable register that they are copied
 * to, and decides which loads, broadcasts and constants become the memory operand of the one instruction that reads them.
 *
 * A load moves down to its reader only within one block, past no store, loop or branch and past no change of its
 * pointer, so it reads the same bytes.
 */
import { type Instr, type Kernel, type Reg, reads, type Target, writes } from "../ir.js";
import type { Loop } from "../liveness.js";

export type Folded = Extract<Instr, { op: "load" | "broadcast" | "splat" }>;

export interface Selection {
  readonly body: readonly Instr[];
  /** By register id: the instruction whose result is taken from memory where it is read. */
  readonly folded: ReadonlyMap<number, Folded>;
  /** Registers that an instruction reads, the pointers of folded loads in place of their results. */
  reads(i: Instr): readonly Reg[];
  /** The loop's counter is never read: it may count down instead. */
  countsOnly(loop: Loop): boolean;
  /** The loop's bound changes inside its body, so it is copied to the frame first. */
  copiesBound(loop: Loop): boolean;
}

export function select(kernel: Kernel, options: { fold: boolean } = { fold: true }): Selection {
  const uses = new Int32Array(kernel.registerCount);
  countUses(kernel.body, uses);
  const folded = new Map<number, Folded>();
  const body = simplify(kernel.body, kernel, uses, options.fold ? folded : undefined);
  const changing = new Map<Loop, boolean>();
  return {
    body,
    folded,
    reads: (i) => {
      const plain = reads(i);
      return plain.some((r) => folded.has(r.id)) ? plain.flatMap((r) => inPlaceOf(r, folded)) : plain;
    },
    countsOnly: (loop) => uses[loop.index.id] === 0,
    copiesBound: (loop) => {
      const { to } = loop;
      if (typeof to === "number" || !to.mutable) return false;
      let known = changing.get(loop);
      if (known === undefined) {
        known = assigns(loop.body, to);
        changing.set(loop, known);
      }
      return known;
    },
  };
}

function inPlaceOf(r: Reg, folded: ReadonlyMap<number, Folded>): Reg[] {
  const from = folded.get(r.id);
  return from === undefined ? [r] : from.op === "splat" ? [] : [from.at.ptr];
}

function countUses(block: readonly Instr[], uses: Int32Array): void {
  for (const i of block) {
    for (const r of reads(i)) uses[r.id]!++;
    if (i.op === "loop" || i.op === "if") countUses(i.body, uses);
    if (i.op === "if") countUses(i.otherwise, uses);
  }
}

function assigns(block: readonly Instr[], reg: Reg): boolean {
  return block.some(
    (i) =>
      writes(i)?.id === reg.id ||
      ((i.op === "loop" || i.op === "if") && assigns(i.body, reg)) ||
      (i.op === "if" && assigns(i.otherwise, reg)),
  );
}

function simplify(
  block: readonly Instr[],
  kernel: Kernel,
  uses: Int32Array,
  folded: Map<number, Folded> | undefined,
): Instr[] {
  const alive = dropUnread(block, kernel, uses, folded);
  const direct = assignDirectly(alive, uses);
  return folded ? fold(direct, kernel.target, uses, folded) : direct;
}

/** Removes comments and results that nothing reads, from the end upward; inner blocks are simplified on the way. */
function dropUnread(
  block: readonly Instr[],
  kernel: Kernel,
  uses: Int32Array,
  folded: Map<number, Folded> | undefined,
): Instr[] {
  const kept: Instr[] = [];
  for (let n = block.length - 1; n >= 0; n--) {
    const i = block[n]!;
    if (i.op === "comment") continue;
    if (i.op === "loop") kept.push({ ...i, body: simplify(i.body, kernel, uses, folded) });
    else if (i.op === "if")
      kept.push({
        ...i,
        otherwise: simplify(i.otherwise, kernel, uses, folded),
        body: simplify(i.body, kernel, uses, folded),
      });
    else if ("dst" in i && !i.dst.mutable && uses[i.dst.id] === 0) for (const r of reads(i)) uses[r.id]!--;
    else kept.push(i);
  }
  return kept.reverse();
}

/** `t = a op b; set m = t` becomes `m = a op b` where nothing else reads t and nothing touches m in between. */
function assignDirectly(block: readonly Instr[], uses: Int32Array): Instr[] {
  const out: (Instr | undefined)[] = [...block];
  const definedAt = new Map<number, number>();
  const touchedAt = new Map<number, number>(); // last instruction that reads or writes a mutable register
  let barrier = -1; // last loop or branch, which may touch anything
  for (let n = 0; n < block.length; n++) {
    const i = block[n]!;
    if (i.op === "set" && !i.src.mutable && uses[i.src.id] === 1) {
      const d = definedAt.get(i.src.id) ?? -1;
      const maker = out[d];
      if (maker && "dst" in maker && d > barrier && (touchedAt.get(i.dst.id) ?? -1) <= d) {
        out[d] = { ...maker, dst: i.dst } as Instr;
        out[n] = undefined;
        touchedAt.set(i.dst.id, n);
        continue;
      }
    }
    if (i.op === "loop" || i.op === "if") barrier = n;
    for (const r of reads(i)) if (r.mutable) touchedAt.set(r.id, n);
    const dst = writes(i);
    if (dst?.mutable) touchedAt.set(dst.id, n);
    else if (dst) definedAt.set(dst.id, n);
  }
  return out.filter((i) => i !== undefined);
}

function fold(block: readonly Instr[], target: Target, uses: Int32Array, folded: Map<number, Folded>): Instr[] {
  const sources = new Map<number, { from: Folded; at: number }>();
  const assignedAt = new Map<number, number>(); // last assignment of a mutable pointer
  const gone = new Set<Instr>();
  let barrier = -1; // last instruction that may change memory
  block.forEach((i, n) => {
    for (const r of foldableArguments(i)) {
      const source = sources.get(r.id);
      if (!source || uses[r.id] !== 1 || !fits(i, r, source.from, target)) continue;
      const { from, at } = source;
      if (from.op !== "splat" && (at < barrier || at < (assignedAt.get(from.at.ptr.id) ?? -1))) continue;
      folded.set(r.id, from);
      gone.add(from);
      break; // one memory operand an instruction
    }
    if ((i.op === "load" || i.op === "broadcast" || i.op === "splat") && !i.dst.mutable)
      sources.set(i.dst.id, { from: i, at: n });
    if (i.op === "loop" || i.op === "if" || i.op === "store" || i.op === "storemask" || i.op === "storeint")
      barrier = n;
    const dst = writes(i);
    if (dst?.mutable) assignedAt.set(dst.id, n);
  });
  return block.filter((i) => !gone.has(i));
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
function fits(i: Instr, r: Reg, from: Folded, target: Target): boolean {
  const lanes = "lanes" in r.type ? r.type.lanes : 1;
  const scalarForm = i.op === "float2" || i.op === "float1" || i.op === "fma" || i.op === "cmpfloat";
  if (target.name === "avx512" || from.op === "splat") return true;
  return lanes === 1 ? scalarForm : from.op === "load";
}
