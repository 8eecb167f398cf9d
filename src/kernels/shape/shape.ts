/**
 * The ops that move numbers and change none: concat, slice, pad and reshape. All are boxes copied from one layout to
 * another; rows are runs of channels, which need not start on a vector in either. One piece is a part of a sample, or
 * the whole of it where it is filled before it is copied to.
 *
 * reshape reads and writes rank-3 values in the order C, H, W: it is a copy element by element along one order of the
 * axes, both sides' axes cut at their common factors.
 */

import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { ConcatAttributes, PadAttributes, SliceAttributes } from "../../graph/attributes.js";
import type { Value } from "../../graph/graph.js";
import type { Shape } from "../../graph/shape.js";
import { elementsNanoseconds } from "../contract/cost.js";
import { type Layout, type RowLayout, rowLayout } from "../contract/layout.js";
import type { Strategy } from "../contract/strategy.js";
import { storeTail, storeZeros, tailElements } from "../language/channels.js";
import {
  axisStrides,
  type Dimension,
  merged,
  nest,
  type Part,
  partsOf,
  rangeOf,
  sampleAndPart,
} from "../language/nest.js";
import { eachPiece } from "../language/pieces.js";
import { readingDimensions } from "../language/reading-order.js";
import { F32 } from "../language/view.js";
import { copyRun, fillRun } from "./copy.js";

const WHOLE: Part = { part: undefined, parts: 1 };

/** A part of an input and where it goes. */
interface Box {
  readonly input: number;
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly extents: Shape;
}

export const shapeStrategy: Strategy = {
  name: "shape",
  ops: ["concat", "slice", "pad"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const output = to.layout(root);
    const isPad = root.op.name === "pad";
    const moves = boxesOf(root).map((box) => moveOf(box, to.layout(root.inputs[box.input]!), output));
    const extents = moves.map(({ outer }) => outer[0]?.extent ?? 1);
    const parts = isPad ? 1 : partsOf(F32 * output.sampleStride, Math.min(...extents));
    const kernel = to.kernel(boxKernel, {
      op: root.op.name,
      inputs: root.inputs.length,
      output: rowLayout(output),
      moves,
      parts,
      fill: isPad ? (root.attributes as PadAttributes).value : undefined,
    });
    const buffers = [...root.inputs, root].map((v) => to.buffer(v));
    to.step(kernel, buffers, root.batched ? { count: parts, samples: 1 } : { count: parts });
  },
};

interface Boxes {
  readonly op: string;
  readonly inputs: number;
  readonly output: RowLayout;
  readonly moves: readonly Move[];
  /** Of a sample. */
  readonly parts: number;
  /** What everything is filled with before boxes are copied, if it is. */
  readonly fill: number | undefined;
}

/** A box as runs of elements; distances in bytes. */
interface Move {
  readonly input: number;
  /** From one sample of the input to the next. */
  readonly sample: number;
  /** The first element, in the input and in the result. */
  readonly from: number;
  readonly to: number;
  readonly outer: readonly Dimension[];
  /** Elements that lie behind one another on both sides, for each index of `outer`. */
  readonly run: number;
}

const boxKernel = defineKernel<Boxes>("box", {
  title: ({ op }) => op,
  operands: ({ inputs, fill }) => [
    ...Array.from({ length: inputs }, (_, i) => [`x${i}`, "read"] as const),
    ["y", fill === undefined ? "write" : "readwrite"],
  ],
  write(k, { output, moves, parts, fill }) {
    const body = (piece: Reg) => {
      const { sample: n, part } = sampleAndPart(k, piece, parts);
      clear(k, output, n, fill, part);
      for (const move of moves) copyBox(k, move, output, n, part);
    };
    eachPiece(k, body);
  },
});

function boxesOf(root: Value): Box[] {
  const zeros = root.shape.map(() => 0);
  if (root.op.name === "concat") {
    const { axis } = root.attributes as ConcatAttributes;
    let start = 0;
    return root.inputs.map((v, input) => {
      const to = zeros.map((_, a) => (a === axis ? start : 0));
      start += v.shape[axis]!;
      return { input, from: v.shape.map(() => 0), to, extents: v.shape };
    });
  }
  if (root.op.name === "slice") {
    const { axis, start } = root.attributes as SliceAttributes;
    return [{ input: 0, from: zeros.map((_, a) => (a === axis ? start : 0)), to: zeros, extents: root.shape }];
  }
  const { before } = root.attributes as PadAttributes;
  return [{ input: 0, from: zeros, to: before, extents: root.inputs[0]!.shape }];
}

/** Makes the pads zero and, where there is a `fill`, everything else that. */
function clear(k: KernelBuilder, output: RowLayout, n: Reg, fill: number | undefined, part: Part = WHOLE): void {
  const { rows, channels, channelStride, sampleStride } = output;
  const start = k.ptrAdd(k.operand("y"), k.mul(n, F32 * sampleStride));
  if (fill !== undefined && (Object.is(fill, 0) || channels === channelStride))
    fillRun(k, start, rows * channelStride, fill);
  else if (fill !== undefined || channels < channelStride) {
    const body = (index: Reg) => {
      const row = k.ptrAdd(start, k.mul(index, F32 * channelStride));
      if (fill !== undefined) fillRun(k, row, channels, fill);
      storeZeros(k, row, F32 * channels, channelStride - channels);
    };
    const { from, to } = rangeOf(k, part, rows);
    k.loop(from, to, body);
  }
  if (tailElements(output) === 0) return;
  if (part.part === undefined) storeTail(k, output, start);
  else k.if(part.part, "eq", 0, () => storeTail(k, output, start));
}

