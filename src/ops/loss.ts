/** Softmax and the losses. Classes are the last axis; a loss is one number a sample (or a position of a sample). */
import { number } from "../base/options.js";
import type { CrossEntropyAttributes } from "../graph/attributes.js";
import { OWN_PLACE } from "../graph/axis-reads.js";
import type { Op, Value } from "../graph/graph.js";
import { type Signature, sameShape, shapeText, sizeOf } from "../graph/shape.js";
import { multiply, scale, subtract } from "./elementwise/arithmetic.js";
import { makes } from "./makes.js";
import { bytesOf, costPerElement, costPerInput, emptyTensor, expectInputs, refuse, TRANSCENDENTAL } from "./support.js";

export type { CrossEntropyAttributes } from "../graph/attributes.js";

function expectClasses(op: string, path: string, logits: Signature): void {
  if (logits.shape.length === 0) {
    refuse(op, path, `input is ${shapeText(logits)}, expected classes in the last axis`);
  }
}

/** Calls `visit` with the first position of each row of classes. */
function eachRow(length: number, classes: number, visit: (first: number, row: number) => void): void {
  for (let row = 0; row * classes < length; row++) visit(row * classes, row);
}

/** The largest of a row, and log(sum of e^x) computed around it, so that no exponential overflows. */
function logSumExp(x: Float64Array, first: number, classes: number): number {
  let max = -Infinity;
  for (let k = 0; k < classes; k++) max = Math.max(max, x[first + k]!);
  let sum = 0;
  for (let k = 0; k < classes; k++) sum += Math.exp(x[first + k]! - max);
  return max + Math.log(sum);
}

export const softmaxOp: Op = {
  name: "softmax",
  infer(inputs, _attributes, path) {
    expectInputs("softmax", path, inputs, [{ name: "input" }]);
    expectClasses("softmax", path, inputs[0]!);
    const { shape, batched } = inputs[0]!;
    return { shape, batched, dtype: "f32" };
  },
  gradient: ({ graph, node, upstream }) => [graph.add(softmaxGradOp, {}, [node, upstream])],
  reference([x], _attributes, output, batch) {
    const y = emptyTensor(output, batch);
    const classes = output.shape.at(-1)!;
    eachRow(y.data.length, classes, (first) => {
      const log = logSumExp(x!.data, first, classes);
      for (let k = first; k < first + classes; k++) y.data[k] = Math.exp(x!.data[k]! - log);
    });
    return y;
  },
  cost: costPerElement(TRANSCENDENTAL + 2),
  traits: { reads: () => OWN_PLACE },
};

/**
 * Inputs y and dy. dy_j/dx_i = y_j ([i = j] - y_i), so dx_i = sum over j of dy_j y_j ([i = j] - y_i)
 * = y_i (dy_i - sum over j of y_j dy_j).
 */
export const softmaxGradOp: Op = {
  name: "softmaxGrad",
  infer(inputs, _attributes, path) {
    expectInputs("softmaxGrad", path, inputs, [{ name: "output" }, { name: "output gradient" }]);
    const [y, dy] = inputs as readonly [Signature, Signature];
    expectClasses("softmaxGrad", path, y);
    if (!sameShape(y.shape, dy.shape) || y.batched !== dy.batched) {
      refuse("softmaxGrad", path, `the output gradient is ${shapeText(dy)}, expected the output's ${shapeText(y)}`);
    }
    return { shape: y.shape, batched: y.batched, dtype: "f32" };
  },
  reference([y, dy], _attributes, output, batch) {
    const dx = emptyTensor(output, batch);
    const classes = output.shape.at(-1)!;
    eachRow(dx.data.length, classes, (first) => {
      let dot = 0;
      for (let k = first; k < first + classes; k++) dot += y!.data[k]! * dy!.data[k]!;
      for (let k = first; k < first + classes; k++) dx.data[k] = y!.data[k]! * (dy!.data[k]! - dot);
    });
    return dx;
  },
  cost: costPerElement(3),
};

/** Checks labels against logits; the shape of one number a row. */
export function rowsOf(op: string, path: string, logits: Signature, labels: Signature): Signature {
  expectClasses(op, path, logits);
  const rows = { shape: logits.shape.slice(0, -1), batched: true, dtype: "f32" as const };
  if (!sameShape(labels.shape, rows.shape)) {
    refuse(op, path, `labels are ${shapeText(labels)}, expected ${shapeText(rows)} for logits of ${shapeText(logits)}`);
  }
  return rows;
}

