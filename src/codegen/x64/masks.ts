/**
 * Masks. On AVX-512 a mask is a mask register of 16 bits; on AVX2 it is a vector whose lanes are all ones or all zeros.
 * Lanes above a mask's own are never looked at.
 */
import type { CompareFloat, Instr, Reg } from "../ir.js";
import type { Emitter } from "./emitter.js";
import * as I from "./instructions.js";
import { lanesOf } from "./model.js";
import { type Memory, RAX } from "./registers.js";
import { bitsFor, iota, moveVector, source, splatInt } from "./vectors.js";

type MaskInstr = Extract<
  Instr,
  { op: "cmpfloat" | "cmpint" | "firstlanes" | "mask2" | "select" | "keep" | "loadmask" | "storemask" }
>;

export function encodeMask(e: Emitter, i: MaskInstr): void {
  switch (i.op) {
    case "cmpfloat":
      compareFloat(e, i);
      break;
    case "cmpint": {
      const [a, b] = e.selection.folded.has(i.a.id) ? [i.b, i.a] : [i.a, i.b];
      const { rm, options } = source(e, b, false);
      const row = i.kind === "eq" ? I.VPCMPEQD : I.VPCMPGTD;
      e.asm.vector(row, bitsFor(lanesOf(i.a)), e.vector(i.dst), e.vector(a), rm, options);
      break;
    }
    case "firstlanes":
      firstLanes(e, i);
      break;
    case "mask2":
      combine(e, i);
      break;
    case "select": {
      const { rm, options } = source(e, i.a, false);
      const bits = bitsFor(lanesOf(i.dst));
      const mask = e.vector(i.mask);
      if (e.wide) e.asm.vector(I.VBLENDMPS, bits, e.vector(i.dst), e.vector(i.b), rm, { ...options, mask });
      else e.asm.vector(I.VBLENDVPS, bits, e.vector(i.dst), e.vector(i.b), rm, { immediate: mask << 4 });
      break;
    }
    case "keep": {
      const bits = bitsFor(lanesOf(i.dst));
      const [dst, a, mask] = [e.vector(i.dst), e.vector(i.a), e.vector(i.mask)];
      if (e.wide) e.asm.vector(I.VMOVAPS, bits, dst, 0, a, { mask, zero: true });
      else e.asm.vector(I.VANDPS, bits, dst, a, mask);
      break;
    }
    case "loadmask":
      loadMasked(e, i);
      break;
    case "storemask":
      storeMasked(e, i);
      break;
  }
}

/** Copies a mask. */
export function moveMask(e: Emitter, to: number, from: number, lanes: number): void {
  if (!e.wide) moveVector(e, to, from, lanes);
  else if (to !== from) e.asm.vector(I.KMOVW, 128, to, 0, from);
}

/** A mask that waits in the frame: 16 bits of a slot, or a vector. */
export function loadMask(e: Emitter, dst: Reg, from: Memory): void {
  if (!e.wide) e.asm.vector(I.VMOVUPS_LOAD, bitsFor(lanesOf(dst)), e.vector(dst), 0, from);
  else {
    e.asm.mov32(e.scratch(), from);
    e.asm.vector(I.KMOVW_GPR, 128, e.vector(dst), 0, RAX);
  }
}

export function storeMask(e: Emitter, src: Reg, to: Memory): void {
  if (!e.wide) e.asm.vector(I.VMOVUPS_STORE, bitsFor(lanesOf(src)), e.vector(src), 0, to);
  else {
    e.asm.vector(I.KMOVW_TO_GPR, 128, e.scratch(), 0, e.vector(src));
    e.asm.store32(to, RAX);
  }
}

/** Comparison predicates of vcmpps that raise nothing for a quiet NaN. */
const PREDICATE: Readonly<Record<CompareFloat, number>> = { lt: 0x11, le: 0x12, eq: 0x00, ne: 0x04, unordered: 0x03 };

function compareFloat(e: Emitter, i: Extract<Instr, { op: "cmpfloat" }>): void {
  const scalar = lanesOf(i.a) === 1;
  const [a, b] = e.selection.folded.has(i.a.id) ? [i.b, i.a] : [i.a, i.b];
  const { rm, options } = source(e, b, scalar);
  e.asm.vector(scalar ? I.VCMP.scalar : I.VCMP.packed, bitsFor(lanesOf(i.a)), e.vector(i.dst), e.vector(a), rm, {
    ...options,
    immediate: PREDICATE[i.kind],
  });
}

