/**
 * Vector arithmetic and vector memory. A vector of 16, 8 or 4 lanes is a zmm, ymm or xmm register; one lane is the
 * lowest of an xmm, worked on by scalar instructions so that nothing of the lanes above can slow it down or touch
 * memory. (Integer lanes cannot: they use the packed forms.)
 */
import { KernelError } from "../../base/errors.js";
import type { FloatBinary, FloatUnary, Instr, IntVecBinary, Reg } from "../ir.js";
import type { VectorBits, VectorOptions } from "./assembler.js";
import { bitsOf, type Emitter } from "./emitter.js";
import * as I from "./instructions.js";
import { lanesOf } from "./model.js";
import type { RegisterOrMemory } from "./registers.js";

export function bitsFor(lanes: number): VectorBits {
  return lanes === 16 ? 512 : lanes === 8 ? 256 : 128;
}

type Pair = { readonly packed: I.VectorInstruction; readonly scalar: I.VectorInstruction };

const PLAIN: VectorOptions = {};
const BROADCAST: VectorOptions = { broadcast: true };

/** An operand that an instruction may take from memory, with the options that make it so. */
interface Source {
  readonly rm: RegisterOrMemory;
  readonly options: VectorOptions;
}

/**
 * The register of `reg`, or the memory operand that a folded load became; `scalar`: the instruction reads one element.
 */
export function source(e: Emitter, reg: Reg, scalar: boolean): Source {
  const from = e.selection.folded.get(reg.id);
  if (!from) return { rm: e.vector(reg), options: PLAIN };
  const lanes = lanesOf(reg);
  if (from.op === "splat") {
    const pattern = bitsOf(from.value, reg.type.kind === "i32" ? "i32" : "f32");
    if (scalar) return { rm: e.words(pattern, 1), options: PLAIN };
    if (e.wide) return { rm: e.words(pattern, 1), options: BROADCAST };
    return { rm: e.words(pattern, Math.max(lanes, 4)), options: PLAIN };
  }
  const one = from.op === "broadcast" || lanes === 1;
  return { rm: e.memory(from.at), options: one && !scalar ? BROADCAST : PLAIN };
}

function isFolded(e: Emitter, reg: Reg): boolean {
  return e.selection.folded.has(reg.id);
}

/** dst = first OP second, where `second` may be memory. */
function binary(e: Emitter, pair: Pair, dst: Reg, first: Reg, second: Reg): void {
  const scalar = lanesOf(dst) === 1;
  const { rm, options } = source(e, second, scalar);
  const row = scalar ? pair.scalar : pair.packed;
  e.asm.vector(row, bitsFor(lanesOf(dst)), e.vector(dst), e.vector(first), rm, options);
}

export function moveVector(e: Emitter, to: number, from: number, lanes: number): void {
  if (to !== from) e.asm.vector(I.VMOVAPS, bitsFor(lanes), to, 0, from);
}

type VectorInstr = Extract<
  Instr,
  {
    op:
      | "load"
      | "broadcast"
      | "store"
      | "prefetch"
      | "splat"
      | "splatlane0"
      | "splatint"
      | "float2"
      | "float1"
      | "fma"
      | "intvec2"
      | "intshift"
      | "convert"
      | "iota"
      | "reduce"
      | "shuffle";
  }
>;

