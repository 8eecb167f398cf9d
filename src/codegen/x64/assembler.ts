/**
 * A small x86-64 assembler: general-purpose instructions with REX, vector instructions with VEX or EVEX (displacements
 * compressed as EVEX asks), labels, and a pool of constants behind the code that instructions address relative to the
 * instruction pointer. Whatever does not fit its field is refused with a KernelError; nothing is ever truncated.
 */
import { KernelError } from "../../base/errors.js";
import type { Instr } from "../ir.js";
import { ByteBuffer } from "./bytes.js";
import { memoryBytes, type VectorInstruction } from "./instructions.js";
import {
  CONDITION,
  type Condition,
  type Constant,
  type Label,
  type Memory,
  RBP,
  type RegisterOrMemory,
  RSP,
} from "./registers.js";

export type Encoding = "vex" | "evex";
export type VectorBits = 128 | 256 | 512;

export interface VectorOptions {
  readonly immediate?: number;
  /** EVEX write mask k1..k7, with zeroing of what it leaves out. */
  readonly mask?: number;
  readonly zero?: boolean;
  /** EVEX embedded broadcast of one memory element. */
  readonly broadcast?: boolean;
}

/** Two-operand integer arithmetic, by the row of the 80..83 group. */
const ARITHMETIC = { add: 0, or: 1, and: 4, sub: 5, xor: 6, cmp: 7 } as const;
export type Arithmetic = keyof typeof ARITHMETIC;

