/** Figures of labelled pixels, from a confusion matrix; and counting them. */
import type { ConfusionMatrix } from "./metrics.js";

/** Figures of labelled pixels. */
export interface PixelFigures {
  /** The share of pixels that are right. */
  readonly pixelAccuracy: number;
  /** The mean over classes of the share of a class's pixels that are right; classes without pixels do not count. */
  readonly classAccuracy: number;
  /** The mean over classes of intersection over union; classes that neither are there nor were said do not count. */
  readonly meanIoU: number;
  /** Figures of each class, in the order of the classes. */
  readonly classes: readonly ClassFigures[];
}

/** The figures of one class. A quotient by zero is NaN. */
export interface ClassFigures {
  /** The class's pixels among all. */
  readonly share: number;
  /** The share of them that were found. */
  readonly accuracy: number;
  /** Pixels of the class that were found, over those that are of it or were said to be. */
  readonly iou: number;
}

/** Ignored pixels are in no matrix. */
export function pixelFigures(confusion: ConfusionMatrix): PixelFigures {
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  const actual = confusion.map(sum);
  const predicted = confusion.map((_, c) => sum(confusion.map((row) => row[c]!)));
  const all = sum(actual);
  const classes = confusion.map((row, c) => ({
    share: actual[c]! / all,
    accuracy: row[c]! / actual[c]!,
    iou: row[c]! / (actual[c]! + predicted[c]! - row[c]!),
  }));
  const mean = (numbers: readonly number[]) => {
    const real = numbers.filter((x) => !Number.isNaN(x));
    return real.length === 0 ? 0 : sum(real) / real.length;
  };
  return {
    pixelAccuracy: all === 0 ? 0 : sum(confusion.map((row, c) => row[c]!)) / all,
    classAccuracy: mean(classes.map(({ accuracy }) => accuracy)),
    meanIoU: mean(classes.map(({ iou }) => iou)),
    classes,
  };
}

/** Counts pixels: their labels against what was said of them. Those labelled below 0 do not count. */
export function addPixels(confusion: number[][], labels: ArrayLike<number>, said: ArrayLike<number>): void {
  for (let i = 0; i < labels.length; i++) if (labels[i]! >= 0) confusion[labels[i]!]![said[i]!]!++;
}
