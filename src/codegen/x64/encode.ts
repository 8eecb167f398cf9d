/**
 * Encodes a kernel as x86-64 machine code for AVX-512 or AVX2: a position-independent function of the System V calling
 * convention, `void kernel(int64 table, int64 begin, int64 end, int64 batch)`, with its constants behind it. Place it
 * at a multiple of 64 bytes. Callee-saved registers are restored and the upper halves of the vector registers cleared
 * on the one way out.
 */
import { KernelError } from "../../base/errors.js";
import { atOnce, type Steps } from "../../base/steps.js";
import {
  allocate,
  fits,
  type Pressure,
  pressureOf,
  type RegisterModel,
  type Requests,
  requestsOf,
} from "../allocate.js";
import type { Instr, Kernel, Reg } from "../ir.js";
import { type Usage, verifyKernel } from "../verify.js";
import { Assembler, type Encoding } from "./assembler.js";
import { encodeControl } from "./control.js";
import { Emitter } from "./emitter.js";
import { frameOf } from "./frame.js";
import { encodeMask, loadMask, moveMask, storeMask } from "./masks.js";
import { isEvex, lanesOf, registerModel, tableRegister } from "./model.js";
import { loadNarrow, storeNarrow } from "./narrow.js";
import { CALLEE_SAVED, RDI, RSP } from "./registers.js";
import { encodeScalar } from "./scalars.js";
import { type Selection, select } from "./select.js";
import { spill } from "./spill.js";
import { encodeVector, moveVector } from "./vectors.js";

/**
 * @throws KernelError for a kernel of another machine. One that needs more registers than its target has keeps values
 * in its frame.
 */
export function encodeX64(kernel: Kernel): Uint8Array {
  return atOnce(encodeX64Steps(kernel));
}

function checkTarget({ name, target }: Kernel): void {
  if (target.isa !== "x64") throw new KernelError(`kernel "${name}" was written for ${target.name}, not for x86-64`);
}

/** The same in steps, of which the largest kernels take some milliseconds each. */
export function* encodeX64Steps(kernel: Kernel): Steps<Uint8Array> {
  checkTarget(kernel);
  const usage = verifyKernel(kernel);
  yield;
  const plan = choosePlan(kernel, usage);
  yield;
  return encodePlan(kernel, plan);
}

/** The same by an assembler of the caller's, such as one that keeps what it is called with: `listing.ts`. */
export function encodeX64By(kernel: Kernel, assembler: (encoding: Encoding) => Assembler): Uint8Array {
  checkTarget(kernel);
  return encodePlan(kernel, choosePlan(kernel, verifyKernel(kernel)), assembler);
}

/** The widest points of the kernel as encodeX64 would allocate it. */
export function x64Pressure(kernel: Kernel): Pressure {
  const selection = select(kernel, verifyKernel(kernel), true);
  return pressureOf(requestsOf(selection.body, registerModel(kernel, selection, undefined)));
}

/** Whether an encoding of the kernel keeps values in the frame that have no register. */
export function spillsOnX64(kernel: Kernel): boolean {
  return choosePlan(kernel, verifyKernel(kernel)).isSpilled;
}

interface Plan {
  readonly selection: Selection;
  readonly table: Reg | undefined;
  readonly model: RegisterModel;
  readonly requests: Requests;
  readonly isSpilled: boolean;
  /** Frame slots of vectors and masks that have no register. */
  readonly spilledSlots: number;
}

/**
 * The best plan that fits. Folding a load frees a vector register but keeps its pointer alive longer, and the operand
 * table has a register of its own only where one is left. Where none fits, values move to the frame.
 */
function choosePlan(kernel: Kernel, usage: Usage): Plan {
  for (const fold of [true, false]) {
    const selection = select(kernel, usage, fold);
    for (const table of [tableRegister(kernel), undefined]) {
      const model = registerModel(kernel, selection, table);
      const requests = requestsOf(selection.body, model);
      if (fits(requests, model)) return { selection, table, model, requests, isSpilled: false, spilledSlots: 0 };
    }
  }
  const planOf = (selection: Selection, inFrame: ReadonlySet<number>) => {
    const model = registerModel(kernel, selection, undefined, inFrame);
    return { model, requests: requestsOf(selection.body, model) };
  };
  const { selection, ints, slots } = spill(kernel, select(kernel, usage, true), planOf);
  return { selection, table: undefined, ...planOf(selection, ints), isSpilled: true, spilledSlots: slots };
}

function encodePlan(
  kernel: Kernel,
  plan: Plan,
  assembler: (encoding: Encoding) => Assembler = (encoding) => new Assembler(encoding),
): Uint8Array {
  const { selection, table, model, requests } = plan;
  const allocation = allocate(kernel, requests, model, plan.spilledSlots);
  const saved = CALLEE_SAVED.filter((r) => allocation.used.int.has(r));
  const encoding = isEvex(kernel.target) ? "evex" : "vex";

  // What the frame holds is sure only after the body; where the guess was wrong, encode again.
  const frame = frameOf(selection, allocation.slots, table === undefined);
  let { tableSlot } = frame;
  let frameBytes = 8 * frame.slots;
  for (;;) {
    const asm = assembler(encoding);
    const e = new Emitter(kernel, asm, selection, allocation, table);
    for (const r of saved) asm.push(r);
    if (frameBytes > 0) asm.arithmeticConstant("sub", RSP, frameBytes);
    if (tableSlot !== undefined) asm.store(e.slotMemory(tableSlot), RDI);
    for (const reg of model.entry) {
      const slot = allocation.slot(reg);
      if (slot !== undefined) asm.store(e.slotMemory(slot), model.fixed.get(reg.id)!);
    }
    encodeBlock(e, selection.body);
    if (e.frameBytes !== frameBytes || e.tableSlot !== tableSlot) {
      frameBytes = e.frameBytes;
      tableSlot = e.tableSlot;
      continue;
    }
    asm.source(undefined);
    if (allocation.used.vector.size > 0) asm.vzeroupper();
    if (frameBytes > 0) asm.arithmeticConstant("add", RSP, frameBytes);
    for (const r of saved.toReversed()) asm.pop(r);
    asm.ret();
    return asm.finish();
  }
}

function encodeBlock(e: Emitter, block: readonly Instr[]): void {
  for (const i of block) {
    e.asm.source(i, e.selection.folded);
    encodeInstr(e, i);
  }
}

/** The commonest first: most of a kernel is multiply-adds and what they read. */
function encodeInstr(e: Emitter, i: Instr): void {
  switch (i.op) {
    case "load":
      if (i.dst.type.kind === "mask") loadMask(e, i.dst, e.memory(i.at));
      else encodeVector(e, i);
      break;
    case "store":
      if (i.src.type.kind === "mask") storeMask(e, i.src, e.memory(i.at));
      else encodeVector(e, i);
      break;
    case "fma":
    case "splat":
    case "float2":
      encodeVector(e, i);
      break;
    case "comment":
      break;
    case "loop":
    case "if":
      encodeControl(e, i, (block) => {
        encodeBlock(e, block);
        e.asm.source(i, e.selection.folded);
      });
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
    case "keep":
    case "loadmask":
    case "storemask":
      encodeMask(e, i);
      break;
    case "loadas":
      loadNarrow(e, i);
      break;
    case "storeas":
      storeNarrow(e, i);
      break;
    default:
      encodeVector(e, i);
  }
}