export function encodeVector(e: Emitter, i: VectorInstr): void {
  const { asm } = e;
  switch (i.op) {
    case "load": {
      const lanes = lanesOf(i.dst);
      const from = e.memory(i.at);
      asm.vector(lanes === 1 ? I.VMOVSS_LOAD : I.VMOVUPS_LOAD, bitsFor(lanes), e.vector(i.dst), 0, from);
      break;
    }
    case "prefetch":
      asm.prefetch(e.memory(i.at));
      break;
    case "store": {
      const lanes = lanesOf(i.src);
      const to = e.memory(i.at);
      asm.vector(lanes === 1 ? I.VMOVSS_STORE : I.VMOVUPS_STORE, bitsFor(lanes), e.vector(i.src), 0, to);
      break;
    }
    case "broadcast":
      broadcast(e, i.dst, e.memory(i.at));
      break;
    case "splat": {
      const pattern = bitsOf(i.value, i.dst.type.kind === "i32" ? "i32" : "f32");
      const dst = e.vector(i.dst);
      if (pattern === 0) asm.vector(I.VXORPS, bitsFor(lanesOf(i.dst)), dst, dst, dst);
      else broadcast(e, i.dst, e.words(pattern, 1));
      break;
    }
    case "splatlane0":
      if (lanesOf(i.dst) === 1) moveVector(e, e.vector(i.dst), e.vector(i.src), 1);
      else asm.vector(I.VBROADCASTSS, bitsFor(lanesOf(i.dst)), e.vector(i.dst), 0, e.vector(i.src));
      break;
    case "splatint":
      splatInt(e, i.dst, e.int(i.src));
      break;
    case "iota": {
      const lanes = lanesOf(i.dst);
      asm.vector(I.VMOVUPS_LOAD, bitsFor(lanes), e.vector(i.dst), 0, iota(e, lanes));
      break;
    }
    case "float2":
      float2(e, i.kind, i.dst, i.a, i.b);
      break;
    case "float1":
      float1(e, i.kind, i.dst, i.a);
      break;
    case "fma":
      multiplyAdd(e, i);
      break;
    case "intvec2":
      if (i.kind === "umulhi") multiplyHigh(e, i, i.dst, i.a, i.b);
      else integer2(e, i.kind, i.dst, i.a, i.b);
      break;
    case "intshift":
      asm.vector(i.kind === "vshl" ? I.VPSLLD : I.VPSRLD, bitsFor(lanesOf(i.dst)), 0, e.vector(i.dst), e.vector(i.a), {
        immediate: i.by,
      });
      break;
    case "convert":
      if (i.kind === "asInt" || i.kind === "asFloat") {
        moveVector(e, e.vector(i.dst), e.vector(i.a), lanesOf(i.dst));
      } else {
        const { rm, options } = source(e, i.a, false);
        const row = i.kind === "toInt" ? I.VCVTPS2DQ : I.VCVTDQ2PS;
        asm.vector(row, bitsFor(lanesOf(i.dst)), e.vector(i.dst), 0, rm, options);
      }
      break;
    case "reduce":
      reduce(e, i);
      break;
    case "shuffle":
      shuffle(e, i);
      break;
  }
}

function broadcast(e: Emitter, dst: Reg, from: RegisterOrMemory): void {
  const lanes = lanesOf(dst);
  e.asm.vector(lanes === 1 ? I.VMOVSS_LOAD : I.VBROADCASTSS, bitsFor(lanes), e.vector(dst), 0, from);
}

/** The low 32 bits of an int to every lane. */
export function splatInt(e: Emitter, dst: Reg, from: RegisterOrMemory): void {
  const { asm } = e;
  const bits = bitsFor(lanesOf(dst));
  const register = e.vector(dst);
  if (typeof from !== "number") asm.vector(I.VBROADCASTSS, bits, register, 0, from);
  else if (e.wide) asm.vector(I.VPBROADCASTD_GPR, bits, register, 0, from);
  else {
    asm.vector(I.VMOVD, 128, register, 0, from);
    asm.vector(I.VBROADCASTSS, bits, register, 0, register);
  }
}

/** 0, 1, 2, ... in memory; at least a whole register of them. */
export function iota(e: Emitter, lanes: number): RegisterOrMemory {
  return e.wordList(Array.from({ length: Math.max(lanes, 4) }, (_, l) => l));
}

function float2(e: Emitter, kind: FloatBinary, dst: Reg, a: Reg, b: Reg): void {
  switch (kind) {
    case "fadd":
    case "fmul": {
      const pair = kind === "fadd" ? I.VADD : I.VMUL;
      if (isFolded(e, a)) binary(e, pair, dst, b, a);
      else binary(e, pair, dst, a, b);
      break;
    }
    case "fsub":
      binary(e, I.VSUB, dst, a, b);
      break;
    case "fdiv":
      binary(e, I.VDIV, dst, a, b);
      break;
    // maxps x, y is x > y ? x : y, which gives y where they are unordered or equal: the arguments change sides.
    case "pmax":
      binary(e, I.VMAX, dst, b, a);
      break;
    case "pmin":
      binary(e, I.VMIN, dst, b, a);
      break;
  }
}

