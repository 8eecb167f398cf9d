/** What may be given to the kernel builder: checked as the kernel is written, and refused with the kernel's name. */

import type { CodeTarget, Lanes } from "../../target/target.js";
import { type IntArg, type Reg, type Type, typeName } from "../ir.js";

export class ArgumentChecks {
  readonly #kernel: string;
  readonly #target: CodeTarget;

  constructor(kernel: string, target: CodeTarget) {
    this.#kernel = kernel;
    this.#target = target;
  }

  intArgument(x: IntArg): void {
    if (typeof x === "number") this.integer(x);
    else this.want(x, "int");
  }
  want(r: Reg, kind: Type["kind"]): void {
    if (r.type.kind !== kind) this.fail(`expected ${kind}, got ${typeName(r.type)} "${r.name}"`);
  }
  mutable(r: Reg): void {
    if (!r.mutable) this.fail(`"${r.name}" is assigned once; make it with var() or acc() to change it`);
  }
  same(a: Reg, b: Reg): void {
    if (!isSameType(a.type, b.type)) this.fail(`types differ: ${typeName(a.type)} and ${typeName(b.type)}`);
  }
  lanes(r: Reg): Lanes {
    if (r.type.kind === "int" || r.type.kind === "ptr")
      this.fail(`expected a vector, got ${typeName(r.type)} "${r.name}"`);
    this.fits(r.type);
    return r.type.lanes;
  }
  fits(type: Type): void {
    if ("lanes" in type && type.lanes > this.#target.lanes)
      this.fail(`${typeName(type)} is wider than ${this.#target.name}'s ${this.#target.lanes} lanes`);
  }
  sameLanes(a: Reg, b: Reg): void {
    if (this.lanes(a) !== this.lanes(b)) this.fail(`lanes differ: ${typeName(a.type)} and ${typeName(b.type)}`);
  }
  integer(value: number): number {
    if (!Number.isInteger(value) || value < -0x80000000 || value > 0x7fffffff)
      this.fail(`${value} is not a 32-bit integer`);
    return value;
  }
  fail(message: string): never {
    throw new TypeError(`kernel ${this.#kernel}: ${message}`);
  }
}

/** Compared without their names, since every instruction asks. */
function isSameType(a: Type, b: Type): boolean {
  return a.kind === b.kind && ("lanes" in a ? a.lanes : 1) === ("lanes" in b ? b.lanes : 1);
}
