/** What a classifier is trained with, as data: a network of the zoo says which. */
import type { Value } from "../graph/value.js";
import { crossEntropy } from "../ops/loss.js";
import { concat } from "../ops/shape.js";

export type Loss =
  /** -log softmax(outputs)[label]; with label smoothing s, a share s of the target is spread over all classes. */
  | { readonly kind: "crossEntropy"; readonly smoothing?: number }
  /**
   * LeCun et al. 1998, equation 9, the maximum a posteriori criterion: with penalties y_i, which are the outputs' negatives,
   *
   *     y_D + log(e^-j + sum over i of e^-y_i)
   *
   * is cross-entropy with one more class, "none of these", whose penalty is always j. It holds the penalty of the right
   * class below j, and lets those of the wrong ones rest once they are well above it.
   */
  | { readonly kind: "map"; readonly j: number };

export const CROSS_ENTROPY: Loss = { kind: "crossEntropy" };

/** outputs [..., classes], labels i32 [...]: the loss of each sample or position. */
export function lossOf(loss: Loss, outputs: Value, labels: Value): Value {
  if (loss.kind === "crossEntropy") return crossEntropy(outputs, labels, loss.smoothing);
  const shape = [...outputs.shape.slice(0, -1), 1];
  const none = outputs.graph.constant(-loss.j, { shape, batched: true });
  return crossEntropy(concat([outputs, none], outputs.shape.length - 1), labels);
}
