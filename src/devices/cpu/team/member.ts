/**
 * One thread's part in a job: its share of each step, and the barrier at which it meets the others. Thread t of T does
 * pieces floor(P t / T) to floor(P (t + 1) / T); what a step computes does not depend on the cut. Workers are members,
 * and so is the caller's thread where it takes the place of the first of them.
 */
import { BackendError } from "../../../base/errors.js";
import type { Looks } from "../../../target/costs.js";
import { ABORTED, ARRIVED, GENERATION, PREPARE, partOf, RUN, WAITING } from "./control.js";
import {
  BARRIER,
  type BoundProgram,
  firstTable,
  isEven,
  KERNEL,
  piecesAt,
  STEP_WORDS,
  TABLE,
  UNLESS_EVEN,
  wordsOfPart,
} from "./schedule.js";

export class Member {
  readonly #control: Int32Array<ArrayBufferLike>;
  readonly #thread: number;
  readonly #threads: number;
  readonly #looks: Looks;
  readonly #mostSeconds: number;
  /**
   * How many times to look before the next sleep at the barrier: at most #looks.most, less after waits that ended
   * asleep.
   */
  #patience: number;
  // What is being done, for the report of a failure: 0 is `prepare`; words from the first step, -1 before any.
  #section = 0;
  #step = -1;

  /** `mostSeconds`: for how long it waits at a barrier; who then comes no more must have died. */
  constructor(
    control: Int32Array<ArrayBufferLike>,
    thread: number,
    threads: number,
    looks: Looks,
    mostSeconds = Number.POSITIVE_INFINITY,
  ) {
    this.#control = control;
    this.#thread = thread;
    this.#threads = threads;
    this.#looks = looks;
    this.#patience = looks.most;
    this.#mostSeconds = mostSeconds;
  }

  get section(): number {
    return this.#section;
  }

  /** -1 where no step has begun. */
  get step(): number {
    return this.#step < 0 ? -1 : this.#step / STEP_WORDS;
  }

  /** Forgets what was being done. */
  rest(): void {
    this.#step = -1;
  }

  /** This thread's share of a job. */
  work(program: BoundProgram, what: number, slot: number, batch: number): void {
    if ((what & PREPARE) !== 0) {
      this.#section = 0;
      if (!this.#walk(program, "prepare", what, slot, batch)) return;
      if (!this.#meet()) return;
    }
    if ((what & RUN) !== 0) {
      this.#section = 1;
      this.#walk(program, "steps", what, slot, batch);
    }
  }

  /**
   * The barrier at a job's end: `last` is done by the last to come, before the others go on. False when the team is to
   * be given up.
   */
  finish(last: () => void): boolean {
    const control = this.#control;
    if (Atomics.load(control, ABORTED) !== 0) return false;
    const generation = Atomics.load(control, GENERATION);
    if (this.#threads === 1 || Atomics.add(control, ARRIVED, 1) === this.#threads - 1) {
      last();
      if (this.#threads > 1) this.#open();
    } else {
      this.#waitFor(generation);
    }
    return Atomics.load(control, ABORTED) === 0;
  }

  #walk(program: BoundProgram, name: "prepare" | "steps", what: number, slot: number, batch: number): boolean {
    const { functions } = program;
    const section = program[name];
    const [from, to] = wordsOfPart(program, name, partOf(what));
    const thread = this.#thread;
    const tables = firstTable(program, slot, thread);
    const threads = this.#threads;
    // Steps with fewer pieces than threads go to the threads in turn.
    let turn = 0;
    const even = isEven(batch, threads);
    for (let at = from; at < to; at += STEP_WORDS) {
      const barrier = section[at + BARRIER]!;
      if (barrier !== 0 && at > from && !(even && barrier === UNLESS_EVEN) && !this.#meet()) return false;
      this.#step = at;
      const pieces = piecesAt(section, at, batch);
      let share = thread;
      if (pieces < threads) {
        share = (thread + turn) % threads;
        turn = (turn + pieces) % threads;
      }
      const begin = Math.floor((pieces * share) / threads);
      const end = Math.floor((pieces * (share + 1)) / threads);
      if (begin < end) functions[section[at + KERNEL]!]!(tables + section[at + TABLE]!, begin, end, batch);
    }
    return true;
  }

  /** Waits until every thread has come here. False when the team is to be given up. */
  #meet(): boolean {
    if (this.#threads === 1) return true;
    const control = this.#control;
    const generation = Atomics.load(control, GENERATION);
    if (Atomics.add(control, ARRIVED, 1) === this.#threads - 1) this.#open();
    else this.#waitFor(generation);
    return Atomics.load(control, ABORTED) === 0;
  }

  #open(): void {
    const control = this.#control;
    Atomics.store(control, ARRIVED, 0);
    Atomics.add(control, GENERATION, 1);
    if (Atomics.load(control, WAITING) > 0) Atomics.notify(control, GENERATION);
  }

  #waitFor(generation: number): void {
    const control = this.#control;
    for (let k = this.#patience; k > 0; k--) {
      if (Atomics.load(control, GENERATION) !== generation) {
        this.#patience = Math.min(this.#looks.most, 2 * this.#patience);
        return;
      }
    }
    // In vain: perhaps the thread that is waited for has no core to run on, and needs this one.
    this.#patience = Math.max(this.#looks.least, this.#patience >> 1);
    Atomics.add(control, WAITING, 1);
    // Second by second: of a process that was stopped for a minute no more than one has gone by.
    let seconds = 0;
    while (Atomics.load(control, GENERATION) === generation && Atomics.load(control, ABORTED) === 0)
      if (Atomics.wait(control, GENERATION, generation, 1000) === "timed-out" && ++seconds >= this.#mostSeconds)
        throw new BackendError(`a worker did not come to the barrier in ${seconds} s`);
    Atomics.sub(control, WAITING, 1);
  }
}
