/** What a classifier is trained with, as data: a network of the zoo says which. */
import { OptionError } from "../base/errors.js";
import { shown } from "../base/options.js";
import { isValue, type Value } from "../graph/graph.js";
import { shapeText, sizeOf } from "../graph/shape.js";
import { add, scale } from "../ops/elementwise/arithmetic.js";
import { crossEntropy } from "../ops/loss.js";
import { argmax, correct } from "../ops/metric.js";
import { pixelAccuracy, pixelCrossEntropy } from "../ops/pixel-loss.js";
import { concat, slice } from "../ops/shape.js";

/**
 * The loss that a classifier is trained with, as data. A network names its own in `loss`; the default is softmax
 * cross-entropy.
 */
export type Loss =
  | {
      /** -log softmax(outputs)[label]. PyTorch: `nn.CrossEntropyLoss`. */
      readonly kind: "crossEntropy";
      /**
       * Label smoothing: this share of the target, from 0 to less than 1, is spread over all classes.
       * @default 0
       */
      readonly smoothing?: number;
      /** Where scores of auxiliary classifiers follow those of the `classes`, their losses are added, each `weight` times. */
      readonly auxiliary?: {
        /** Scores of one classifier: those of the network's own come first. */
        readonly classes: number;
        /** Weight of the loss of each auxiliary classifier. */
        readonly weight: number;
      };
    }
  | {
      /**
       * LeCun et al. 1998, equation 9, the maximum a posteriori criterion: with penalties y_i, which are the outputs'
       * negatives,
       *
       *     y_D + log(e^-j + sum over i of e^-y_i)
       *
       * It is cross-entropy with one more class, "none of these", whose penalty is always j. It holds the penalty of
       * the right class below j, and lets those of the wrong ones rest once they are well above it.
       */
      readonly kind: "maximumAPosteriori";
      /** The penalty of "none of these". */
      readonly j: number;
    }
  | {
      /**
       * The weighted mean of the cross-entropy over a picture's pixels; pixels labelled -1 are skipped. Outputs of n x
       * classes channels are n labellings one behind the other, as recurrent networks return them in training: the loss
       * is the sum of theirs, and the last of them is the prediction.
       */
      readonly kind: "pixelCrossEntropy";
      /** Classes of a pixel. */
      readonly classes: number;
      /**
       * The weight of each class, [classes].
       * @default 1 for each
       */
      readonly weights?: readonly number[];
      /**
       * Label smoothing: this share of the target, from 0 to less than 1, is spread over all classes.
       * @default 0
       */
      readonly smoothing?: number;
      /**
       * What the loss of each labelling but the last counts.
       * @default 1
       */
      readonly auxiliary?: number;
    }
  | {
      /** A loss of the network's own. */
      readonly kind: "own";
      /**
       * Draws it: from the outputs [classes] and the labels, whole numbers, one number for each picture.
       * `(outputs, labels) => ops.square(ops.crossEntropy(outputs, labels))`
       */
      of(outputs: Value, labels: Value): Value;
    };

/**
 * A figure of a network's own: draws one number for each picture, from the outputs [classes] and the labels, whole
 * numbers. Its mean over the test pictures is shown beside loss and accuracy.
 */
export type Metric = (outputs: Value, labels: Value) => Value;

/** The loss of a network that does not name one: softmax cross-entropy without label smoothing. */
export const CROSS_ENTROPY: Loss = { kind: "crossEntropy" };

/** outputs [..., classes], labels i32 [...]: the loss of each sample or position. */
export function lossOf(loss: Loss, outputs: Value, labels: Value): Value {
  if (loss.kind === "own") return onePerPicture("loss", loss.of(outputs, labels));
  if (loss.kind === "crossEntropy") {
    const { smoothing, auxiliary } = loss;
    if (auxiliary === undefined) return crossEntropy(outputs, labels, smoothing);
    const [own, ...others] = parts(outputs, auxiliary.classes).map((scores) => crossEntropy(scores, labels, smoothing));
    return others.reduce((sum, other) => add(sum, scale(other, auxiliary.weight)), own!);
  }
  if (loss.kind === "pixelCrossEntropy") {
    const { classes, weights, smoothing, auxiliary = 1 } = loss;
    const options = { ...(weights && { weights }), ...(smoothing !== undefined && { smoothing }) };
    const losses = parts(outputs, classes).map((logits) => pixelCrossEntropy(logits, labels, options));
    return losses.map((each, i) => (i + 1 < losses.length ? scale(each, auxiliary) : each)).reduce(add);
  }
  const shape = [...outputs.shape.slice(0, -1), 1];
  const none = outputs.graph.constant(-loss.j, { shape, batched: true });
  return crossEntropy(concat([outputs, none], outputs.shape.length - 1), labels);
}

/** The network's own figures by name. */
export function metricsOf(
  { loss = CROSS_ENTROPY, metrics = {} }: { readonly loss?: Loss; readonly metrics?: Readonly<Record<string, Metric>> },
  outputs: Value,
  labels: Value,
): Record<string, Value> {
  const answer = answering(loss, outputs);
  return Object.fromEntries(
    Object.entries(metrics).map(([name, draw]) => [name, onePerPicture(`metric ${name}`, draw(answer, labels))]),
  );
}

/** @throws OptionError where what was drawn is not one number for each picture. */
function onePerPicture(what: string, drawn: unknown): Value {
  const expected = `${what}: expected one number for each picture`;
  if (!isValue(drawn)) throw new OptionError(`${expected}, the value that ops give; found ${shown(drawn)}`);
  if (!drawn.batched) throw new OptionError(`${expected}, found one for the whole batch; leave batch: true out`);
  if (drawn.dtype === "f32" && sizeOf(drawn.shape) === 1) return drawn;
  throw new OptionError(
    `${expected}, f32, found ${shapeText(drawn)} of type ${drawn.dtype}; ops.mean(x) makes one of several`,
  );
}

/** Outputs [..., n classes] as n of [..., classes]. */
function parts(outputs: Value, classes: number): Value[] {
  const axis = outputs.shape.length - 1;
  const count = outputs.shape[axis]! / classes;
  return Array.from({ length: count }, (_, i) => slice(outputs, axis, i * classes, (i + 1) * classes));
}

/** The outputs that the answer is read from: the last of several labellings, the first of several classifiers. */
function answering(loss: Loss, outputs: Value): Value {
  if (loss.kind === "pixelCrossEntropy") return parts(outputs, loss.classes).at(-1)!;
  if (loss.kind !== "crossEntropy" || loss.auxiliary === undefined) return outputs;
  return parts(outputs, loss.auxiliary.classes)[0]!;
}

/** How many classes a network's outputs tell apart, where those of several classifiers may be in one. */
export function classesOf({ loss }: { readonly loss?: Loss }, outputs: Value): number {
  if (loss?.kind === "pixelCrossEntropy") return loss.classes;
  const auxiliary = loss?.kind === "crossEntropy" ? loss.auxiliary : undefined;
  return auxiliary?.classes ?? outputs.shape.at(-1)!;
}

/** 1 for a sample that is right, else 0; of a labelled picture the share of its pixels that are. */
export function accuracyOf(loss: Loss, outputs: Value, labels: Value): Value {
  const answer = answering(loss, outputs);
  return loss.kind === "pixelCrossEntropy" ? pixelAccuracy(answer, labels) : correct(answer, labels);
}

/** The likeliest class of each sample, or of each pixel. */
export const decisionOf = (loss: Loss, outputs: Value): Value => argmax(answering(loss, outputs));
