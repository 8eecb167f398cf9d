/**
 * What the instruction groups share while a kernel is encoded: where registers lie, the scratch register, the frame,
 * and constants.
 */
import { KernelError } from "../../base/errors.js";
import type { Allocation } from "../allocate.js";
import type { Address, Instr, IntArg, Kernel, Reg } from "../ir.js";
import type { Assembler } from "./assembler.js";
import { isEvex } from "./model.js";
import { at, type Label, type Memory, RAX, type RegisterOrMemory, RSP } from "./registers.js";
import type { Selection } from "./select.js";
import { framePointer } from "./spill.js";

export class Emitter {
  /** Frame slots beyond those of registers: the operand table, and copies of loop bounds. */
  #extraSlots = 0;
  #tableSlot: number | undefined;
  /** The pointer that the scratch register holds, so that a run of accesses loads it from the frame once. */
  #scratchHolds: Reg | undefined;
  /** Constants by their pattern and how often it is repeated. */
  readonly #words = new Map<number, Map<number, Memory>>();
  readonly #lists = new Map<string, Memory>();
  /** The pointer of what waits in the frame's first slots. */
  readonly #frame: Reg;
  /** Bytes pushed since the frame was made. */
  #pushed = 0;

  constructor(
    readonly kernel: Kernel,
    readonly asm: Assembler,
    readonly selection: Selection,
    readonly allocation: Allocation,
    readonly table: Reg | undefined,
  ) {
    this.#frame = framePointer(kernel);
  }

  get wide(): boolean {
    return isEvex(this.kernel.target);
  }

  // --- the frame

  get frameBytes(): number {
    return 8 * (this.allocation.slots + this.#extraSlots);
  }
  get tableSlot(): number | undefined {
    return this.#tableSlot;
  }
  newSlot(): number {
    return this.allocation.slots + this.#extraSlots++;
  }
  slotMemory(slot: number): Memory {
    return at(RSP, 8 * slot + this.#pushed);
  }
  /** The register that holds the operand table's address: its own, or `otherwise` after loading it from the frame. */
  tableIn(otherwise: number): number {
    if (this.table) return this.allocation.place(this.table);
    this.#tableSlot ??= this.newSlot();
    this.asm.mov(otherwise, this.slotMemory(this.#tableSlot));
    return otherwise;
  }

  // --- registers

  /** A register that the next instructions may change freely. */
  scratch(): number {
    this.#scratchHolds = undefined;
    return RAX;
  }
  /** Control flow meets here: nothing is known of the scratch register. */
  bind(label: Label): void {
    this.#scratchHolds = undefined;
    this.asm.bind(label);
  }
  /** Where an int or pointer lies: its register or its place in the frame. */
  int(reg: Reg): RegisterOrMemory {
    const slot = this.allocation.slot(reg);
    return slot === undefined ? this.allocation.place(reg) : this.slotMemory(slot);
  }
  argument(x: IntArg): RegisterOrMemory | { readonly value: number } {
    return typeof x === "number" ? { value: x } : this.int(x);
  }
  /** Compute an int or pointer into a register (the scratch register if `dst` lives in the frame), then keep it. */
  define(dst: Reg, compute: (register: number) => void): void {
    const place = this.int(dst);
    if (typeof place === "number") compute(place);
    else {
      compute(this.scratch());
      this.asm.store(place, RAX);
      this.#scratchHolds = dst;
    }
  }
  /** The frame's copy of `reg` was changed behind the scratch register's back. */
  changed(reg: Reg): void {
    if (this.#scratchHolds?.id === reg.id) this.#scratchHolds = undefined;
  }
  /** The memory operand of an address; a pointer in the frame passes through the scratch register. */
  memory({ ptr, offset }: Address): Memory {
    if (ptr.id === this.#frame.id) return at(RSP, offset + this.#pushed);
    const place = this.int(ptr);
    if (typeof place === "number") return at(place, offset);
    if (this.#scratchHolds?.id !== ptr.id) {
      this.asm.mov(this.scratch(), place);
      this.#scratchHolds = ptr;
    }
    return at(RAX, offset);
  }
  /**
   * Run `emit` with one more register, saved around it: for the rare store of a frame value through a frame pointer.
   */
  withSpare(emit: (register: number) => void): void {
    const register = 1; // rcx: any but the scratch register
    this.asm.push(register);
    this.#pushed += 8;
    emit(register);
    this.asm.pop(register);
    this.#pushed -= 8;
  }
  vector(reg: Reg): number {
    return this.allocation.place(reg);
  }
  temporary(i: Instr, n: number): number {
    const register = this.allocation.temporaries(i)[n];
    if (register === undefined) throw new KernelError(`${i.op} asked for a temporary that it did not declare`);
    return register;
  }

  // --- constants

  /** `count` copies of a 32-bit pattern. */
  words(pattern: number, count: number): Memory {
    const known = this.#words.get(pattern)?.get(count);
    if (known !== undefined) return known;
    const made = this.wordList(Array.from({ length: count }, () => pattern));
    const ofPattern = this.#words.get(pattern) ?? new Map<number, Memory>();
    this.#words.set(pattern, ofPattern.set(count, made));
    return made;
  }
  wordList(patterns: readonly number[]): Memory {
    const key = patterns.join();
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const made = { constant: this.asm.constant(new Uint8Array(Int32Array.from(patterns).buffer)) };
    this.#lists.set(key, made);
    return made;
  }
  /** A 64-bit integer constant. */
  quad(value: number): Memory {
    return this.wordList([value | 0, value < 0 ? -1 : 0]);
  }
}

const FLOAT = new Float32Array(1);
const BITS = new Int32Array(FLOAT.buffer);

/** The bits of a splat's value: a float32 or an int32. */
export function bitsOf(value: number, kind: "f32" | "i32"): number {
  if (kind === "i32") return value | 0;
  FLOAT[0] = value;
  return BITS[0]!;
}
