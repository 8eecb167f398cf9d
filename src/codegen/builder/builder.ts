/**
 * The kernel language as it is written: a builder whose methods append instructions (see `ir.ts` for their meaning).
 * Unrolling and specialisation are plain TypeScript around it; types are checked as the kernel is written.
 *
 *     const kernel = buildKernel({ key, name: "scale", target, operands: [["x", "read"], ["y", "write"]] }, (k) => {
 *       const x = k.operand("x"), y = k.operand("y");
 *       k.loop(k.begin, k.end, (i) => {
 *         const at = k.mul(i, 4 * lanes);
 *         k.store(k.ptrAdd(y, at), 0, k.fmul(k.load(k.ptrAdd(x, at), 0, lanes), k.splat(2, lanes)));
 *       });
 *     });
 */

import type { NarrowType } from "../../base/element-type.js";
import type { CodeTarget, Lanes } from "../../target/target.js";
import {
  type Access,
  type CompareFloat,
  type CompareInt,
  type FloatBinary,
  f32,
  INT,
  type IntArg,
  i32,
  type Kernel,
  maskOf,
  PTR,
  type Reg,
} from "../ir.js";
import { ArgumentChecks } from "./checks.js";
import { Frames } from "./frames.js";
import { InstructionWriter } from "./writer.js";

export interface KernelHeader {
  readonly key: string;
  readonly name: string;
  readonly target: CodeTarget;
  readonly operands: readonly (readonly [name: string, access: Access])[];
}

export function buildKernel(header: KernelHeader, write: (k: KernelBuilder) => void): Kernel {
  const k = new KernelBuilder(header);
  write(k);
  return k.finish();
}

/**
 * Writes a kernel: its methods append instructions. A kernel is called for pieces of work from `begin` to `end` - 1.
 * Registers have types, which are checked as the kernel is written; arithmetic is float32, rounded to nearest even, the
 * same on every target.
 */
export class KernelBuilder {
  /** The machine that it is written for. */
  readonly target: CodeTarget;
  /** The first piece of the call, an int. */
  readonly begin: Reg;
  /** The piece after the last of the call, an int. */
  readonly end: Reg;
  /** Samples of the run, an int. */
  readonly batch: Reg;
  readonly #header: KernelHeader;
  readonly #check: ArgumentChecks;
  readonly #write: InstructionWriter;
  readonly #frames = new Frames();

  constructor(header: KernelHeader) {
    this.#header = header;
    this.target = header.target;
    this.#check = new ArgumentChecks(header.name, header.target);
    this.#write = new InstructionWriter(this.#check);
    this.begin = this.#write.reg(INT, "begin");
    this.end = this.#write.reg(INT, "end");
    this.batch = this.#write.reg(INT, "batch");
  }

  /** The kernel that was written. */
  finish(): Kernel {
    const { key, name, target, operands } = this.#header;
    return {
      key,
      name,
      target,
      operands: operands.map(([n, access]) => ({ name: n, access })),
      begin: this.begin,
      end: this.end,
      batch: this.batch,
      body: this.#write.root,
      registerCount: this.#write.registerCount,
    };
  }

  /** A line that `printKernel` shows, and no code. */
  comment(text: string): void {
    this.#write.emit({ op: "comment", text });
  }

  // --- integers and pointers

  /** The base address of the named operand. Cheap to ask again: it is one load from the table. */
  operand(name: string): Reg {
    const index = this.#header.operands.findIndex(([n]) => n === name);
    if (index < 0)
      this.#check.fail(`no operand "${name}"; there are ${this.#header.operands.map(([n]) => n).join(", ")}`);
    const dst = this.#write.reg(PTR, name);
    this.#write.emit({ op: "operand", dst, index });
    return dst;
  }

  /** A constant int. */
  int(value: number): Reg {
    const dst = this.#write.reg(INT, "c");
    this.#write.emit({ op: "const", dst, value: this.#check.integer(value) });
    return dst;
  }

