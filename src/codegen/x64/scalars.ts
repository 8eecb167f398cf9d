/**
 * Integers and pointers. Values are kept sign extended to 64 bits; those in the frame are memory operands or pass
 * through the scratch register.
 */
import type { Instr, IntArg, Reg } from "../ir.js";
import type { Emitter } from "./emitter.js";
import { type Condition, RAX, type RegisterOrMemory } from "./registers.js";

type ScalarInstr = Extract<
  Instr,
  { op: "operand" | "const" | "setconst" | "set" | "int" | "div" | "mod" | "ptradd" | "loadint" | "storeint" }
>;

/** Encodes a scalar instruction. `set` comes here for ints and pointers only. */
export function encodeScalar(e: Emitter, i: ScalarInstr): void {
  const { asm } = e;
  switch (i.op) {
    case "operand":
      e.define(i.dst, (r) => asm.mov(r, { base: e.tableIn(r), displacement: 8 * i.index }));
      break;
    case "const":
    case "setconst": {
      const place = e.int(i.dst);
      if (typeof place === "number") setConstant(e, place, i.value);
      else {
        asm.storeConstant(place, i.value);
        e.changed(i.dst);
      }
      break;
    }
    case "set": {
      const from = e.int(i.src);
      const to = e.int(i.dst);
      if (typeof to === "number") {
        if (to !== from) asm.mov(to, from);
      } else if (typeof from === "number") {
        asm.store(to, from);
        e.changed(i.dst);
      } else e.define(i.dst, (r) => asm.mov(r, from));
      break;
    }
    case "int":
      encodeBinary(e, i);
      break;
    case "ptradd":
      add(e, i.dst, i.ptr, i.bytes);
      break;
    case "div":
    case "mod":
      divide(e, i);
      break;
    case "loadint": {
      const from = e.memory(i.at);
      e.define(i.dst, (r) => asm.movsxd(r, from));
      break;
    }
    case "storeint": {
      const from = e.int(i.src);
      if (typeof from === "number") asm.store32(e.memory(i.at), from);
      else if (typeof e.int(i.at.ptr) === "number") {
        asm.mov32(e.scratch(), from);
        asm.store32(e.memory(i.at), RAX);
      } else
        e.withSpare((spare) => {
          asm.mov32(spare, e.int(i.src));
          asm.store32(e.memory(i.at), spare);
        });
      break;
    }
  }
}

function setConstant(e: Emitter, register: number, value: number): void {
  if (value === 0) e.asm.xor32(register);
  else e.asm.movConstant(register, value);
}

/** Compare two ints and name the condition codes by their signed meaning. */
export function compareInts(e: Emitter, a: Reg, b: IntArg): void {
  const { asm } = e;
  const left = e.int(a);
  const right = e.argument(b);
  if (typeof right === "object" && "value" in right) {
    if (right.value === 0 && typeof left === "number") asm.test(left, left);
    else asm.arithmeticConstant("cmp", left, right.value);
  } else if (typeof left === "number") asm.arithmetic("cmp", left, right);
  else if (typeof right === "number") asm.arithmeticTo("cmp", left, right);
  else {
    asm.mov(e.scratch(), left);
    asm.arithmetic("cmp", RAX, right);
  }
}

export const INT_CONDITION: Readonly<Record<"lt" | "le" | "eq" | "ne" | "gt" | "ge", Condition>> = {
  lt: "l",
  le: "le",
  eq: "e",
  ne: "ne",
  gt: "g",
  ge: "ge",
};

function encodeBinary(e: Emitter, i: Extract<Instr, { op: "int" }>): void {
  // A constant goes to the right where the order does not matter.
  const [a, b] = typeof i.a === "number" && i.kind !== "sub" ? [i.b, i.a] : [i.a, i.b];
  if (typeof a === "number") {
    if (typeof b !== "number") subtractFromConstant(e, i.dst, a, b);
    return;
  }
  switch (i.kind) {
    case "add":
      add(e, i.dst, a, b);
      break;
    case "sub":
      if (typeof b === "number" && b !== -0x80000000) add(e, i.dst, a, -b);
      else subtract(e, i.dst, a, b);
      break;
    case "mul":
      multiply(e, i.dst, a, b);
      break;
    case "min":
      choose(e, "g", i.dst, a, b);
      break;
    case "max":
      choose(e, "l", i.dst, a, b);
      break;
  }
}

function move(e: Emitter, to: number, from: RegisterOrMemory): void {
  if (to !== from) e.asm.mov(to, from);
}

