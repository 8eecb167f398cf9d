/**
 * Ops that move numbers and change none: reshape, concat, slice, pad. All work within a sample, never along the batch.
 *
 * Reshape (and so flatten) reads and writes rank-3 values, which are images [H, W, C], in the order C, H, W, because
 * published weights of the layers after a flatten expect it; any other rank is read and written row by row.
 */

import { ShapeError } from "../base/errors.js";
import { anything, needed, number } from "../base/options.js";
import type { ConcatAttributes, PadAttributes, SliceAttributes } from "../graph/attributes.js";
import { type AxisReads, OWN_PLACE } from "../graph/axis-reads.js";
import type { Op, Value } from "../graph/graph.js";
import { type Shape, type Signature, sameShape, shapeText, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { makes } from "./makes.js";
import { AXIS, type Axis, axisOf, bytesOf, emptyTensor, expectInputs, NUMBERS, refuse, stridesOf } from "./support.js";

export type { ConcatAttributes, PadAttributes, SliceAttributes } from "../graph/attributes.js";

export interface ReshapeAttributes {
  readonly shape: Shape;
}

const moves = (inputs: readonly Signature[], _attributes: unknown, output: Signature) => ({
  multiplyAdds: 0,
  bytes: bytesOf(inputs, output),
});

/** Place o is that of o + by. */
const moved = (by: number): AxisReads => ({ kind: "window", step: 1, per: 1, first: by, last: by });

/** Row-major positions of the elements of `shape` in the order in which reshape and linear read them. */
export function readingOrder(shape: Shape): Int32Array {
  if (shape.length !== 3) return Int32Array.from({ length: sizeOf(shape) }, (_, i) => i);
  const [height, width, channels] = shape as readonly [number, number, number];
  const pixels = height * width;
  return Int32Array.from({ length: pixels * channels }, (_, i) => (i % pixels) * channels + Math.floor(i / pixels));
}

export const reshapeOp: Op<ReshapeAttributes> = {
  name: "reshape",
  infer(inputs, { shape }, path) {
    expectInputs("reshape", path, inputs, [{ name: "input" }]);
    const input = inputs[0]!;
    if (sizeOf(shape) !== sizeOf(input.shape)) {
      refuse(
        "reshape",
        path,
        `shape ${shape.join("x")} has ${sizeOf(shape)} elements, but its input ${shapeText(input)} has ` +
          `${sizeOf(input.shape)} a sample; expected the same number`,
      );
    }
    return { shape, batched: input.batched, dtype: "f32" };
  },
  // A permutation: its gradient is the way back.
  gradient: ({ inputs, upstream }) => [reshape(upstream, inputs[0]!.shape)],
  reference([x], { shape }, output, batch) {
    const y = emptyTensor(output, batch);
    const from = readingOrder(output.batched ? x!.shape.slice(1) : x!.shape);
    const to = readingOrder(shape);
    const size = to.length;
    for (let first = 0; first < y.data.length; first += size) {
      for (let i = 0; i < size; i++) y.data[first + to[i]!] = x!.data[first + from[i]!]!;
    }
    return y;
  },
  cost: moves,
};

/** Copies a box of `extents` from one place to another, for every sample. */
function copyBox(
  from: Tensor,
  fromStart: readonly number[],
  to: Tensor,
  toStart: readonly number[],
  extents: readonly number[],
): void {
  const fromStrides = stridesOf(from.shape);
  const toStrides = stridesOf(to.shape);
  const walk = (axis: number, source: number, target: number): void => {
    if (axis === extents.length) {
      to.data[target] = from.data[source]!;
      return;
    }
    for (let i = 0; i < extents[axis]!; i++) {
      walk(
        axis + 1,
        source + (fromStart[axis]! + i) * fromStrides[axis]!,
        target + (toStart[axis]! + i) * toStrides[axis]!,
      );
    }
  };
  walk(0, 0, 0);
}

function checkAxis(op: string, path: string, axis: number, input: Signature): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= input.shape.length) {
    refuse(op, path, `axis is ${axis}, expected 0 to ${input.shape.length - 1} of ${shapeText(input)}`);
  }
}

export const concatOp: Op<ConcatAttributes> = {
  name: "concat",
  infer(inputs, { axis }, path) {
    if (inputs.length === 0) refuse("concat", path, "has no inputs, expected at least one");
    expectInputs(
      "concat",
      path,
      inputs,
      inputs.map((_, i) => ({ name: `input ${i}` })),
    );
    const first = inputs[0]!;
    checkAxis("concat", path, axis, first);
    for (const [i, input] of inputs.entries()) {
      const fits =
        input.batched === first.batched &&
        input.shape.length === first.shape.length &&
        input.shape.every((n, a) => a === axis || n === first.shape[a]);
      if (!fits) {
        refuse(
          "concat",
          path,
          `input ${i} is ${shapeText(input)}, expected ${shapeText(first)} in all but axis ${axis}`,
        );
      }
    }
    const extent = inputs.reduce((n, input) => n + input.shape[axis]!, 0);
    return { shape: first.shape.map((n, a) => (a === axis ? extent : n)), batched: first.batched, dtype: "f32" };
  },
  // Each input's gradient is the part of dy that it filled.
  gradient({ inputs, attributes: { axis }, upstream }) {
    let start = 0;
    return inputs.map((input) => {
      const end = start + input.shape[axis]!;
      const part = slice(upstream, axis, start, end);
      start = end;
      return part;
    });
  },
  reference(inputs, { axis }, output, batch) {
    const y = emptyTensor(output, batch);
    const along = output.batched ? axis + 1 : axis;
    const start = y.shape.map(() => 0);
    for (const x of inputs) {
      copyBox(
        x,
        y.shape.map(() => 0),
        y,
        start,
        x.shape,
      );
      start[along]! += x.shape[along]!;
    }
    return y;
  },
  cost: moves,
  traits: { reads: ({ attributes }, _input, axis) => (attributes.axis === axis ? { kind: "inARow" } : OWN_PLACE) },
};