/**
 * -log softmax(logits)[label] = log(sum of e^logits) - logits[label]; NaN for a label that is no class.
 *
 * With label smoothing s (Szegedy et al. 2015, as PyTorch defines it) the target is the label with weight 1 - s and
 * every one of the K classes, the label's too, with s / K:
 *
 *     log(sum of e^logits) - (1 - s) logits[label] - s / K sum of logits
 *
 * A row whose label is `ignore` has the loss 0, whatever its logits.
 */
export const crossEntropyOp: Op<CrossEntropyAttributes> = {
  name: "crossEntropy",
  infer(inputs, attributes, path) {
    checkSmoothing("crossEntropy", path, attributes);
    expectInputs("crossEntropy", path, inputs, [
      { name: "logits", batched: true },
      { name: "labels", batched: true, dtype: "i32" },
    ]);
    return rowsOf("crossEntropy", path, inputs[0]!, inputs[1]!);
  },
  gradient: ({ graph, inputs: [logits, labels], attributes, upstream }) => [
    graph.add(crossEntropyGradOp, attributes, [logits!, labels!, upstream]),
    undefined,
  ],
  reference([logits, labels], { smoothing = 0, ignore }, output, batch) {
    const loss = emptyTensor(output, batch);
    const classes = logits!.shape.at(-1)!;
    eachRow(logits!.data.length, classes, (first, row) => {
      const label = labels!.data[row]!;
      if (label === ignore) return;
      const picked = label >= 0 && label < classes ? logits!.data[first + label]! : Number.NaN;
      loss.data[row] = logSumExp(logits!.data, first, classes) - (1 - smoothing) * picked;
      if (smoothing === 0) return; // an infinite logit of another class must not count
      const sum = logits!.data.subarray(first, first + classes).reduce((a, b) => a + b, 0);
      loss.data[row]! -= (smoothing * sum) / classes;
    });
    return loss;
  },
  cost: costPerInput(TRANSCENDENTAL + 1),
};

/** Inputs logits, labels and dy. d(loss)/d(logit_k) = softmax_k - (1 - s) [k = label] - s / K, times the row's dy. */
export const crossEntropyGradOp: Op<CrossEntropyAttributes> = {
  name: "crossEntropyGrad",
  infer(inputs, attributes, path) {
    checkSmoothing("crossEntropyGrad", path, attributes);
    expectInputs("crossEntropyGrad", path, inputs, [
      { name: "logits", batched: true },
      { name: "labels", batched: true, dtype: "i32" },
      { name: "loss gradient", batched: true },
    ]);
    const rows = rowsOf("crossEntropyGrad", path, inputs[0]!, inputs[1]!);
    if (!sameShape(inputs[2]!.shape, rows.shape)) {
      refuse("crossEntropyGrad", path, `the loss gradient is ${shapeText(inputs[2]!)}, expected ${shapeText(rows)}`);
    }
    return { shape: inputs[0]!.shape, batched: true, dtype: "f32" };
  },
  reference([logits, labels, dy], { smoothing = 0, ignore }, output, batch) {
    const gradient = emptyTensor(output, batch);
    const classes = output.shape.at(-1)!;
    eachRow(gradient.data.length, classes, (first, row) => {
      const label = labels!.data[row]!;
      if (label === ignore) return;
      const known = label >= 0 && label < classes;
      const log = logSumExp(logits!.data, first, classes);
      for (let k = 0; k < classes; k++) {
        const softmax = Math.exp(logits!.data[first + k]! - log);
        const target = (k === label ? 1 - smoothing : 0) + smoothing / classes;
        gradient.data[first + k] = known ? (softmax - target) * dy!.data[row]! : Number.NaN;
      }
    });
    return gradient;
  },
  cost: costPerElement(TRANSCENDENTAL + 3),
};

function checkSmoothing(op: string, path: string, { smoothing = 0, ignore = 0 }: CrossEntropyAttributes): void {
  if (!(smoothing >= 0 && smoothing < 1)) refuse(op, path, `smoothing is ${smoothing}, expected 0 to less than 1`);
  if (!Number.isInteger(ignore)) refuse(op, path, `ignore is ${ignore}, expected a whole number`);
}

