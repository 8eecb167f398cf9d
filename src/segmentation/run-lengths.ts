/** A labelling as runs, row by row: [label, length, label, length, ...]. Small, and read by any language. */
import { DataError } from "../base/errors.js";

/**
 * Labels as run lengths, [label, length, label, length, ...].
 *
 * @example
 * ```js
 * import { fromRuns, toRuns } from "fovea/segmentation";
 *
 * const runs = toRuns([0, 0, 0, 2, 2]);
 * console.log(runs, Array.from(fromRuns(runs, 5))); // [ 0, 3, 2, 2 ] [ 0, 0, 0, 2, 2 ]
 * ```
 */
export function toRuns(labels: ArrayLike<number>): number[] {
  const runs: number[] = [];
  for (let i = 0; i < labels.length; i++) {
    if (runs.length > 0 && runs[runs.length - 2] === labels[i]) runs[runs.length - 1]!++;
    else runs.push(labels[i]!, 1);
  }
  return runs;
}

/**
 * Labels of run lengths.
 * @param length the number of labels that there must be
 * @throws DataError if the runs are not of that many
 */
export function fromRuns(runs: readonly number[], length: number): Uint8Array {
  const labels = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i + 1 < runs.length; i += 2) {
    labels.fill(runs[i]!, at, at + runs[i + 1]!);
    at += runs[i + 1]!;
  }
  if (at !== length || runs.length % 2 !== 0) throw new DataError(`runs: are of ${at} labels, expected ${length}`);
  return labels;
}