export const sliceOp: Op<SliceAttributes> = {
  name: "slice",
  infer(inputs, { axis, start, end }, path) {
    expectInputs("slice", path, inputs, [{ name: "input" }]);
    const input = inputs[0]!;
    checkAxis("slice", path, axis, input);
    if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || start >= end || end > input.shape[axis]!) {
      refuse("slice", path, `takes ${start} to ${end} of axis ${axis}, expected a part of 0 to ${input.shape[axis]}`);
    }
    return { shape: input.shape.map((n, a) => (a === axis ? end - start : n)), batched: input.batched, dtype: "f32" };
  },
  // What was left out has no influence: its gradient is zero.
  gradient({ inputs, attributes: { axis, start, end }, upstream }) {
    const { shape } = inputs[0]!;
    const before = shape.map((_, a) => (a === axis ? start : 0));
    const after = shape.map((n, a) => (a === axis ? n - end : 0));
    return [pad(upstream, before, after)];
  },
  reference([x], { axis, start }, output, batch) {
    const y = emptyTensor(output, batch);
    const along = output.batched ? axis + 1 : axis;
    copyBox(
      x!,
      y.shape.map((_, a) => (a === along ? start : 0)),
      y,
      y.shape.map(() => 0),
      y.shape,
    );
    return y;
  },
  cost: moves,
  traits: { reads: ({ attributes: { axis: cut, start } }, _input, axis) => (cut === axis ? moved(start) : OWN_PLACE) },
};

export const padOp: Op<PadAttributes> = {
  name: "pad",
  infer(inputs, { before, after }, path) {
    expectInputs("pad", path, inputs, [{ name: "input" }]);
    const { shape, batched } = inputs[0]!;
    for (const [name, sides] of [
      ["before", before],
      ["after", after],
    ] as const) {
      if (sides.length !== shape.length || !sides.every((n) => Number.isInteger(n) && n >= 0)) {
        refuse("pad", path, `${name} is [${sides.join(", ")}], expected ${shape.length} whole numbers from 0`);
      }
    }
    return { shape: shape.map((n, a) => n + before[a]! + after[a]!), batched, dtype: "f32" };
  },
  // The added border does not depend on x.
  gradient({ inputs, attributes: { before }, upstream }) {
    return [inputs[0]!.shape.reduce((dy, n, a) => slice(dy, a, before[a]!, before[a]! + n), upstream)];
  },
  reference([x], { before, value }, output, batch) {
    const y = emptyTensor(output, batch);
    y.data.fill(value);
    copyBox(
      x!,
      x!.shape.map(() => 0),
      y,
      output.batched ? [0, ...before] : before,
      x!.shape,
    );
    return y;
  },
  cost: moves,
  traits: { reads: ({ attributes }, _input, axis) => moved(-attributes.before[axis]!) },
};

export function isReshape(value: Value): value is Value<ReshapeAttributes> {
  return value.op.name === reshapeOp.name;
}

/**
 * Images are read and written in the order C, H, W. A reshape of a reshape is one reshape.
 *
 * @example
 * ```js
 * import { Graph, ops } from "fovea";
 *
 * const x = new Graph().input("x", { shape: [12] });
 * console.log(ops.reshape(x, [2, 2, 3]).shape); // [ 2, 2, 3 ]
 * ```
 */
export const reshape = makes(
  "reshape",
  ["x"],
  (x: Value, shape: Shape): Value => {
    if (isReshape(x)) return reshape(x.inputs[0]!, shape);
    return sameShape(x.shape, shape) ? x : x.graph.add(reshapeOp, { shape }, [x]);
  },
  { shape: needed(NUMBERS) },
);

/** All of a sample in one axis. */
export const flatten = makes("flatten", ["x"], (x: Value): Value => reshape(x, [sizeOf(x.shape)]));

/** Joins values along one axis of a sample, such as `"channels"`. */
export const concat = makes(
  "concat",
  ["...inputs"],
  (inputs: readonly Value[], axis: Axis): Value => {
    const first = inputs[0];
    if (first === undefined) throw new ShapeError("concat: has no inputs, expected at least one");
    return inputs.length === 1 ? first : first.graph.add(concatOp, { axis: axisOf("concat", first, axis) }, inputs);
  },
  { axis: needed(AXIS) },
);

/** Elements `start` to `end` - 1 of one axis of a sample. */
export const slice = makes(
  "slice",
  ["x"],
  (x: Value, along: Axis, start: number, end: number): Value => {
    const axis = axisOf("slice", x, along);
    return start === 0 && end === x.shape[axis] ? x : x.graph.add(sliceOp, { axis, start, end }, [x]);
  },
  { axis: needed(AXIS), start: needed(number()), end: needed(number()) },
);

/** Adds a border of `value`; numbers are elements before and after, for each per-sample axis. */
export const pad = makes(
  "pad",
  ["x"],
  (x: Value, before: readonly number[], after: readonly number[], value = 0): Value => {
    const nothing = before.length === x.shape.length && [...before, ...after].every((n) => n === 0);
    return nothing ? x : x.graph.add(padOp, { before, after, value }, [x]);
  },
  { before: needed(NUMBERS), after: needed(NUMBERS), value: anything },
);
