/**
 * The kernel language's intermediate form: structured three-address code over typed virtual registers.
 *
 * A kernel is a function `kernel(table, begin, end, batch)`. `table` is an array of operand addresses (64-bit absolute
 * addresses on native code, 32-bit memory offsets in WebAssembly); `begin`..`end` is the range of work pieces to do;
 * `batch` is the run-time batch extent. Nothing of one machine appears here: masks are values, every operation has
 * a separate destination, and integers are only promised 32 bits of signed range (addresses apart).
 *
 * Semantics are exact and the same on every target (the interpreter in `interpreter/` is their definition):
 * float32, round to nearest even, no reordering, `fma` with one rounding (on a target without fused multiply-add: a
 * product and a sum, each rounded; see `FmaMode`). Denormals are honoured, never flushed.
 */
import type { NarrowType } from "../base/element-type.js";
import type { CodeTarget, Lanes } from "../target/target.js";

export type Type =
  | { readonly kind: "int" } // signed integer: values must stay within 32 bits
  | { readonly kind: "ptr" } // an address; only ever an operand's base plus an int
  | { readonly kind: "f32"; readonly lanes: Lanes }
  | { readonly kind: "i32"; readonly lanes: Lanes } // wraps around modulo 2^32
  | { readonly kind: "mask"; readonly lanes: Lanes };

/** A virtual register. `mutable` ones may be assigned by `set` and by in-place operations; others are assigned once. */
export interface Reg {
  /** Its number, from 0. */
  readonly id: number;
  /** The type of its values. */
  readonly type: Type;
  /** Its name, as `printKernel` shows it. */
  readonly name: string;
  /** Whether it may be assigned more than once. */
  readonly mutable: boolean;
  /** Only for mutable ints and pointers: lives in the kernel's frame in memory, costs no register, slower to use. */
  readonly inFrame: boolean;
}

/** A comparison of floats; `"unordered"` where one is NaN. */
export type CompareFloat = "lt" | "le" | "eq" | "ne" | "unordered";
/** A comparison of integers. */
export type CompareInt = "lt" | "le" | "eq" | "ne" | "gt" | "ge";

/** Float vector operations of two arguments, lane by lane. */
export type FloatBinary =
  | "fadd"
  | "fsub"
  | "fmul"
  | "fdiv"
  | "pmin" // b < a ? b : a   (so a where unordered or equal)
  | "pmax"; // a < b ? b : a   (so a where unordered or equal)
/**
 * `fround`: to the nearest integer, ties to even. `ffloor`: toward minus infinity. `fneg` and `fabs` touch the sign bit
 * only.
 */
export type FloatUnary = "fsqrt" | "fabs" | "fneg" | "fround" | "ffloor";
/** i32 vectors. `umulhi`: high 32 bits of the unsigned 64-bit product. */
export type IntVecBinary = "vadd" | "vsub" | "vmul" | "umulhi" | "vand" | "vor" | "vxor";
export type IntVecShift = "vshl" | "vshr"; // by a constant 0..31; vshr is logical (zero-filling)
/**
 * `toFloat`: i32 to nearest f32. `toInt`: f32 to i32 rounding to nearest even; the argument must lie within +-2^31
 * exclusive and not be NaN, else the result is unspecified (the interpreter throws). `asInt`, `asFloat`: the same bits.
 */
export type Convert = "toFloat" | "toInt" | "asInt" | "asFloat";

/**
 * Scalar integers. `div` and `mod` are by a positive constant of a non-negative value (the interpreter throws
 * otherwise).
 */
export type IntBinary = "add" | "sub" | "mul" | "min" | "max";

/** An int: a register, or a constant. */
export type IntArg = Reg | number;

/** A place in memory: pointer register plus a constant byte offset. */
export interface Address {
  readonly ptr: Reg;
  readonly offset: number;
}

export type Instr = Operation & {
  /** What `reads` says of it, where the builder has noted it: every pass over a kernel asks. */
  readonly reads?: readonly Reg[];
};

