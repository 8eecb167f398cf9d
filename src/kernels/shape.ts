/**
 * The ops that move numbers and change none: concat, slice, pad and reshape. All are boxes copied from one layout to
 * another; rows are runs of channels, which need not start on a vector in either. One piece is a part of a sample, or
 * the whole of it where it is filled before it is copied to.
 *
 * reshape reads and writes rank-3 values in the order C, H, W: it is a copy element by element along one order of the
 * axes, both sides' axes cut at their common factors.
 */
import { buildKernel, type KernelBuilder } from "../codegen/builder.js";
import type { Reg } from "../codegen/ir.js";
import type { Shape, Value } from "../graph/value.js";
import { layoutKey, storeZeros } from "./channels.js";
import { copyRun, fillRun } from "./copy.js";
import type { Layout } from "./layout.js";
import {
  axisStrides,
  type Dimension,
  dimensionsKey,
  merged,
  nest,
  type Part,
  partsOf,
  rangeOf,
  sampleAndPart,
} from "./nest.js";
import { readingDimensions } from "./reading-order.js";
import type { Strategy } from "./strategy.js";

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
  cost: (node) => node.op.cost(node.inputs, node.attributes, node).bytes / 8,
  lower({ root }, to) {
    const boxes = boxesOf(root);
    const value = root.op.name === "pad" ? (root.attributes as { readonly value: number }).value : 0;
    const fills = root.op.name === "pad";
    const output = to.layout(root);
    const inputs = root.inputs.map((v) => to.layout(v));
    const extents = boxes.map((box) => runOf(box, inputs[box.input]!, output).outer[0]?.extent ?? 1);
    const parts = fills ? 1 : partsOf(4 * output.sampleStride, Math.min(...extents));
    const places = boxes.map((b) => [b.from, b.to, b.extents].map((p) => p.join(",")).join("/")).join(" ");
    const key = `${root.op.name} ${inputs.map(layoutKey).join(" ")} > ${layoutKey(output)} ${root.shape.join("x")} ${places} ${value}`;
    const operands = [
      ...root.inputs.map((_, i) => [`x${i}`, "read"] as const),
      ["y", fills ? "readwrite" : "write"] as const,
    ];
    const kernel = to.kernel(key, () =>
      buildKernel({ key, name: root.op.name, target: to.target, operands }, (k) => {
        const body = (piece: Reg) => {
          const { sample: n, part } = sampleAndPart(k, piece, parts);
          clear(k, output, n, value, fills, part);
          for (const box of boxes) copyBox(k, box, inputs[box.input]!, output, n, part);
        };
        k.loop(k.begin, k.end, body, { frame: true, name: "piece" });
      }),
    );
    const buffers = [...root.inputs, root].map((v) => to.buffer(v));
    to.step(kernel, buffers, root.batched ? { count: parts, samples: 1 } : { count: parts });
  },
};

function boxesOf(root: Value): Box[] {
  const zeros = root.shape.map(() => 0);
  if (root.op.name === "concat") {
    const { axis } = root.attributes as { readonly axis: number };
    let start = 0;
    return root.inputs.map((v, input) => {
      const to = zeros.map((_, a) => (a === axis ? start : 0));
      start += v.shape[axis]!;
      return { input, from: v.shape.map(() => 0), to, extents: v.shape };
    });
  }
  if (root.op.name === "slice") {
    const { axis, start } = root.attributes as { readonly axis: number; readonly start: number };
    return [{ input: 0, from: zeros.map((_, a) => (a === axis ? start : 0)), to: zeros, extents: root.shape }];
  }
  const { before } = root.attributes as { readonly before: readonly number[] };
  return [{ input: 0, from: zeros, to: before, extents: root.inputs[0]!.shape }];
}

/** Makes the pads zero and, with `all`, everything else `value`. */
function clear(k: KernelBuilder, output: Layout, n: Reg, value: number, all: boolean, part: Part = WHOLE): void {
  const { rows, channels, channelStride, sampleStride } = output;
  const start = k.ptrAdd(k.operand("y"), k.mul(n, 4 * sampleStride));
  if (all && (value === 0 || channels === channelStride)) fillRun(k, start, rows * channelStride, value);
  else if (all || channels < channelStride) {
    const body = (index: Reg) => {
      const row = k.ptrAdd(start, k.mul(index, 4 * channelStride));
      if (all) fillRun(k, row, channels, value);
      storeZeros(k, row, 4 * channels, channelStride - channels);
    };
    const { from, to } = rangeOf(k, part, rows);
    k.loop(from, to, body);
  }
  const tail = () => storeZeros(k, start, 4 * rows * channelStride, sampleStride - rows * channelStride);
  if (output.shape.length === 0 || sampleStride === rows * channelStride) return;
  if (part.part === undefined) tail();
  else k.if(part.part, "eq", 0, tail);
}

