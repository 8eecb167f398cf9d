/**
 * Sums, means and maxima over axes. Axes are numbered in the per-sample shape, ascend, and are dropped from it; a sum
 * may also run over the batch. `expand` is the reverse of `sum`: it repeats along the same axes.
 */

import { anything, checkOptions, expecting, type Fields, flag, isRecord, listOf, needed } from "../base/options.js";
import type { ExpandAttributes, MaxReduceAttributes, SumAttributes } from "../graph/attributes.js";
import { OWN_PLACE } from "../graph/axis-reads.js";
import type { Op, Value } from "../graph/graph.js";
import { type Shape, type Signature, sameShape, shapeText, sizeOf, withoutLeadingOnes } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { makes } from "./makes.js";
import { reshape } from "./shape.js";
import {
  AXIS,
  type Axis,
  axesOf,
  bytesOf,
  costPerElement,
  costPerInput,
  emptyTensor,
  expectInputs,
  refuse,
  stridesOf,
} from "./support.js";

export type { ExpandAttributes, MaxReduceAttributes, SumAttributes } from "../graph/attributes.js";

function dropAxes(op: string, path: string, shape: Shape, axes: readonly number[]): Shape {
  const valid = axes.every(
    (a, i) => Number.isInteger(a) && a >= 0 && a < shape.length && (i === 0 || a > axes[i - 1]!),
  );
  if (!valid) {
    refuse(
      op,
      path,
      `axes [${axes.join(", ")}] do not fit ${shape.join("x") || "a scalar"}; expected axes of it, each once`,
    );
  }
  return shape.filter((_, i) => !axes.includes(i));
}

/** For each element of a tensor of `shape` in row-major order, its position after `axes` are dropped. */
function targets(shape: Shape, axes: readonly number[]): Int32Array {
  const strides = stridesOf(shape);
  const kept = shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const keptStrides = stridesOf(kept.map((i) => shape[i]!));
  return Int32Array.from({ length: sizeOf(shape) }, (_, e) =>
    kept.reduce((at, axis, k) => at + (Math.floor(e / strides[axis]!) % shape[axis]!) * keptStrides[k]!, 0),
  );
}

/** The terms of one sum. */
function termCount({ axes, batch }: SumAttributes, shape: Shape, batchSize: number): number {
  return axes.reduce((n, a) => n * shape[a]!, 1) * (batch ? batchSize : 1);
}

export const sumOp: Op<SumAttributes> = {
  name: "sum",
  infer(inputs, { axes, batch }, path) {
    expectInputs("sum", path, inputs, [batch ? { name: "input", batched: true } : { name: "input" }]);
    const { shape, batched } = inputs[0]!;
    return { shape: dropAxes("sum", path, shape, axes), batched: batched && !batch, dtype: "f32" };
  },
  // Each term has weight 1 (mean: 1/count), so dy (dy/count) goes back to each.
  gradient: ({ inputs, attributes, upstream }) => [expand(upstream, inputs[0]!, attributes)],
  reference([x], attributes, output, batch) {
    const batched = output.batched || attributes.batch;
    const shape = batched ? x!.shape.slice(1) : x!.shape;
    const y = emptyTensor(output, batch);
    const target = targets(shape, attributes.axes);
    const each = output.batched ? sizeOf(output.shape) : 0;
    x!.data.forEach((value, i) => {
      y.data[Math.floor(i / target.length) * each + target[i % target.length]!]! += value;
    });
    if (attributes.mean) {
      const count = termCount(attributes, shape, batch);
      y.data.forEach((total, i) => {
        y.data[i] = total / count;
      });
    }
    return y;
  },
  cost: costPerInput(1),
  traits: { reads: ({ attributes }, _input, axis) => (attributes.axes.includes(axis) ? undefined : OWN_PLACE) },
};

