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
import {
  type Access,
  type CompareFloat,
  type CompareInt,
  type FloatBinary,
  type FloatUnary,
  f32,
  INT,
  type Instr,
  type IntArg,
  type IntBinary,
  type IntVecBinary,
  type IntVecShift,
  i32,
  type Kernel,
  type Lanes,
  maskOf,
  PTR,
  type Reg,
  type Target,
  type Type,
  typeName,
} from "./ir.js";

export interface KernelHeader {
  readonly key: string;
  readonly name: string;
  readonly target: Target;
  readonly operands: readonly (readonly [name: string, access: Access])[];
}

export function buildKernel(header: KernelHeader, write: (k: KernelBuilder) => void): Kernel {
  const k = new KernelBuilder(header);
  write(k);
  return k.finish();
}

type Kind = Type["kind"];

export class KernelBuilder {
  readonly target: Target;
  readonly begin: Reg;
  readonly end: Reg;
  readonly batch: Reg;
  readonly #header: KernelHeader;
  readonly #root: Instr[] = [];
  #block: Instr[] = this.#root;
  #count = 0;

  constructor(header: KernelHeader) {
    this.#header = header;
    this.target = header.target;
    this.begin = this.#reg(INT, "begin");
    this.end = this.#reg(INT, "end");
    this.batch = this.#reg(INT, "batch");
  }

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
      body: this.#root,
      registerCount: this.#count,
    };
  }

  comment(text: string): void {
    this.#emit({ op: "comment", text });
  }

  // --- integers and pointers

  /** The base address of the named operand. Cheap to ask again: it is one load from the table. */
  operand(name: string): Reg {
    const index = this.#header.operands.findIndex(([n]) => n === name);
    if (index < 0) this.#fail(`no operand "${name}"; there are ${this.#header.operands.map(([n]) => n).join(", ")}`);
    const dst = this.#reg(PTR, name);
    this.#emit({ op: "operand", dst, index });
    return dst;
  }

  int(value: number): Reg {
    const dst = this.#reg(INT, "c");
    this.#emit({ op: "const", dst, value: this.#integer(value) });
    return dst;
  }

  add(a: IntArg, b: IntArg): Reg {
    return this.#int("add", a, b);
  }
  sub(a: IntArg, b: IntArg): Reg {
    return this.#int("sub", a, b);
  }
  mul(a: IntArg, b: IntArg): Reg {
    return this.#int("mul", a, b);
  }
  min(a: IntArg, b: IntArg): Reg {
    return this.#int("min", a, b);
  }
  max(a: IntArg, b: IntArg): Reg {
    return this.#int("max", a, b);
  }
  /** a / by for a >= 0 and a constant by >= 1. */
  div(a: Reg, by: number): Reg {
    return this.#divide("div", a, by);
  }
  /** a % by for a >= 0 and a constant by >= 1. */
  mod(a: Reg, by: number): Reg {
    return this.#divide("mod", a, by);
  }
  ptrAdd(ptr: Reg, bytes: IntArg): Reg {
    this.#want(ptr, "ptr");
    if (typeof bytes !== "number") this.#want(bytes, "int");
    const dst = this.#reg(PTR, ptr.name);
    this.#emit({ op: "ptradd", dst, ptr, bytes: typeof bytes === "number" ? this.#integer(bytes) : bytes });
    return dst;
  }
  loadInt(ptr: Reg, offset: number): Reg {
    const dst = this.#reg(INT, "loaded");
    this.#emit({ op: "loadint", dst, at: this.#at(ptr, offset) });
    return dst;
  }
  storeInt(ptr: Reg, offset: number, src: Reg): void {
    this.#want(src, "int");
    this.#emit({ op: "storeint", src, at: this.#at(ptr, offset) });
  }

  // --- mutable registers

  /** A mutable copy of `init` (a register of any type, or an integer). `frame` keeps an int or pointer in memory. */
  var(init: IntArg, name = "v", options: { frame?: boolean } = {}): Reg {
    const type = typeof init === "number" ? INT : init.type;
    if (options.frame && type.kind !== "int" && type.kind !== "ptr")
      this.#fail("only an int or a pointer can live in the frame");
    const dst = this.#reg(type, name, true, options.frame ?? false);
    if (typeof init === "number") this.#emit({ op: "setconst", dst, value: this.#integer(init) });
    else this.#emit({ op: "set", dst, src: init });
    return dst;
  }
  /** A mutable float vector that starts at a constant. */
  acc(value: number, lanes: Lanes, name = "acc"): Reg {
    const dst = this.#reg(f32(lanes), name, true);
    this.#emit({ op: "splat", dst, value: Math.fround(value) });
    return dst;
  }
  set(dst: Reg, src: IntArg): void {
    this.#mutable(dst);
    if (typeof src === "number") {
      this.#want(dst, "int");
      this.#emit({ op: "setconst", dst, value: this.#integer(src) });
    } else {
      this.#same(dst, src);
      this.#emit({ op: "set", dst, src });
    }
  }
  /** Add to a mutable int or pointer in place. */
  advance(dst: Reg, by: IntArg): void {
    this.#mutable(dst);
    if (dst.type.kind === "ptr") this.#emit({ op: "ptradd", dst, ptr: dst, bytes: by });
    else {
      this.#want(dst, "int");
      this.#emit({ op: "int", kind: "add", dst, a: dst, b: by });
    }
  }

  // --- memory

  load(ptr: Reg, offset: number, lanes: Lanes): Reg {
    return this.#load("load", ptr, offset, f32(lanes));
  }
  loadI32(ptr: Reg, offset: number, lanes: Lanes): Reg {
    return this.#load("load", ptr, offset, i32(lanes));
  }
  /** Load into a mutable vector register. */
  loadTo(dst: Reg, ptr: Reg, offset: number): void {
    this.#mutable(dst);
    this.#lanes(dst);
    this.#emit({ op: "load", dst, at: this.#at(ptr, offset) });
  }
  broadcast(ptr: Reg, offset: number, lanes: Lanes): Reg {
    return this.#load("broadcast", ptr, offset, f32(lanes));
  }
  broadcastI32(ptr: Reg, offset: number, lanes: Lanes): Reg {
    return this.#load("broadcast", ptr, offset, i32(lanes));
  }
  loadMasked(ptr: Reg, offset: number, mask: Reg): Reg {
    this.#want(mask, "mask");
    const dst = this.#reg(f32(this.#lanes(mask)), "loaded");
    this.#emit({ op: "loadmask", dst, at: this.#at(ptr, offset), mask });
    return dst;
  }
  /** Asks for the cache line at an address, which may lie outside the operand, to be brought to the second cache. */
  prefetch(ptr: Reg, offset: number): void {
    this.#emit({ op: "prefetch", at: this.#at(ptr, offset) });
  }
  store(ptr: Reg, offset: number, src: Reg): void {
    this.#lanes(src);
    this.#emit({ op: "store", src, at: this.#at(ptr, offset) });
  }
  storeMasked(ptr: Reg, offset: number, src: Reg, mask: Reg): void {
    this.#want(mask, "mask");
    this.#sameLanes(src, mask);
    this.#emit({ op: "storemask", src, at: this.#at(ptr, offset), mask });
  }

  // --- float vectors

  splat(value: number, lanes: Lanes): Reg {
    const dst = this.#reg(f32(lanes), "k");
    this.#emit({ op: "splat", dst, value: Math.fround(value) });
    return dst;
  }
  splatI32(value: number, lanes: Lanes): Reg {
    const dst = this.#reg(i32(lanes), "k");
    this.#emit({ op: "splat", dst, value: value | 0 });
    return dst;
  }
  /** Lane 0 of `src` (f32 or i32, any width) in every lane of a new vector. */
  splatLane0(src: Reg, lanes: Lanes): Reg {
    this.#lanes(src);
    const dst = this.#reg(src.type.kind === "i32" ? i32(lanes) : f32(lanes), src.name);
    this.#emit({ op: "splatlane0", dst, src });
    return dst;
  }
  splatInt(src: Reg, lanes: Lanes): Reg {
    this.#want(src, "int");
    const dst = this.#reg(i32(lanes), src.name);
    this.#emit({ op: "splatint", dst, src });
    return dst;
  }
  iota(lanes: Lanes): Reg {
    const dst = this.#reg(i32(lanes), "iota");
    this.#emit({ op: "iota", dst });
    return dst;
  }
  fadd(a: Reg, b: Reg): Reg {
    return this.#float2("fadd", a, b);
  }
  fsub(a: Reg, b: Reg): Reg {
    return this.#float2("fsub", a, b);
  }
  fmul(a: Reg, b: Reg): Reg {
    return this.#float2("fmul", a, b);
  }
  fdiv(a: Reg, b: Reg): Reg {
    return this.#float2("fdiv", a, b);
  }
  /** b < a ? b : a */
  pmin(a: Reg, b: Reg): Reg {
    return this.#float2("pmin", a, b);
  }
  /** a < b ? b : a, so that pmax(x, zero) is a relu that propagates NaN. */
  pmax(a: Reg, b: Reg): Reg {
    return this.#float2("pmax", a, b);
  }
  sqrt(a: Reg): Reg {
    return this.#float1("fsqrt", a);
  }
  abs(a: Reg): Reg {
    return this.#float1("fabs", a);
  }
  neg(a: Reg): Reg {
    return this.#float1("fneg", a);
  }
  round(a: Reg): Reg {
    return this.#float1("fround", a);
  }
  floor(a: Reg): Reg {
    return this.#float1("ffloor", a);
  }
  /** a * b + c */
  fma(a: Reg, b: Reg, c: Reg): Reg {
    return this.#fma(a, b, c, false);
  }
  /** c - a * b */
  fnma(a: Reg, b: Reg, c: Reg): Reg {
    return this.#fma(a, b, c, true);
  }
  /** acc += a * b, in place. */
  fmaTo(acc: Reg, a: Reg, b: Reg): void {
    this.#mutable(acc);
    this.#want(acc, "f32");
    this.#same(acc, a);
    this.#same(acc, b);
    this.#emit({ op: "fma", dst: acc, a, b, c: acc, negate: false });
  }
  /** dst = dst OP b, in place. */
  updateTo(dst: Reg, kind: FloatBinary, b: Reg): void {
    this.#mutable(dst);
    this.#want(dst, "f32");
    this.#same(dst, b);
    this.#emit({ op: "float2", kind, dst, a: dst, b });
  }
  /** Lane l is element indices[l] of a's lanes followed by b's; float vectors of 4 lanes at least. */
  shuffle(a: Reg, b: Reg, indices: readonly number[]): Reg {
    this.#want(a, "f32");
    this.#same(a, b);
    const lanes = this.#lanes(a);
    if (lanes < 4 || indices.length !== lanes || indices.some((n) => !Number.isInteger(n) || n < 0 || n >= 2 * lanes))
      this.#fail(
        `shuffle of ${lanes} lanes by [${indices.join(", ")}]: expected ${lanes} places from 0 to ${2 * lanes - 1}`,
      );
    const dst = this.#reg(a.type, "s");
    this.#emit({ op: "shuffle", dst, a, b, indices });
    return dst;
  }
  /** Upper half onto lower half until one lane is left: lower + upper each time. */
  reduceAdd(src: Reg): Reg {
    return this.#reduce("fadd", src);
  }
  reduceMax(src: Reg): Reg {
    return this.#reduce("pmax", src);
  }

  // --- int vectors

  vadd(a: Reg, b: Reg): Reg {
    return this.#intvec("vadd", a, b);
  }
  vsub(a: Reg, b: Reg): Reg {
    return this.#intvec("vsub", a, b);
  }
  vmul(a: Reg, b: Reg): Reg {
    return this.#intvec("vmul", a, b);
  }
  umulhi(a: Reg, b: Reg): Reg {
    return this.#intvec("umulhi", a, b);
  }
  vand(a: Reg, b: Reg): Reg {
    return this.#intvec("vand", a, b);
  }
  vor(a: Reg, b: Reg): Reg {
    return this.#intvec("vor", a, b);
  }
  vxor(a: Reg, b: Reg): Reg {
    return this.#intvec("vxor", a, b);
  }
  vshl(a: Reg, by: number): Reg {
    return this.#shift("vshl", a, by);
  }
  vshr(a: Reg, by: number): Reg {
    return this.#shift("vshr", a, by);
  }
  toFloat(a: Reg): Reg {
    return this.#convert("toFloat", a, "i32", "f32");
  }
  toInt(a: Reg): Reg {
    return this.#convert("toInt", a, "f32", "i32");
  }
  asInt(a: Reg): Reg {
    return this.#convert("asInt", a, "f32", "i32");
  }
  asFloat(a: Reg): Reg {
    return this.#convert("asFloat", a, "i32", "f32");
  }

  // --- masks

  cmp(kind: CompareFloat, a: Reg, b: Reg): Reg {
    this.#want(a, "f32");
    this.#same(a, b);
    const dst = this.#reg(maskOf(this.#lanes(a)), "m");
    this.#emit({ op: "cmpfloat", kind, dst, a, b });
    return dst;
  }
  cmpI32(kind: "eq" | "gt", a: Reg, b: Reg): Reg {
    this.#want(a, "i32");
    this.#same(a, b);
    const dst = this.#reg(maskOf(this.#lanes(a)), "m");
    this.#emit({ op: "cmpint", kind, dst, a, b });
    return dst;
  }
  firstLanes(count: IntArg, lanes: Lanes): Reg {
    const dst = this.#reg(maskOf(lanes), "first");
    this.#emit({ op: "firstlanes", dst, count });
    return dst;
  }
  maskAnd(a: Reg, b: Reg): Reg {
    return this.#mask2("and", a, b);
  }
  maskOr(a: Reg, b: Reg): Reg {
    return this.#mask2("or", a, b);
  }
  maskAndNot(a: Reg, b: Reg): Reg {
    return this.#mask2("andnot", a, b);
  }
  select(mask: Reg, a: Reg, b: Reg): Reg {
    this.#want(mask, "mask");
    this.#same(a, b);
    this.#sameLanes(a, mask);
    const dst = this.#reg(a.type, "sel");
    this.#emit({ op: "select", dst, mask, a, b });
    return dst;
  }

  // --- structure

  /** for (i = from; i < to; i += step); `frame` keeps the counter in memory when registers are short. */
  loop(
    from: IntArg,
    to: IntArg,
    body: (index: Reg) => void,
    options: { step?: number; frame?: boolean; name?: string } = {},
  ): void {
    const step = options.step ?? 1;
    if (!Number.isInteger(step) || step < 1) this.#fail(`loop step ${step} is not a positive integer`);
    const index = this.#reg(INT, options.name ?? "i", true, options.frame ?? false);
    this.#emit({ op: "loop", index, from, to, step, body: this.#inside(() => body(index)) });
  }
  if(a: Reg, kind: CompareInt, b: IntArg, then: () => void, otherwise: () => void = () => {}): void {
    this.#want(a, "int");
    this.#emit({ op: "if", kind, a, b, body: this.#inside(then), otherwise: this.#inside(otherwise) });
  }

  // --- within

  #inside(write: () => void): Instr[] {
    const outer = this.#block;
    const block: Instr[] = [];
    this.#block = block;
    write();
    this.#block = outer;
    return block;
  }
  #emit(i: Instr): void {
    this.#block.push(i);
  }
  #reg(type: Type, name: string, mutable = false, inFrame = false): Reg {
    if ("lanes" in type && type.lanes > this.target.lanes)
      this.#fail(`${typeName(type)} is wider than ${this.target.name}'s ${this.target.lanes} lanes`);
    return { id: this.#count++, type, name, mutable, inFrame };
  }
  #int(kind: IntBinary, a: IntArg, b: IntArg): Reg {
    this.#intArgument(a);
    this.#intArgument(b);
    if (typeof a === "number" && typeof b === "number") this.#fail("two constants: fold them in TypeScript");
    const dst = this.#reg(INT, "t");
    this.#emit({ op: "int", kind, dst, a, b });
    return dst;
  }
  #intArgument(x: IntArg): void {
    if (typeof x === "number") this.#integer(x);
    else this.#want(x, "int");
  }
  #divide(op: "div" | "mod", a: Reg, by: number): Reg {
    this.#want(a, "int");
    if (!Number.isInteger(by) || by < 1 || by > 0x7fffffff)
      this.#fail(`${op} by ${by}: expected a positive 31-bit constant`);
    const dst = this.#reg(INT, "t");
    this.#emit({ op, dst, a, by });
    return dst;
  }
  #load(op: "load" | "broadcast", ptr: Reg, offset: number, type: Type): Reg {
    const dst = this.#reg(type, op === "load" ? "loaded" : "b");
    this.#emit({ op, dst, at: this.#at(ptr, offset) });
    return dst;
  }
  #at(ptr: Reg, offset: number): { ptr: Reg; offset: number } {
    this.#want(ptr, "ptr");
    return { ptr, offset: this.#integer(offset) };
  }
  #float2(kind: FloatBinary, a: Reg, b: Reg): Reg {
    this.#want(a, "f32");
    this.#same(a, b);
    const dst = this.#reg(a.type, "f");
    this.#emit({ op: "float2", kind, dst, a, b });
    return dst;
  }
  #float1(kind: FloatUnary, a: Reg): Reg {
    this.#want(a, "f32");
    const dst = this.#reg(a.type, "f");
    this.#emit({ op: "float1", kind, dst, a });
    return dst;
  }
  #fma(a: Reg, b: Reg, c: Reg, negate: boolean): Reg {
    this.#want(a, "f32");
    this.#same(a, b);
    this.#same(a, c);
    const dst = this.#reg(a.type, "f");
    this.#emit({ op: "fma", dst, a, b, c, negate });
    return dst;
  }
  #reduce(kind: "fadd" | "pmax", src: Reg): Reg {
    this.#want(src, "f32");
    const dst = this.#reg(f32(1), "sum");
    this.#emit({ op: "reduce", kind, dst, src });
    return dst;
  }
  #intvec(kind: IntVecBinary, a: Reg, b: Reg): Reg {
    this.#want(a, "i32");
    this.#same(a, b);
    const dst = this.#reg(a.type, "n");
    this.#emit({ op: "intvec2", kind, dst, a, b });
    return dst;
  }
  #shift(kind: IntVecShift, a: Reg, by: number): Reg {
    this.#want(a, "i32");
    if (!Number.isInteger(by) || by < 0 || by > 31) this.#fail(`shift by ${by}: expected 0..31`);
    const dst = this.#reg(a.type, "n");
    this.#emit({ op: "intshift", kind, dst, a, by });
    return dst;
  }
  #convert(kind: "toFloat" | "toInt" | "asInt" | "asFloat", a: Reg, from: Kind, to: "f32" | "i32"): Reg {
    this.#want(a, from);
    const lanes = this.#lanes(a);
    const dst = this.#reg(to === "f32" ? f32(lanes) : i32(lanes), a.name);
    this.#emit({ op: "convert", kind, dst, a });
    return dst;
  }
  #mask2(kind: "and" | "or" | "andnot", a: Reg, b: Reg): Reg {
    this.#want(a, "mask");
    this.#same(a, b);
    const dst = this.#reg(a.type, "m");
    this.#emit({ op: "mask2", kind, dst, a, b });
    return dst;
  }

  #want(r: Reg, kind: Kind): void {
    if (r.type.kind !== kind) this.#fail(`expected ${kind}, got ${typeName(r.type)} "${r.name}"`);
  }
  #mutable(r: Reg): void {
    if (!r.mutable) this.#fail(`"${r.name}" is assigned once; make it with var() or acc() to change it`);
  }
  #same(a: Reg, b: Reg): void {
    if (!isSameType(a.type, b.type)) this.#fail(`types differ: ${typeName(a.type)} and ${typeName(b.type)}`);
  }
  #lanes(r: Reg): Lanes {
    if (r.type.kind === "int" || r.type.kind === "ptr")
      this.#fail(`expected a vector, got ${typeName(r.type)} "${r.name}"`);
    if (r.type.lanes > this.target.lanes)
      this.#fail(`${typeName(r.type)} is wider than ${this.target.name}'s ${this.target.lanes} lanes`);
    return r.type.lanes;
  }
  #sameLanes(a: Reg, b: Reg): void {
    if (this.#lanes(a) !== this.#lanes(b)) this.#fail(`lanes differ: ${typeName(a.type)} and ${typeName(b.type)}`);
  }
  #integer(value: number): number {
    if (!Number.isInteger(value) || value < -0x80000000 || value > 0x7fffffff)
      this.#fail(`${value} is not a 32-bit integer`);
    return value;
  }
  #fail(message: string): never {
    throw new TypeError(`kernel ${this.#header.name}: ${message}`);
  }
}

/** Compared without their names, since every instruction asks. */
function isSameType(a: Type, b: Type): boolean {
  return a.kind === b.kind && ("lanes" in a ? a.lanes : 1) === ("lanes" in b ? b.lanes : 1);
}
