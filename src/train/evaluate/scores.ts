/** Figures that need what a network gives for every class: top-5, how far its probabilities can be trusted, and for two classes the area under the ROC curve. */
import { exp } from "../../base/portable-math.js";
import { likeliest, rankOf } from "../../model/rank.js";

/** The pictures whose likeliest class has a probability between two bounds. */
export interface CalibrationBin {
  /** Probabilities of the bin are above it; those of the first bin may be 0. */
  readonly from: number;
  /** They are up to it. */
  readonly to: number;
  /** Its pictures. */
  readonly samples: number;
  /** The mean probability of their likeliest class; NaN where there are none. */
  readonly confidence: number;
  /** The share of them whose likeliest class is right; NaN where there are none. */
  readonly accuracy: number;
}

/** How far the probabilities of a classifier are the shares of pictures that it has right (Guo et al. 2017). */
export interface Calibration {
  /** The expected calibration error: |accuracy - confidence| of each bin, weighted by its pictures. From 0, which is best, to 1. */
  readonly error: number;
  /** The largest |accuracy - confidence| of a bin. */
  readonly largest: number;
  /** Bins of equal width. */
  readonly bins: readonly CalibrationBin[];
}

/** What scores come to. */
export interface ScoreFigures {
  readonly top5: number;
  readonly calibration: Calibration;
  /** Of two classes: the probability that a picture of class 1 scores higher for it than one of class 0. NaN where one of them has no pictures. */
  readonly rocAuc?: number;
}

const BINS = 15;

/** Takes the numbers of each picture, one after another. */
export class Scores {
  readonly #classes: number;
  readonly #counts = Array.from({ length: BINS }, () => ({ samples: 0, confidence: 0, right: 0 }));
  readonly #ofTwo: { readonly score: number; readonly isSecond: boolean }[] = [];
  #samples = 0;
  #firstFive = 0;

  constructor(classes: number) {
    this.#classes = classes;
  }

  /** @param isLogits whether the numbers are logits and no probabilities */
  add(numbers: ArrayLike<number>, offset: number, label: number, isLogits: boolean): void {
    const classes = this.#classes;
    this.#samples++;
    if (rankOf(numbers, offset, classes, label) <= 5) this.#firstFive++;
    const best = likeliest(numbers, offset, classes);
    const confidence = isLogits ? shareOf(numbers, offset, classes, best) : numbers[offset + best]!;
    // What is no number is in the last bin, and makes its confidence none.
    const bin = this.#counts[Number.isNaN(confidence) ? BINS - 1 : binOf(confidence)]!;
    bin.samples++;
    bin.confidence += confidence;
    if (best === label) bin.right++;
    if (classes === 2) {
      const score = isLogits ? numbers[offset + 1]! - numbers[offset]! : numbers[offset + 1]!;
      this.#ofTwo.push({ score, isSecond: label === 1 });
    }
  }

  figures(): ScoreFigures {
    const bins = this.#counts.map(({ samples, confidence, right }, i) => ({
      from: i / BINS,
      to: (i + 1) / BINS,
      samples,
      confidence: confidence / samples,
      accuracy: right / samples,
    }));
    const taken = bins.filter(({ samples }) => samples > 0);
    const gaps = taken.map(({ accuracy, confidence }) => Math.abs(accuracy - confidence));
    const all = Math.max(1, this.#samples);
    const error = taken.reduce((sum, { samples }, i) => sum + (samples / all) * gaps[i]!, 0);
    return {
      top5: this.#firstFive / all,
      calibration: { error, largest: Math.max(0, ...gaps), bins },
      ...(this.#classes === 2 && { rocAuc: areaOf(this.#ofTwo) }),
    };
  }
}

/** Bounds belong to the bin below; 0 to the first. */
const binOf = (confidence: number) => Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1));

/** The softmax of class `label`. */
function shareOf(logits: ArrayLike<number>, offset: number, classes: number, label: number): number {
  let sum = 0;
  for (let k = 0; k < classes; k++) sum += exp(Math.max(-700, logits[offset + k]! - logits[offset + label]!));
  return 1 / sum;
}

/** By ranks (Mann and Whitney 1947): of equal scores each pair counts half. */
function areaOf(given: readonly { readonly score: number; readonly isSecond: boolean }[]): number {
  const sorted = [...given].sort((a, b) => a.score - b.score);
  const seconds = sorted.filter(({ isSecond }) => isSecond).length;
  const firsts = sorted.length - seconds;
  let below = 0;
  let pairs = 0;
  for (let at = 0; at < sorted.length; ) {
    let end = at;
    let [equalFirsts, equalSeconds] = [0, 0];
    for (; end < sorted.length && sorted[end]!.score === sorted[at]!.score; end++)
      if (sorted[end]!.isSecond) equalSeconds++;
      else equalFirsts++;
    if (end === at) return Number.NaN; // a score that is no number
    pairs += equalSeconds * (below + equalFirsts / 2);
    below += equalFirsts;
    at = end;
  }
  return firsts === 0 || seconds === 0 ? Number.NaN : pairs / (firsts * seconds);
}