  /** a + b, ints. */
  add(a: IntArg, b: IntArg): Reg {
    return this.#write.int("add", a, b);
  }
  /** a - b, ints. */
  sub(a: IntArg, b: IntArg): Reg {
    return this.#write.int("sub", a, b);
  }
  /** a b, ints; the result must stay within 32 bits. */
  mul(a: IntArg, b: IntArg): Reg {
    return this.#write.int("mul", a, b);
  }
  /** The smaller of two ints. */
  min(a: IntArg, b: IntArg): Reg {
    return this.#write.int("min", a, b);
  }
  /** The larger of two ints. */
  max(a: IntArg, b: IntArg): Reg {
    return this.#write.int("max", a, b);
  }
  /** a / by for a >= 0 and a constant by >= 1. */
  div(a: Reg, by: number): Reg {
    return this.#write.divide("div", a, by);
  }
  /** a % by for a >= 0 and a constant by >= 1. */
  mod(a: Reg, by: number): Reg {
    return this.#write.divide("mod", a, by);
  }
  /** An address, some bytes further. */
  ptrAdd(ptr: Reg, bytes: IntArg): Reg {
    this.#check.want(ptr, "ptr");
    if (typeof bytes !== "number") this.#check.want(bytes, "int");
    const dst = this.#write.reg(PTR, ptr.name);
    this.#write.emit({ op: "ptradd", dst, ptr, bytes: typeof bytes === "number" ? this.#check.integer(bytes) : bytes });
    return dst;
  }
  /** A 32-bit integer from memory, at an address and a constant offset in bytes. */
  loadInt(ptr: Reg, offset: number): Reg {
    const dst = this.#write.reg(INT, "loaded");
    this.#write.emit({ op: "loadint", dst, at: this.#write.at(ptr, offset) });
    return dst;
  }
  /** Writes a 32-bit integer to memory. */
  storeInt(ptr: Reg, offset: number, src: Reg): void {
    this.#check.want(src, "int");
    this.#write.emit({ op: "storeint", src, at: this.#write.at(ptr, offset) });
  }

  // --- mutable registers

  /**
   * A mutable copy of `init` (a register of any type, or an integer). `frame`: whether an int or pointer lives in
   * memory; by default it does unless it changes (see `frames.ts`).
   */
  var(
    init: IntArg,
    name = "v",
    options: {
      /** Whether an int or pointer lives in memory. @default true unless it changes */
      frame?: boolean;
    } = {},
  ): Reg {
    const type = typeof init === "number" ? INT : init.type;
    const dst = this.#write.reg(type, name, true);
    if (type.kind === "int" || type.kind === "ptr") this.#frames.variable(dst, options.frame);
    else if (options.frame) this.#check.fail("only an int or a pointer can live in the frame");
    if (typeof init === "number") this.#write.emit({ op: "setconst", dst, value: this.#check.integer(init) });
    else this.#write.emit({ op: "set", dst, src: init });
    return dst;
  }
  /** A mutable float vector that starts at a constant. */
  acc(value: number, lanes: Lanes, name = "acc"): Reg {
    const dst = this.#write.reg(f32(lanes), name, true);
    this.#write.emit({ op: "splat", dst, value: Math.fround(value) });
    return dst;
  }
  /** Assigns to a mutable register, of the same type. */
  set(dst: Reg, src: IntArg): void {
    this.#check.mutable(dst);
    this.#frames.changes(dst);
    if (typeof src === "number") {
      this.#check.want(dst, "int");
      this.#write.emit({ op: "setconst", dst, value: this.#check.integer(src) });
    } else {
      this.#check.same(dst, src);
      this.#write.emit({ op: "set", dst, src });
    }
  }
  /** Add to a mutable int or pointer in place. */
  advance(dst: Reg, by: IntArg): void {
    this.#check.mutable(dst);
    this.#frames.changes(dst);
    if (dst.type.kind === "ptr") this.#write.emit({ op: "ptradd", dst, ptr: dst, bytes: by });
    else {
      this.#check.want(dst, "int");
      this.#write.emit({ op: "int", kind: "add", dst, a: dst, b: by });
    }
  }

  // --- memory

