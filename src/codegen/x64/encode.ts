/**
 * Encodes a kernel as x86-64 machine code for AVX-512 or AVX2: a position-independent function of the System V calling
 * convention, `void kernel(int64 table, int64 begin, int64 end, int64 batch)`, with its constants behind it. Place it at a
 * multiple of 64 bytes. Callee-saved registers are restored and the upper halves of the vector registers cleared on the
 * one way out.
 */
import { KernelError } from "../../errors.js";
import { allocate, type Pressure, pressureOf } from "../allocate.js";
import type { Instr, Kernel } from "../ir.js";
import { verifyKernel } from "../verify.js";
import { Assembler } from "./assembler.js";
import { encodeControl } from "./control.js";
import { Emitter } from "./emitter.js";
import { encodeMask, moveMask } from "./masks.js";
import { lanesOf, registerModel } from "./model.js";
import { CALLEE_SAVED, RDI, RSP } from "./registers.js";
import { encodeScalar } from "./scalars.js";
import { type Selection, select } from "./select.js";
import { encodeVector, moveVector } from "./vectors.js";

export function encodeX64(kernel: Kernel): Uint8Array {
  if (kernel.target.name === "wasm")
    throw new KernelError(`kernel "${kernel.name}" was written for ${kernel.target.name}, not for x86-64`);
  verifyKernel(kernel);
  return encodeSelected(kernel, chooseSelection(kernel));
}

/** The widest points of the kernel as encodeX64 would allocate it. */
export function x64Pressure(kernel: Kernel): Pressure {
  const selection = select(kernel);
  return pressureOf(kernel, selection.body, registerModel(kernel, selection));
}

/** Folding a load frees a vector register but keeps its pointer alive longer: without it where that is one too many. */
function chooseSelection(kernel: Kernel): Selection {
  const folding = select(kernel);
  const model = registerModel(kernel, folding);
  if (pressureOf(kernel, folding.body, model).int <= model.files.int.length) return folding;
  const plain = select(kernel, { fold: false });
  const needs = pressureOf(kernel, plain.body, registerModel(kernel, plain));
  return needs.int <= model.files.int.length && needs.vector <= model.files.vector.length ? plain : folding;
}

function encodeSelected(kernel: Kernel, selection: Selection): Uint8Array {
  const allocation = allocate(kernel, selection.body, registerModel(kernel, selection));
  const saved = CALLEE_SAVED.filter((r) => allocation.used.int.has(r));
  const encoding = kernel.target.name === "avx512" ? "evex" : "vex";

  // The frame's size is known only after the body: encode it twice, the first time to learn the size.
  let frameBytes = 0;
  let tableSlot: number | undefined;
  for (;;) {
    const asm = new Assembler(encoding);
    const e = new Emitter(kernel, asm, selection, allocation);
    for (const r of saved) asm.push(r);
    if (frameBytes > 0) asm.arithmeticConstant("sub", RSP, frameBytes);
    if (tableSlot !== undefined) asm.store(e.slotMemory(tableSlot), RDI);
    encodeBlock(e, selection.body);
    if (e.frameBytes !== frameBytes) {
      frameBytes = e.frameBytes;
      tableSlot = e.tableSlot;
      continue;
    }
    if (allocation.used.vector.size > 0) asm.vzeroupper();
    if (frameBytes > 0) asm.arithmeticConstant("add", RSP, frameBytes);
    for (const r of saved.toReversed()) asm.pop(r);
    asm.ret();
    return asm.finish();
  }
}

function encodeBlock(e: Emitter, block: readonly Instr[]): void {
  for (const i of block) encodeInstr(e, i);
}

function encodeInstr(e: Emitter, i: Instr): void {
  switch (i.op) {
    case "comment":
      break;
    case "loop":
    case "if":
      encodeControl(e, i, (block) => encodeBlock(e, block));
      break;
    case "set":
      if (i.dst.type.kind === "mask") moveMask(e, e.vector(i.dst), e.vector(i.src), lanesOf(i.dst));
      else if (i.dst.type.kind === "int" || i.dst.type.kind === "ptr") encodeScalar(e, i);
      else moveVector(e, e.vector(i.dst), e.vector(i.src), lanesOf(i.dst));
      break;
    case "operand":
    case "const":
    case "setconst":
    case "int":
    case "div":
    case "mod":
    case "ptradd":
    case "loadint":
    case "storeint":
      encodeScalar(e, i);
      break;
    case "cmpfloat":
    case "cmpint":
    case "firstlanes":
    case "mask2":
    case "select":
    case "loadmask":
    case "storemask":
      encodeMask(e, i);
      break;
    default:
      encodeVector(e, i);
  }
}