export const expandOp: Op<ExpandAttributes> = {
  name: "expand",
  infer(inputs, { shape, batched, axes, batch, keepsAxes }, path) {
    expectInputs("expand", path, inputs, [{ name: "input", batched: batched && !batch }]);
    const dropped = dropAxes("expand", path, shape, axes);
    const expected = keepsAxes ? withoutLeadingOnes(shape.map((n, a) => (axes.includes(a) ? 1 : n))) : dropped;
    const given = keepsAxes ? withoutLeadingOnes(inputs[0]!.shape) : inputs[0]!.shape;
    if (batch && !batched) refuse("expand", path, "batch is true but batched is false; expected a result with a batch");
    if (!sameShape(given, expected)) {
      const axesText = `axes [${axes.join(", ")}]`;
      refuse(
        "expand",
        path,
        `input is ${shapeText(inputs[0]!)}, expected ${shapeText({ shape: expected })}, which is ${shape.join("x")} without ${axesText}`,
      );
    }
    return { shape, batched, dtype: "f32" };
  },
  // Each element is repeated over the axes, so its gradient is the sum over them (mean: over count).
  gradient: ({ inputs, attributes: { axes, batch, mean, keepsAxes }, upstream }) => [
    keepsAxes ? gather(upstream, inputs[0]!) : sum(upstream, { axes, batch, mean }),
  ],
  reference([x], attributes, output, batch): Tensor {
    const y = emptyTensor(output, batch);
    const target = targets(attributes.shape, attributes.axes);
    const each = output.batched && !attributes.batch ? x!.data.length / batch : 0;
    const divisor = attributes.mean ? termCount(attributes, attributes.shape, batch) : 1;
    y.data.forEach((_, i) => {
      y.data[i] = x!.data[Math.floor(i / target.length) * each + target[i % target.length]!]! / divisor;
    });
    return y;
  },
  cost: costPerElement(1),
  traits: { reads: ({ attributes }, _input, axis) => (attributes.axes.includes(axis) ? undefined : OWN_PLACE) },
};

/** Position in x of the first maximum for each output; NaN is above every number. */
function maxima(x: Float64Array, shape: Shape, axes: readonly number[]): Int32Array {
  const target = targets(shape, axes);
  const each = sizeOf(shape.filter((_, i) => !axes.includes(i)));
  const at = new Int32Array((x.length / target.length) * each).fill(-1);
  x.forEach((value, i) => {
    const y = Math.floor(i / target.length) * each + target[i % target.length]!;
    const best = at[y]!;
    if (best < 0 || value > x[best]! || (Number.isNaN(value) && !Number.isNaN(x[best]!))) at[y] = i;
  });
  return at;
}

export const maxReduceOp: Op<MaxReduceAttributes> = {
  name: "maxReduce",
  infer(inputs, { axes }, path) {
    expectInputs("maxReduce", path, inputs, [{ name: "input" }]);
    const { shape, batched } = inputs[0]!;
    return { shape: dropAxes("maxReduce", path, shape, axes), batched, dtype: "f32" };
  },
  // y is x at the maximum, so dy goes there; of equal maxima, to the first in row-major order.
  gradient: ({ graph, inputs, attributes, upstream }) => [
    graph.add(maxReduceGradOp, { axes: attributes.axes }, [inputs[0]!, upstream]),
  ],
  reference([x], { axes }, output, batch) {
    const y = emptyTensor(output, batch);
    maxima(x!.data, output.batched ? x!.shape.slice(1) : x!.shape, axes).forEach((at, i) => {
      y.data[i] = x!.data[at]!;
    });
    return y;
  },
  cost: costPerInput(1),
  traits: { reads: ({ attributes }, _input, axis) => (attributes.axes.includes(axis) ? undefined : OWN_PLACE) },
};

/** Inputs x and dy. */
export const maxReduceGradOp: Op<MaxReduceAttributes> = {
  name: "maxReduceGrad",
  infer(inputs, { axes }, path) {
    expectInputs("maxReduceGrad", path, inputs, [{ name: "input" }, { name: "output gradient" }]);
    const [x, dy] = inputs as readonly [Signature, Signature];
    const expected: Signature = { ...x, shape: dropAxes("maxReduceGrad", path, x.shape, axes) };
    if (!sameShape(dy.shape, expected.shape) || dy.batched !== x.batched) {
      refuse("maxReduceGrad", path, `the output gradient is ${shapeText(dy)}, expected ${shapeText(expected)}`);
    }
    return { shape: x.shape, batched: x.batched, dtype: "f32" };
  },
  reference([x, dy], { axes }, output, batch) {
    const dx = emptyTensor(output, batch);
    maxima(x!.data, output.shape, axes).forEach((at, i) => {
      dx.data[at]! += dy!.data[i]!;
    });
    return dx;
  },
  cost: (inputs, _attributes, output) => ({ multiplyAdds: sizeOf(output.shape), bytes: bytesOf(inputs, output) }),
};

/** Options of `ops.sum` and `ops.mean`. All are optional. */
export interface SumOptions {
  /**
   * Axes of a sample, by number or name. The batch is none of them: axis 0 of an image is its height.
   * @default all
   */
  readonly axes?: readonly Axis[];
  /**
   * Also over the batch.
   * @default false
   */
  readonly batch?: boolean;
  /**
   * Leaves each of `axes` in the shape, with an extent of 1.
   * @default false
   */
  readonly keepDims?: boolean;
  /**
   * Divides by the number of terms.
   * @default false
   */
  readonly mean?: boolean;
}

const SUM: Fields<SumOptions> = { axes: anything, batch: flag, keepDims: flag, mean: flag };

