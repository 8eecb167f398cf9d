/**
 * The input gradient of a convolution in front of a max pool (`routed.ts`). A window's gradients reach the pixels under
 * one patch for each place that the maximum may have, in all a region of some rows; its sums stay in registers while
 * the outputs go by. Each output adds its weights, shifted to where its maximum is: they lie with zeros around them,
 * and the place says where to begin.
 *
 * A piece of work is a sample, put together in the workspace with its border, then stored through the epilogue.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Value } from "../../../graph/graph.js";
import type { Target } from "../../../target/target.js";
import { layoutOf, type RowLayout, rowLayout } from "../../contract/layout.js";
import { definePacking } from "../../contract/packing.js";
import { remembered } from "../../contract/remembered.js";
import type { Lowering, Strategy, Work } from "../../contract/strategy.js";
import type { Epilogue } from "../../fusion/epilogue.js";
import { resultOf, resultOperands, rowPlace, storeResult } from "../../fusion/result.js";
import {
  channelVectors,
  eachGroup,
  loadChannels,
  storeTail,
  storeZeros,
  tailElements,
} from "../../language/channels.js";
import { eachPiece } from "../../language/pieces.js";
import type { Axis } from "../../language/taps.js";
import { evenBlock } from "../../language/tile.js";
import { F32, view } from "../../language/view.js";
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
  readonly weightRow: number;
  /** How far the maximum of a window may lie from its first pixel, in pixels of the input. */
  readonly reach: readonly [number, number];
  /** The vectors of a row of the region. */
  readonly row: readonly RunVector[];
  readonly tileRows: number;
  /** Elements of a row of the weights of an output with the zeros around them, and of all. */
  readonly tableRow: number;
  readonly table: number;
}

/** `areNoted`: whether the forward pass left the places of the maxima. */
type Noted = Plan & { readonly areNoted: boolean };

export const routedInputGradient: Strategy = {
  name: "routedInputGradient",
  ops: ["conv2dInputGrad"],
  fuses: true,
  reads: (node) => [...node.inputs[0]!.inputs, node.inputs[1]!],
  accepts: (node, target) => planOf(node, target) !== undefined,
  cost: (node, target) => {
    const { routed, kernel, reach, row } = planOf(node, target)!;
    const taps = routed.rows.kernel * routed.columns.kernel;
    const region = (kernel[0] + reach[0]) * row.length;
    const { shifted } = target.costs.multiplyAdd;
    return windowCount(routed) * (routed.channels * region * shifted + region + routed.vectors.count * taps);
  },
  lower,
};

/**
 * Undefined where it is not for this strategy: a row of the region must fit the registers, too, and all shifted weights
 * a cache.
 */
const planOf = remembered(planRouted);

function planRouted(node: Value, target: Target): Plan | undefined {
  const [gradient, w] = node.inputs as [Value, Value];
  const convolution = routedConvolution(node, node, gradient, target);
  if (convolution === undefined) return undefined;
  const { routed, kernel, stride, pixel } = convolution;
  const reachOf = (a: Axis, step: number) => a.dilation * (a.kernel - 1) * step;
  const reach = [reachOf(routed.rows, stride[0]), reachOf(routed.columns, stride[1])] as const;
  const row = vectorsOver((kernel[1] + reach[1]) * pixel, pixel, target);
  const free = accumulatorsFor(row, target);
  // what the last vector reaches beyond the region's end are zeros, here and behind the border's last pixel
  const tableRow = reach[1] * pixel + spanOf(row);
  const table = Math.ceil(((kernel[0] + 2 * reach[0]) * tableRow) / 16) * 16;
  if (row.length > free || F32 * table * routed.channels > target.caches.l2 / 2) return undefined;
  const tileRows = evenBlock(kernel[0] + reach[0], Math.floor(free / row.length));
  const weightRow = layoutOf(w, target).channelStride;
  return { ...convolution, weightRow, reach, row, tileRows, tableRow, table };
}

