/** The x86-64 register files and the instructions' own needs, as the allocator sees them. */
import type { CodeTarget } from "../../target/target.js";
import type { RegisterModel } from "../allocate.js";
import type { Instr, Kernel, Reg } from "../ir.js";
import { R8, R9, R10, R11, R12, R13, R14, R15, RBP, RBX, RCX, RDI, RDX, RSI } from "./registers.js";
import type { Selection } from "./select.js";

/** The register of the operand table's address, beside the kernel's own registers. */
export function tableRegister(kernel: Kernel): Reg {
  return { id: kernel.registerCount, type: { kind: "ptr" }, name: "operand table", mutable: false, inFrame: false };
}

/**
 * Whether instructions are those of AVX-512, encoded by EVEX: with mask registers, and broadcasts as operands of all of
 * them. Else they are those of AVX2, encoded by VEX.
 */
export const isEvex = ({ registers }: CodeTarget): boolean => registers.mask > 0;

/** rax is the encoder's scratch and rsp the stack; registers that need no saving come first. */
const INT_REGISTERS = [RCX, RDX, RSI, RDI, R8, R9, R10, R11, RBX, RBP, R12, R13, R14, R15];
const NOTHING: ReadonlySet<number> = new Set();
const MASK_REGISTERS = [1, 2, 3, 4, 5, 6, 7];

/**
 * `table`: a register for the operand table's address, where there is one to spare; without it the address waits in the
 * frame and every operand is two loads. `inFrame`: ids of ints and pointers for which there is no register.
 */
export function registerModel(
  kernel: Kernel,
  selection: Selection,
  table: Reg | undefined,
  inFrame: ReadonlySet<number> = NOTHING,
): RegisterModel {
  const { target } = kernel;
  const wide = isEvex(target);
  const arguments_ = new Map([
    [kernel.begin, RSI],
    [kernel.end, RDX],
    [kernel.batch, RCX],
  ]);
  if (table) arguments_.set(table, RDI);
  return {
    files: {
      int: INT_REGISTERS.slice(0, target.registers.int),
      vector: Array.from({ length: target.registers.vector }, (_, n) => n),
      mask: MASK_REGISTERS.slice(0, target.registers.mask),
    },
    fileOf: (reg) => {
      if (reg.inFrame || inFrame.has(reg.id)) return "frame";
      switch (reg.type.kind) {
        case "int":
        case "ptr":
          return "int";
        case "mask":
          return wide ? "mask" : "vector"; // AVX2 keeps masks as vectors of all ones and zeros
        default:
          return "vector";
      }
    },
    reads: table ? (i) => (i.op === "operand" ? [table] : selection.reads(i)) : selection.reads,
    loopEndReads: (loop) => {
      if (selection.countsOnly(loop)) return [loop.index];
      if (typeof loop.to === "number" || selection.copiesBound(loop)) return [loop.index];
      return [loop.index, loop.to];
    },
    temporaries: (i) => temporaries(i, wide),
    preferences: (i) => (table && i.op === "operand" ? [table] : preferences(i, selection)),
    entry: [...arguments_.keys()],
    fixed: new Map([...arguments_].map(([reg, place]) => [reg.id, place])),
  };
}

function temporaries(i: Instr, wide: boolean): number {
  if (i.op === "intvec2" && i.kind === "umulhi") return 2;
  if (i.op === "shuffle") return wide ? 1 : 2;
  if (i.op === "reduce" && lanesOf(i.src) > 1) return 1;
  if (i.op === "storemask" && !wide && lanesOf(i.mask) === 1) return 1;
  if (i.op === "storeas") return wide ? 1 : 2;
  if (i.op === "loadas" && !wide && i.mask !== undefined) return 1;
  return 0;
}

/** The result of a multiply-add best replaces the addend; otherwise any argument that dies will do. */
function preferences(i: Instr, selection: Selection): readonly Reg[] {
  if (i.op !== "fma") return selection.reads(i);
  const { folded } = selection;
  return [i.c, i.a, i.b].filter((r) => !folded.has(r.id));
}

export function lanesOf(reg: Reg): number {
  return "lanes" in reg.type ? reg.type.lanes : 1;
}
