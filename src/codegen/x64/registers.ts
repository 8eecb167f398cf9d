/** Names and numbers of x86-64 registers, and memory operands. */

/** General-purpose registers by their encoding. */
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;
export const R8 = 8;
export const R9 = 9;
export const R10 = 10;
export const R11 = 11;
export const R12 = 12;
export const R13 = 13;
export const R14 = 14;
export const R15 = 15;

/** What the System V calling convention makes a function restore. */
export const CALLEE_SAVED: readonly number[] = [RBX, RBP, R12, R13, R14, R15];

/** A place in the code that jumps can name before it is bound. */
export interface Label {
  position: number | undefined;
}

/** Bytes in the constant pool behind the code. */
export interface Constant {
  readonly index: number;
}

/** [base + index * scale + displacement], or a constant relative to the instruction pointer. */
export type Memory =
  | {
      readonly base: number;
      readonly index?: number;
      readonly scale?: 1 | 2 | 4 | 8;
      readonly displacement: number;
    }
  | { readonly constant: Constant };

/** A register number or a memory operand. */
export type RegisterOrMemory = number | Memory;

export function at(base: number, displacement: number): Memory {
  return { base, displacement };
}

/** Condition codes as the low four bits of jcc, cmovcc and setcc. */
export const CONDITION = {
  b: 2,
  ae: 3,
  e: 4,
  ne: 5,
  be: 6,
  a: 7,
  s: 8,
  ns: 9,
  l: 12,
  ge: 13,
  le: 14,
  g: 15,
} as const;
export type Condition = keyof typeof CONDITION;

/** The condition that holds exactly when `c` does not: the lowest bit flips. */
export const OPPOSITE: Readonly<Record<Condition, Condition>> = {
  b: "ae",
  ae: "b",
  e: "ne",
  ne: "e",
  be: "a",
  a: "be",
  s: "ns",
  ns: "s",
  l: "ge",
  ge: "l",
  le: "g",
  g: "le",
};