const ROUND_NEAREST = 8; // bit 3: raise no inexact flag
const ROUND_DOWN = 9;

function float1(e: Emitter, kind: FloatUnary, dst: Reg, a: Reg): void {
  const { asm } = e;
  const lanes = lanesOf(dst);
  const bits = bitsFor(lanes);
  const scalar = lanes === 1;
  const to = e.vector(dst);
  if (kind === "fabs" || kind === "fneg") {
    const pattern = kind === "fabs" ? 0x7fffffff : -0x80000000;
    const constant = e.wide ? e.words(pattern, 1) : e.words(pattern, Math.max(lanes, 4));
    asm.vector(kind === "fabs" ? I.VANDPS : I.VXORPS, bits, to, e.vector(a), constant, { broadcast: e.wide });
    return;
  }
  const { rm, options } = source(e, a, scalar);
  // Scalar forms copy the lanes above from a second register: the argument itself, where it is one.
  const above = scalar ? (typeof rm === "number" ? rm : to) : 0;
  if (kind === "fsqrt") asm.vector(scalar ? I.VSQRT.scalar : I.VSQRT.packed, bits, to, above, rm, options);
  else {
    const immediate = kind === "fround" ? ROUND_NEAREST : ROUND_DOWN;
    asm.vector(scalar ? I.VROUND.scalar : I.VROUND.packed, bits, to, above, rm, { ...options, immediate });
  }
}

/**
 * +-(a * b) + c in the form whose overwritten operand is already where the result goes; else c is moved there first.
 */
function multiplyAdd(e: Emitter, i: Extract<Instr, { op: "fma" }>): void {
  const { asm } = e;
  const lanes = lanesOf(i.dst);
  const scalar = lanes === 1;
  const bits = bitsFor(lanes);
  const dst = e.vector(i.dst);
  const form = (pair: Pair, second: number, third: Reg): void => {
    const { rm, options } = source(e, third, scalar);
    asm.vector(scalar ? pair.scalar : pair.packed, bits, dst, second, rm, options);
  };
  const f132 = i.negate ? I.VFNMADD132 : I.VFMADD132;
  const f213 = i.negate ? I.VFNMADD213 : I.VFMADD213;
  const f231 = i.negate ? I.VFNMADD231 : I.VFMADD231;

  if (isFolded(e, i.c)) {
    // dst = second * dst + memory
    const [mine, other] = e.vector(i.b) === dst ? [i.b, i.a] : [i.a, i.b];
    moveVector(e, dst, e.vector(mine), lanes);
    form(f213, e.vector(other), i.c);
    return;
  }
  // From here on only a factor can be memory; call it `right`.
  const [left, right] = isFolded(e, i.a) ? [i.b, i.a] : [i.a, i.b];
  const c = e.vector(i.c);
  if (dst === c) form(f231, e.vector(left), right);
  else if (dst === e.vector(left)) {
    if (isFolded(e, right)) form(f132, c, right);
    else form(f213, e.vector(right), i.c);
  } else if (!isFolded(e, right) && dst === e.vector(right)) form(f213, e.vector(left), i.c);
  else {
    moveVector(e, dst, c, lanes);
    form(f231, e.vector(left), right);
  }
}

const INTEGER: Readonly<Record<Exclude<IntVecBinary, "umulhi">, I.VectorInstruction>> = {
  vadd: I.VPADDD,
  vsub: I.VPSUBD,
  vmul: I.VPMULLD,
  vand: I.VPAND,
  vor: I.VPOR,
  vxor: I.VPXOR,
};

function integer2(e: Emitter, kind: Exclude<IntVecBinary, "umulhi">, dst: Reg, a: Reg, b: Reg): void {
  const [first, second] = isFolded(e, a) ? [b, a] : [a, b];
  const { rm, options } = source(e, second, false);
  e.asm.vector(INTEGER[kind], bitsFor(lanesOf(dst)), e.vector(dst), e.vector(first), rm, options);
}