/** Lanes below a count, which may lie outside 0..lanes. */
function firstLanes(e: Emitter, i: Extract<Instr, { op: "firstlanes" }>): void {
  const { asm } = e;
  const lanes = lanesOf(i.dst);
  const dst = e.vector(i.dst);
  if (typeof i.count === "number") {
    const count = Math.min(Math.max(i.count, 0), lanes);
    if (e.wide) {
      asm.movConstant(e.scratch(), 2 ** count - 1);
      asm.vector(I.KMOVW_GPR, 128, dst, 0, RAX);
    } else {
      const words = Array.from({ length: Math.max(lanes, 4) }, (_, l) => (l < count ? -1 : 0));
      asm.vector(I.VMOVUPS_LOAD, bitsFor(lanes), dst, 0, e.wordList(words));
    }
    return;
  }
  const count = e.int(i.count);
  if (e.wide) {
    asm.mov(e.scratch(), count);
    asm.arithmeticConstant("cmp", RAX, lanes);
    asm.cmov("g", RAX, e.quad(lanes));
    asm.test(RAX, RAX);
    asm.cmov("s", RAX, e.quad(0));
    asm.bzhi32(RAX, e.words(-1, 1), RAX);
    asm.vector(I.KMOVW_GPR, 128, dst, 0, RAX);
  } else {
    splatInt(e, i.dst, count);
    asm.vector(I.VPCMPGTD, bitsFor(lanes), dst, dst, iota(e, lanes));
  }
}

function combine(e: Emitter, i: Extract<Instr, { op: "mask2" }>): void {
  // The machine's and-not complements its first argument, ours its second.
  const [a, b] = i.kind === "andnot" ? [e.vector(i.b), e.vector(i.a)] : [e.vector(i.a), e.vector(i.b)];
  if (e.wide) {
    const row = i.kind === "and" ? I.KANDW : i.kind === "or" ? I.KORW : I.KANDNW;
    e.asm.vector(row, 256, e.vector(i.dst), a, b);
  } else {
    const row = i.kind === "and" ? I.VANDPS : i.kind === "or" ? I.VORPS : I.VANDNPS;
    e.asm.vector(row, bitsFor(lanesOf(i.dst)), e.vector(i.dst), a, b);
  }
}

function loadMasked(e: Emitter, i: Extract<Instr, { op: "loadmask" }>): void {
  const { asm } = e;
  const lanes = lanesOf(i.dst);
  const bits = bitsFor(lanes);
  const dst = e.vector(i.dst);
  let mask = e.vector(i.mask);
  const from = e.memory(i.at);
  if (e.wide) {
    asm.vector(lanes === 1 ? I.VMOVSS_LOAD : I.VMOVUPS_LOAD, bits, dst, 0, from, { mask, zero: true });
    return;
  }
  if (lanes === 1) {
    lowestLaneOnly(e, dst, mask);
    mask = dst;
  }
  asm.vector(I.VMASKMOVPS_LOAD, bits, dst, mask, from);
}

function storeMasked(e: Emitter, i: Extract<Instr, { op: "storemask" }>): void {
  const { asm } = e;
  const lanes = lanesOf(i.src);
  const bits = bitsFor(lanes);
  let mask = e.vector(i.mask);
  const to = e.memory(i.at);
  if (e.wide) {
    asm.vector(lanes === 1 ? I.VMOVSS_STORE : I.VMOVUPS_STORE, bits, e.vector(i.src), 0, to, { mask });
    return;
  }
  if (lanes === 1) {
    lowestLaneOnly(e, e.temporary(i, 0), mask);
    mask = e.temporary(i, 0);
  }
  asm.vector(I.VMASKMOVPS_STORE, bits, e.vector(i.src), mask, to);
}

/** A mask of one lane with the lanes above cleared, so that a masked move of four touches four bytes. */
function lowestLaneOnly(e: Emitter, to: number, mask: number): void {
  e.asm.vector(I.VANDPS, 128, to, mask, e.wordList([-1, 0, 0, 0]));
}