/** The axes of a box, without the last where that is one run of elements on both sides. */
function moveOf(box: Box, input: Layout, output: Layout): Move {
  const inStrides = axisStrides(input);
  const outStrides = axisStrides(output);
  const dimensions = merged(
    box.extents.map((extent, a): Dimension => ({ extent, strides: [inStrides[a]!, outStrides[a]!] })),
  );
  const offset = (at: readonly number[], strides: readonly number[]) =>
    at.reduce((sum, p, a) => sum + p * strides[a]!, 0);
  return {
    input: box.input,
    sample: F32 * input.sampleStride,
    from: offset(box.from, inStrides),
    to: offset(box.to, outStrides),
    ...runsOf(dimensions),
  };
}

function copyBox(k: KernelBuilder, move: Move, output: RowLayout, n: Reg, part: Part): void {
  const from = k.add(k.mul(n, move.sample), move.from);
  const to = k.add(k.mul(n, F32 * output.sampleStride), move.to);
  const copy = ([source, target]: readonly Reg[]) => {
    const x = k.ptrAdd(k.operand(`x${move.input}`), source!);
    copyRun(k, x, k.ptrAdd(k.operand("y"), target!), move.run);
  };
  nest(k, move.outer, [from, to], copy, true, part);
}

/** Without the last axis where its elements lie behind one another on both sides. */
function runsOf(dimensions: readonly Dimension[]): { readonly outer: readonly Dimension[]; readonly run: number } {
  const last = dimensions[dimensions.length - 1];
  const contiguous = last?.strides.every((s) => s === 4) ?? false;
  return contiguous ? { outer: dimensions.slice(0, -1), run: last!.extent } : { outer: dimensions, run: 1 };
}

export const reshapeStrategy: Strategy = {
  name: "reshape",
  ops: ["reshape"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const input = to.layout(root.inputs[0]!);
    const output = to.layout(root);
    const [from, into] = [readingDimensions(input), readingDimensions(output)];
    const common = commonAxes(from, into);
    const kernel = to.kernel(reshapeKernel, {
      sample: F32 * input.sampleStride,
      output: rowLayout(output),
      axes: common === undefined ? { from, into } : runsOf(common),
    });
    const buffers = [to.buffer(root.inputs[0]!), to.buffer(root)];
    to.step(kernel, buffers, root.batched ? { count: 1, samples: 1 } : { count: 1 });
  },
};

interface Reshape {
  /** Bytes from one sample of the input to the next. */
  readonly sample: number;
  readonly output: RowLayout;
  /** Common ones, or each side's own. */
  readonly axes:
    | { readonly outer: readonly Dimension[]; readonly run: number }
    | { readonly from: readonly Dimension[]; readonly into: readonly Dimension[] };
}

const reshapeKernel = defineKernel<Reshape>("reshape", {
  operands: [
    ["x", "read"],
    ["y", "write"],
  ],
  write(k, { sample, output, axes }) {
    const body = (n: Reg) => {
      clear(k, output, n, undefined);
      const from = k.mul(n, sample);
      const into = k.mul(n, F32 * output.sampleStride);
      if ("from" in axes) copyByIndex(k, output.rows * output.channels, [axes.from, from], [axes.into, into]);
      else {
        nest(k, axes.outer, [from, into], ([source, target]) => {
          copyRun(k, k.ptrAdd(k.operand("x"), source!), k.ptrAdd(k.operand("y"), target!), axes.run);
        });
      }
    };
    eachPiece(k, body);
  },
});

/**
 * Both sides' axes cut into common ones; undefined where an extent of one straddles the other's (3x4 to 6x2 does not,
 * 2x3 to 3x2 does).
 */
function commonAxes(a: readonly Dimension[], b: readonly Dimension[]): Dimension[] | undefined {
  const inner: Dimension[] = [];
  const left = [...a];
  const right = [...b];
  let x = left.pop();
  let y = right.pop();
  while (x !== undefined && y !== undefined) {
    const extent = Math.min(x.extent, y.extent);
    if (x.extent % extent !== 0 || y.extent % extent !== 0) return undefined;
    inner.unshift({ extent, strides: [x.strides[0]!, y.strides[0]!] });
    const rest = (d: Dimension, next: Dimension | undefined) =>
      d.extent === extent ? next : { extent: d.extent / extent, strides: [d.strides[0]! * extent] };
    x = rest(x, x.extent === extent ? left.pop() : undefined);
    y = rest(y, y.extent === extent ? right.pop() : undefined);
  }
  return merged(inner);
}

type Side = readonly [axes: readonly Dimension[], start: Reg];

/** One element after the other, its place on both sides computed by division. */
function copyByIndex(k: KernelBuilder, size: number, from: Side, into: Side): void {
  const place = ([dimensions, start]: Side, index: Reg): Reg => {
    let rest = index;
    let bytes: Reg | undefined;
    const axes = [...dimensions].reverse();
    axes.forEach((d, i) => {
      const at = i === axes.length - 1 ? rest : k.mod(rest, d.extent);
      if (i < axes.length - 1) rest = k.div(rest, d.extent);
      const part = k.mul(at, d.strides[0]!);
      bytes = bytes === undefined ? part : k.add(bytes, part);
    });
    return k.add(start, bytes ?? k.int(0));
  };
  k.loop(0, size, (index) => {
    const x = k.ptrAdd(k.operand("x"), place(from, index));
    k.store(k.ptrAdd(k.operand("y"), place(into, index)), 0, k.load(x, 0, 1));
  });
}
