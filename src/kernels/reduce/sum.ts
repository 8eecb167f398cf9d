/**
 * Sums and means over axes and the batch.
 *
 * With the last axis kept, vectors run over the channels and rows are added up, four at a time in accumulators of their
 * own (fixed interleave). With the last axis summed too, vectors run along it and are folded at the end. A sum over
 * the batch (or over all of a large unbatched value) is cut into slots (`slots.ts`): each slot's partial sum goes to a
 * temporary, and a second step adds the slots in order.
 */

import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel, type KernelCode, type KernelDefinition } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { SumAttributes } from "../../graph/attributes.js";
import type { Value } from "../../graph/graph.js";
import { type Signature, sizeOf } from "../../graph/shape.js";
import { elementsNanoseconds } from "../contract/cost.js";
import type { Buffer, Pieces } from "../contract/emitter.js";
import { isScalar, type Layout, type RowLayout, rowLayout } from "../contract/layout.js";
import type { Lowering, Strategy } from "../contract/strategy.js";
import {
  type ChannelVectors,
  channelVectors,
  cleanVectors,
  eachGroup,
  loadChannels,
  storeChannels,
  storeTail,
  storeZeros,
  tailElements,
} from "../language/channels.js";
import { axisStrides, type Dimension, merged, nest } from "../language/nest.js";
import { eachPiece } from "../language/pieces.js";
import { addSlots, SLOT } from "../language/slots.js";
import { addRows, BLOCK, LONG, type Mean, scaleMean } from "../language/sum-rows.js";
import { hasEmpty } from "../language/taps.js";
import { F32 } from "../language/view.js";
import { windowsOf } from "../pool/pool.js";
import { lowerTotal } from "./total.js";

