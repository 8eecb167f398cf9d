/** Losses of answers that are each yes or no: several labels a picture, masks. One number a sample. */
import { type Fields, number } from "../../base/options.js";
import type { Value } from "../../graph/graph.js";
import { sigmoid } from "../elementwise/activation.js";
import { add, divide, multiply, power, scale } from "../elementwise/arithmetic.js";
import { softplus } from "../elementwise/smooth.js";
import { makes } from "../makes.js";
import { mean, sum } from "../reduce.js";
import { refuse } from "../support.js";
import { expectPair } from "./expect-pair.js";

/** Of each number. -log sigmoid(x) is softplus(-x), and -log (1 - sigmoid(x)) is x + softplus(-x). */
function crossEntropyOfEach(logits: Value, targets: Value, positiveWeight?: Value): Value {
  const positive = softplus(scale(logits, -1));
  const others = multiply(scale(targets, -1, 1), add(logits, positive));
  const weighted = positiveWeight === undefined ? positive : multiply(positive, positiveWeight);
  return add(others, multiply(targets, weighted));
}

/**
 * Binary cross-entropy of logits, the mean over the numbers of a sample: -w t log s(x) - (1 - t) log (1 - s(x)), with s
 * the sigmoid. It does not overflow. One number a sample. PyTorch: `F.binary_cross_entropy_with_logits` with reduction
 * "none", and its mean.
 *
 * @param targets of the logits' shape, from 0 to 1
 * @param positiveWeight w: a value that broadcasts to the logits, such as one number a class; 1 by default. PyTorch:
 * `pos_weight`.
 * @throws ShapeError if the two differ in shape
 */
export const binaryCrossEntropy = makes(
  "binaryCrossEntropy",
  ["logits", "targets"],
  (logits: Value, targets: Value, positiveWeight?: Value): Value => {
    expectPair("binaryCrossEntropy", logits, targets, ["logits", "target"]);
    return mean(crossEntropyOfEach(logits, targets, positiveWeight));
  },
);

/** Options of `ops.focalLoss`. All are optional. */
export interface FocalLossOptions {
  /**
   * The exponent, from 0. More leaves out more of what is answered well.
   * @default 2
   */
  readonly gamma?: number;
  /**
   * The weight of positive targets, up to 1; that of the others is 1 - alpha. Below 0 there are no weights.
   * @default 0.25
   */
  readonly alpha?: number;
}

const FOCAL_LOSS: Fields<FocalLossOptions> = { gamma: number(), alpha: number() };

/**
 * The focal loss (Lin et al. 2017), the mean over the numbers of a sample: binary cross-entropy times (1 - p)^gamma,
 * where p is the probability of what is true, so that what is answered well counts little. One number a sample.
 * torchvision: `ops.sigmoid_focal_loss` with reduction "none", and its mean.
 *
 * @param targets of the logits' shape, 0 or 1
 * @throws ShapeError if the two differ in shape, or a number is out of its range
 */
export const focalLoss = makes(
  "focalLoss",
  ["logits", "targets"],
  (logits: Value, targets: Value, options: FocalLossOptions = {}): Value => {
    const { gamma = 2, alpha = 0.25 } = options;
    expectPair("focalLoss", logits, targets, ["logits", "target"]);
    if (!(gamma >= 0)) refuse("focalLoss", logits.graph.path, `gamma is ${gamma}, expected a number from 0`);
    if (!(alpha <= 1)) refuse("focalLoss", logits.graph.path, `alpha is ${alpha}, expected a share up to 1`);
    // The probability of what is not true: s(-x) for a positive target, s(x) for another.
    const negatives = scale(targets, -1, 1);
    const wrong = add(multiply(sigmoid(scale(logits, -1)), targets), multiply(sigmoid(logits), negatives));
    const loss = multiply(crossEntropyOfEach(logits, targets), power(wrong, gamma));
    if (alpha < 0) return mean(loss);
    return mean(multiply(loss, scale(targets, 2 * alpha - 1, 1 - alpha)));
  },
  {},
  FOCAL_LOSS,
);

/**
 * The Dice loss (Milletari et al. 2016) of a sample: 1 - (2 sum p t + smooth) / (sum p + sum t + smooth), over all of
 * its numbers. One number a sample.
 *
 * @param probabilities from 0 to 1, such as `ops.sigmoid` gives
 * @param targets of the same shape, from 0 to 1
 * @param smooth keeps a sample without anything to find defined, from 0; 1 by default
 * @throws ShapeError if the two differ in shape
 */
export const diceLoss = makes(
  "diceLoss",
  ["probabilities", "targets"],
  (probabilities: Value, targets: Value, smooth = 1): Value => {
    expectPair("diceLoss", probabilities, targets, ["probabilities", "target"]);
    if (!(smooth >= 0)) refuse("diceLoss", probabilities.graph.path, `smooth is ${smooth}, expected a number from 0`);
    const both = scale(sum(multiply(probabilities, targets)), 2, smooth);
    const all = scale(add(sum(probabilities), sum(targets)), 1, smooth);
    return scale(divide(both, all), -1, 1);
  },
);
