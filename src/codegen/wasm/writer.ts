/**
 * One kernel as the code of a WebAssembly function: locals, addresses, control flow and integers. Vector instructions
 * are vectors.ts's.
 */

import { KernelError } from "../../base/errors.js";
import type { Address, CompareInt, Instr, IntArg, Kernel, Reg } from "../ir.js";
import { lineOf, printInstr } from "../print.js";
import { ByteWriter } from "./bytes.js";
import type { FunctionBody } from "./module.js";
import { VALUE_I32, VALUE_V128 } from "./module.js";
import { BLOCK_VOID, OP, SIMD } from "./opcodes.js";

const TABLE = 0;

const PARAMETERS = 4;

/** Ids of locals that no register has, from here down. */
const TEMPORARY = -1;

/** WebAssembly's memory accesses need no more than this of their addresses: 2^2 bytes. */
const ALIGNMENT = 2;

const INT_BINARY = { add: OP.i32_add, sub: OP.i32_sub, mul: OP.i32_mul } as const;

const COMPARE_INT: Record<CompareInt, number> = {
  lt: OP.i32_lt_s,
  le: OP.i32_le_s,
  eq: OP.i32_eq,
  ne: OP.i32_ne,
  gt: OP.i32_gt_s,
  ge: OP.i32_ge_s,
};

export class FunctionWriter {
  readonly #kernel: Kernel;
  readonly #code = new ByteWriter();
  readonly #locals = new Map<number, number>();
  #ints = PARAMETERS;
  #vectors: number;
  readonly #firstVector: number;

  readonly #vectorCode: (writer: FunctionWriter, i: Instr) => void;

  readonly #source: ((i: Instr, position: number) => void) | undefined;

  /**
   * `vectorCode` appends the vector instructions.
   * @param source told of each instruction, and how many bytes were written before what comes next of it
   */
  constructor(
    kernel: Kernel,
    vectorCode: (writer: FunctionWriter, i: Instr) => void,
    source?: (i: Instr, position: number) => void,
  ) {
    this.#kernel = kernel;
    this.#vectorCode = vectorCode;
    this.#source = source;
    [kernel.begin, kernel.end, kernel.batch].forEach((r, n) => {
      this.#locals.set(r.id, n + 1);
    });
    this.#assignInts(kernel.body);
    this.#firstVector = this.#ints;
    this.#vectors = this.#ints;
  }

  finish(): FunctionBody {
    this.#block(this.#kernel.body);
    return {
      locals: [
        { type: VALUE_I32, count: this.#firstVector - PARAMETERS },
        { type: VALUE_V128, count: this.#vectors - this.#firstVector },
      ],
      code: this.#code,
    };
  }

  /** The local of each register, by its id; the parameters first, of which the operand table is 0. */
  get locals(): ReadonlyMap<number, number> {
    return this.#locals;
  }

  // --- what `vectors.ts` writes with

  op(...bytes: readonly number[]): this {
    this.#code.byte(...bytes);
    return this;
  }
  simd(opcode: number): this {
    this.#code.byte(OP.simd).u32(opcode);
    return this;
  }
  get(r: Reg): this {
    this.#code.byte(OP.local_get).u32(this.#local(r.id));
    return this;
  }
  set(r: Reg): this {
    this.#code.byte(OP.local_set).u32(this.#local(r.id));
    return this;
  }
  arg(a: IntArg): this {
    if (typeof a !== "number") return this.get(a);
    this.#code.byte(OP.i32_const).s32(a);
    return this;
  }
  constant(words: readonly number[]): this {
    this.simd(SIMD.v128_const);
    for (const word of words) this.#code.fixed32(word);
    return this;
  }
  shuffleWords(words: readonly number[]): this {
    this.simd(SIMD.i8x16_shuffle);
    for (const word of words) this.#code.byte(4 * word, 4 * word + 1, 4 * word + 2, 4 * word + 3);
    return this;
  }
  /** Pushes what an access's address is taken from; `offset` gives the part that goes into the instruction. */
  pointer(at: Address): this {
    this.get(at.ptr);
    if (at.offset < 0) this.arg(at.offset).op(OP.i32_add);
    return this;
  }
  /** Alignment and offset, after the opcode; `skip` elements further. */
  memory(at: Address, skip = 0): this {
    return this.memoryOf(at, 4, skip);
  }
  /** The same for elements of 1, 2 or 4 bytes. */
  memoryOf(at: Address, size: number, skip = 0): this {
    this.#code.u32(Math.min(Math.log2(size), ALIGNMENT)).u32(Math.max(at.offset, 0) + size * skip);
    return this;
  }
  /** Local `n` of those for use within one instruction. */
  temporary(n: number): { get: () => FunctionWriter; set: () => FunctionWriter } {
    const local = this.#local(TEMPORARY - n);
    const op = (opcode: number) => () => {
      this.#code.byte(opcode).u32(local);
      return this;
    };
    return { get: op(OP.local_get), set: op(OP.local_set) };
  }
  fail(i: Instr, message: string): never {
    const kernel = this.#kernel;
    throw new KernelError(`kernel "${kernel.name}", line ${lineOf(kernel, i)}: ${printInstr(i, kernel)}: ${message}`);
  }
  get fused(): boolean {
    return this.#kernel.target.fma === "fused";
  }

  // --- scalars and structure

  #block(block: readonly Instr[]): void {
    for (const i of block) {
      this.#source?.(i, this.#code.length);
      this.#instr(i);
    }
  }
  /** One that is within another, whose own code goes on behind it. */
  #blockOf(outer: Instr, block: readonly Instr[]): void {
    this.#block(block);
    this.#source?.(outer, this.#code.length);
  }