export const sumStrategy: Strategy = {
  name: "sum",
  ops: ["sum"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  reads: (node) => (summed(node) === node.inputs[0] ? undefined : [summed(node)]),
  lower({ root }, to) {
    const input = summed(root);
    const attributes = root.attributes as SumAttributes;
    const rank = input.shape.length;
    const { axes, batch } = attributes;
    const lastKept = rank === 0 || !axes.includes(rank - 1);
    const mean = meanOf(attributes, input);
    if (axes.length === rank && (batch || !input.batched) && (rank > 0 || batch)) {
      lowerTotal(to, to.buffer(input), to.layout(input), to.buffer(root), mean);
    } else if (lastKept) {
      lowerRows(to, { from: to.buffer(input), input: to.layout(input), into: to.buffer(root), axes, batch, mean });
    } else if (!batch) {
      lowerLast(to, { from: to.buffer(input), input: to.layout(input), into: to.buffer(root), axes, batch, mean });
    } else {
      // First within each sample, then over the batch.
      const between: Signature = { shape: root.shape, batched: true, dtype: "f32" };
      const layout = to.layout(between);
      const temporary = to.temporary("sums of samples", { sampleBytes: F32 * layout.sampleStride });
      const from = to.buffer(input);
      lowerLast(to, { from, input: to.layout(input), into: temporary, axes, batch: false, mean: "sum" });
      lowerRows(to, { from: temporary, input: layout, into: to.buffer(root), axes: [], batch: true, mean });
    }
  },
};

/**
 * What is added up: in place of a max pool's gradient, which only brings numbers to other pixels, these numbers
 * themselves. Those of a window without a pixel it brings nowhere.
 */
function summed(node: Value): Value {
  const [input] = node.inputs as [Value];
  const { axes, mean } = node.attributes as SumAttributes;
  if (input.op.name !== "maxPool2dGrad" || mean || !axes.includes(0) || !axes.includes(1)) return input;
  const upstream = input.inputs[1]!;
  const { rows, columns } = windowsOf(input, input.shape, upstream.shape);
  return hasEmpty(rows) || hasEmpty(columns) ? input : upstream;
}

function meanOf({ axes, batch, mean }: SumAttributes, input: Value): Mean {
  if (!mean) return "sum";
  return { terms: axes.reduce((n, a) => n * input.shape[a]!, 1), batch };
}

export interface Sum {
  readonly from: Buffer;
  readonly input: Layout;
  readonly into: Buffer;
  readonly axes: readonly number[];
  readonly batch: boolean;
  readonly mean: Mean;
  /** What is summed in place of x, and what else it is a function of. */
  readonly terms?: { readonly kernel: KernelDefinition<RowSums>; readonly buffers: readonly Buffer[] };
}

/** Writes what is added for one vector after another; `channel` and `indices` say which channels these are. */
export type AddTerms = (
  k: KernelBuilder,
  vectors: ChannelVectors,
  channel: Reg | undefined,
  indices: readonly number[],
) => (sums: readonly Reg[], at: Reg) => void;

/** Kept axes with their places in input and output, and summed axes; without the last. */
function leadingAxes({ input, axes }: Sum, output: Layout): { kept: Dimension[]; summed: Dimension[] } {
  const strides = axisStrides(input);
  const outStrides = axisStrides(output);
  const kept: Dimension[] = [];
  const summed: Dimension[] = [];
  for (let axis = 0, at = 0; axis < input.shape.length - 1; axis++) {
    const extent = input.shape[axis]!;
    if (axes.includes(axis)) summed.push({ extent, strides: [strides[axis]!] });
    else kept.push({ extent, strides: [strides[axis]!, outStrides[at++]!] });
  }
  return { kept: merged(kept), summed: merged(summed) };
}

function outputLayout(sum: Sum, to: Lowering): Layout {
  const shape = sum.input.shape.filter((_, axis) => !sum.axes.includes(axis));
  return to.layout({ shape, batched: sum.input.batched && !sum.batch, dtype: "f32" });
}

/** The last axis is kept. */
export function lowerRows(to: Lowering, sum: Sum): void {
  const { input, batch, mean } = sum;
  const output = outputLayout(sum, to);
  const { kept, summed } = leadingAxes(sum, output);
  const [first = { extent: 1, strides: [0] }, ...inner] = summed;
  // Slots: `samples` of the batch, and `parts` of the first summed axis.
  const samples = batch ? Math.max(1, Math.floor(SLOT / input.sampleStride)) : 1;
  const wanted = batch ? Math.min(first.extent, Math.max(1, Math.floor(input.sampleStride / (4 * SLOT)))) : 1;
  const partSize = Math.ceil(first.extent / wanted);
  const parts = Math.ceil(first.extent / partSize);
  const direct = !batch || (parts === 1 && to.maxBatch <= samples);
  const slots = Math.ceil(to.maxBatch / samples) * parts;
  const partial = direct ? sum.into : to.temporary("partial sums", { fixedBytes: F32 * output.sampleStride * slots });
  const { kernel: definition, buffers } = sum.terms ?? { kernel: sumRowsKernel, buffers: [] };
  const kernel = to.kernel(definition, {
    input: rowLayout(input),
    output: rowLayout(output),
    kept,
    first,
    inner,
    batch,
    samples,
    partSize,
    parts,
    mean: direct ? mean : "sum",
  });
  const one: Pieces = input.batched ? { count: parts, samples } : { count: 1 };
  to.step(kernel, [sum.from, ...buffers, partial], one);
  if (direct) return;
  const lanes = isScalar(output) ? 1 : to.target.lanes;
  const slotted = { batched: true, samples, parts };
  addSlots(to, partial, sum.into, { slots: slotted, mean, stride: output.sampleStride, lanes });
}

export interface RowSums {
  readonly input: RowLayout;
  readonly output: RowLayout;
  /** Axes that are kept, with distances in input and output; those that are summed, the first of them apart. */
  readonly kept: readonly Dimension[];
  readonly first: Dimension;
  readonly inner: readonly Dimension[];
  /**
   * A slot is `samples` samples, if over the batch, and `partSize` indices of the first summed axis, one of `parts`.
   */
  readonly batch: boolean;
  readonly samples: number;
  readonly partSize: number;
  readonly parts: number;
  readonly mean: Mean;
}

/** Sums over rows of what `terms` adds, a function of x and of the operands named `others`. */
export function rowSums(title: string, others: readonly string[], terms: AddTerms): KernelCode<RowSums> {
  return {
    title,
    operands: [["x", "read"], ...others.map((name) => [name, "read"] as const), ["y", "readwrite"]],
    write: (k, spec) => writeRowSums(k, spec, terms),
  };
}

function writeRowSums(k: KernelBuilder, spec: RowSums, terms: AddTerms): void {
  const { input, output, kept, first, inner, batch, samples, partSize, parts, mean } = spec;
  const vectors = cleanVectors(channelVectors(input, k.target));
  const group = vectors.count === 1 ? 1 : 2;
  const body = (piece: Reg) => {
    const slot = parts === 1 ? piece : k.div(piece, parts);
    const part = parts === 1 ? undefined : k.mul(k.mod(piece, parts), partSize);
    const begin = k.var(part ?? 0, "from");
    const end = k.var(part === undefined ? first.extent : k.min(k.add(part, partSize), first.extent), "to");
    const sample = k.var(samples === 1 ? slot : k.mul(slot, samples), "sample");
    const last = k.var(batch ? k.min(k.add(sample, samples), k.batch) : k.add(sample, 1), "last");
    const into = k.var(k.mul(piece, F32 * output.sampleStride), "into");
    if (tailElements(output) > 0) storeTail(k, output, k.ptrAdd(k.operand("y"), into));
    nest(k, kept, [k.int(0), into], ([from, place]) => {
      eachGroup(k, vectors, group, (channel, indices) => {
        const start = channel === undefined ? from! : k.add(from!, channel);
        const sums = addRows(k, {
          sample: { from: sample, to: last, bytes: F32 * input.sampleStride },
          rows: { from: begin, to: end, bytes: first.strides[0]! },
          inner,
          most: partSize,
          start,
          count: indices.length,
          lanes: vectors.lanes,
          add: terms(k, vectors, channel, indices),
        });
        const target = channel === undefined ? place! : k.add(place!, channel);
        const pointer = k.ptrAdd(k.operand("y"), target);
        for (const [i, index] of indices.entries()) {
          storeChannels(k, vectors, pointer, 0, index, scaleMean(k, sums[i]!, mean, vectors.lanes), true);
        }
      });
    });
  };
  eachPiece(k, body);
}

const addX: AddTerms = (k, vectors, _channel, indices) => (sums, at) => {
  const pointer = k.ptrAdd(k.operand("x"), at);
  for (const [i, index] of indices.entries()) k.updateTo(sums[i]!, "fadd", loadChannels(k, vectors, pointer, 0, index));
};

const sumRowsKernel = defineKernel<RowSums>("sum of rows", rowSums("sum", [], addX));

/** The last axis is summed, the batch is not: one piece is one sample. */
function lowerLast(to: Lowering, sum: Sum): void {
  const { input, mean } = sum;
  const output = outputLayout(sum, to);
  const { kept, summed } = leadingAxes(sum, output);
  const kernel = to.kernel(sumLastKernel, { input: rowLayout(input), output: rowLayout(output), kept, summed, mean });
  to.step(kernel, [sum.from, sum.into], input.batched ? { count: 1, samples: 1 } : { count: 1 });
}

interface LastSums {
  readonly input: RowLayout;
  readonly output: RowLayout;
  readonly kept: readonly Dimension[];
  /** Beside the last axis. */
  readonly summed: readonly Dimension[];
  readonly mean: Mean;
}

const sumLastKernel = defineKernel<LastSums>("sum of last axis", {
  title: "sum",
  operands: [
    ["x", "read"],
    ["y", "readwrite"],
  ],
  write(k, { input, output, kept, summed, mean }) {
    const vectors = channelVectors(input, k.target);
    const body = (piece: Reg) => {
      const into = k.var(k.mul(piece, F32 * output.sampleStride), "into");
      const sample = k.var(k.mul(piece, F32 * input.sampleStride), "sample");
      storeZeros(k, k.ptrAdd(k.operand("y"), into), 0, output.sampleStride);
      nest(k, kept, [sample, into], ([from, place]) => {
        const total = k.acc(0, vectors.lanes);
        const addRow = (row: Reg, sum: Reg) => {
          eachGroup(k, vectors, 4, (channel, indices) => {
            const bytes = channel === undefined ? row : k.add(row, channel);
            const pointer = k.ptrAdd(k.operand("x"), bytes);
            for (const i of indices) k.updateTo(sum, "fadd", loadChannels(k, vectors, pointer, 0, i));
          });
        };
        const [first, ...rest] = summed;
        const each = vectors.count * sizeOf(rest.map(({ extent }) => extent));
        if (first === undefined || each * first.extent <= LONG) {
          nest(k, summed, [from!], ([row]) => addRow(row!, total));
        } else {
          // In blocks, as long sums of rows are.
          const rows = Math.max(1, Math.floor(BLOCK / each));
          const block = (start: Reg) => {
            const part = k.acc(0, vectors.lanes);
            const one = (index: Reg) => {
              nest(k, rest, [k.add(from!, k.mul(index, first.strides[0]!))], ([row]) => addRow(row!, part));
            };
            k.loop(start, k.min(k.add(start, rows), first.extent), one, { frame: false, name: "row" });
            k.updateTo(total, "fadd", part);
          };
          k.loop(0, first.extent, block, { step: rows, name: "block" });
        }
        k.store(k.ptrAdd(k.operand("y"), place!), 0, scaleMean(k, k.reduceAdd(total), mean, 1));
      });
    };
    eachPiece(k, body);
  },
});