type Operation =
  // --- scalars
  | { readonly op: "operand"; readonly dst: Reg; readonly index: number } // pointer from the table
  | { readonly op: "const"; readonly dst: Reg; readonly value: number }
  | { readonly op: "int"; readonly kind: IntBinary; readonly dst: Reg; readonly a: IntArg; readonly b: IntArg }
  | { readonly op: "div" | "mod"; readonly dst: Reg; readonly a: Reg; readonly by: number }
  | { readonly op: "ptradd"; readonly dst: Reg; readonly ptr: Reg; readonly bytes: IntArg }
  | { readonly op: "set"; readonly dst: Reg; readonly src: Reg } // any type; dst is mutable
  | { readonly op: "setconst"; readonly dst: Reg; readonly value: number } // mutable int
  | { readonly op: "loadint"; readonly dst: Reg; readonly at: Address } // a 32-bit integer, sign extended
  | { readonly op: "storeint"; readonly src: Reg; readonly at: Address }
  // --- vector memory. Vector loads and stores need 4-byte alignment only.
  | { readonly op: "load"; readonly dst: Reg; readonly at: Address } // f32 or i32 vector of dst's type
  | { readonly op: "loadmask"; readonly dst: Reg; readonly at: Address; readonly mask: Reg } // 0 elsewhere; never touches masked-out memory
  | { readonly op: "broadcast"; readonly dst: Reg; readonly at: Address } // one 32-bit element to every lane
  | { readonly op: "store"; readonly src: Reg; readonly at: Address }
  | { readonly op: "storemask"; readonly src: Reg; readonly at: Address; readonly mask: Reg }
  // Elements of 8 or 16 bits, aligned to their size; with a mask, memory under lanes that are off is never touched.
  /** Widened to dst's lanes: f16 and bf16 to f32, exactly; i8 and u8 to i32. 0 under lanes that are off. */
  | { readonly op: "loadas"; readonly dst: Reg; readonly at: Address; readonly type: NarrowType; readonly mask?: Reg }
  /**
   * Narrowed from src's lanes: f32 to the nearest f16 or bf16, ties to even, a NaN to some NaN; i32 to the nearest i8
   * or u8 (what does not fit becomes the largest or smallest that does).
   */
  | { readonly op: "storeas"; readonly src: Reg; readonly at: Address; readonly type: NarrowType; readonly mask?: Reg }
  | { readonly op: "prefetch"; readonly at: Address } // a hint: bring this line to the second cache; may point anywhere
  // --- vectors
  | { readonly op: "splat"; readonly dst: Reg; readonly value: number } // a constant (f32 value, or i32 bits) in every lane
  | { readonly op: "splatlane0"; readonly dst: Reg; readonly src: Reg } // lane 0 of any-width src to every lane of dst
  | { readonly op: "splatint"; readonly dst: Reg; readonly src: Reg } // an int to every lane of an i32 vector
  | { readonly op: "float2"; readonly kind: FloatBinary; readonly dst: Reg; readonly a: Reg; readonly b: Reg }
  | { readonly op: "float1"; readonly kind: FloatUnary; readonly dst: Reg; readonly a: Reg }
  | {
      readonly op: "fma";
      readonly dst: Reg;
      readonly a: Reg;
      readonly b: Reg;
      readonly c: Reg;
      readonly negate: boolean;
    } // +-(a*b)+c; dst may be c
  | { readonly op: "intvec2"; readonly kind: IntVecBinary; readonly dst: Reg; readonly a: Reg; readonly b: Reg }
  | { readonly op: "intshift"; readonly kind: IntVecShift; readonly dst: Reg; readonly a: Reg; readonly by: number }
  | { readonly op: "convert"; readonly kind: Convert; readonly dst: Reg; readonly a: Reg }
  | { readonly op: "iota"; readonly dst: Reg } // i32 vector 0, 1, 2, ...
  // lanes of src[i] for i < lanes/2^k ...: folds the upper half onto the lower until one lane is left, in that order
  | { readonly op: "reduce"; readonly kind: "fadd" | "pmax"; readonly dst: Reg; readonly src: Reg } // dst: f32x1; step: lower OP upper
  // lane l of dst is element indices[l] of a's lanes followed by b's
  | { readonly op: "shuffle"; readonly dst: Reg; readonly a: Reg; readonly b: Reg; readonly indices: readonly number[] }
  // --- masks
  | { readonly op: "cmpfloat"; readonly kind: CompareFloat; readonly dst: Reg; readonly a: Reg; readonly b: Reg }
  | { readonly op: "cmpint"; readonly kind: "eq" | "gt"; readonly dst: Reg; readonly a: Reg; readonly b: Reg } // signed i32 lanes
  | { readonly op: "firstlanes"; readonly dst: Reg; readonly count: IntArg } // lane index < count (count may be <= 0 or > lanes)
  | {
      readonly op: "mask2";
      readonly kind: "and" | "or" | "andnot";
      readonly dst: Reg;
      readonly a: Reg;
      readonly b: Reg;
    } // andnot: a and not b
  | { readonly op: "select"; readonly dst: Reg; readonly mask: Reg; readonly a: Reg; readonly b: Reg } // mask ? a : b
  | { readonly op: "keep"; readonly dst: Reg; readonly mask: Reg; readonly a: Reg } // mask ? a : +0 (all bits 0)
  // --- structure
  | {
      /**
       * Runs `body` for index = from, from+step, ... while index < to (step > 0; a constant). `from`/`to` are read
       * once.
       */
      readonly op: "loop";
      readonly index: Reg;
      readonly from: IntArg;
      readonly to: IntArg;
      readonly step: number;
      readonly body: readonly Instr[];
    }
  | {
      readonly op: "if";
      readonly kind: CompareInt;
      readonly a: Reg;
      readonly b: IntArg;
      readonly body: readonly Instr[];
      readonly otherwise: readonly Instr[];
    }
  | { readonly op: "comment"; readonly text: string };