function lower(work: Work, to: Lowering): void {
  const node = work.root;
  const [gradient, w] = node.inputs as [Value, Value];
  const places = placesOf(gradient, work, to);
  const p: Noted = { ...planOf(node, to.target)!, areNoted: places.areNoted };
  const dy = gradient.inputs[1]!;
  const { kernel, channels, pixel, weightRow, reach, tableRow, table, routed } = p;
  const shifted = { kernel, channels, pixel, weightRow, reach, tableRow, table, outputs: routed.channels };
  const tables = to.packed(shiftedWeights, w, shifted);
  const { epilogue, buffers } = resultOf(work, to);
  const result = rowLayout(to.layout(node));
  const writing = to.kernel(routedInputGradientKernel, { plan: p, result, epilogue });
  const operands = [places.buffer, to.buffer(dy), tables, to.workspace(F32 * p.workspace), ...buffers];
  to.step(writing, operands, { count: 1, samples: 1, isLocal: true });
}

interface ShiftedWeights
  extends Pick<Plan, "kernel" | "channels" | "pixel" | "weightRow" | "reach" | "tableRow" | "table"> {
  readonly outputs: number;
}

const shiftedWeights = definePacking<ShiftedWeights>("shifted weights", {
  bytes: ({ table, outputs }) => F32 * table * outputs,
  pack(to, weight, into, shifted) {
    to.step(to.kernel(shiftedWeightsKernel, shifted), [weight, into], { count: shifted.outputs });
  },
});

/** The weights of one output a piece, as [ky][kx][c] with zeros on all sides. */
const shiftedWeightsKernel = defineKernel<ShiftedWeights>("shiftedWeights", {
  operands: [
    ["weight", "read"],
    ["tables", "write"],
  ],
  write(k, p) {
    const piece = (o: Reg) => {
      const table = tableView(k, p).at({ output: o }).pointer().keep("table");
      storeZeros(k, ...table.place({}), p.table);
      const from = view(k, "weight", { row: p.weightRow, output: 1 }).at({ output: o }).pointer().keep("from");
      const row = (ky: Reg) => {
        const to = table.at({ row: ky }).moved({ row: p.reach[0], pixel: p.reach[1] }).keep("to");
        const one = (channel: typeof to) => {
          channel.pointer().store(from.load(1));
          from.advance({ row: 1 });
        };
        const column = () => {
          to.each("channel", 0, p.channels, one, { name: "channel" });
          to.advance({ pixel: 1 });
        };
        k.loop(0, p.kernel[1], column, { frame: false, name: "kx" });
      };
      k.loop(0, p.kernel[0], row, { name: "ky" });
    };
    eachPiece(k, piece);
  },
});

/** The weights of each output with zeros around them. */
function tableView(
  k: KernelBuilder,
  { table: output, tableRow: row, pixel }: Pick<Plan, "table" | "tableRow" | "pixel">,
) {
  return view(k, "tables", { output, row, pixel, channel: 1 });
}

interface RoutedGradient {
  readonly plan: Noted;
  readonly result: RowLayout;
  readonly epilogue: Epilogue;
}

const routedInputGradientKernel = defineKernel<RoutedGradient>("routedInputGradient", {
  operands: ({ epilogue }) => [
    ["maxima", "read"],
    ["dy", "read"],
    ["tables", "read"],
    ["workspace", "readwrite"],
    ...resultOperands(epilogue),
  ],
  write(k, spec) {
    const piece = (n: Reg) => {
      writeSample(k, spec.plan, n);
      storeSample(k, spec, n);
    };
    eachPiece(k, piece);
  },
});