/** The axes of a box, without the last where that is one run of elements on both sides. */
function runOf(
  box: Box,
  input: Layout,
  output: Layout,
): { readonly outer: readonly Dimension[]; readonly run: number } {
  const inStrides = axisStrides(input);
  const outStrides = axisStrides(output);
  const dimensions = merged(
    box.extents.map((extent, a): Dimension => ({ extent, strides: [inStrides[a]!, outStrides[a]!] })),
  );
  const last = dimensions[dimensions.length - 1];
  const contiguous = last?.strides.every((s) => s === 4) ?? false;
  return { outer: contiguous ? dimensions.slice(0, -1) : dimensions, run: contiguous ? last!.extent : 1 };
}

function copyBox(k: KernelBuilder, box: Box, input: Layout, output: Layout, n: Reg, part: Part): void {
  const offset = (at: readonly number[], strides: readonly number[]) =>
    at.reduce((sum, p, a) => sum + p * strides[a]!, 0);
  const { outer, run } = runOf(box, input, output);
  const from = k.add(k.mul(n, 4 * input.sampleStride), offset(box.from, axisStrides(input)));
  const to = k.add(k.mul(n, 4 * output.sampleStride), offset(box.to, axisStrides(output)));
  const copy = ([source, target]: readonly Reg[]) => {
    const x = k.ptrAdd(k.operand(`x${box.input}`), source!);
    copyRun(k, x, k.ptrAdd(k.operand("y"), target!), run);
  };
  nest(k, outer, [from, to], copy, true, part);
}

export const reshapeStrategy: Strategy = {
  name: "reshape",
  ops: ["reshape"],
  fuses: false,
  accepts: () => true,
  cost: (node) => node.op.cost(node.inputs, node.attributes, node).bytes / 2,
  lower({ root }, to) {
    const input = to.layout(root.inputs[0]!);
    const output = to.layout(root);
    const dimensions = commonAxes(readingDimensions(input), readingDimensions(output));
    const key = `reshape ${layoutKey(input)} ${layoutKey(output)} ${dimensions === undefined ? `${input.shape}>${output.shape}` : dimensionsKey(dimensions)}`;
    const kernel = to.kernel(key, () =>
      buildKernel(
        {
          key,
          name: "reshape",
          target: to.target,
          operands: [
            ["x", "read"],
            ["y", "write"],
          ],
        },
        (k) => {
          const body = (n: Reg) => {
            clear(k, output, n, 0, false);
            const from = k.mul(n, 4 * input.sampleStride);
            const into = k.mul(n, 4 * output.sampleStride);
            if (dimensions === undefined) copyByIndex(k, input, output, from, into);
            else copyAxes(k, dimensions, from, into);
          };
          k.loop(k.begin, k.end, body, { frame: true, name: "piece" });
        },
      ),
    );
    const buffers = [to.buffer(root.inputs[0]!), to.buffer(root)];
    to.step(kernel, buffers, root.batched ? { count: 1, samples: 1 } : { count: 1 });
  },
};

function copyAxes(k: KernelBuilder, dimensions: readonly Dimension[], from: Reg, into: Reg): void {
  const last = dimensions[dimensions.length - 1];
  const contiguous = last?.strides.every((s) => s === 4) ?? false;
  nest(k, contiguous ? dimensions.slice(0, -1) : dimensions, [from, into], ([source, target]) => {
    copyRun(k, k.ptrAdd(k.operand("x"), source!), k.ptrAdd(k.operand("y"), target!), contiguous ? last!.extent : 1);
  });
}

/** Both sides' axes cut into common ones; undefined where an extent of one straddles the other's (3x4 to 6x2 does not, 2x3 to 3x2 does). */
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

/** One element after the other, its place on both sides computed by division. */
function copyByIndex(k: KernelBuilder, input: Layout, output: Layout, from: Reg, into: Reg): void {
  const size = output.rows * output.channels;
  const place = (layout: Layout, index: Reg): Reg => {
    let rest = index;
    let bytes: Reg | undefined;
    const axes = [...readingDimensions(layout)].reverse();
    axes.forEach((d, i) => {
      const at = i === axes.length - 1 ? rest : k.mod(rest, d.extent);
      if (i < axes.length - 1) rest = k.div(rest, d.extent);
      const part = k.mul(at, d.strides[0]!);
      bytes = bytes === undefined ? part : k.add(bytes, part);
    });
    return bytes ?? k.int(0);
  };
  k.loop(0, size, (index) => {
    const x = k.ptrAdd(k.operand("x"), k.add(from, place(input, index)));
    k.store(k.ptrAdd(k.operand("y"), k.add(into, place(output, index))), 0, k.load(x, 0, 1));
  });
}