/** High halves of unsigned products: even lanes and odd lanes apart, since vpmuludq multiplies the even ones only. */
function multiplyHigh(e: Emitter, i: Instr, dst: Reg, a: Reg, b: Reg): void {
  const { asm } = e;
  const lanes = lanesOf(dst);
  const bits = bitsFor(lanes);
  const [odd, other] = [e.temporary(i, 0), e.temporary(i, 1)];
  const to = e.vector(dst);
  asm.vector(I.VPSRLQ, bits, 0, odd, e.vector(a), { immediate: 32 });
  asm.vector(I.VPSRLQ, bits, 0, other, e.vector(b), { immediate: 32 });
  asm.vector(I.VPMULUDQ, bits, odd, odd, other);
  asm.vector(I.VPMULUDQ, bits, to, e.vector(a), e.vector(b));
  asm.vector(I.VPSRLQ, bits, 0, to, to, { immediate: 32 });
  if (e.wide) {
    const A_OR_B_AND_C = 0xf8;
    const options = { immediate: A_OR_B_AND_C, broadcast: true };
    asm.vector(I.VPTERNLOGQ, bits, to, odd, e.wordList([0, -1]), options);
  } else asm.vector(I.VPBLENDD, bits, to, to, odd, { immediate: 0xaa });
}

/** AVX-512 takes elements from two registers at once; AVX2 from each by itself, and blends. */
function shuffle(e: Emitter, i: Extract<Instr, { op: "shuffle" }>): void {
  const { asm } = e;
  const { indices } = i;
  const lanes = lanesOf(i.dst);
  const bits = bitsFor(lanes);
  const [dst, a, b] = [e.vector(i.dst), e.vector(i.a), e.vector(i.b)];
  const places = e.wordList(indices.map((n) => (e.wide ? n : n % lanes)));
  if (e.wide) {
    const into = dst === a || dst === b ? e.temporary(i, 0) : dst;
    asm.vector(I.VMOVUPS_LOAD, bits, into, 0, places);
    asm.vector(I.VPERMI2PS, bits, into, a, b);
    moveVector(e, dst, into, lanes);
    return;
  }
  const [first, second] = [e.temporary(i, 0), e.temporary(i, 1)];
  const take = (to: number, from: number) => {
    if (lanes === 4) asm.vector(I.VPERMILPS, bits, to, from, places);
    else {
      asm.vector(I.VMOVUPS_LOAD, bits, to, 0, places);
      asm.vector(I.VPERMPS, bits, to, to, from);
    }
  };
  const fromB = indices.reduce((mask, n, l) => (n < lanes ? mask : mask | (1 << l)), 0);
  take(first, a);
  take(second, b);
  asm.vector(I.VBLENDPS, bits, dst, first, second, { immediate: fromB });
}

/** Fold the upper half onto the lower until one lane is left. */
function reduce(e: Emitter, i: Extract<Instr, { op: "reduce" }>): void {
  const { asm } = e;
  let lanes = lanesOf(i.src);
  const dst = e.vector(i.dst);
  if (lanes === 1) {
    moveVector(e, dst, e.vector(i.src), 1);
    return;
  }
  const upper = e.temporary(i, 0);
  let lower = e.vector(i.src);
  while (lanes > 1) {
    if (lanes === 16) asm.vector(I.VEXTRACTF32X8, 512, lower, 0, upper, { immediate: 1 });
    else if (lanes === 8) asm.vector(e.wide ? I.VEXTRACTF32X4 : I.VEXTRACTF128, 256, lower, 0, upper, { immediate: 1 });
    else if (lanes === 4) asm.vector(I.VMOVHLPS, 128, upper, lower, lower);
    else if (lanes === 2) asm.vector(I.VMOVSHDUP, 128, upper, 0, lower);
    else throw new KernelError(`reduce of ${lanes} lanes`);
    lanes /= 2;
    const pair = i.kind === "fadd" ? I.VADD : I.VMAX;
    const row = lanes === 1 ? pair.scalar : pair.packed;
    if (i.kind === "fadd") asm.vector(row, bitsFor(lanes), dst, lower, upper);
    else asm.vector(row, bitsFor(lanes), dst, upper, lower); // pmax(lower, upper)
    lower = dst;
  }
}
