/**
 * The definition of the kernel language: runs a kernel on plain byte arrays and checks everything that an encoder
 * trusts.
 *
 * Each operand is exactly the bytes that the kernel may touch. A pointer knows which operand it belongs to, so an
 * access past an operand's end is an error even where another operand lies there. Checked besides: 4-byte alignment,
 * the declared access, 32-bit integers, division of negative numbers, memory that is read before it is written,
 * out-of-range `toInt`; and by `verifyKernel`, registers that are read before they are assigned. Vector arithmetic is
 * in `vectors.ts`.
 *
 * A kernel is translated to closures once and kept, as tests run the same one over many ranges.
 */
import { KernelError } from "../../base/errors.js";
import type { FmaMode } from "../../target/target.js";
import type { CompareInt, Instr, Kernel, Reg } from "../ir.js";
import { verifyKernel } from "../verify.js";
import { type Machine, makeMachine, reader, type Step } from "./machine.js";
import { narrowStep } from "./narrow.js";
import { vectorStep } from "./vectors.js";

export { WRITTEN } from "./machine.js";

export interface Range {
  readonly begin: number;
  readonly end: number;
  readonly batch: number;
}

export interface InterpretOptions {
  /** How `fma` rounds; the kernel's target decides if this is left out. */
  readonly fma?: FmaMode;
  /**
   * One byte for each 32-bit word of an operand, whose low four bits say which of the word's bytes have been written
   * (`WRITTEN`: all); reading one that has not is an error, and writes set them. Pass the same arrays to several runs
   * that fill an operand together. An operand declared "write" that has none starts unwritten; the others are taken as
   * wholly initialised.
   */
  readonly initialised?: readonly (Uint8Array | undefined)[];
}

interface Compiled {
  readonly machine: Machine;
  readonly run: Step;
}

const compiled = new WeakMap<Kernel, Record<FmaMode, Compiled | undefined>>();

/** Runs `kernel` over `range` on `operands`, in the order that the kernel declares them. Throws KernelError. */
export function interpret(
  kernel: Kernel,
  operands: readonly Uint8Array[],
  range: Range,
  options: InterpretOptions = {},
): void {
  const mode = options.fma ?? kernel.target.fma;
  let known = compiled.get(kernel);
  if (known === undefined) {
    known = { fused: undefined, separate: undefined };
    compiled.set(kernel, known);
  }
  known[mode] ??= translate(kernel, mode);
  const { machine, run } = known[mode];

  if (operands.length !== kernel.operands.length)
    throw new KernelError(
      `kernel "${kernel.name}": ${operands.length} operands given, ${kernel.operands.length} declared`,
    );
  machine.memory = operands.map((bytes, n) => {
    if (bytes.byteOffset % 4 !== 0)
      throw new KernelError(
        `kernel "${kernel.name}": operand "${kernel.operands[n]!.name}" does not start on a 4-byte boundary`,
      );
    return new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.byteLength / 4));
  });
  machine.data = operands;
  machine.bytes = operands.map((bytes) => bytes.byteLength);
  machine.written = operands.map((bytes, n) => {
    const given = options.initialised?.[n];
    if (given !== undefined || kernel.operands[n]!.access !== "write") return given;
    return new Uint8Array(Math.ceil(bytes.byteLength / 4));
  });
  for (const name of ["begin", "end", "batch"] as const) {
    const value = range[name];
    if ((value | 0) !== value) throw new KernelError(`kernel "${kernel.name}": ${name} ${value} is no 32-bit integer`);
    machine.scalars[kernel[name].id] = value;
  }
  try {
    run();
  } finally {
    machine.memory = [];
    machine.data = [];
    machine.written = [];
  }
}

function translate(kernel: Kernel, mode: FmaMode): Compiled {
  verifyKernel(kernel);
  const machine = makeMachine(kernel, mode);
  return { machine, run: blockStep(machine, kernel.body) };
}

function blockStep(m: Machine, block: readonly Instr[]): Step {
  const steps = block.filter((i) => i.op !== "comment").map((i) => instrStep(m, i));
  return () => {
    for (let n = 0; n < steps.length; n++) steps[n]!();
  };
}

function instrStep(m: Machine, i: Instr): Step {
  const { scalars, owner } = m;
  /** Stores an int, checked to be one of 32 bits. */
  const put = (dst: Reg, value: number) => {
    if (value > 0x7fffffff || value < -0x80000000) m.fail(i, `${value} does not fit 32 bits`);
    scalars[dst.id] = value;
  };
  switch (i.op) {
    case "operand":
      return () => {
        scalars[i.dst.id] = 0;
        owner[i.dst.id] = i.index;
      };
    case "const":
    case "setconst":
      return () => put(i.dst, i.value);
    case "int": {
      const a = reader(m, i.a);
      const b = reader(m, i.b);
      const apply = INT_BINARY[i.kind];
      return () => put(i.dst, apply(a(), b()));
    }
    case "div":
    case "mod":
      return () => {
        const a = scalars[i.a.id]!;
        if (a < 0) m.fail(i, `${a} is negative: division is of non-negative integers only`);
        scalars[i.dst.id] = i.op === "div" ? Math.floor(a / i.by) : a % i.by;
      };
    case "ptradd": {
      const bytes = reader(m, i.bytes);
      return () => {
        scalars[i.dst.id] = scalars[i.ptr.id]! + bytes();
        owner[i.dst.id] = owner[i.ptr.id]!;
      };
    }
    case "set":
      if ("lanes" in i.dst.type) break;
      return () => {
        scalars[i.dst.id] = scalars[i.src.id]!;
        owner[i.dst.id] = owner[i.src.id]!;
      };
    case "loadint":
      return () => {
        const word = m.locate(i, i.at, 1, "read");
        scalars[i.dst.id] = m.memory[owner[i.at.ptr.id]!]![word]!;
      };
    case "storeint":
      return () => {
        const word = m.locate(i, i.at, 1, "write");
        m.memory[owner[i.at.ptr.id]!]![word] = scalars[i.src.id]!;
      };
    case "loop": {
      const from = reader(m, i.from);
      const to = reader(m, i.to);
      const body = blockStep(m, i.body);
      return () => {
        const end = to();
        for (let index = from(); index < end; index += i.step) {
          scalars[i.index.id] = index;
          body();
          // Encoders step the counter before they compare it, so the last step must fit also.
          if (index + i.step > 0x7fffffff) m.fail(i, `the index would step from ${index} past 32 bits`);
        }
      };
    }
    case "if": {
      const b = reader(m, i.b);
      const holds = COMPARE_INT[i.kind];
      const body = blockStep(m, i.body);
      const otherwise = blockStep(m, i.otherwise);
      return () => {
        if (holds(scalars[i.a.id]!, b())) body();
        else otherwise();
      };
    }
    case "comment":
      return () => {};
    case "loadas":
    case "storeas":
      return narrowStep(m, i);
    default:
      break;
  }
  return vectorStep(m, i);
}

const INT_BINARY = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  min: (a: number, b: number) => Math.min(a, b),
  max: (a: number, b: number) => Math.max(a, b),
};

const COMPARE_INT: Record<CompareInt, (a: number, b: number) => boolean> = {
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
};