/** All regions of a sample, added up in the workspace. */
function writeSample(k: KernelBuilder, p: Noted, n: Reg): void {
  const { routed, row, reach, stride } = p;
  const { rows, columns } = routed;
  storeZeros(k, k.operand("workspace"), 0, p.placesAt);
  const image = borderedView(k, p);
  const tables = tableView(k, p);
  const places = placesView(k, p).keep("places");
  writePlaces(k, routed, p.areNoted, n, places, {
    origin: tables.bytes({ row: reach[0], pixel: reach[1] }),
    tap: [-tables.bytes({ row: stride[0] }), -tables.bytes({ pixel: stride[1] })],
    window: [0, 0],
  });
  const dy = pooledView(k, "dy", routed).at({ sample: n }).pointer().keep("dy");
  const height = p.kernel[0] + reach[0];
  /** Some rows of the region, from tile `at` on. */
  const tile = (count: number, at: Reg | undefined) => {
    const cells = Array.from({ length: count }, (_, y) => row.map((v) => ({ ...v, y }))).flat();
    const acc = cells.map((c) => k.acc(0, c.lanes));
    const tile = at === undefined ? {} : { row: at };
    const table = tables.pointer().at(tile, p.tileRows).keep("table");
    const outputs = (channel: Reg) => {
      const weights = table.plus(k.loadInt(...places.plus(channel).place({}))).pointer();
      const scalar = broadcastTo(k, dy.plus(channel).place({}), row);
      for (const [i, c] of cells.entries())
        k.fmaTo(acc[i]!, scalar.get(c.lanes)!, weights.load(c.lanes, { row: c.y, channel: c.at }));
      table.advance({ output: 1 });
    };
    k.loop(0, dy.bytes({ channel: routed.channels }), outputs, { step: dy.element, name: "output" });
    const target = into.at(tile, p.tileRows).pointer();
    for (const [i, c] of cells.entries()) {
      const own = { row: c.y, channel: c.at };
      target.store(k.fadd(target.load(c.lanes, own), acc[i]!), own);
    }
  };
  const into = image.pointer().keep("into");
  const windowRow = (oy: Reg) => {
    k.set(into.address(), image.at({ row: oy }, rows.stride * stride[0]).address());
    k.loop(
      0,
      columns.outputs,
      () => {
        const whole = Math.floor(height / p.tileRows);
        if (whole === 1) tile(p.tileRows, undefined);
        else k.loop(0, whole, (at) => tile(p.tileRows, at), { name: "tile" });
        if (height % p.tileRows > 0) tile(height % p.tileRows, k.int(whole));
        into.advance({ pixel: columns.stride * stride[1] });
        places.advance({ pixel: 1 });
        dy.advance({ pixel: 1 });
      },
      { name: "window column" },
    );
  };
  k.loop(0, rows.outputs, windowRow, { name: "window row" });
}

/** The image inside the border, through the epilogue. */
function storeSample(k: KernelBuilder, { plan: p, result: image, epilogue }: RoutedGradient, n: Reg): void {
  const vectors = channelVectors(image, k.target);
  const [height, width] = p.image;
  const result = view(k, "result", { sample: image.sampleStride, row: width * p.pixel, pixel: p.pixel });
  const [top, left] = p.bordered.before;
  const bordered = borderedView(k, p);
  const row = (iy: Reg) => {
    const line = bordered.at({ row: k.add(iy, top) }).here();
    const from = bordered
      .pointer()
      .plus(line.moved({ pixel: left }).offset())
      .keep("from");
    const into = result.at({ sample: n, row: iy }).keep("into");
    k.loop(0, width, () => {
      eachGroup(k, vectors, 2, (channel, indices) => {
        const source = from.plus(channel).pointer();
        const place = into.plus(channel).here();
        for (const index of indices)
          storeResult(
            k,
            epilogue,
            rowPlace(vectors, place, channel, index),
            loadChannels(k, vectors, ...source.place({}), index),
          );
      });
      from.advance({ pixel: 1 });
      into.advance({ pixel: 1 });
    });
  };
  k.loop(0, height, row, { name: "iy" });
  if (tailElements(image) > 0) storeTail(k, image, result.at({ sample: n }).address());
}
