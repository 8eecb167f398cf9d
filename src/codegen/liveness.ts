/**
 * Live intervals over the structured form: every register gets one range of positions, from its first assignment to its
 * last read. What a loop's body reads before assigning it (a value from outside, or one carried round) lives through
 * the whole loop. Structured control flow needs no iteration to a fixed point: the registers live at a loop's head are
 * those live after it and those its body reads first.
 *
 * Instruction n reads at position 2n and writes at 2n + 1, so a result may take the place of an argument that dies
 * there.
 */
import { type Instr, type Reg, writes } from "./ir.js";

export type Loop = Extract<Instr, { op: "loop" }>;
type Branch = Extract<Instr, { op: "if" }>;

export interface Interval {
  readonly reg: Reg;
  start: number;
  end: number;
}

/** How an encoder sees instructions: it may read other registers than the text says (folded loads). */
export interface ReadModel {
  reads(i: Instr): readonly Reg[];
  /** What the end of a loop's body reads to decide whether to go round again. */
  loopEndReads(loop: Loop): readonly Reg[];
  /** What is there before the first instruction. */
  readonly entry: readonly Reg[];
}

export interface Liveness {
  /** In the order in which their registers are first seen. */
  readonly intervals: readonly Interval[];
  /** Instructions by number; position p belongs to instruction p >> 1. A loop's or if's end is numbered too. */
  readonly order: readonly Instr[];
}

/** Registers that a piece of code reads before it assigns them, and those that it assigns on every path. */
interface Flow {
  readonly exposed: Map<number, Reg>;
  readonly assigned: Set<number>;
}

export function liveness(body: readonly Instr[], model: ReadModel): Liveness {
  const intervals: Interval[] = [];
  const known: (Interval | undefined)[] = []; // by register id
  const order: Instr[] = [];

  const extend = (reg: Reg, from: number, to: number): void => {
    const interval = known[reg.id];
    if (interval === undefined) {
      const made = { reg, start: from, end: to };
      known[reg.id] = made;
      intervals.push(made);
    } else {
      if (from < interval.start) interval.start = from;
      if (to > interval.end) interval.end = to;
    }
  };
  // Outside all loops and branches nobody asks what was assigned: there is no flow.
  const read = (reg: Reg, n: number, flow: Flow | undefined): void => {
    extend(reg, 2 * n, 2 * n);
    if (flow !== undefined && !flow.assigned.has(reg.id)) flow.exposed.set(reg.id, reg);
  };
  const write = (reg: Reg, n: number, flow: Flow | undefined): void => {
    extend(reg, 2 * n + 1, 2 * n + 1);
    flow?.assigned.add(reg.id);
  };
  const number = (i: Instr): number => order.push(i) - 1;
  const follow = (flow: Flow | undefined, next: Flow): void => {
    if (flow === undefined) return;
    for (const [id, reg] of next.exposed) if (!flow.assigned.has(id)) flow.exposed.set(id, reg);
  };

  const walk = (block: readonly Instr[], flow: Flow | undefined): void => {
    for (const i of block) {
      const n = number(i);
      for (const r of model.reads(i)) read(r, n, flow);
      if (i.op === "loop") walkLoop(i, n, flow);
      else if (i.op === "if") walkBranch(i, flow);
      else {
        const dst = writes(i);
        if (dst !== undefined) write(dst, n, flow);
      }
    }
  };
  const walkLoop = (loop: Loop, n: number, flow: Flow | undefined): void => {
    write(loop.index, n, flow);
    const inside: Flow = { exposed: new Map(), assigned: new Set([loop.index.id]) };
    walk(loop.body, inside);
    const end = number(loop);
    for (const r of model.loopEndReads(loop)) read(r, end, inside);
    extend(loop.index, 2 * end + 1, 2 * end + 1);
    for (const r of inside.exposed.values()) extend(r, 2 * n, 2 * end + 1);
    follow(flow, inside); // the body may run no times: nothing that it assigns counts
  };
  const walkBranch = (branch: Branch, flow: Flow | undefined): void => {
    const then: Flow = { exposed: new Map(), assigned: new Set() };
    const otherwise: Flow = { exposed: new Map(), assigned: new Set() };
    walk(branch.body, then);
    walk(branch.otherwise, otherwise);
    number(branch);
    follow(flow, then);
    follow(flow, otherwise);
    if (flow !== undefined) for (const id of then.assigned) if (otherwise.assigned.has(id)) flow.assigned.add(id);
  };
  walk(body, undefined);

  for (const argument of model.entry) if (known[argument.id] !== undefined) extend(argument, -1, -1);
  return { intervals, order };
}
