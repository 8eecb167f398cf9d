/**
 * The weight gradient of a convolution in front of a max pool (`routed.ts`): dW[.., o] = sum over windows of dy[o]
 * times the patch of x that the maximum of output o was computed from. A patch is a few runs of x, one for each kernel
 * row, so vectors run along taps and channels, and the sums of some outputs stay in registers while all windows of a
 * sample go by.
 *
 * A piece of work is a slice of the batch. Each sample is copied into the workspace, with its border, and stays in a
 * core's first caches. Partial sums lie as [slice][output][kernel row][tap and channel]; a second step adds the slices
 * in order and puts them the other way round.
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
import { F32, type View, view } from "../../language/view.js";
import {
  accumulatorsFor,
  borderedView,
  broadcastTo,
  placesOf,
  placesView,
  pooledView,
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
  while (slices > 1 && F32 * slices * sliceSums > mostPartialBytes(target)) slices /= 2;
  const sample = layoutOf(x, target).sampleStride;
  return { ...convolution, sample, row, tileRows, tileOutputs, slices, outputSums, sliceSums };
}

function lower(work: Work, to: Lowering): void {
  const node = work.root;
  const [x, gradient] = node.inputs as [Value, Value];
  const places = placesOf(gradient, work, to);
  const p: Noted = { ...planOf(node, to.target)!, areNoted: places.areNoted };
  const dy = gradient.inputs[1]!;
  const partial = to.temporary("partial weight gradients", { fixedBytes: F32 * p.slices * p.sliceSums });
  const kernel = to.kernel(routedWeightGradientKernel, p);
  const operands = [to.buffer(x), places.buffer, to.buffer(dy), to.workspace(F32 * p.workspace), partial];
  to.step(kernel, operands, { count: p.slices });
  const weight = rowLayout(to.layout(node));
  const { row, channels, pixel, slices, outputSums, sliceSums } = p;
  const sums = { row, channels, pixel, slices, outputSums, sliceSums, kernel: p.kernel, weight };
  const adding = to.kernel(addTurnedSlicesKernel, sums);
  to.step(adding, [partial, to.workspace(F32 * spanOf(row)), to.buffer(work.result)], { count: p.kernel[0] });
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
      const sums = sumsView(k, "sums", p).at({ slice }).pointer().keep("sums");
      storeZeros(k, ...sums.place({}), p.sliceSums);
      k.loop(from, to, (n) => writeSample(k, p, n, sums), { name: "sample" });
    };
    eachPiece(k, piece);
  },
});

type SumsView = View<"slice" | "output" | "row" | "element">;

/** Partial sums: [slice][output][kernel row][tap and channel]. */
function sumsView(
  k: KernelBuilder,
  operand: string,
  { sliceSums: slice, outputSums: output, row }: Pick<Plan, "sliceSums" | "outputSums" | "row">,
): SumsView {
  return view(k, operand, { slice, output, row: spanOf(row), element: 1 });
}

function writeSample(k: KernelBuilder, p: Noted, n: Reg, sums: SumsView): void {
  const { routed, row, stride } = p;
  const [top, left] = p.bordered.before;
  const image = borderedView(k, p);
  const source = view(k, "x", { sample: p.sample, row: p.image[1] * p.pixel })
    .at({ sample: n })
    .pointer()
    .keep("x");
  const copyRow = (iy: Reg) => {
    const from = source.at({ row: iy }).address();
    const into = image.pointer().at({ row: iy }).moved({ row: top, pixel: left }).address();
    copyElements(k, from, into, p.image[1] * p.pixel);
  };
  k.loop(0, p.image[0], copyRow, { name: "iy" });
  const places = placesView(k, p).keep("places");
  const tap = [image.bytes({ row: stride[0] }), image.bytes({ pixel: stride[1] })] as const;
  writePlaces(k, routed, p.areNoted, n, places, {
    origin: 0,
    tap,
    window: [routed.rows.stride * tap[0], routed.columns.stride * tap[1]],
  });
  const gradients = pooledView(k, "dy", routed);
  const dy = gradients.at({ sample: n }).pointer().keep("dy");
  const outputs = (output: Reg) => {
    const space = image.pointer().keep("space", { frame: false });
    const channel = gradients.at({ channel: output }).keep("channel").offset();
    const own = sums.at({ output }).keep("own");
    for (let first = 0; first < p.kernel[0]; first += p.tileRows) {
      const rows = Math.min(p.tileRows, p.kernel[0] - first);
      const cells = Array.from({ length: p.tileOutputs }, (_, o) =>
        Array.from({ length: rows }, (_, y) =>
          row.map((v) => ({ ...v, y: first + y, sum: { output: o, row: first + y, element: v.at } })),
        ).flat(),
      );
      const acc = cells.map((of) => of.map((c) => k.var(own.load(c.lanes, c.sum), "acc")));
      const place = places.plus(channel).keep("place");
      const gradient = dy.plus(channel).keep("gradient");
      k.loop(0, windowCount(routed), () => {
        for (const [o, of] of cells.entries()) {
          const patch = space.plus(k.loadInt(...place.place({ channel: o }))).pointer();
          const scalar = broadcastTo(k, gradient.place({ channel: o }), row);
          for (const [i, c] of of.entries())
            k.fmaTo(acc[o]![i]!, scalar.get(c.lanes)!, patch.load(c.lanes, { row: c.y, channel: c.at }));
        }
        place.advance({ pixel: 1 });
        gradient.advance({ pixel: 1 });
      });
      for (const [o, of] of cells.entries()) for (const [i, c] of of.entries()) own.store(acc[o]![i]!, c.sum);
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
      const from = sumsView(k, "partial", p).at({ row: ky }).pointer().keep("from");
      const weights = view(k, "dw", { ky: taps * channelStride, channel: channelStride, output: 1 });
      const into = weights.at({ ky }).pointer().keep("into");
      const turned = view(k, "workspace", { pixel: p.pixel, channel: 1 });
      const output = (o: Reg) => {
        for (const { at, lanes } of p.row) {
          const own = from.at({ output: o, element: at }).pointer();
          let total = own.load(lanes);
          for (let slice = 1; slice < p.slices; slice++) total = k.fadd(total, own.load(lanes, { slice }));
          turned.store(total, { channel: at });
        }
        const tap = turned.pointer().keep("tap");
        const to = into.at({ output: o }).keep("to");
        const column = () => {
          if (p.channels <= UNROLLED)
            for (let channel = 0; channel < p.channels; channel++) to.store(tap.load(1, { channel }), { channel });
          else {
            const one = (bytes: Reg) => to.plus(k.mul(bytes, channelStride)).pointer().store(tap.plus(bytes).load(1));
            k.loop(0, tap.bytes({ channel: p.channels }), one, { step: tap.element });
          }
          tap.advance({ pixel: 1 });
          to.advance({ channel: p.channels });
        };
        k.loop(0, p.kernel[1], column, { frame: false, name: "kx" });
      };
      k.loop(0, outputs, output, { name: "output" });
      if (channelStride > outputs) {
        into.each("channel", 0, taps, (row) =>
          storeZeros(k, ...row.place({ output: outputs }), channelStride - outputs),
        );
      }
      k.if(ky, "eq", p.kernel[0] - 1, () => storeTail(k, p.weight, k.operand("dw")));
    };
    eachPiece(k, piece);
  },
});
