/** What is counted, not trained: these ops have no gradient. Of equal maxima the first counts, and NaN is a maximum. */
import type { Op, Value } from "../graph/graph.js";
import { shapeText } from "../graph/shape.js";
import { rowsOf } from "./loss.js";
import { makes } from "./makes.js";
import { costPerInput, emptyTensor, expectInputs, refuse } from "./support.js";

function firstMaximum(x: Float64Array, first: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) {
    const value = x[first + k]!;
    const most = x[first + best]!;
    if (value > most || (Number.isNaN(value) && !Number.isNaN(most))) best = k;
  }
  return best;
}

/** Position of the maximum over the last axis, i32. */
export const argmaxOp: Op = {
  name: "argmax",
  infer(inputs, _attributes, path) {
    expectInputs("argmax", path, inputs, [{ name: "input" }]);
    const { shape, batched } = inputs[0]!;
    if (shape.length === 0) refuse("argmax", path, `input is ${shapeText(inputs[0]!)}, expected at least one axis`);
    return { shape: shape.slice(0, -1), batched, dtype: "i32" };
  },
  reference([x], _attributes, output, batch) {
    const y = emptyTensor(output, batch);
    const classes = x!.shape.at(-1)!;
    y.data.forEach((_, row) => {
      y.data[row] = firstMaximum(x!.data, row * classes, classes);
    });
    return y;
  },
  cost: costPerInput(1),
};

/** 1 where the largest logit is the label's, else 0. */
export const correctOp: Op = {
  name: "correct",
  infer(inputs, _attributes, path) {
    expectInputs("correct", path, inputs, [
      { name: "logits", batched: true },
      { name: "labels", batched: true, dtype: "i32" },
    ]);
    return rowsOf("correct", path, inputs[0]!, inputs[1]!);
  },
  reference([logits, labels], _attributes, output, batch) {
    const y = emptyTensor(output, batch);
    const classes = logits!.shape.at(-1)!;
    y.data.forEach((_, row) => {
      y.data[row] = firstMaximum(logits!.data, row * classes, classes) === labels!.data[row] ? 1 : 0;
    });
    return y;
  },
  cost: costPerInput(1),
};

/**
 * The index of the largest number over the last axis, i32: [..., K] to [...]. The first of equals wins, and NaN wins
 * over numbers. PyTorch: `torch.argmax(x, -1)`.
 * @throws ShapeError if x has no axes
 */
export const argmax = makes("argmax", ["x"], (x: Value): Value => x.graph.add(argmaxOp, {}, [x]));
/**
 * 1 where the largest of the logits [..., K] is that of the label i32 [...], else 0: [...], f32. Its mean is the
 * accuracy.
 * @throws ShapeError if the labels do not fit the logits
 */
export const correct = makes(
  "correct",
  ["logits", "labels"],
  (logits: Value, labels: Value): Value => logits.graph.add(correctOp, {}, [logits, labels]),
);
