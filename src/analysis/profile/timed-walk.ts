/**
 * Walks a program's steps as a team does, but with a barrier behind every step, and notes the time at each. The walker
 * that programs run on (devices/cpu/team/walk.ts, devices/cpu/team/crew.ts) carries no clock.
 */
import type { KernelFunction } from "../../devices/cpu/backends/backend.js";
import { type BoundProgram, firstTable, KERNEL, piecesAt, STEP_WORDS, TABLE } from "../../devices/cpu/team/schedule.js";
import { COSTS } from "../../target/costs.js";

/** Words of the memory that the threads of a timed team meet in. */
const ARRIVED = 0;
const GENERATION = 1;
const GIVEN_UP = 2;
export const MEETING_WORDS = 16;
/** Looks at a flag before a thread sleeps, as of a team. */
const LOOKS = COSTS.threads.looks.most;

/** What the caller tells the other threads to walk: it writes one as ORDER and counts COUNT up. */
export const WALK = { end: 0, prepare: 1, steps: 2 } as const;
export const ORDER = 0;
export const COUNT = 1;

/** Where all threads wait for each other. */
export class Meeting {
  readonly #words: Int32Array;
  readonly #threads: number;

  constructor(words: Int32Array, threads: number) {
    this.#words = words;
    this.#threads = threads;
  }

  /** Waits until every thread has come here. @throws Error where one gave up. */
  meet(): void {
    if (this.#threads === 1) return;
    const words = this.#words;
    const generation = Atomics.load(words, GENERATION);
    if (Atomics.add(words, ARRIVED, 1) === this.#threads - 1) {
      Atomics.store(words, ARRIVED, 0);
      Atomics.add(words, GENERATION, 1);
      Atomics.notify(words, GENERATION);
    } else {
      for (let k = LOOKS; k > 0 && Atomics.load(words, GENERATION) === generation; k--);
      while (Atomics.load(words, GENERATION) === generation && Atomics.load(words, GIVEN_UP) === 0)
        Atomics.wait(words, GENERATION, generation, 1000);
    }
    if (Atomics.load(words, GIVEN_UP) !== 0) throw new Error("another thread gave up");
  }

  giveUp(): void {
    Atomics.store(this.#words, GIVEN_UP, 1);
    Atomics.notify(this.#words, GENERATION);
  }
}

export interface Walker {
  readonly thread: number;
  readonly threads: number;
  readonly meeting: Meeting;
}

/** Runs one thread's share of every step; `times` gets the milliseconds of each, from the first thread to the last. */
export function timedWalk(
  program: BoundProgram,
  section: Int32Array,
  { thread, threads, meeting }: Walker,
  batch: number,
  times?: Float64Array,
): void {
  const functions: readonly KernelFunction[] = program.functions;
  const tables = firstTable(program, 0, thread);
  meeting.meet();
  let before = performance.now();
  for (let at = 0; at < section.length; at += STEP_WORDS) {
    const pieces = piecesAt(section, at, batch);
    // The last share is this thread's where it is the caller's: a step of one piece may be one that it alone can do.
    const begin = Math.floor((pieces * (threads - 1 - thread)) / threads);
    const end = Math.floor((pieces * (threads - thread)) / threads);
    if (begin < end) functions[section[at + KERNEL]!]!(tables + section[at + TABLE]!, begin, end, batch);
    meeting.meet();
    if (times === undefined) continue;
    const after = performance.now();
    times[at / STEP_WORDS] = after - before;
    before = after;
  }
}
