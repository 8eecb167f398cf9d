/**
 * The weight gradient of a convolution in front of a max pool (`routed.ts`): dW[.., o] = sum over windows of dy[o] times the patch
 * of x that the maximum of output o was computed from. A patch is a few runs of x, one for each kernel row, so vectors run along taps and
 * channels, and the sums of some outputs stay in registers while all windows of a sample go by.
 *
 * A piece of work is a slice of the batch. Each sample is copied into the workspace, with its border, and stays in a core's
 * first caches. Partial sums lie as [slice][output][kernel row][tap and channel]; a second step adds the slices in order and puts
 * them the other way round.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Value } from "../../../graph/graph.js";
import type { Target } from "../../../target/target.js";
import { mostPartialBytes } from "../../contract/cost.js";
import { layoutOf, type RowLayout, rowLayout } from "../../contract/layout.js";
import { remembered } from "../../contract/remembered.js";
import type { Lowering, Strategy, Work } from "../../contract/strategy.js";
import { copyElements, storeTail, storeZeros } from "../../language/channels.js";
import { eachPiece } from "../../language/pieces.js";
import { evenBlock } from "../../language/tile.js";
import {
  accumulatorsFor,
  broadcastTo,
  placesOf,
  type RoutedConvolution,
  type RunVector,
  routedConvolution,
  spanOf,
  vectorsOver,
  windowCount,
  writePlaces,
} from "./routed.js";

interface Plan extends RoutedConvolution {
  /** Elements of a sample of x. */
  readonly sample: number;
  /** The vectors of a kernel row's taps and channels. */
  readonly row: readonly RunVector[];
  /** Kernel rows and outputs whose sums are in registers at a time. */
  readonly tileRows: number;
  readonly tileOutputs: number;
  readonly slices: number;
  /** Elements of an output's sums, and of a slice's. */
  readonly outputSums: number;
  readonly sliceSums: number;
}

/** `areNoted`: whether the forward pass left the places of the maxima. */
type Noted = Plan & { readonly areNoted: boolean };

/** Slices of the batch at most; halved until their sums are few enough. */
const SLICES = 8;
/** Channels that are written out one by one. */
const UNROLLED = 8;

export const routedWeightGradient: Strategy = {
  name: "routedWeightGradient",
  ops: ["conv2dWeightGrad"],
  fuses: false,
  reads: (node) => [node.inputs[0]!, ...node.inputs[1]!.inputs],
  accepts: (node, target) => planOf(node, target) !== undefined,
  cost: (node, target) => {
    const { routed, kernel, row } = planOf(node, target)!;
    const taps = routed.rows.kernel * routed.columns.kernel;
    const { shiftedWeights } = target.costs.multiplyAdd;
    return (
      windowCount(routed) * (routed.channels * kernel[0] * row.length * shiftedWeights + routed.vectors.count * taps)
    );
  },
  lower,
};

/** Undefined where it is not for this strategy: a row of taps must fit the registers, too. */
const planOf = remembered(planRouted);

function planRouted(node: Value, target: Target): Plan | undefined {
  const [x, gradient] = node.inputs as [Value, Value];
  const convolution = routedConvolution(node, x, gradient, target);
  if (convolution === undefined) return undefined;
  const { routed, kernel, pixel } = convolution;
  const row = vectorsOver(kernel[1] * pixel, pixel, target);
  const free = accumulatorsFor(row, target);
  if (row.length > free) return undefined;
  const tileRows = evenBlock(kernel[0], Math.floor(free / row.length));
  let tileOutputs = Math.floor(free / (tileRows * row.length));
  while (routed.channels % tileOutputs > 0) tileOutputs--;
  const outputSums = kernel[0] * spanOf(row);
  const sliceSums = routed.channels * outputSums;
  let slices = SLICES;
  while (slices > 1 && 4 * slices * sliceSums > mostPartialBytes(target)) slices /= 2;
  const sample = layoutOf(x, target).sampleStride;
  return { ...convolution, sample, row, tileRows, tileOutputs, slices, outputSums, sliceSums };
}

