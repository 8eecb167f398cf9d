/**
 * Losses of predicted numbers: one number a sample, the mean over its numbers. Robust ones grow more slowly far out.
 */
import type { Value } from "../../graph/graph.js";
import { multiply, scale, subtract } from "../elementwise/arithmetic.js";
import { abs } from "../elementwise/functions.js";
import { clip } from "../elementwise/rectifiers.js";
import { makes } from "../makes.js";
import { mean } from "../reduce.js";
import { expectAbove0, expectPair } from "./expect-pair.js";

/**
 * The mean of |prediction - target| over the numbers of a sample: one number a sample. The gradient is 0 where the two
 * are equal. PyTorch: `F.l1_loss` with reduction "none", and its mean.
 *
 * @throws ShapeError if the two differ in shape
 */
export const absoluteError = makes(
  "absoluteError",
  ["prediction", "target"],
  (prediction: Value, target: Value): Value => {
    expectPair("absoluteError", prediction, target);
    return mean(abs(subtract(prediction, target)));
  },
);

/**
 * The Huber loss (Huber 1964), the mean over the numbers of a sample: d^2 / 2 for |d| up to `delta`, and delta (|d| -
 * delta / 2) beyond, where d = prediction - target. One number a sample. PyTorch: `F.huber_loss` with reduction "none",
 * and its mean.
 *
 * @param delta where the parabola becomes a line, above 0; 1 by default
 * @throws ShapeError if the two differ in shape, or delta is not above 0
 */
export const huberLoss = makes(
  "huberLoss",
  ["prediction", "target"],
  (prediction: Value, target: Value, delta = 1): Value => {
    expectPair("huberLoss", prediction, target);
    expectAbove0("huberLoss", prediction, "delta", delta);
    const size = abs(subtract(prediction, target));
    // With c = min(|d|, delta), both pieces are c (|d| - c / 2).
    const near = clip(size, { max: delta });
    return mean(multiply(near, subtract(size, scale(near, 0.5))));
  },
);

/**
 * The smooth L1 loss (Girshick 2015): the Huber loss divided by `beta`, so that its slope far out is 1. One number a
 * sample. PyTorch: `F.smooth_l1_loss` with reduction "none", and its mean.
 *
 * @param beta where the parabola becomes a line, above 0; 1 by default
 * @throws ShapeError if the two differ in shape, or beta is not above 0
 */
export const smoothL1Loss = makes(
  "smoothL1Loss",
  ["prediction", "target"],
  (prediction: Value, target: Value, beta = 1): Value => {
    expectPair("smoothL1Loss", prediction, target);
    expectAbove0("smoothL1Loss", prediction, "beta", beta);
    return scale(huberLoss(prediction, target, beta), 1 / beta);
  },
);
