/** Log-probabilities, and losses between distributions over classes: one number a sample, or a position of it. */
import type { Value } from "../../graph/graph.js";
import { multiply, scale, stopGradient, subtract } from "../elementwise/arithmetic.js";
import { greater, where } from "../elementwise/comparison.js";
import { exp, log } from "../elementwise/functions.js";
import { makes } from "../makes.js";
import { expand, maxReduce, sum } from "../reduce.js";
import { expectPair } from "./expect-pair.js";

/**
 * x - log(sum of e^x) over the last axis, [..., classes]: the logarithm of `softmax`, without its underflow. The shape
 * stays. PyTorch: `F.log_softmax` over the last axis.
 *
 * @throws ShapeError if x has no axes
 */
export const logSoftmax = makes("logSoftmax", ["x"], (x: Value): Value => {
  const axes = [x.shape.length - 1];
  const spread = (value: Value) => expand(value, x, { axes, batch: false, mean: false });
  // The largest is taken off first, so that no exponential overflows; the result does not depend on it.
  const centred = subtract(x, stopGradient(spread(maxReduce(x, axes))));
  return subtract(centred, spread(log(sum(exp(centred), { axes }))));
});

/**
 * Cross-entropy with targets that are probabilities (mixed or distilled labels): -sum over classes of t log
 * softmax(logits). One number a sample, or a position of it. PyTorch: `F.cross_entropy` with probabilities and
 * reduction "none".
 *
 * @param targets of the logits' shape [..., classes], each row adding up to 1
 * @throws ShapeError if the two differ in shape
 */
export const softCrossEntropy = makes(
  "softCrossEntropy",
  ["logits", "targets"],
  (logits: Value, targets: Value): Value => {
    expectPair("softCrossEntropy", logits, targets, ["logits", "target"]);
    return scale(sum(multiply(targets, logSoftmax(logits)), { axes: [logits.shape.length - 1] }), -1);
  },
);

/**
 * The Kullback-Leibler divergence of a sample: sum of t (log t - x) over all of its numbers, 0 where t is 0. One number
 * a sample. PyTorch: `F.kl_div` with reduction "none", summed over the sample; its mean over the batch is "batchmean".
 *
 * @param logProbabilities x, such as `ops.logSoftmax` gives
 * @param targets t, probabilities of the same shape
 * @throws ShapeError if the two differ in shape
 */
export const klDivergence = makes(
  "klDivergence",
  ["logProbabilities", "targets"],
  (logProbabilities: Value, targets: Value): Value => {
    expectPair("klDivergence", logProbabilities, targets, ["log-probabilities", "target"]);
    const { graph } = targets;
    const some = greater(targets, graph.constant(0));
    // log 1 in place of log 0, which would be infinite times 0.
    const logTargets = log(where(some, targets, graph.constant(1)));
    return sum(multiply(targets, subtract(logTargets, logProbabilities)));
  },
);