function lower(work: Work, to: Lowering): void {
  const node = work.root;
  const [x, gradient] = node.inputs as [Value, Value];
  const places = placesOf(gradient, work, to);
  const p: Noted = { ...planOf(node, to.target)!, areNoted: places.areNoted };
  const dy = gradient.inputs[1]!;
  const partial = to.temporary("partial weight gradients", { fixedBytes: 4 * p.slices * p.sliceSums });
  const kernel = to.kernel(routedWeightGradientKernel, p);
  const operands = [to.buffer(x), places.buffer, to.buffer(dy), to.workspace(4 * p.workspace), partial];
  to.step(kernel, operands, { count: p.slices });
  const weight = rowLayout(to.layout(node));
  const { row, channels, pixel, slices, outputSums, sliceSums } = p;
  const sums = { row, channels, pixel, slices, outputSums, sliceSums, kernel: p.kernel, weight };
  const adding = to.kernel(addTurnedSlicesKernel, sums);
  to.step(adding, [partial, to.workspace(4 * spanOf(row)), to.buffer(work.result)], { count: p.kernel[0] });
}

const routedWeightGradientKernel = defineKernel<Noted>("routedWeightGradient", {
  operands: [
    ["x", "read"],
    ["maxima", "read"],
    ["dy", "read"],
    ["workspace", "readwrite"],
    ["sums", "readwrite"],
  ],
  write(k, p) {
    storeZeros(k, k.operand("workspace"), 0, p.placesAt); // the border stays as it is
    const piece = (slice: Reg) => {
      const chunk = k.div(k.add(k.batch, p.slices - 1), p.slices);
      const from = k.var(k.min(k.mul(slice, chunk), k.batch), "from");
      const to = k.var(k.min(k.add(from, chunk), k.batch), "to");
      const sums = k.var(k.ptrAdd(k.operand("sums"), k.mul(slice, 4 * p.sliceSums)), "sums");
      storeZeros(k, sums, 0, p.sliceSums);
      k.loop(from, to, (n) => writeSample(k, p, n, sums), { name: "sample" });
    };
    eachPiece(k, piece);
  },
});

function writeSample(k: KernelBuilder, p: Noted, n: Reg, sums: Reg): void {
  const { routed, row, stride } = p;
  const rowBytes = 4 * p.bordered.columns * p.pixel;
  const pixelBytes = 4 * p.pixel;
  const [top, left] = p.bordered.before;
  const source = k.var(k.ptrAdd(k.operand("x"), k.mul(n, 4 * p.sample)), "x");
  const copyRow = (iy: Reg) => {
    const from = k.ptrAdd(source, k.mul(iy, p.image[1] * pixelBytes));
    const into = k.ptrAdd(k.operand("workspace"), k.add(k.mul(iy, rowBytes), top * rowBytes + left * pixelBytes));
    copyElements(k, from, into, p.image[1] * p.pixel);
  };
  k.loop(0, p.image[0], copyRow, { name: "iy" });
  const places = k.var(k.ptrAdd(k.operand("workspace"), 4 * p.placesAt), "places");
  const tap = [stride[0] * rowBytes, stride[1] * pixelBytes] as const;
  writePlaces(k, routed, p.areNoted, n, places, {
    origin: 0,
    tap,
    window: [routed.rows.stride * tap[0], routed.columns.stride * tap[1]],
  });
  const dy = k.var(k.ptrAdd(k.operand("dy"), k.mul(n, 4 * routed.pooledSample)), "dy");
  const outputs = (output: Reg) => {
    const space = k.var(k.operand("workspace"), "space", { frame: false });
    const channel = k.var(k.mul(output, 4), "channel");
    const own = k.var(k.ptrAdd(sums, k.mul(output, 4 * p.outputSums)), "own");
    for (let first = 0; first < p.kernel[0]; first += p.tileRows) {
      const rows = Math.min(p.tileRows, p.kernel[0] - first);
      const cells = Array.from({ length: p.tileOutputs }, (_, o) =>
        Array.from({ length: rows }, (_, y) =>
          row.map((v) => ({
            ...v,
            y: first + y,
            bytes: 4 * (o * p.outputSums + (first + y) * spanOf(row) + v.at),
          })),
        ).flat(),
      );
      const acc = cells.map((of) => of.map((c) => k.var(k.load(own, c.bytes, c.lanes), "acc")));
      const place = k.var(k.ptrAdd(places, channel), "place");
      const gradient = k.var(k.ptrAdd(dy, channel), "gradient");
      k.loop(0, windowCount(routed), () => {
        for (const [o, of] of cells.entries()) {
          const patch = k.ptrAdd(space, k.loadInt(place, 4 * o));
          const scalar = broadcastTo(k, gradient, row, 4 * o);
          for (const [i, c] of of.entries())
            k.fmaTo(acc[o]![i]!, scalar.get(c.lanes)!, k.load(patch, c.y * rowBytes + 4 * c.at, c.lanes));
        }
        k.advance(place, 4 * routed.pixel);
        k.advance(gradient, 4 * routed.pixel);
      });
      for (const [o, of] of cells.entries()) for (const [i, c] of of.entries()) k.store(own, c.bytes, acc[o]![i]!);
    }
  };
  k.loop(0, routed.channels, outputs, { step: p.tileOutputs, name: "output" });
}