/** The use of an operand: read, written, or both. */
export type Access = "read" | "write" | "readwrite";

/** An operand of a kernel. */
export interface Operand {
  /** Its name. */
  readonly name: string;
  /** What the kernel does with it. */
  readonly access: Access;
}

/** A kernel as data: structured code over typed virtual registers. */
export interface Kernel {
  /** Pure function of everything that shaped the code (target included): equal keys mean equal code. */
  readonly key: string;
  /** Its name, for profiles and messages. */
  readonly name: string;
  /** The machine that it is written for. */
  readonly target: CodeTarget;
  /** Its operands, in the order in which a step gives them. */
  readonly operands: readonly Operand[];
  /** The first piece of a call. */
  readonly begin: Reg;
  /** The piece after the last of a call. */
  readonly end: Reg;
  /** Samples of the run. */
  readonly batch: Reg;
  /** Its instructions. */
  readonly body: readonly Instr[];
  /** How many registers were made: ids are 0..registerCount-1. */
  readonly registerCount: number;
}

export const INT: Type = { kind: "int" };
export const PTR: Type = { kind: "ptr" };
export const f32 = (lanes: Lanes): Type => VECTOR_TYPES.f32[lanes];
export const i32 = (lanes: Lanes): Type => VECTOR_TYPES.i32[lanes];
export const maskOf = (lanes: Lanes): Type => VECTOR_TYPES.mask[lanes];

/** One object for each type: a kernel has thousands of registers. */
const VECTOR_TYPES = { f32: vectorTypes("f32"), i32: vectorTypes("i32"), mask: vectorTypes("mask") };

function vectorTypes(kind: "f32" | "i32" | "mask"): Readonly<Record<Lanes, Type>> {
  const type = (lanes: Lanes): Type => ({ kind, lanes });
  return { 1: type(1), 4: type(4), 8: type(8), 16: type(16) };
}

export function typeName(t: Type): string {
  return t.kind === "int" || t.kind === "ptr" ? t.kind : `${t.kind}x${t.lanes}`;
}

const NONE: readonly Reg[] = [];

/** Registers that an instruction reads (bodies of loops and ifs not included). */
export function reads(i: Instr): readonly Reg[] {
  return i.reads ?? argumentsOf(i);
}

/** The same from the instruction's own fields; the commonest stand first. */
export function argumentsOf(i: Operation): readonly Reg[] {
  switch (i.op) {
    case "fma":
      return [i.a, i.b, i.c];
    case "load":
    case "broadcast":
    case "loadint":
    case "prefetch":
      return [i.at.ptr];
    case "store":
    case "storeint":
      return [i.src, i.at.ptr];
    case "splat":
    case "operand":
    case "const":
    case "setconst":
    case "iota":
    case "comment":
      return NONE;
    case "int":
      return both(i.a, i.b);
    case "div":
    case "mod":
    case "float1":
    case "intshift":
    case "convert":
      return [i.a];
    case "ptradd":
      return typeof i.bytes === "number" ? [i.ptr] : [i.ptr, i.bytes];
    case "set":
    case "splatlane0":
    case "splatint":
    case "reduce":
      return [i.src];
    case "loadmask":
      return [i.at.ptr, i.mask];
    case "storemask":
      return [i.src, i.at.ptr, i.mask];
    case "loadas":
      return i.mask === undefined ? [i.at.ptr] : [i.at.ptr, i.mask];
    case "storeas":
      return i.mask === undefined ? [i.src, i.at.ptr] : [i.src, i.at.ptr, i.mask];
    case "float2":
    case "intvec2":
    case "shuffle":
    case "cmpfloat":
    case "cmpint":
    case "mask2":
      return [i.a, i.b];
    case "firstlanes":
      return typeof i.count === "number" ? NONE : [i.count];
    case "select":
      return [i.mask, i.a, i.b];
    case "keep":
      return [i.mask, i.a];
    case "loop":
      return both(i.from, i.to);
    case "if":
      return both(i.a, i.b);
  }
}

function both(a: IntArg, b: IntArg): readonly Reg[] {
  if (typeof a === "number") return typeof b === "number" ? NONE : [b];
  return typeof b === "number" ? [a] : [a, b];
}

/** The register that an instruction writes, if any (a loop's index included). */
export function writes(i: Instr): Reg | undefined {
  if (i.op === "loop") return i.index;
  return (i as { readonly dst?: Reg }).dst;
}

/** The vectors that a narrow type is widened to. */
export const wideOf = (type: NarrowType): "f32" | "i32" => (type === "f16" || type === "bf16" ? "f32" : "i32");
