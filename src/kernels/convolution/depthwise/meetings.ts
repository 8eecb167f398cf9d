/** Which weights a number of the source meets in a tile of a row: it is loaded once for all of them. */
import { type Phase, reaches } from "../axis.js";

interface Meeting {
  readonly output: number;
  readonly tap: number;
}

/**
 * Pixels of the source that a tile reads, counted from the first tap of its first output, each with the outputs and
 * taps that it meets.
 */
export function meetingsOf(
  x: Phase,
  from: number,
  size: number,
): (readonly [pixel: number, meets: readonly Meeting[]])[] {
  const meetings = new Map<number, Meeting[]>();
  for (let output = 0; output < size; output++)
    for (let tap = 0; tap < x.taps; tap++) {
      if (!reaches(x, from + output, tap)) continue;
      const pixel = output * x.scale + tap * x.stride;
      const own = meetings.get(pixel);
      if (own === undefined) meetings.set(pixel, [{ output, tap }]);
      else own.push({ output, tap });
    }
  return [...meetings].sort(([a], [b]) => a - b);
}