function reduced(op: "sum" | "mean", x: Value, options: SumOptions, mean = options.mean ?? false): Value {
  checkOptions(op, options, SUM);
  const { batch = false, keepDims = false } = options;
  const axes = axesOf(op, x, options.axes);
  const shape = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  if (axes.length === 0 && !batch) return x;
  const total = x.graph.add(sumOp, { axes, batch, mean }, [x]);
  return keepDims ? reshape(total, shape) : total;
}

/**
 * The sum over `axes` of a sample, all by default, and over the batch with `batch: true`. PyTorch: `torch.sum`.
 *
 * @example
 * ```js
 * import { Graph, ops } from "fovea";
 *
 * const graph = new Graph();
 * const image = graph.input("image", { shape: [28, 28, 3] });
 * console.log(ops.sum(image, { axes: ["height", "width"] }).shape); // [ 3 ]
 * ```
 *
 * @throws ShapeError if x has no such axis
 */
export const sum = makes("sum", ["x"], (x: Value, options: SumOptions = {}): Value => reduced("sum", x, options));

/**
 * The arithmetic mean over `axes` of a sample, all by default, and over the batch with `batch: true`. PyTorch:
 * `torch.mean`.
 *
 * @example
 * ```js
 * import { Graph, ops } from "fovea";
 *
 * const graph = new Graph();
 * const image = graph.input("image", { shape: [28, 28, 3] });
 * console.log(ops.mean(image, { axes: ["channels"], keepDims: true }).shape); // [ 28, 28, 1 ]
 * ```
 *
 * @throws ShapeError if x has no such axis
 */
export const mean = makes(
  "mean",
  ["x"],
  (x: Value, options: Omit<SumOptions, "mean"> = {}): Value => reduced("mean", x, options, true),
);

const LIKE = expecting("a value, or { shape, batched }", (value) => isRecord(value) && Array.isArray(value["shape"]));
const EXPAND = expecting("{ axes, batch, mean }", (value) => isRecord(value) && Array.isArray(value["axes"]));

/** Repeats x along `axes` and the batch until it has the signature of `like`; with `mean`, divided by the repeats. */
export const expand = makes(
  "expand",
  ["x"],
  (x: Value, like: Omit<Signature, "dtype">, options: SumAttributes): Value => {
    const { axes, batch, mean } = options;
    if (axes.length === 0 && !batch) return x;
    return x.graph.add(expandOp, { shape: like.shape, batched: like.batched, axes, batch, mean }, [x]);
  },
  { like: needed(LIKE), options: needed(EXPAND) },
);

/**
 * The shape that two broadcast to, by the rule of NumPy and PyTorch: lined up at their last axes, extents are the same,
 * or one of them is 1 or missing and is repeated. Undefined where they do not fit.
 */
export function broadcastShape(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const [x, y] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (x !== y && x !== 1 && y !== 1) return undefined;
    shape.push(x === 1 ? y : x);
  }
  return shape;
}

/** The axes of `shape` along which a value of shape `x` is repeated to fill it. */
function repeatedAxes(x: Shape, shape: Shape): number[] {
  const missing = shape.length - x.length;
  return shape.map((_, axis) => axis).filter((axis) => axis < missing || x[axis - missing] !== shape[axis]);
}

/** x repeated along axes that it lacks or has one element of, and the batch, until it has the signature of `like`. */
export const broadcastTo = makes(
  "broadcastTo",
  ["x"],
  (x: Value, like: Omit<Signature, "dtype">): Value => {
    const { shape, batched } = like;
    const axes = repeatedAxes(x.shape, shape);
    const batch = batched && !x.batched;
    if (axes.length === 0 && !batch) return x;
    const attributes = { shape, batched, axes, batch, mean: false };
    const hasAxes = x.shape.length > shape.length - axes.length;
    return x.graph.add(expandOp, hasAxes ? { ...attributes, keepsAxes: true } : attributes, [x]);
  },
  { like: needed(LIKE) },
);

/** The sum of a gradient over everything that `to` was repeated along: what flows back to it through broadcasting. */
export const gather = makes("gather", ["gradient", "to"], (gradient: Value, to: Value): Value => {
  const axes = repeatedAxes(to.shape, gradient.shape);
  const missing = gradient.shape.length - to.shape.length;
  const total = sum(gradient, { axes, batch: gradient.batched && !to.batched });
  const ones = axes.filter((axis) => axis >= missing).map((axis) => axis - missing);
  return expand(total, to, { axes: ones, batch: false, mean: false });
});

/** The maximum over `axes`, all by default. */
export const maxReduce = makes(
  "maxReduce",
  ["x"],
  (x: Value, axes?: readonly Axis[]): Value => {
    const found = axesOf("maxReduce", x, axes);
    return found.length === 0 ? x : x.graph.add(maxReduceOp, { axes: found }, [x]);
  },
  { axes: listOf(AXIS, 'a list of axes, such as ["height", "width"]') },
);