const PLAIN: VectorOptions = {};
const LETTER_I = 0x69;
const LETTER_S = 0x73;
const POOL_ALIGNMENT = 64;
const NOPS: readonly (readonly number[])[] = [
  [],
  [0x90],
  [0x66, 0x90],
  [0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0x00],
  [0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
  [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
];

export class Assembler {
  readonly #code = new ByteBuffer();
  readonly #constants: Uint8Array[] = [];
  readonly #constantIndex = new Map<string, Constant>();
  /** Four bytes at `position` that count from `end` to a constant or a label. */
  readonly #fixups: { position: number; end: number; target: Constant | Label }[] = [];
  readonly #starts: number[] = [];

  /** `encoding` is taken for instructions that have both forms. */
  constructor(readonly encoding: Encoding) {}

  get position(): number {
    return this.#code.length;
  }

  /** Tells whose code comes next: nothing here, and what a listing shows beside the code (`listing.ts`). */
  source(_i: Instr | undefined, _folded?: ReadonlyMap<number, Instr>): void {}

  // --- labels and constants

  label(): Label {
    return { position: undefined };
  }
  bind(label: Label): void {
    if (label.position !== undefined) throw new KernelError("assembler: a label was bound twice");
    label.position = this.position;
  }
  /** A constant of 2, 4, 8, 16, 32 or 64 bytes, aligned to its size. Equal bytes share a place. */
  constant(bytes: Uint8Array): Constant {
    const key = bytes.join(",");
    let constant = this.#constantIndex.get(key);
    if (!constant) {
      constant = { index: this.#constants.length };
      this.#constants.push(bytes);
      this.#constantIndex.set(key, constant);
    }
    return constant;
  }
  align(to: number): void {
    let missing = (to - (this.position % to)) % to;
    while (missing > 0) {
      const n = Math.min(missing, NOPS.length - 1);
      this.#code.bytes(NOPS[n]!);
      missing -= n;
    }
  }
  /** The code with its constants behind it. */
  finish(): Uint8Array {
    const starts = this.#starts;
    if (this.#constants.length > 0) while (this.#code.length % POOL_ALIGNMENT !== 0) this.#code.byte(0xcc);
    const bySize = this.#constants.map((_, i) => i);
    bySize.sort((a, b) => this.#constants[b]!.length - this.#constants[a]!.length || a - b);
    for (const i of bySize) {
      starts[i] = this.#code.length;
      this.#code.bytes(this.#constants[i]!);
    }
    for (const { position, end, target } of this.#fixups) {
      const to = "index" in target ? starts[target.index] : target.position;
      if (to === undefined) throw new KernelError("assembler: a jump goes to a label that was never bound");
      this.#code.patch32(position, to - end);
    }
    return this.#code.result();
  }
  /** Where each constant lies, by its index, once the code is finished. */
  get constantStarts(): readonly number[] {
    return this.#starts;
  }

  // --- control flow

  jmp(to: Label): void {
    this.#jump([0xeb], [0xe9], to);
  }
  jcc(condition: Condition, to: Label): void {
    this.#jump([0x70 | CONDITION[condition]], [0x0f, 0x80 | CONDITION[condition]], to);
  }
  ret(): void {
    this.#code.byte(0xc3);
  }
  push(r: number): void {
    this.#rex(false, 0, gpr(r));
    this.#code.byte(0x50 | (r & 7));
  }
  pop(r: number): void {
    this.#rex(false, 0, gpr(r));
    this.#code.byte(0x58 | (r & 7));
  }
  vzeroupper(): void {
    this.#code.bytes([0xc5, 0xf8, 0x77]);
  }
  cpuid(): void {
    this.#code.bytes([0x0f, 0xa2]);
  }
  xgetbv(): void {
    this.#code.bytes([0x0f, 0x01, 0xd0]);
  }

  // --- integers. 64 bits wide unless the name says 32.

  /** dst = src, register or memory. */
  mov(dst: number, src: RegisterOrMemory): void {
    this.#modrm(true, [0x8b], dst, src);
  }
  mov32(dst: number, src: RegisterOrMemory): void {
    this.#modrm(false, [0x8b], dst, src);
  }
  /** Into the second cache (prefetcht1). */
  prefetch(from: Memory): void {
    this.#modrm(false, [0x0f, 0x18], 2, from);
  }
  store(to: Memory, src: number): void {
    this.#modrm(true, [0x89], src, to);
  }
  store32(to: Memory, src: number): void {
    this.#modrm(false, [0x89], src, to);
  }
  /** dst = a 32-bit constant, sign extended; the shortest form that does not touch the flags. */
  movConstant(dst: number, value: number): void {
    signed(value, 32, "constant");
    if (value >= 0) this.movUnsigned(dst, value);
    else {
      this.#modrm(true, [0xc7], 0, gpr(dst), 4);
      this.#code.int32(value);
    }
  }
  /** dst = a constant of 0..2^32-1. */
  movUnsigned(dst: number, value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
      throw new KernelError(`assembler: constant ${value} does not fit 32 unsigned bits`);
    this.#rex(false, 0, gpr(dst));
    this.#code.byte(0xb8 | (dst & 7));
    this.#code.int32(value | 0);
  }
  storeConstant(to: Memory, value: number): void {
    signed(value, 32, "constant");
    this.#modrm(true, [0xc7], 0, to, 4);
    this.#code.int32(value);
  }
  /** Sign extend 32 bits to 64. */
  movsxd(dst: number, src: RegisterOrMemory): void {
    this.#modrm(true, [0x63], dst, src);
  }
  lea(dst: number, src: Memory): void {
    this.#modrm(true, [0x8d], dst, src);
  }
  arithmetic(op: Arithmetic, dst: number, src: RegisterOrMemory): void {
    this.#modrm(true, [(ARITHMETIC[op] << 3) | 3], dst, src);
  }
  arithmeticTo(op: Arithmetic, to: Memory, src: number): void {
    this.#modrm(true, [(ARITHMETIC[op] << 3) | 1], src, to);
  }
  arithmeticConstant(op: Arithmetic, dst: RegisterOrMemory, value: number): void {
    signed(value, 32, "constant");
    const short = value >= -128 && value <= 127;
    this.#modrm(true, [short ? 0x83 : 0x81], ARITHMETIC[op], dst, short ? 1 : 4);
    if (short) this.#code.byte(value & 0xff);
    else this.#code.int32(value);
  }
  imul(dst: number, src: RegisterOrMemory): void {
    this.#modrm(true, [0x0f, 0xaf], dst, src);
  }
  imulConstant(dst: number, src: RegisterOrMemory, value: number): void {
    signed(value, 32, "constant");
    const short = value >= -128 && value <= 127;
    this.#modrm(true, [short ? 0x6b : 0x69], dst, src, short ? 1 : 4);
    if (short) this.#code.byte(value & 0xff);
    else this.#code.int32(value);
  }
  shl(dst: number, by: number): void {
    this.#shift(4, dst, by);
  }
  shr(dst: number, by: number): void {
    this.#shift(5, dst, by);
  }
  neg(dst: number): void {
    this.#modrm(true, [0xf7], 3, gpr(dst));
  }
  /** dst = 0; changes the flags. */
  xor32(dst: number): void {
    this.#modrm(false, [0x31], dst, gpr(dst));
  }
  test(a: number, b: number): void {
    this.#modrm(true, [0x85], b, gpr(a));
  }
  cmov(condition: Condition, dst: number, src: RegisterOrMemory): void {
    this.#modrm(true, [0x0f, 0x40 | CONDITION[condition]], dst, src);
  }
  cmov32(condition: Condition, dst: number, src: RegisterOrMemory): void {
    this.#modrm(false, [0x0f, 0x40 | CONDITION[condition]], dst, src);
  }
  /** dst = src with the bits from `count`'s low byte upward cleared (BMI2). */
  bzhi32(dst: number, src: RegisterOrMemory, count: number): void {
    this.#vexPrefix(0, 2, 0, false, gpr(dst), gpr(count), src);
    this.#code.byte(0xf5);
    this.#operand(dst, src, 1, 0);
  }

  // --- vectors and masks

  /** Emit a row of the instruction table: `reg`, `second` (vvvv) and `rm` are the fields of the encoding. */
  vector(
    i: VectorInstruction,
    bits: VectorBits,
    reg: number,
    second: number,
    rm: RegisterOrMemory,
    options: VectorOptions = PLAIN,
  ): void {
    const encoding = i.encodings === "both" ? this.encoding : i.encodings;
    if (!i.bits.includes(bits) || (encoding === "vex" && bits === 512))
      throw new KernelError(`assembler: ${i.name} has no ${bits}-bit ${encoding} form`);
    if (typeof rm !== "number" && i.tuple === "none") throw new KernelError(`assembler: ${i.name} of memory`);
    if (typeof rm === "number" && i.mFile === "memory") throw new KernelError(`assembler: ${i.name} of a register`);
    const field = i.extension ?? reg;
    const last = i.operands.charCodeAt(i.operands.length - 1);
    const hasImmediate = last === LETTER_I || last === LETTER_S;
    if (hasImmediate !== (options.immediate !== undefined))
      throw new KernelError(`assembler: ${i.name} ${hasImmediate ? "needs" : "has no"} immediate`);
    const limit = encoding === "evex" ? 32 : 16;
    const masks = i.rFile === "mask" && (encoding === "evex" || i.encodings === "vex");
    if (masks && field > 7) throw new KernelError(`assembler: no mask register ${field} (${i.name})`);
    if (!isRegister(field, limit)) throw unnamed(field, encoding, i);
    if (!isRegister(second, limit)) throw unnamed(second, encoding, i);
    if (typeof rm === "number" && !isRegister(rm, limit)) throw unnamed(rm, encoding, i);
    let unit = 1;
    if (encoding === "evex") {
      this.#evexPrefix(i, bits, field, second, rm, options);
      unit = memoryBytes(i, bits, options.broadcast);
    } else {
      if (options.mask || options.broadcast) throw new KernelError(`assembler: ${i.name} has no masks in VEX`);
      this.#vexPrefix(i.prefix, i.map, i.vexW ?? 0, bits === 256, field, second, rm);
    }
    this.#code.byte(i.opcode);
    this.#operand(field, rm, unit, hasImmediate ? 1 : 0);
    if (options.immediate !== undefined) {
      if (!Number.isInteger(options.immediate) || options.immediate < 0 || options.immediate > 255)
        throw new KernelError(`assembler: immediate ${options.immediate} of ${i.name} is not a byte`);
      this.#code.byte(options.immediate);
    }
  }

  // --- within

  #jump(short: readonly number[], near: readonly number[], to: Label): void {
    if (to.position !== undefined) {
      const distance = to.position - (this.position + 2);
      if (distance >= -128) {
        this.#code.bytes(short);
        this.#code.byte(distance & 0xff);
        return;
      }
    }
    this.#code.bytes(near);
    this.#fixups.push({ position: this.position, end: this.position + 4, target: to });
    this.#code.int32(0);
  }
  #shift(extension: number, dst: number, by: number): void {
    if (!Number.isInteger(by) || by < 0 || by > 63) throw new KernelError(`assembler: shift by ${by}`);
    this.#modrm(true, [0xc1], extension, gpr(dst), 1);
    this.#code.byte(by);
  }
  /** REX where it is needed. `reg` and `rm` give the extension bits. */
  #rex(wide: boolean, reg: number, rm: RegisterOrMemory): void {
    const rex = (wide ? 8 : 0) | ((reg >> 3) << 2) | extensions(rm);
    if (rex !== 0) this.#code.byte(0x40 | rex);
  }
  #modrm(wide: boolean, opcode: readonly number[], reg: number, rm: RegisterOrMemory, immediateBytes = 0): void {
    if (typeof rm === "number") gpr(rm);
    this.#rex(wide, gpr(reg), rm);
    this.#code.bytes(opcode);
    this.#operand(reg, rm, 1, immediateBytes);
  }
  #vexPrefix(
    prefix: number,
    map: number,
    w: number,
    long: boolean,
    reg: number,
    second: number,
    rm: RegisterOrMemory,
  ): void {
    const xb = extensions(rm);
    const r = (reg >> 3) ^ 1;
    const tail = ((~second & 15) << 3) | (long ? 4 : 0) | prefix;
    if (xb === 0 && w === 0 && map === 1) {
      this.#code.byte(0xc5);
      this.#code.byte((r << 7) | tail);
    } else {
      this.#code.byte(0xc4);
      this.#code.byte((r << 7) | ((xb ^ 3) << 5) | map);
      this.#code.byte((w << 7) | tail);
    }
  }
  #evexPrefix(
    i: VectorInstruction,
    bits: VectorBits,
    reg: number,
    second: number,
    rm: RegisterOrMemory,
    options: VectorOptions,
  ): void {
    const mask = options.mask ?? 0;
    if (!Number.isInteger(mask) || mask < 0 || mask > 7) throw new KernelError(`assembler: mask register ${mask}`);
    if (options.zero && mask === 0) throw new KernelError("assembler: zeroing needs a mask");
    if (options.broadcast && (i.tuple !== "full" || typeof rm === "number"))
      throw new KernelError(`assembler: ${i.name} takes no embedded broadcast here`);
    // A register in rm is named by five bits: X carries the highest.
    const xb = typeof rm === "number" ? rm >> 3 : extensions(rm);
    const r = (reg >> 3) & 1;
    const length = bits === 512 ? 2 : bits === 256 ? 1 : 0;
    const code = this.#code;
    code.byte(0x62);
    code.byte(((r ^ 1) << 7) | ((xb ^ 3) << 5) | (((reg >> 4) ^ 1) << 4) | i.map);
    code.byte(((i.evexW ?? 0) << 7) | ((~second & 15) << 3) | 4 | i.prefix);
    code.byte(
      (options.zero ? 0x80 : 0) | (length << 5) | (options.broadcast ? 0x10 : 0) | (((second >> 4) ^ 1) << 3) | mask,
    );
  }
  /** ModRM, SIB and displacement. One-byte displacements count in `unit` bytes (EVEX compression; 1 elsewhere). */
  #operand(reg: number, rm: RegisterOrMemory, unit: number, immediateBytes: number): void {
    const field = (reg & 7) << 3;
    if (typeof rm === "number") {
      this.#code.byte(0xc0 | field | (rm & 7));
      return;
    }
    if ("constant" in rm) {
      this.#code.byte(field | 5);
      this.#fixups.push({ position: this.position, end: this.position + 4 + immediateBytes, target: rm.constant });
      this.#code.int32(0);
      return;
    }
    const { base, index, scale = 1, displacement } = rm;
    gpr(base);
    signed(displacement, 32, "displacement");
    const short = displacement / unit;
    // Base rbp or r13 without a displacement would mean something else, so it takes a zero one.
    const mode =
      displacement === 0 && (base & 7) !== RBP ? 0 : Number.isInteger(short) && short >= -128 && short <= 127 ? 1 : 2;
    if (index !== undefined || (base & 7) === RSP) {
      if (index === RSP) throw new KernelError("assembler: rsp cannot be an index");
      this.#code.byte((mode << 6) | field | 4);
      this.#code.byte((Math.log2(scale) << 6) | (((index ?? RSP) & 7) << 3) | (base & 7));
    } else this.#code.byte((mode << 6) | field | (base & 7));
    if (mode === 1) this.#code.byte(short & 0xff);
    else if (mode === 2) this.#code.int32(displacement);
  }
}

function gpr(r: number): number {
  if (!Number.isInteger(r) || r < 0 || r > 15) throw new KernelError(`assembler: no general-purpose register ${r}`);
  return r;
}

function signed(value: number, bits: number, what: string): void {
  const limit = 2 ** (bits - 1);
  if (!Number.isInteger(value) || value < -limit || value >= limit)
    throw new KernelError(`assembler: ${what} ${value} does not fit ${bits} signed bits`);
}

/** Whether the number names a register of `limit`. */
function isRegister(r: number, limit: number): boolean {
  return Number.isInteger(r) && r >= 0 && r < limit;
}

function unnamed(r: number, encoding: Encoding, { name }: VectorInstruction): KernelError {
  return new KernelError(`assembler: register ${r} cannot be named by a ${encoding} ${name}`);
}

/**
 * The X and B bits, X the higher, that extend a memory operand's index and base, or a general-purpose register in rm.
 */
function extensions(rm: RegisterOrMemory): number {
  if (typeof rm === "number") return (rm >> 3) & 1;
  if ("constant" in rm) return 0;
  return (((rm.index ?? 0) >> 3) << 1) | (rm.base >> 3);
}