interface Sums extends Pick<Plan, "row" | "channels" | "pixel" | "slices" | "outputSums" | "sliceSums" | "kernel"> {
  readonly weight: RowLayout;
}

/** dw[ky][kx][c][o] = sum of the slices' [o][ky][kx, c] in order; a piece is a kernel row. */
const addTurnedSlicesKernel = defineKernel<Sums>("addTurnedSlices", {
  operands: [
    ["partial", "read"],
    ["workspace", "readwrite"],
    ["dw", "write"],
  ],
  write(k, p) {
    const { channelStride, channels: outputs } = p.weight;
    const taps = p.kernel[1] * p.channels;
    const piece = (ky: Reg) => {
      const from = k.var(k.ptrAdd(k.operand("partial"), k.mul(ky, 4 * spanOf(p.row))), "from");
      const into = k.var(k.ptrAdd(k.operand("dw"), k.mul(ky, 4 * taps * channelStride)), "into");
      const output = (o: Reg) => {
        for (const { at, lanes } of p.row) {
          const own = k.ptrAdd(from, k.mul(o, 4 * p.outputSums));
          let total = k.load(own, 4 * at, lanes);
          for (let s = 1; s < p.slices; s++) total = k.fadd(total, k.load(own, 4 * (s * p.sliceSums + at), lanes));
          k.store(k.operand("workspace"), 4 * at, total);
        }
        const tap = k.var(k.operand("workspace"), "tap");
        const to = k.var(k.ptrAdd(into, k.mul(o, 4)), "to");
        const column = () => {
          if (p.channels <= UNROLLED)
            for (let c = 0; c < p.channels; c++) k.store(to, 4 * c * channelStride, k.load(tap, 4 * c, 1));
          else {
            const one = (c: Reg) => k.store(k.ptrAdd(to, k.mul(c, channelStride)), 0, k.load(k.ptrAdd(tap, c), 0, 1));
            k.loop(0, 4 * p.channels, one, { step: 4 });
          }
          k.advance(tap, 4 * p.pixel);
          k.advance(to, 4 * p.channels * channelStride);
        };
        k.loop(0, p.kernel[1], column, { frame: false, name: "kx" });
      };
      k.loop(0, outputs, output, { name: "output" });
      if (channelStride > outputs) {
        const pads = (row: Reg) => storeZeros(k, k.ptrAdd(into, row), 4 * outputs, channelStride - outputs);
        k.loop(0, 4 * taps * channelStride, pads, { step: 4 * channelStride });
      }
      k.if(ky, "eq", p.kernel[0] - 1, () => storeTail(k, p.weight, k.operand("dw")));
    };
    eachPiece(k, piece);
  },
});
