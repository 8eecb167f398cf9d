/**
 * The state in which the interpreter runs a kernel: registers, operands, and the check that every memory access passes.
 */
import { KernelError } from "../../base/errors.js";
import type { FmaMode } from "../../target/target.js";
import type { Address, Instr, IntArg, Kernel, Reg } from "../ir.js";
import { lineOf, printInstr } from "../print.js";
import { fusedMultiplyAdd, separateMultiplyAdd } from "./fma.js";

export type Step = () => void;

/**
 * How far below its operand's base a pointer may lie when memory is reached through it. WebAssembly adds an access's
 * offset to the pointer without wrapping around, so a pointer that has wrapped below address 0 would trap: its memory
 * keeps this many bytes free at the start.
 */
export const LOWEST_POINTER = -(1 << 24);

/** Of a 32-bit word: all of its bytes have been written. */
export const WRITTEN = 15;

/** The state that a kernel's closures share. Vectors of all registers lie in one array; masks are -1 or 0 a lane. */
export interface Machine {
  readonly kernel: Kernel;
  /** Ints, and pointers as byte offsets from their operand's base. */
  readonly scalars: Float64Array;
  /** Which operand a pointer belongs to. */
  readonly owner: Int32Array;
  readonly floats: Float32Array;
  readonly ints: Int32Array;
  /** Where a vector register's lane 0 lies in `floats` and `ints`. */
  slot(r: Reg): number;
  fma: (a: number, b: number, c: number) => number;
  fail(i: Instr, message: string): never;
  /** Checks an access of `words` 32-bit words and returns the index of the first; marks or tests initialisation. */
  locate(i: Instr, at: Address, words: number, access: "read" | "write", skip?: number): number;
  /** The same of one element of 1, 2 or 4 bytes, `skip` bytes further; returns its first byte. */
  locateBytes(i: Instr, at: Address, size: number, access: "read" | "write", skip: number): number;
  memory: Int32Array[];
  data: readonly Uint8Array[];
  bytes: number[];
  written: (Uint8Array | undefined)[];
}

export function makeMachine(kernel: Kernel, mode: FmaMode): Machine {
  const slots = new Int32Array(kernel.registerCount).fill(-1);
  let used = 0;
  const count = (block: readonly Instr[]) => {
    for (const i of block) {
      if ("dst" in i && "lanes" in i.dst.type && slots[i.dst.id] === -1) {
        slots[i.dst.id] = used;
        used += i.dst.type.lanes;
      }
      if (i.op === "loop" || i.op === "if") count(i.body);
      if (i.op === "if") count(i.otherwise);
    }
  };
  count(kernel.body);
  const vectors = new ArrayBuffer(4 * used);
  /** The first byte of an access, which is within its operand, aligned and allowed. */
  const check = (i: Instr, at: Address, bytes: number, access: "read" | "write", skip: number, alignment: number) => {
    const owner = machine.owner[at.ptr.id]!;
    const pointer = machine.scalars[at.ptr.id]!;
    const first = pointer + at.offset + skip;
    const declared = kernel.operands[owner]!;
    if (first < 0 || first + bytes > machine.bytes[owner]!)
      machine.fail(
        i,
        `${access}s bytes ${first}..${first + bytes} of operand "${declared.name}", which has ${machine.bytes[owner]}`,
      );
    if (first % alignment !== 0)
      machine.fail(
        i,
        `byte ${first} of operand "${declared.name}" is not aligned to ${alignment}: every access ${alignment === 4 ? "" : `of ${alignment} bytes `}must be`,
      );
    if (pointer < LOWEST_POINTER)
      machine.fail(
        i,
        `the pointer lies ${-pointer} bytes below operand "${declared.name}": at most ${-LOWEST_POINTER}`,
      );
    if (access === "write" && declared.access === "read")
      machine.fail(i, `writes to operand "${declared.name}", which is declared "read"`);
    return first;
  };
  const unwritten = (i: Instr, at: Address, byte: number): never => {
    const { name } = kernel.operands[machine.owner[at.ptr.id]!]!;
    return machine.fail(i, `reads byte ${byte} of operand "${name}", which nothing has written`);
  };
  const machine: Machine = {
    kernel,
    scalars: new Float64Array(kernel.registerCount),
    owner: new Int32Array(kernel.registerCount),
    floats: new Float32Array(vectors),
    ints: new Int32Array(vectors),
    slot: (r) => slots[r.id]!,
    fma: mode === "fused" ? fusedMultiplyAdd : separateMultiplyAdd,
    memory: [],
    data: [],
    bytes: [],
    written: [],
    fail: (i, message) => {
      throw new KernelError(`kernel "${kernel.name}", line ${lineOf(kernel, i)}: ${printInstr(i, kernel)}: ${message}`);
    },
    locate: (i, at, words, access, skip = 0) => {
      const first = check(i, at, 4 * words, access, 4 * skip, 4);
      const word = first / 4;
      const written = machine.written[machine.owner[at.ptr.id]!];
      if (written !== undefined) {
        for (let n = word; n < word + words; n++) {
          if (access === "write") written[n] = WRITTEN;
          else if (written[n] !== WRITTEN) unwritten(i, at, 4 * n);
        }
      }
      return word;
    },
    locateBytes: (i, at, size, access, skip) => {
      const first = check(i, at, size, access, skip, size);
      const written = machine.written[machine.owner[at.ptr.id]!];
      if (written !== undefined) {
        const bits = ((1 << size) - 1) << (first & 3);
        if (access === "write") written[first >> 2]! |= bits;
        else if ((written[first >> 2]! & bits) !== bits) unwritten(i, at, first);
      }
      return first;
    },
  };
  return machine;
}

/** Reads an int argument. */
export function reader(m: Machine, a: IntArg): () => number {
  if (typeof a === "number") return () => a;
  const { scalars } = m;
  const id = a.id;
  return () => scalars[id]!;
}