/** The mean of (p - t)^2 over the elements of a sample: one number a sample. */
export const meanSquaredErrorOp: Op = {
  name: "meanSquaredError",
  infer(inputs, _attributes, path) {
    expectInputs("meanSquaredError", path, inputs, [
      { name: "prediction", batched: true },
      { name: "target", batched: true },
    ]);
    const [p, t] = inputs as readonly [Signature, Signature];
    if (!sameShape(p.shape, t.shape)) {
      refuse("meanSquaredError", path, `the target is ${shapeText(t)}, expected the prediction's ${shapeText(p)}`);
    }
    return { shape: [], batched: true, dtype: "f32" };
  },
  // d/dp = 2 (p - t) / size, times the sample's dy; d/dt is its negative.
  gradient({ inputs: [p, t], upstream, wanted }) {
    const towards = (a: Value, b: Value) => multiply(scale(subtract(a, b), 2 / sizeOf(a.shape)), upstream);
    return [wanted[0] ? towards(p!, t!) : undefined, wanted[1] ? towards(t!, p!) : undefined];
  },
  reference([p, t], _attributes, output, batch) {
    const loss = emptyTensor(output, batch);
    const size = p!.data.length / batch;
    p!.data.forEach((value, i) => {
      loss.data[Math.floor(i / size)]! += (value - t!.data[i]!) ** 2 / size;
    });
    return loss;
  },
  cost: (inputs, _attributes, output) => ({
    multiplyAdds: 2 * sizeOf(inputs[0]!.shape),
    bytes: bytesOf(inputs, output),
  }),
};

/**
 * exp(x_i) / sum over j of exp(x_j), over the last axis. PyTorch: `F.softmax`.
 *
 * @example
 * ```js
 * import { Graph, ops } from "fovea";
 *
 * const logits = new Graph().input("logits", { shape: [10] });
 * console.log(ops.softmax(logits).shape); // [ 10 ]
 * ```
 *
 * @throws ShapeError if x has no axes
 */
export const softmax = makes("softmax", ["x"], (x: Value): Value => x.graph.add(softmaxOp, {}, [x]));
/**
 * -log softmax(logits)[label], with logits [..., K] and labels i32 [...], both with a batch: the loss of each sample or
 * position, [...]. PyTorch: `F.cross_entropy` with reduction "none".
 *
 * @example
 * ```js
 * import { Graph, ops } from "fovea";
 *
 * const graph = new Graph();
 * const logits = graph.input("logits", { shape: [10] });
 * const labels = graph.input("labels", { shape: [], dtype: "i32" });
 * const loss = ops.mean(ops.crossEntropy(logits, labels), { batch: true });
 * console.log(loss.shape, loss.batched); // [] false
 * ```
 *
 * @param smoothing label smoothing: this share of the target is spread over all classes; 0 by default
 * @param ignore a label whose rows have the loss 0 and no gradient; none by default
 * @throws ShapeError if the labels do not fit the logits
 */
export const crossEntropy = makes(
  "crossEntropy",
  ["logits", "labels"],
  (logits: Value, labels: Value, smoothing = 0, ignore?: number): Value =>
    logits.graph.add(
      crossEntropyOp,
      { ...(smoothing === 0 ? {} : { smoothing }), ...(ignore === undefined ? {} : { ignore }) },
      [logits, labels],
    ),
  { smoothing: number(), ignore: number() },
);
/**
 * The mean of (prediction - target)^2 over the numbers of a sample, with two values of one shape and a batch: one
 * number a sample. PyTorch: `F.mse_loss` with reduction "none", and its mean.
 *
 * @example
 * ```js
 * import { Graph, ops } from "fovea";
 *
 * const graph = new Graph();
 * const [x, y] = ["x", "y"].map((name) => graph.input(name, { shape: [3] }));
 * const loss = ops.mean(ops.meanSquaredError(x, y), { batch: true });
 * console.log(loss.shape, loss.batched); // [] false
 * ```
 *
 * @throws ShapeError if the two differ in shape
 */
export const meanSquaredError = makes(
  "meanSquaredError",
  ["prediction", "target"],
  (prediction: Value, target: Value): Value => prediction.graph.add(meanSquaredErrorOp, {}, [prediction, target]),
);
