/**
 * Appends instructions to the block that is being written: one method for each family of them, which gives its result.
 */

import type { NarrowType } from "../../base/element-type.js";
import type { Lanes } from "../../target/target.js";
import {
  argumentsOf,
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
  type Reg,
  type Type,
  wideOf,
} from "../ir.js";
import type { ArgumentChecks } from "./checks.js";

export class InstructionWriter {
  readonly root: Instr[] = [];
  readonly #check: ArgumentChecks;
  #block: Instr[] = this.root;
  #count = 0;

  constructor(check: ArgumentChecks) {
    this.#check = check;
  }

  get registerCount(): number {
    return this.#count;
  }

  inside(write: () => void): Instr[] {
    const outer = this.#block;
    const block: Instr[] = [];
    this.#block = block;
    write();
    this.#block = outer;
    return block;
  }
  emit(i: Instr): void {
    (i as { reads?: readonly Reg[] }).reads = argumentsOf(i);
    this.#block.push(i);
  }
  reg(type: Type, name: string, mutable = false): Reg {
    this.#check.fits(type);
    return { id: this.#count++, type, name, mutable, inFrame: false };
  }
  int(kind: IntBinary, a: IntArg, b: IntArg): Reg {
    this.#check.intArgument(a);
    this.#check.intArgument(b);
    if (typeof a === "number" && typeof b === "number") this.#check.fail("two constants: fold them in TypeScript");
    const dst = this.reg(INT, "t");
    this.emit({ op: "int", kind, dst, a, b });
    return dst;
  }
  divide(op: "div" | "mod", a: Reg, by: number): Reg {
    this.#check.want(a, "int");
    if (!Number.isInteger(by) || by < 1 || by > 0x7fffffff)
      this.#check.fail(`${op} by ${by}: expected a positive 31-bit constant`);
    const dst = this.reg(INT, "t");
    this.emit({ op, dst, a, by });
    return dst;
  }
  load(op: "load" | "broadcast", ptr: Reg, offset: number, type: Type): Reg {
    const dst = this.reg(type, op === "load" ? "loaded" : "b");
    this.emit({ op, dst, at: this.at(ptr, offset) });
    return dst;
  }
  loadAs(type: NarrowType, ptr: Reg, offset: number, lanes: Lanes, mask?: Reg): Reg {
    const dst = this.reg(wideOf(type) === "f32" ? f32(lanes) : i32(lanes), "loaded");
    const instr = { op: "loadas", dst, at: this.at(ptr, offset), type } as const;
    this.emit(mask === undefined ? instr : { ...instr, mask });
    return dst;
  }
  storeAs(type: NarrowType, ptr: Reg, offset: number, src: Reg, mask?: Reg): void {
    this.#check.want(src, wideOf(type));
    const instr = { op: "storeas", src, at: this.at(ptr, offset), type } as const;
    this.emit(mask === undefined ? instr : { ...instr, mask });
  }
  at(ptr: Reg, offset: number): { ptr: Reg; offset: number } {
    this.#check.want(ptr, "ptr");
    return { ptr, offset: this.#check.integer(offset) };
  }
  float2(kind: FloatBinary, a: Reg, b: Reg): Reg {
    this.#check.want(a, "f32");
    this.#check.same(a, b);
    const dst = this.reg(a.type, "f");
    this.emit({ op: "float2", kind, dst, a, b });
    return dst;
  }
  float1(kind: FloatUnary, a: Reg): Reg {
    this.#check.want(a, "f32");
    const dst = this.reg(a.type, "f");
    this.emit({ op: "float1", kind, dst, a });
    return dst;
  }
  fma(a: Reg, b: Reg, c: Reg, negate: boolean): Reg {
    this.#check.want(a, "f32");
    this.#check.same(a, b);
    this.#check.same(a, c);
    const dst = this.reg(a.type, "f");
    this.emit({ op: "fma", dst, a, b, c, negate });
    return dst;
  }
  reduce(kind: "fadd" | "pmax", src: Reg): Reg {
    this.#check.want(src, "f32");
    const dst = this.reg(f32(1), "sum");
    this.emit({ op: "reduce", kind, dst, src });
    return dst;
  }
  intvec(kind: IntVecBinary, a: Reg, b: Reg): Reg {
    this.#check.want(a, "i32");
    this.#check.same(a, b);
    const dst = this.reg(a.type, "n");
    this.emit({ op: "intvec2", kind, dst, a, b });
    return dst;
  }
  shift(kind: IntVecShift, a: Reg, by: number): Reg {
    this.#check.want(a, "i32");
    if (!Number.isInteger(by) || by < 0 || by > 31) this.#check.fail(`shift by ${by}: expected 0..31`);
    const dst = this.reg(a.type, "n");
    this.emit({ op: "intshift", kind, dst, a, by });
    return dst;
  }
  convert(kind: "toFloat" | "toInt" | "asInt" | "asFloat", a: Reg, from: Type["kind"], to: "f32" | "i32"): Reg {
    this.#check.want(a, from);
    const lanes = this.#check.lanes(a);
    const dst = this.reg(to === "f32" ? f32(lanes) : i32(lanes), a.name);
    this.emit({ op: "convert", kind, dst, a });
    return dst;
  }
  mask2(kind: "and" | "or" | "andnot", a: Reg, b: Reg): Reg {
    this.#check.want(a, "mask");
    this.#check.same(a, b);
    const dst = this.reg(a.type, "m");
    this.emit({ op: "mask2", kind, dst, a, b });
    return dst;
  }
}