  /** A vector of floats from memory, at an address and a constant offset in bytes. */
  load(ptr: Reg, offset: number, lanes: Lanes): Reg {
    return this.#write.load("load", ptr, offset, f32(lanes));
  }
  /** A vector of 32-bit integers from memory. */
  loadI32(ptr: Reg, offset: number, lanes: Lanes): Reg {
    return this.#write.load("load", ptr, offset, i32(lanes));
  }
  /** Load into a mutable vector register. */
  loadTo(dst: Reg, ptr: Reg, offset: number): void {
    this.#check.mutable(dst);
    this.#check.lanes(dst);
    this.#write.emit({ op: "load", dst, at: this.#write.at(ptr, offset) });
  }
  /** One float from memory, in every lane. */
  broadcast(ptr: Reg, offset: number, lanes: Lanes): Reg {
    return this.#write.load("broadcast", ptr, offset, f32(lanes));
  }
  /** One 32-bit integer from memory, in every lane. */
  broadcastI32(ptr: Reg, offset: number, lanes: Lanes): Reg {
    return this.#write.load("broadcast", ptr, offset, i32(lanes));
  }
  /** Floats from memory in the lanes of the mask, 0 in the others, whose memory is not touched. */
  loadMasked(ptr: Reg, offset: number, mask: Reg): Reg {
    this.#check.want(mask, "mask");
    const dst = this.#write.reg(f32(this.#check.lanes(mask)), "loaded");
    this.#write.emit({ op: "loadmask", dst, at: this.#write.at(ptr, offset), mask });
    return dst;
  }
  /** Asks for the cache line at an address, which may lie outside the operand, to be brought to the second cache. */
  prefetch(ptr: Reg, offset: number): void {
    this.#write.emit({ op: "prefetch", at: this.#write.at(ptr, offset) });
  }
  /** Writes a vector to memory. */
  store(ptr: Reg, offset: number, src: Reg): void {
    this.#check.lanes(src);
    this.#write.emit({ op: "store", src, at: this.#write.at(ptr, offset) });
  }
  /** Writes the lanes of the mask; memory of the others is not touched. */
  storeMasked(ptr: Reg, offset: number, src: Reg, mask: Reg): void {
    this.#check.want(mask, "mask");
    this.#check.sameLanes(src, mask);
    this.#write.emit({ op: "storemask", src, at: this.#write.at(ptr, offset), mask });
  }

  /** Elements of 8 or 16 bits, widened to as many lanes: halves to f32, bytes to i32. */
  loadAs(type: NarrowType, ptr: Reg, offset: number, lanes: Lanes): Reg {
    return this.#write.loadAs(type, ptr, offset, lanes);
  }
  /** Those under the lanes of the mask; 0 in the others. */
  loadMaskedAs(type: NarrowType, ptr: Reg, offset: number, mask: Reg): Reg {
    this.#check.want(mask, "mask");
    return this.#write.loadAs(type, ptr, offset, this.#check.lanes(mask), mask);
  }
  /** Lanes narrowed to elements of 8 or 16 bits: f32 rounded to halves, i32 saturated to bytes. */
  storeAs(type: NarrowType, ptr: Reg, offset: number, src: Reg): void {
    this.#write.storeAs(type, ptr, offset, src);
  }
  /** As `storeAs`, the lanes of the mask alone. */
  storeMaskedAs(type: NarrowType, ptr: Reg, offset: number, src: Reg, mask: Reg): void {
    this.#check.want(mask, "mask");
    this.#check.sameLanes(src, mask);
    this.#write.storeAs(type, ptr, offset, src, mask);
  }

  // --- float vectors