  #instr(i: Instr): void {
    switch (i.op) {
      case "comment":
        return;
      case "operand":
        this.op(OP.local_get, TABLE, OP.i32_load);
        this.#code.u32(ALIGNMENT).u32(4 * i.index);
        this.set(i.dst);
        return;
      case "const":
      case "setconst":
        this.arg(i.value).set(i.dst);
        return;
      case "int":
        if (i.kind === "min" || i.kind === "max") {
          this.arg(i.a).arg(i.b).arg(i.a).arg(i.b);
          this.op(i.kind === "min" ? OP.i32_lt_s : OP.i32_gt_s, OP.select);
        } else this.arg(i.a).arg(i.b).op(INT_BINARY[i.kind]);
        this.set(i.dst);
        return;
      case "div":
      case "mod":
        this.get(i.a).#divide(i.op, i.by).set(i.dst);
        return;
      case "ptradd":
        this.get(i.ptr).arg(i.bytes).op(OP.i32_add).set(i.dst);
        return;
      case "set":
        this.get(i.src).set(i.dst);
        return;
      case "loadint":
        this.pointer(i.at).op(OP.i32_load).memory(i.at).set(i.dst);
        return;
      case "storeint":
        this.pointer(i.at).get(i.src).op(OP.i32_store).memory(i.at);
        return;
      case "loop":
        this.#loop(i);
        return;
      case "if":
        this.get(i.a).arg(i.b).op(COMPARE_INT[i.kind], OP.if, BLOCK_VOID);
        this.#blockOf(i, i.body);
        if (i.otherwise.length > 0) {
          this.op(OP.else);
          this.#blockOf(i, i.otherwise);
        }
        this.op(OP.end);
        return;
      default:
        this.#vectorCode(this, i);
    }
  }

  /** Tests at the bottom; once before, unless both bounds are constants. */
  #loop(i: Extract<Instr, { op: "loop" }>): void {
    const copy = this.#bounds.get(i);
    if (copy !== undefined) {
      this.arg(i.to).op(OP.local_set);
      this.#code.u32(copy);
    }
    const pushEnd = () => {
      if (copy === undefined) this.arg(i.to);
      else {
        this.op(OP.local_get);
        this.#code.u32(copy);
      }
    };
    const constant = typeof i.from === "number" && typeof i.to === "number";
    if (constant && i.from >= i.to) return;
    this.arg(i.from).set(i.index);
    if (!constant) {
      this.get(i.index);
      pushEnd();
      this.op(OP.i32_lt_s, OP.if, BLOCK_VOID);
    }
    this.op(OP.loop, BLOCK_VOID);
    this.#blockOf(i, i.body);
    this.get(i.index).arg(i.step).op(OP.i32_add, OP.local_tee);
    this.#code.u32(this.#local(i.index.id));
    pushEnd();
    this.op(OP.i32_lt_s, OP.br_if, 0, OP.end);
    if (!constant) this.op(OP.end);
  }

  /** Of a non-negative value by a positive constant. */
  #divide(op: "div" | "mod", by: number): this {
    const shift = Math.log2(by);
    if (!Number.isInteger(shift)) return this.arg(by).op(op === "div" ? OP.i32_div_u : OP.i32_rem_u);
    return op === "div" ? this.arg(shift).op(OP.i32_shr_u) : this.arg(by - 1).op(OP.i32_and);
  }

  /** The copy of a mutable loop bound, which is read once. */
  readonly #bounds = new Map<Instr, number>();

  /** Ints and pointers get their locals first, since locals are declared by type. */
  #assignInts(block: readonly Instr[]): void {
    for (const i of block) {
      const dst = i.op === "loop" ? i.index : "dst" in i ? i.dst : undefined;
      if (dst !== undefined && !("lanes" in dst.type) && !this.#locals.has(dst.id))
        this.#locals.set(dst.id, this.#ints++);
      if (i.op === "loop" && typeof i.to !== "number" && i.to.mutable) this.#bounds.set(i, this.#ints++);
      if (i.op === "loop" || i.op === "if") this.#assignInts(i.body);
      if (i.op === "if") this.#assignInts(i.otherwise);
    }
  }

  #local(id: number): number {
    let local = this.#locals.get(id);
    if (local === undefined) {
      local = this.#vectors++;
      this.#locals.set(id, local);
    }
    return local;
  }
}
