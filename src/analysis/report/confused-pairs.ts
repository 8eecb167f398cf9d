/** The classes of a confusion matrix that are taken for each other. */
import type { ConfusionMatrix } from "../../train/evaluate/metrics.js";

export interface Confused {
  readonly actual: number;
  readonly predicted: number;
  readonly count: number;
}

/** The pairs that were taken for each other most often. */
export function confusedPairs(matrix: ConfusionMatrix, limit: number): Confused[] {
  return matrix
    .flatMap((row, actual) => row.map((count, predicted) => ({ actual, predicted, count })))
    .filter(({ actual, predicted, count }) => actual !== predicted && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, limit);
}
