/**
 * What a way of cutting work takes when threads share it, estimated before there is any code. With many samples there
 * are pieces enough for everybody; with one, a piece too many on one side keeps the other threads waiting at the
 * barrier, so that the cut itself must come out even. Only which thread computes a number depends on it, never the
 * number.
 */

/** Batches below this are cut with care. */
export const FEW_SAMPLES = 8;

/** Pieces of a sample that are tried at most. */
export const MOST_PIECES = 32;

/** Threads that a cut is made for: what suits two and four suits most numbers well enough. */
const THREADS = [2, 4];

/**
 * The longest shares of two and of four threads, added up. `costOf(begin, end)`: nanoseconds of a run of pieces, which
 * a thread does one after the other; the runtime hands them out as here.
 */
export function timeOfShares(pieces: number, costOf: (begin: number, end: number) => number): number {
  let sum = 0;
  for (const threads of THREADS) {
    let longest = 0;
    for (let t = 0; t < threads; t++) {
      const begin = Math.floor((pieces * t) / threads);
      const end = Math.floor((pieces * (t + 1)) / threads);
      if (begin < end) longest = Math.max(longest, costOf(begin, end));
    }
    sum += longest;
  }
  return sum;
}

/** The sizes into which `extent` falls when it is cut into 1, 2, ... parts as even as can be, each size once. */
export function partSizes(extent: number): number[] {
  const sizes = new Set<number>();
  for (let parts = 1; parts <= Math.min(extent, MOST_PIECES); parts++) sizes.add(Math.ceil(extent / parts));
  return [...sizes];
}
