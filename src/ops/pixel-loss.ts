/**
 * Cross-entropy of every pixel, for nets that label all of a picture: one number a picture,
 *
 *     sum over pixels of w[label] (-log softmax(logits)[label])  /  sum over pixels of w[label]
 *
 * where ignored pixels have the weight 0; a picture of which all is ignored has the loss 0. It is PyTorch's
 * cross_entropy(weight=w, ignore_index=..., reduction="mean") of each picture by itself. PyTorch divides by the sum
 * over the batch instead; here every picture counts alike, so that a picture's loss does not depend on those beside it,
 * a last short batch weighs as it should, and figures of an epoch are means over pictures.
 */

import { type Fields, number } from "../base/options.js";
import type { Value } from "../graph/graph.js";
import { classWeight } from "./class-weight.js";
import { relu } from "./elementwise/activation.js";
import { add, divide, multiply, scale } from "./elementwise/arithmetic.js";
import { crossEntropy } from "./loss.js";
import { makes } from "./makes.js";
import { correct } from "./metric.js";
import { sum } from "./reduce.js";
import { NUMBERS } from "./support.js";

/** Options of `ops.pixelCrossEntropy`. All are optional. */
export interface PixelLossOptions {
  /**
   * The label of pixels that are skipped.
   * @default -1
   */
  readonly ignore?: number;
  /**
   * The weight of each class, [K].
   * @default 1 for each
   */
  readonly weights?: readonly number[];
  /**
   * Label smoothing: this share of the target, from 0 to less than 1, is spread over all classes.
   * @default 0
   */
  readonly smoothing?: number;
}

const PIXEL_LOSS: Fields<PixelLossOptions> = {
  ignore: number(),
  weights: NUMBERS,
  smoothing: number(),
};

/** The label of pixels that are skipped. */
export const IGNORED = -1;

/** Far below what one pixel weighs. */
const TINY = 1e-20;

/** The mean of `values` over a picture, weighted; 0 where all weights are. */
function weightedMean(values: Value, weights: Value): Value {
  const axes = weights.shape.map((_, axis) => axis);
  const total = sum(weights, { axes });
  const divisor = add(total, relu(scale(total, -1, TINY)));
  return divide(sum(multiply(values, weights), { axes }), divisor);
}

/**
 * The weighted mean of the cross-entropy over a picture's pixels: logits [H, W, K] and labels i32 [H, W], both with a
 * batch, to one number a picture. It is 0 if all pixels are skipped.
 * @throws ShapeError if the labels do not fit the logits
 */
export const pixelCrossEntropy = makes(
  "pixelCrossEntropy",
  ["logits", "labels"],
  (logits: Value, labels: Value, options: PixelLossOptions = {}): Value => {
    const { ignore = IGNORED, smoothing = 0 } = options;
    const weights = options.weights ?? new Array<number>(logits.shape.at(-1)!).fill(1);
    const losses = crossEntropy(logits, labels, smoothing, ignore);
    return weightedMean(losses, classWeight(labels, weights, ignore));
  },
  {},
  PIXEL_LOSS,
);

/**
 * The share of each picture's pixels whose largest logit is the label's: logits [H, W, K] and labels i32 [H, W] to one
 * number a picture.
 * @param ignore the label of pixels that are skipped; -1 by default
 * @throws ShapeError if the labels do not fit the logits
 */
export const pixelAccuracy = makes(
  "pixelAccuracy",
  ["logits", "labels"],
  (logits: Value, labels: Value, ignore = IGNORED): Value => {
    const ones = new Array<number>(logits.shape.at(-1)!).fill(1);
    return weightedMean(correct(logits, labels), classWeight(labels, ones, ignore));
  },
);