  /** A constant float in every lane. */
  splat(value: number, lanes: Lanes): Reg {
    const dst = this.#write.reg(f32(lanes), "k");
    this.#write.emit({ op: "splat", dst, value: Math.fround(value) });
    return dst;
  }
  /** A constant 32-bit integer in every lane. */
  splatI32(value: number, lanes: Lanes): Reg {
    const dst = this.#write.reg(i32(lanes), "k");
    this.#write.emit({ op: "splat", dst, value: value | 0 });
    return dst;
  }
  /** Lane 0 of `src` (f32 or i32, any width) in every lane of a new vector. */
  splatLane0(src: Reg, lanes: Lanes): Reg {
    this.#check.lanes(src);
    const dst = this.#write.reg(src.type.kind === "i32" ? i32(lanes) : f32(lanes), src.name);
    this.#write.emit({ op: "splatlane0", dst, src });
    return dst;
  }
  /** An int in every lane of an integer vector. */
  splatInt(src: Reg, lanes: Lanes): Reg {
    this.#check.want(src, "int");
    const dst = this.#write.reg(i32(lanes), src.name);
    this.#write.emit({ op: "splatint", dst, src });
    return dst;
  }
  /** The integers 0, 1, 2, ... in the lanes. */
  iota(lanes: Lanes): Reg {
    const dst = this.#write.reg(i32(lanes), "iota");
    this.#write.emit({ op: "iota", dst });
    return dst;
  }
  /** a + b, lane by lane, floats. */
  fadd(a: Reg, b: Reg): Reg {
    return this.#write.float2("fadd", a, b);
  }
  /** a - b, lane by lane, floats. */
  fsub(a: Reg, b: Reg): Reg {
    return this.#write.float2("fsub", a, b);
  }
  /** a b, lane by lane, floats. */
  fmul(a: Reg, b: Reg): Reg {
    return this.#write.float2("fmul", a, b);
  }
  /** a / b, lane by lane, floats. */
  fdiv(a: Reg, b: Reg): Reg {
    return this.#write.float2("fdiv", a, b);
  }
  /** b < a ? b : a */
  pmin(a: Reg, b: Reg): Reg {
    return this.#write.float2("pmin", a, b);
  }
  /** a < b ? b : a, so that pmax(x, zero) is a relu that propagates NaN. */
  pmax(a: Reg, b: Reg): Reg {
    return this.#write.float2("pmax", a, b);
  }
  /** The square root of each lane. */
  sqrt(a: Reg): Reg {
    return this.#write.float1("fsqrt", a);
  }
  /** Each lane without its sign. */
  abs(a: Reg): Reg {
    return this.#write.float1("fabs", a);
  }
  /** Each lane with the other sign. */
  neg(a: Reg): Reg {
    return this.#write.float1("fneg", a);
  }
  /** Each lane rounded to the nearest integer, ties to even. */
  round(a: Reg): Reg {
    return this.#write.float1("fround", a);
  }
  /** Each lane rounded down. */
  floor(a: Reg): Reg {
    return this.#write.float1("ffloor", a);
  }
  /** a * b + c */
  fma(a: Reg, b: Reg, c: Reg): Reg {
    return this.#write.fma(a, b, c, false);
  }
  /** c - a * b */
  fnma(a: Reg, b: Reg, c: Reg): Reg {
    return this.#write.fma(a, b, c, true);
  }
  /** acc += a * b, in place. */
  fmaTo(acc: Reg, a: Reg, b: Reg): void {
    this.#check.mutable(acc);
    this.#check.want(acc, "f32");
    this.#check.same(acc, a);
    this.#check.same(acc, b);
    this.#write.emit({ op: "fma", dst: acc, a, b, c: acc, negate: false });
  }
  /** dst = dst OP b, in place. */
  updateTo(dst: Reg, kind: FloatBinary, b: Reg): void {
    this.#check.mutable(dst);
    this.#check.want(dst, "f32");
    this.#check.same(dst, b);
    this.#write.emit({ op: "float2", kind, dst, a: dst, b });
  }
  /** Lane l is element indices[l] of a's lanes followed by b's; float vectors of 4 lanes at least. */
  shuffle(a: Reg, b: Reg, indices: readonly number[]): Reg {
    this.#check.want(a, "f32");
    this.#check.same(a, b);
    const lanes = this.#check.lanes(a);
    if (lanes < 4 || indices.length !== lanes || indices.some((n) => !Number.isInteger(n) || n < 0 || n >= 2 * lanes))
      this.#check.fail(
        `shuffle of ${lanes} lanes by [${indices.join(", ")}]: expected ${lanes} places from 0 to ${2 * lanes - 1}`,
      );
    const dst = this.#write.reg(a.type, "s");
    this.#write.emit({ op: "shuffle", dst, a, b, indices });
    return dst;
  }
  /** Upper half onto lower half until one lane is left: lower + upper each time. */
  reduceAdd(src: Reg): Reg {
    return this.#write.reduce("fadd", src);
  }
  /** The largest lane: the upper half onto the lower by `pmax`, until one is left. */
  reduceMax(src: Reg): Reg {
    return this.#write.reduce("pmax", src);
  }

  // --- int vectors

  /** a + b modulo 2^32, lane by lane, integers. */
  vadd(a: Reg, b: Reg): Reg {
    return this.#write.intvec("vadd", a, b);
  }
  /** a - b modulo 2^32, lane by lane, integers. */
  vsub(a: Reg, b: Reg): Reg {
    return this.#write.intvec("vsub", a, b);
  }
  /** a b modulo 2^32, lane by lane, integers. */
  vmul(a: Reg, b: Reg): Reg {
    return this.#write.intvec("vmul", a, b);
  }
  /** The upper 32 bits of the unsigned product, lane by lane. */
  umulhi(a: Reg, b: Reg): Reg {
    return this.#write.intvec("umulhi", a, b);
  }
  /** a and b, bit by bit. */
  vand(a: Reg, b: Reg): Reg {
    return this.#write.intvec("vand", a, b);
  }
  /** a or b, bit by bit. */
  vor(a: Reg, b: Reg): Reg {
    return this.#write.intvec("vor", a, b);
  }
  /** Either a or b, bit by bit. */
  vxor(a: Reg, b: Reg): Reg {
    return this.#write.intvec("vxor", a, b);
  }
  /** Each lane shifted left by a constant from 0 to 31. */
  vshl(a: Reg, by: number): Reg {
    return this.#write.shift("vshl", a, by);
  }
  /** Each lane shifted right by a constant from 0 to 31, filled with zeros. */
  vshr(a: Reg, by: number): Reg {
    return this.#write.shift("vshr", a, by);
  }
  /** Integers as the nearest floats. */
  toFloat(a: Reg): Reg {
    return this.#write.convert("toFloat", a, "i32", "f32");
  }
  /** Floats as the nearest integers, ties to even. They must lie within 2^31 on either side, and not be NaN. */
  toInt(a: Reg): Reg {
    return this.#write.convert("toInt", a, "f32", "i32");
  }
  /** The bits of floats as integers. */
  asInt(a: Reg): Reg {
    return this.#write.convert("asInt", a, "f32", "i32");
  }
  /** The bits of integers as floats. */
  asFloat(a: Reg): Reg {
    return this.#write.convert("asFloat", a, "i32", "f32");
  }

  // --- masks

  /** A mask of the lanes in which floats compare so; `"unordered"` where one is NaN. */
  cmp(kind: CompareFloat, a: Reg, b: Reg): Reg {
    this.#check.want(a, "f32");
    this.#check.same(a, b);
    const dst = this.#write.reg(maskOf(this.#check.lanes(a)), "m");
    this.#write.emit({ op: "cmpfloat", kind, dst, a, b });
    return dst;
  }
  /** A mask of the lanes in which signed integers compare so. */
  cmpI32(kind: "eq" | "gt", a: Reg, b: Reg): Reg {
    this.#check.want(a, "i32");
    this.#check.same(a, b);
    const dst = this.#write.reg(maskOf(this.#check.lanes(a)), "m");
    this.#write.emit({ op: "cmpint", kind, dst, a, b });
    return dst;
  }
  /** A mask of the first `count` lanes; none from 0 down, all from the lanes' number on. */
  firstLanes(count: IntArg, lanes: Lanes): Reg {
    const dst = this.#write.reg(maskOf(lanes), "first");
    this.#write.emit({ op: "firstlanes", dst, count });
    return dst;
  }
  /** The lanes that are in both masks. */
  maskAnd(a: Reg, b: Reg): Reg {
    return this.#write.mask2("and", a, b);
  }
  /** The lanes that are in one of the masks. */
  maskOr(a: Reg, b: Reg): Reg {
    return this.#write.mask2("or", a, b);
  }
  /** The lanes that are in `a` and not in `b`. */
  maskAndNot(a: Reg, b: Reg): Reg {
    return this.#write.mask2("andnot", a, b);
  }
  /** `a` in the lanes of the mask, `b` in the others. */
  select(mask: Reg, a: Reg, b: Reg): Reg {
    this.#check.want(mask, "mask");
    this.#check.same(a, b);
    this.#check.sameLanes(a, mask);
    const dst = this.#write.reg(a.type, "sel");
    this.#write.emit({ op: "select", dst, mask, a, b });
    return dst;
  }
  /** `a` in the lanes of the mask, +0 in the others. */
  keep(mask: Reg, a: Reg): Reg {
    this.#check.want(mask, "mask");
    this.#check.sameLanes(a, mask);
    const dst = this.#write.reg(a.type, "kept");
    this.#write.emit({ op: "keep", dst, mask, a });
    return dst;
  }

  // --- structure

  /**
   * for (i = from; i < to; i += step). `frame`: whether the counter lives in memory; by default where a loop stands
   * inside.
   */
  loop(
    from: IntArg,
    to: IntArg,
    body: (index: Reg) => void,
    options: {
      /** A positive constant. @default 1 */
      step?: number;
      /** Whether the counter lives in memory. @default true where a loop stands inside */
      frame?: boolean;
      /** Name of the counter, as `printKernel` shows it. @default "i" */
      name?: string;
    } = {},
  ): void {
    const step = options.step ?? 1;
    if (!Number.isInteger(step) || step < 1) this.#check.fail(`loop step ${step} is not a positive integer`);
    const index = this.#write.reg(INT, options.name ?? "i", true);
    const inside = this.#write.inside(() => body(index));
    this.#frames.counter(index, inside, options.frame);
    this.#write.emit({ op: "loop", index, from, to, step, body: inside });
  }
  /** Runs `then` if two ints compare so, else `otherwise`. */
  if(a: Reg, kind: CompareInt, b: IntArg, then: () => void, otherwise: () => void = () => {}): void {
    this.#check.want(a, "int");
    this.#write.emit({
      op: "if",
      kind,
      a,
      b,
      body: this.#write.inside(then),
      otherwise: this.#write.inside(otherwise),
    });
  }
}
