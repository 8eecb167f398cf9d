/**
 * Which programs must prepare again before they run: those whose states were written since, and those whose prepared
 * values lie in the scratch, where another program has run. Jobs take place in the order in which they are noted here.
 */
import type { Program } from "../../compiler/program.js";
import type { State } from "./memory/state-store.js";
import { PREPARE, RUN } from "./team/control.js";

/** A program as far as this is concerned. */
export interface Preparing {
  readonly program: Pick<Program, "prepare" | "preparesInScratch">;
  /** States that `prepare` reads, and states that the steps write. */
  readonly preparedFrom: readonly Lent[];
  readonly writes: readonly Lent[];
  /** The clock when `prepare` was last noted; below zero before. */
  preparedAt: number;
}

type Lent = Pick<State, "writtenAt" | "source">;

export class Freshness {
  #clock = 0;
  /** The program that ran last: what others had in the scratch may be lost. */
  #latest: Preparing | undefined;
  /** Whether there may be lent states in the store that nothing reads any more. */
  #isUntidy = false;
  readonly #losesScratch: boolean;

  /** `losesScratch`: what is in the scratch is lost before every run, as in check mode. */
  constructor(losesScratch: boolean) {
    this.#losesScratch = losesScratch;
  }

  /** Whether `prepare` must run first. */
  isStale(job: Preparing): boolean {
    if (job.program.preparesInScratch === true && (this.#losesScratch || this.#latest !== job)) return true;
    if (job.program.prepare.length === 0) return false;
    if (job.preparedAt < 0) return true;
    for (const state of job.preparedFrom) if (state.writtenAt > job.preparedAt) return true;
    return false;
  }

  /** Notes a run as done. Gives the sections that it consists of. */
  note(job: Preparing): number {
    const isStale = this.isStale(job);
    if (isStale) {
      job.preparedAt = this.#clock;
      this.#isUntidy = job.preparedFrom.some((state) => state.source !== undefined);
    }
    if (job.writes.length > 0) {
      this.#clock++;
      for (const state of job.writes) {
        state.writtenAt = this.#clock;
        state.source = undefined;
      }
    }
    this.#latest = job;
    return isStale ? PREPARE | RUN : RUN;
  }

  /** A run that was noted has failed: how far it came is not known. */
  failed(job: Preparing): void {
    job.preparedAt = -1;
  }

  /** A state was written from outside. */
  written(state: Lent): void {
    state.writtenAt = ++this.#clock;
  }

  /** Nothing is in the scratch any more. */
  scratchMoved(): void {
    this.#latest = undefined;
  }

  /** Whether states that were only there to be packed may be given back; true once for each time. */
  takeUntidy(): boolean {
    const isUntidy = this.#isUntidy;
    this.#isUntidy = false;
    return isUntidy;
  }
}
