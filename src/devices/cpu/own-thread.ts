/** Runs a job on the caller's thread, and says where one failed. */
import { BackendError } from "../../base/errors.js";
import type { Program } from "../../compiler/program.js";
import { PREPARE } from "./team/control.js";
import type { BoundProgram } from "./team/schedule.js";
import { StepFailure, walkAlone, walkInSlices } from "./team/walk.js";

export interface Job {
  /** PREPARE, RUN or both. */
  readonly what: number;
  readonly program: Program;
  readonly bound: BoundProgram;
  readonly slot: number;
  readonly batch: number;
}

type SectionName = "prepare" | "steps";

/** @throws BackendError where a kernel throws, naming its step. */
export function runAtOnce({ what, program, bound, slot, batch }: Job): void {
  let section: SectionName = "prepare";
  try {
    if ((what & PREPARE) !== 0) walkAlone(bound, bound.prepare, slot, batch);
    section = "steps";
    walkAlone(bound, bound.steps, slot, batch);
  } catch (cause) {
    throw failureOf(program, section, cause);
  }
}

/** The same, but goes to the event loop every 10 ms. */
export async function runInSlices({ what, program, bound, slot, batch }: Job): Promise<void> {
  let section: SectionName = "prepare";
  try {
    if ((what & PREPARE) !== 0) await walkInSlices(bound, bound.prepare, slot, batch);
    section = "steps";
    await walkInSlices(bound, bound.steps, slot, batch);
  } catch (cause) {
    throw failureOf(program, section, cause);
  }
}

/** `failure` in terms of the program. */
export function failureOf(program: Program, section: SectionName, failure: unknown): Error {
  if (!(failure instanceof StepFailure)) return new BackendError(String(failure), { cause: failure });
  const where = describeStep(program, section, failure.step);
  return new BackendError(`${where} failed: ${failure.message}`, { cause: failure.cause });
}

/**
 * What errors call a step; below zero, the loading of its program. `program` is undefined where it is not known any
 * more.
 */
export function describeStep(program: Program | undefined, section: SectionName, step: number): string {
  if (program === undefined) return step < 0 ? "starting" : `step ${step}`;
  if (step < 0) return `loading program "${program.name}"`;
  const name = section === "prepare" ? "prepare step" : "step";
  return `program "${program.name}", ${name} ${step} (${program[section][step]?.label})`;
}
