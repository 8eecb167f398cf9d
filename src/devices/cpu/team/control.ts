/**
 * The words that the caller's thread and the team share: a ring of jobs, one barrier, and an abort word. Each hot word
 * has a cache line of its own. Counters wrap around and are compared by their difference.
 */
const LINE = 16;

/** Jobs put into the ring so far; workers sleep on it. */
export const SUBMITTED = 0;
/** Workers asleep on SUBMITTED. */
export const IDLE = LINE;
/** Threads that have come to the barrier. */
export const ARRIVED = 2 * LINE;
/** How many times the barrier has opened; threads sleep on it. */
export const GENERATION = 3 * LINE;
/** Threads asleep on GENERATION. */
export const WAITING = 4 * LINE;
/** Jobs finished so far. */
export const COMPLETED = 5 * LINE;
/** 1 while a message that says "look at COMPLETED" is on its way to the caller. */
export const ANNOUNCED = 6 * LINE;
/** Not 0: everyone leaves. */
export const ABORTED = 7 * LINE;
/** As SUBMITTED and IDLE, for the first worker, which takes no part in jobs that the caller shares. */
export const FIRST_SUBMITTED = 8 * LINE;
export const FIRST_IDLE = 9 * LINE;
/** The job before which the first worker has nothing more to do. */
export const FIRST_NEXT = 10 * LINE;
const RING = 11 * LINE;

export const RING_JOBS = 512;
const JOB_WORDS = 4;

export const CONTROL_BYTES = 4 * (RING + RING_JOBS * JOB_WORDS);

/** Where a job's four words are: what to do, program, slot, batch. */
export function ringAt(serial: number): number {
  return RING + (serial & (RING_JOBS - 1)) * JOB_WORDS;
}

/** What a job is: a sum of these. */
export const PREPARE = 1;
export const RUN = 2;
/**
 * Go back to the event loop, where the message with a new program waits: a thread asleep in Atomics.wait reads none.
 */
export const LOAD = 4;
/** The caller does the first worker's share, and needs no message. */
export const SHARED = 8;
/** Above them stands, for a section in parts, which part of it, from 1; 0 is all of it. */
const PART = 16;

export const partBits = (part: number): number => PART * (part + 1);
/** -1 where a job is a whole section. */
export const partOf = (what: number): number => Math.floor(what / PART) - 1;

export function abort(control: Int32Array): void {
  Atomics.store(control, ABORTED, 1);
  Atomics.add(control, GENERATION, 1);
  Atomics.notify(control, GENERATION);
  Atomics.add(control, SUBMITTED, 1);
  Atomics.notify(control, SUBMITTED);
  Atomics.add(control, FIRST_SUBMITTED, 1);
  Atomics.notify(control, FIRST_SUBMITTED);
}
