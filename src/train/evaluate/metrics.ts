/**
 * Sums of an epoch in float64, one sample after another, so that they do not depend on how batches were cut or queued.
 */
export interface EpochSums {
  samples: number;
  loss: number;
  correct: number;
}

/** Mean loss and accuracy of a set of pictures. */
export interface EpochFigures {
  /** Mean loss of a picture. */
  readonly loss: number;
  /** Share of the pictures whose class is right, or of the pixels where these are labelled, from 0 to 1. */
  readonly accuracy: number;
}

export function noSums(): EpochSums {
  return { samples: 0, loss: 0, correct: 0 };
}

/** Adds a batch but for the samples that are left out; false if a loss in it is not finite. */
export function addBatch(
  sums: EpochSums,
  loss: ArrayLike<number>,
  correct: ArrayLike<number>,
  batch: number,
  leftOut: readonly number[] = [],
): boolean {
  for (let n = 0; n < batch; n++) {
    if (leftOut.includes(n)) continue;
    sums.loss += loss[n]!;
    sums.correct += correct[n]!;
  }
  sums.samples += batch - leftOut.length;
  return Number.isFinite(sums.loss);
}

export function figures(sums: EpochSums): EpochFigures {
  const n = Math.max(1, sums.samples);
  return { loss: sums.loss / n, accuracy: sums.correct / n };
}

/** Of the updates of an epoch. Plain data. */
export interface NormSums {
  readonly updates: number;
  readonly total: number;
  readonly largest: number;
}

/** Norms of the gradient over some updates. */
export interface NormFigures {
  /** Their mean. */
  readonly mean: number;
  /** The largest of them. */
  readonly largest: number;
}

export function addNorm(sums: NormSums | undefined, norm: number): NormSums {
  const { updates, total, largest } = sums ?? { updates: 0, total: 0, largest: 0 };
  return { updates: updates + 1, total: total + norm, largest: Math.max(largest, norm) };
}

export const normFigures = ({ updates, total, largest }: NormSums): NormFigures => ({ mean: total / updates, largest });

/** confusion[actual][predicted]: how often. Samples without a prediction, below 0, do not count. */
export type ConfusionMatrix = readonly (readonly number[])[];

export function confusionMatrix(
  actual: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number,
): ConfusionMatrix {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let n = 0; n < actual.length; n++) if (predicted[n]! >= 0) matrix[actual[n]!]![predicted[n]!]!++;
  return matrix;
}

/** How well one class is told from the others; NaN where there is nothing to divide by. */
export interface ClassFigures {
  /** The class's pictures that were found, as a share of them. */
  readonly recall: number;
  /** The pictures said to be of the class that are, as a share of those said to be. */
  readonly precision: number;
  /** The harmonic mean of the two. */
  readonly f1: number;
}

/** Recall, precision and F1 of each class. */
export function classFigures(matrix: ConfusionMatrix): readonly ClassFigures[] {
  const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
  return matrix.map((row, label) => {
    const [right, are, said] = [row[label]!, sum(row), sum(matrix.map((other) => other[label]!))];
    return { recall: right / are, precision: right / said, f1: (2 * right) / (are + said) };
  });
}

/** The means over the classes that have pictures; a class that is never predicted has a precision of 0. */
export function macroFigures(matrix: ConfusionMatrix): ClassFigures {
  const known = classFigures(matrix).filter(({ recall }) => !Number.isNaN(recall));
  const mean = (of: (figures: ClassFigures) => number) =>
    known.reduce((total, figures) => total + (of(figures) || 0), 0) / known.length;
  return { recall: mean((f) => f.recall), precision: mean((f) => f.precision), f1: mean((f) => f.f1) };
}

/** A column is as wide as its numbers; names that are longer are numbered. */
const LONGEST_HEAD = 6;

/**
 * The matrix as text, rows actual and columns predicted.
 *
 * @example
 * ```js
 * import { confusionText } from "fovea";
 *
 * const text = confusionText([[9, 1], [0, 10]], ["cat", "dog"]);
 * console.log(text.split("\n").length); // 3
 * ```
 */
export function confusionText(matrix: ConfusionMatrix, names: readonly string[]): string {
  const heads = names.some((name) => name.length > LONGEST_HEAD) ? names.map((_, label) => String(label)) : names;
  const labels = heads === names ? names : names.map((name, label) => `${String(label).padStart(2)} ${name}`);
  const widest = Math.max(...[...matrix.flat(), ...heads].map((cell) => String(cell).length));
  const margin = Math.max(LONGEST_HEAD, ...labels.map((label) => label.length)) + 1;
  const cell = (text: string | number) => String(text).padStart(widest + 1);
  const head = `${"".padEnd(margin)}${heads.map(cell).join("")}`;
  const rows = matrix.map(
    (row, i) => `${labels[i]!.padEnd(margin)}${row.map((n) => cell(n === 0 ? "." : n)).join("")}`,
  );
  return [head, ...rows].join("\n");
}