function add(e: Emitter, dst: Reg, a: Reg, b: IntArg): void {
  const { asm } = e;
  const place = e.int(dst);
  if (typeof b === "number") {
    if (typeof place !== "number" && dst.id === a.id) {
      if (b !== 0) asm.arithmeticConstant("add", place, b);
      e.changed(dst);
      return;
    }
    e.define(dst, (r) => {
      const left = e.int(a);
      if (b === 0) move(e, r, left);
      else if (left === r || typeof left !== "number") {
        move(e, r, left);
        asm.arithmeticConstant("add", r, b);
      } else asm.lea(r, { base: left, displacement: b });
    });
    return;
  }
  if (typeof place !== "number" && (dst.id === a.id || dst.id === b.id)) {
    const other = e.int(dst.id === a.id ? b : a);
    if (typeof other === "number") {
      asm.arithmeticTo("add", place, other);
      e.changed(dst);
      return;
    }
  }
  e.define(dst, (r) => {
    const [left, right] = [e.int(a), e.int(b)];
    if (left === r) asm.arithmetic("add", r, right);
    else if (right === r) asm.arithmetic("add", r, left);
    else if (typeof left === "number" && typeof right === "number")
      asm.lea(r, { base: left, index: right, scale: 1, displacement: 0 });
    else {
      asm.mov(r, left);
      asm.arithmetic("add", r, right);
    }
  });
}

function subtract(e: Emitter, dst: Reg, a: Reg, b: IntArg): void {
  const { asm } = e;
  e.define(dst, (r) => {
    const left = e.int(a);
    const right = e.argument(b);
    if (typeof right === "object" && "value" in right) {
      move(e, r, left);
      asm.arithmeticConstant("sub", r, right.value);
    } else if (right === r && left !== r) {
      asm.mov(e.scratch(), left);
      asm.arithmetic("sub", RAX, right);
      asm.mov(r, RAX);
    } else {
      move(e, r, left);
      asm.arithmetic("sub", r, right);
    }
  });
}

function subtractFromConstant(e: Emitter, dst: Reg, a: number, b: Reg): void {
  const { asm } = e;
  e.define(dst, (r) => {
    const right = e.int(b);
    if (right === r) {
      asm.neg(r);
      asm.arithmeticConstant("add", r, a);
    } else {
      setConstant(e, r, a);
      asm.arithmetic("sub", r, right);
    }
  });
}

function multiply(e: Emitter, dst: Reg, a: Reg, b: IntArg): void {
  const { asm } = e;
  e.define(dst, (r) => {
    const left = e.int(a);
    if (typeof b === "number") {
      if (b > 0 && (b & (b - 1)) === 0) {
        move(e, r, left);
        if (b > 1) asm.shl(r, Math.log2(b));
      } else asm.imulConstant(r, left, b);
      return;
    }
    const right = e.int(b);
    if (left === r) asm.imul(r, right);
    else if (right === r) asm.imul(r, left);
    else {
      asm.mov(r, left);
      asm.imul(r, right);
    }
  });
}

/** dst = a, or b where `condition` holds of a compared with b. */
function choose(e: Emitter, condition: "g" | "l", dst: Reg, a: Reg, b: IntArg): void {
  const { asm } = e;
  e.define(dst, (r) => {
    if (typeof b === "number") {
      move(e, r, e.int(a));
      asm.arithmeticConstant("cmp", r, b);
      asm.cmov(condition, r, e.quad(b));
      return;
    }
    const [left, right] = [e.int(a), e.int(b)];
    const other = right === r ? left : right;
    if (right !== r) move(e, r, left);
    asm.arithmetic("cmp", r, other);
    asm.cmov(condition, r, other);
  });
}

/**
 * Division of 0 <= a < 2^31 by a constant d: with 2^(l-1) < d <= 2^l and m = ceil(2^(31+l) / d) < 2^32, the quotient is
 * floor(a * m / 2^(31+l)), since m * d exceeds 2^(31+l) by less than 2^l (Granlund and Montgomery, 1994). a * m < 2^63.
 */
function divide(e: Emitter, i: Extract<Instr, { op: "div" | "mod" }>): void {
  const { asm } = e;
  const { by } = i;
  const log = 32 - Math.clz32(by - 1);
  const shift = 31 + log;
  const multiplier = Number((2n ** BigInt(shift) + BigInt(by) - 1n) / BigInt(by));
  e.define(i.dst, (r) => {
    const a = e.int(i.a);
    if ((by & (by - 1)) === 0) {
      if (i.op === "mod" && by === 1) {
        setConstant(e, r, 0);
        return;
      }
      move(e, r, a);
      if (i.op === "mod") asm.arithmeticConstant("and", r, by - 1);
      else if (by > 1) asm.shr(r, log);
      return;
    }
    const quotient = i.op === "div" && r !== a ? r : e.scratch();
    asm.movUnsigned(quotient, multiplier);
    asm.imul(quotient, a);
    asm.shr(quotient, shift);
    if (i.op === "div") move(e, r, quotient);
    else {
      asm.imulConstant(quotient, quotient, by);
      if (r === a) asm.arithmetic("sub", r, quotient);
      else if (r === quotient) {
        asm.neg(r);
        asm.arithmetic("add", r, a);
      } else {
        asm.mov(r, a);
        asm.arithmetic("sub", r, quotient);
      }
    }
  });
}
