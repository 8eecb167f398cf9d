/**
 * A program's steps as plain integers, made once, so that a run does nothing but walk: for each step the kernel, where
 * its operand table lies (bytes from the first table of the slot), the pieces, and whether it begins with a barrier.
 */
import { SAMPLES_TOGETHER } from "../../../compiler/barriers.js";
import { align } from "../../../compiler/memory.js";
import type { Program, Step } from "../../../compiler/program.js";
import type { Code, KernelFunction } from "../backends/backend.js";

export const KERNEL = 0;
export const TABLE = 1;
export const COUNT = 2;
/** Samples a piece, 0 where the pieces do not depend on the batch. */
export const SAMPLES = 3;
export const BARRIER = 4;
/** What stands there beside 0: the barrier may be left out where each thread has whole groups of samples (`isEven`). */
export const ALWAYS = 1;
export const UNLESS_EVEN = 2;
export const STEP_WORDS = 5;

/** Of each section the steps that the caller's thread does: those of ops without kernels. */
export interface CallerSteps {
  readonly prepare: readonly number[];
  readonly steps: readonly number[];
}

export interface Schedule {
  readonly prepare: Int32Array;
  readonly steps: Int32Array;
  readonly callers: CallerSteps;
  /** Bytes of one slot's tables. */
  readonly tableBytes: number;
}

/** What a worker needs of a program; can be sent to one. */
export interface ProgramImage {
  readonly id: number;
  readonly code: Code;
  readonly prepare: Int32Array;
  readonly steps: Int32Array;
  readonly callers: CallerSteps;
  /** Address of the first table of each slot, or of each slot and thread where threads have workspaces. */
  readonly tables: Float64Array;
  /** How many of them a slot has: 1, or as many as there are threads. */
  readonly tablesPerSlot: number;
}

/** A ProgramImage whose kernels can be called on this thread. */
export interface BoundProgram {
  readonly functions: readonly KernelFunction[];
  readonly prepare: Int32Array;
  readonly steps: Int32Array;
  readonly callers: CallerSteps;
  readonly tables: Float64Array;
  readonly tablesPerSlot: number;
}

/** Address of the first table that `thread` calls the kernels with. */
export function firstTable({ tables, tablesPerSlot }: BoundProgram, slot: number, thread: number): number {
  return tables[slot * tablesPerSlot + (tablesPerSlot === 1 ? 0 : thread)]!;
}

export function makeSchedule(program: Program, pointerBytes: number): Schedule {
  let tableBytes = 0;
  const section = (steps: readonly Step[]) => {
    const words = new Int32Array(steps.length * STEP_WORDS);
    steps.forEach((step, n) => {
      const at = n * STEP_WORDS;
      words[at + KERNEL] = step.kernel;
      words[at + TABLE] = tableBytes;
      words[at + COUNT] = step.pieces.count;
      words[at + SAMPLES] = step.pieces.samples ?? 0;
      words[at + BARRIER] = !step.barrier ? 0 : step.sparesBarrier ? UNLESS_EVEN : ALWAYS;
      // A step without operands has a table all the same, so that each step's address is its own.
      tableBytes += pointerBytes * Math.max(1, step.operands.length);
    });
    return words;
  };
  const prepare = section(program.prepare);
  const steps = section(program.steps);
  const callers = { prepare: callerSteps(program.prepare), steps: callerSteps(program.steps) };
  return { prepare, steps, callers, tableBytes: align(tableBytes) };
}

function callerSteps(steps: readonly Step[]): number[] {
  return [...steps.keys()].filter((n) => steps[n]!.reference !== undefined);
}

/** The words of a part of a section: what is between two steps of the caller's; all of it for part -1. */
export function wordsOfPart(
  program: BoundProgram,
  name: "prepare" | "steps",
  part: number,
): [from: number, to: number] {
  const callers = program.callers[name];
  const end = program[name].length;
  if (part < 0) return [0, end];
  return [
    part === 0 ? 0 : STEP_WORDS * (callers[part - 1]! + 1),
    part < callers.length ? STEP_WORDS * callers[part]! : end,
  ];
}

/** A step's number of pieces at a batch. */
export function piecesAt(section: Int32Array, at: number, batch: number): number {
  const samples = section[at + SAMPLES]!;
  const count = section[at + COUNT]!;
  return samples === 0 ? count : count * Math.floor((batch + samples - 1) / samples);
}

/** Whether every thread gets as many whole groups of samples as the others. */
export function isEven(batch: number, threads: number): boolean {
  return batch % (SAMPLES_TOGETHER * threads) === 0;
}

export function nanosecondsOf(steps: readonly Step[], batch: number): number {
  let sum = 0;
  for (const step of steps) sum += step.nanoseconds.fixed + step.nanoseconds.perSample * batch;
  return sum;
}
