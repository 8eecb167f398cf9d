/**
 * Counted loops and branches. A loop tests once before it starts, and at its bottom adds, compares and jumps; where the
 * body never reads the index, the counter runs down to zero and needs no bound. Innermost loops start at multiples of
 * 32 bytes, the window in which processors fetch decoded instructions.
 */
import type { Instr, IntArg } from "../ir.js";
import type { Loop } from "../liveness.js";
import type { Emitter } from "./emitter.js";
import { copiesBound, neverRuns } from "./frame.js";
import { type Memory, OPPOSITE, RAX } from "./registers.js";
import { compareInts, encodeScalar, INT_CONDITION } from "./scalars.js";

type Branch = Extract<Instr, { op: "if" }>;
type EncodeBlock = (block: readonly Instr[]) => void;

const LOOP_ALIGNMENT = 32;

export function encodeControl(e: Emitter, i: Loop | Branch, encodeBlock: EncodeBlock): void {
  if (i.op === "if") encodeBranch(e, i, encodeBlock);
  else encodeLoop(e, i, encodeBlock);
}

function encodeBranch(e: Emitter, i: Branch, encodeBlock: EncodeBlock): void {
  const { asm } = e;
  const [otherwise, end] = [asm.label(), asm.label()];
  compareInts(e, i.a, i.b);
  asm.jcc(OPPOSITE[INT_CONDITION[i.kind]], otherwise);
  encodeBlock(i.body);
  if (i.otherwise.length > 0) asm.jmp(end);
  e.bind(otherwise);
  encodeBlock(i.otherwise);
  e.bind(end);
}

function encodeLoop(e: Emitter, loop: Loop, encodeBlock: EncodeBlock): void {
  const { from, to, step, body } = loop;
  const counts = e.selection.countsOnly(loop);
  if (typeof from === "number" && typeof to === "number") {
    const trips = Math.ceil((to - from) / step);
    if (neverRuns(loop)) return;
    if (trips === 1) {
      if (!counts) assign(e, loop, from);
      encodeBlock(body);
    } else if (counts) {
      assign(e, loop, trips);
      countDown(e, loop, 1, encodeBlock);
    } else {
      assign(e, loop, from);
      countUp(e, loop, to, undefined, encodeBlock);
    }
    return;
  }
  const { asm } = e;
  const end = asm.label();
  if (counts) {
    // The counter starts at the distance to go. Its register may be that of either bound.
    loadArgument(e, to);
    const start = e.argument(from);
    if (typeof start === "object" && "value" in start) {
      if (start.value !== 0) asm.arithmeticConstant("sub", RAX, start.value);
      asm.test(RAX, RAX);
    } else {
      asm.arithmetic("sub", RAX, start);
      asm.test(RAX, RAX);
    }
    asm.jcc("le", end);
    const index = e.int(loop.index);
    if (typeof index === "number") asm.mov(index, RAX);
    else asm.store(index, RAX);
    e.changed(loop.index);
    countDown(e, loop, step, encodeBlock);
  } else {
    let bound: Memory | undefined;
    if (copiesBound(e.selection, loop)) {
      bound = e.slotMemory(e.newSlot());
      loadArgument(e, to);
      asm.store(bound, RAX);
    }
    assign(e, loop, from);
    compareWithBound(e, loop, to, bound);
    asm.jcc("ge", end);
    countUp(e, loop, to, bound, encodeBlock);
  }
  e.bind(end);
}

function countUp(e: Emitter, loop: Loop, to: IntArg, bound: Memory | undefined, encodeBlock: EncodeBlock): void {
  const { asm } = e;
  const head = loopHead(e, loop);
  encodeBlock(loop.body);
  asm.arithmeticConstant("add", e.int(loop.index), loop.step);
  e.changed(loop.index);
  compareWithBound(e, loop, to, bound);
  asm.jcc("l", head);
}

function countDown(e: Emitter, loop: Loop, by: number, encodeBlock: EncodeBlock): void {
  const { asm } = e;
  const head = loopHead(e, loop);
  encodeBlock(loop.body);
  asm.arithmeticConstant("sub", e.int(loop.index), by);
  e.changed(loop.index);
  asm.jcc("g", head);
}

function loopHead(e: Emitter, loop: Loop): ReturnType<Emitter["asm"]["label"]> {
  const head = e.asm.label();
  if (e.selection.isInnermost(loop)) e.asm.align(LOOP_ALIGNMENT);
  e.bind(head);
  return head;
}

function assign(e: Emitter, loop: Loop, from: IntArg): void {
  if (typeof from === "number") encodeScalar(e, { op: "setconst", dst: loop.index, value: from });
  else encodeScalar(e, { op: "set", dst: loop.index, src: from });
}

function loadArgument(e: Emitter, x: IntArg): void {
  const { asm } = e;
  const value = e.argument(x);
  if (typeof value === "object" && "value" in value) asm.movConstant(e.scratch(), value.value);
  else asm.mov(e.scratch(), value);
}

function compareWithBound(e: Emitter, loop: Loop, to: IntArg, bound: Memory | undefined): void {
  if (!bound) {
    compareInts(e, loop.index, to);
    return;
  }
  const { asm } = e;
  const index = e.int(loop.index);
  if (typeof index === "number") asm.arithmetic("cmp", index, bound);
  else {
    asm.mov(e.scratch(), index);
    asm.arithmetic("cmp", RAX, bound);
  }
}
