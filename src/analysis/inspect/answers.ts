/**
 * What a network says: a row of class probabilities for the whole picture, or one for every place; and which of these
 * numbers a question is about.
 */
import { OptionError } from "../../base/errors.js";
import type { Shape } from "../../graph/shape.js";
import { likeliest } from "../../model/rank.js";

export interface Question {
  /** The class that is asked about. */
  readonly target: number;
  /** Rows of the answer that count: all pixels of the class, one pixel, or the one row there is. */
  readonly rows: readonly number[];
}

/** The likeliest class of each row. */
export function labelsOf(probabilities: Float32Array, classes: number): Int32Array {
  const rows = probabilities.length / classes;
  return Int32Array.from({ length: rows }, (_, row) => likeliest(probabilities, row * classes, classes));
}

/** Which part of the rows has each label. */
export function sharesOf(labels: Int32Array, classes: number): Float32Array {
  const counts = new Float64Array(classes);
  for (const label of labels) counts[label]!++;
  return Float32Array.from(counts, (count) => count / labels.length);
}

/** The mean of some rows. */
export function meanRow(probabilities: Float32Array, classes: number, rows: readonly number[]): Float32Array {
  const means = new Float64Array(classes);
  for (const row of rows)
    for (let c = 0; c < classes; c++) means[c]! += probabilities[row * classes + c]! / rows.length;
  return Float32Array.from(means);
}

/** The rows with this label; all where there is none. */
export function rowsOf(labels: Int32Array, label: number): number[] {
  const rows = [...labels.keys()];
  const found = rows.filter((row) => labels[row] === label);
  return found.length > 0 ? found : rows;
}

/** The row of a place. @throws OptionError where it lies outside, or the answer has no places. */
export function rowAt([row, column]: readonly [number, number], output: Shape): number {
  if (output.length !== 3)
    throw new OptionError(
      `--at ${row},${column}: the network gives one answer for the whole picture, not one a pixel; leave it out`,
    );
  const [height, width] = output as readonly [number, number, number];
  const isInside = (at: number, extent: number) => Number.isInteger(at) && at >= 0 && at < extent;
  if (!isInside(row, height) || !isInside(column, width))
    throw new OptionError(
      `--at ${row},${column}: lies outside the picture, whose rows are 0 to ${height - 1} and columns 0 to ${width - 1}`,
    );
  return row * width + column;
}

/** A number at the class in each row that counts: of 1, their sum is asked for; of 1 / rows, their mean. */
export function maskOf({ target, rows }: Question, length: number, classes: number, share: number): Float32Array {
  const mask = new Float32Array(length);
  for (const row of rows) mask[row * classes + target] = share;
  return mask;
}
