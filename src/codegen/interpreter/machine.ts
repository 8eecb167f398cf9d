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
 * How far below its operand's base a pointer may lie when memory is reached through it. WebAssembly adds an access's offset
 * to the pointer without wrapping around, so a pointer that has wrapped below address 0 would trap: its memory keeps this
 * many bytes free at the start.
 */
export const LOWEST_POINTER = -(1 << 24);

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
  memory: Int32Array[];
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
  const machine: Machine = {
    kernel,
    scalars: new Float64Array(kernel.registerCount),
    owner: new Int32Array(kernel.registerCount),
    floats: new Float32Array(vectors),
    ints: new Int32Array(vectors),
    slot: (r) => slots[r.id]!,
    fma: mode === "fused" ? fusedMultiplyAdd : separateMultiplyAdd,
    memory: [],
    bytes: [],
    written: [],
    fail: (i, message) => {
      throw new KernelError(`kernel "${kernel.name}", line ${lineOf(kernel, i)}: ${printInstr(i, kernel)}: ${message}`);
    },
    locate: (i, at, words, access, skip = 0) => {
      const owner = machine.owner[at.ptr.id]!;
      const pointer = machine.scalars[at.ptr.id]!;
      const first = pointer + at.offset + 4 * skip;
      const declared = kernel.operands[owner]!;
      if (first < 0 || first + 4 * words > machine.bytes[owner]!)
        machine.fail(
          i,
          `${access}s bytes ${first}..${first + 4 * words} of operand "${declared.name}", which has ${machine.bytes[owner]}`,
        );
      if (first % 4 !== 0)
        machine.fail(i, `byte ${first} of operand "${declared.name}" is not aligned to 4: every access must be`);
      if (pointer < LOWEST_POINTER)
        machine.fail(
          i,
          `the pointer lies ${-pointer} bytes below operand "${declared.name}": at most ${-LOWEST_POINTER}`,
        );
      if (access === "write" && declared.access === "read")
        machine.fail(i, `writes to operand "${declared.name}", which is declared "read"`);
      const word = first / 4;
      const written = machine.written[owner];
      if (written !== undefined) {
        for (let n = word; n < word + words; n++) {
          if (access === "write") written[n] = 1;
          else if (written[n] === 0)
            machine.fail(i, `reads byte ${4 * n} of operand "${declared.name}", which nothing has written`);
        }
      }
      return word;
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
