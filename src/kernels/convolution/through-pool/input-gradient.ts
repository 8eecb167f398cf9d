/**
 * The input gradient of a convolution in front of a max pool (`routed.ts`). A window's gradients reach the pixels under one patch for each
 * place that the maximum may have, in all a region of some rows; its sums stay in registers while the outputs go by. Each
 * output adds its weights, shifted to where its maximum is: they lie with zeros around them, and the place says where to begin.
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
import { view } from "../../language/view.js";
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

/** Undefined where it is not for this strategy: a row of the region must fit the registers, too, and all shifted weights a cache. */
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
  if (row.length > free || 4 * table * routed.channels > target.caches.l2 / 2) return undefined;
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
  const operands = [places.buffer, to.buffer(dy), tables, to.workspace(4 * p.workspace), ...buffers];
  to.step(writing, operands, { count: 1, samples: 1, isLocal: true });
}

interface ShiftedWeights
  extends Pick<Plan, "kernel" | "channels" | "pixel" | "weightRow" | "reach" | "tableRow" | "table"> {
  readonly outputs: number;
}

const shiftedWeights = definePacking<ShiftedWeights>("shifted weights", {
  bytes: ({ table, outputs }) => 4 * table * outputs,
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
      const table = k.var(k.ptrAdd(k.operand("tables"), k.mul(o, 4 * p.table)), "table");
      storeZeros(k, table, 0, p.table);
      const from = k.var(k.ptrAdd(k.operand("weight"), k.mul(o, 4)), "from");
      const row = (ky: Reg) => {
        const start = k.add(k.mul(ky, 4 * p.tableRow), 4 * (p.reach[0] * p.tableRow + p.reach[1] * p.pixel));
        const to = k.var(k.ptrAdd(table, start), "to");
        const one = (c: Reg) => {
          k.store(k.ptrAdd(to, c), 0, k.load(from, 0, 1));
          k.advance(from, 4 * p.weightRow);
        };
        const column = () => {
          k.loop(0, 4 * p.channels, one, { step: 4, name: "channel" });
          k.advance(to, 4 * p.pixel);
        };
        k.loop(0, p.kernel[1], column, { frame: false, name: "kx" });
      };
      k.loop(0, p.kernel[0], row, { name: "ky" });
    };
    eachPiece(k, piece);
  },
});

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
  const places = k.var(k.ptrAdd(k.operand("workspace"), 4 * p.placesAt), "places");
  writePlaces(k, routed, p.areNoted, n, places, {
    origin: 4 * (reach[0] * p.tableRow + reach[1] * p.pixel),
    tap: [-4 * stride[0] * p.tableRow, -4 * stride[1] * p.pixel],
    window: [0, 0],
  });
  const dy = k.var(k.ptrAdd(k.operand("dy"), k.mul(n, 4 * routed.pooledSample)), "dy");
  const rowBytes = 4 * p.bordered.columns * p.pixel;
  const height = p.kernel[0] + reach[0];
  /** Some rows of the region, from tile `at` on. */
  const tile = (count: number, at: Reg | undefined) => {
    const cells = Array.from({ length: count }, (_, y) => row.map((v) => ({ ...v, y }))).flat();
    const acc = cells.map((c) => k.acc(0, c.lanes));
    const below = (ptr: Reg, rowStep: number) =>
      at === undefined ? ptr : k.ptrAdd(ptr, k.mul(at, p.tileRows * rowStep));
    const table = k.var(below(k.operand("tables"), 4 * p.tableRow), "table");
    const outputs = (channel: Reg) => {
      const weights = k.ptrAdd(table, k.loadInt(k.ptrAdd(places, channel), 0));
      const scalar = broadcastTo(k, k.ptrAdd(dy, channel), row);
      for (const [i, c] of cells.entries())
        k.fmaTo(acc[i]!, scalar.get(c.lanes)!, k.load(weights, 4 * (c.y * p.tableRow + c.at), c.lanes));
      k.advance(table, 4 * p.table);
    };
    k.loop(0, 4 * routed.channels, outputs, { step: 4, name: "output" });
    const target = below(into, rowBytes);
    for (const [i, c] of cells.entries()) {
      const offset = c.y * rowBytes + 4 * c.at;
      k.store(target, offset, k.fadd(k.load(target, offset, c.lanes), acc[i]!));
    }
  };
  const into = k.var(k.operand("workspace"), "into");
  const windowRow = (oy: Reg) => {
    k.set(into, k.ptrAdd(k.operand("workspace"), k.mul(oy, rows.stride * stride[0] * rowBytes)));
    k.loop(
      0,
      columns.outputs,
      () => {
        const whole = Math.floor(height / p.tileRows);
        if (whole === 1) tile(p.tileRows, undefined);
        else k.loop(0, whole, (at) => tile(p.tileRows, at), { name: "tile" });
        if (height % p.tileRows > 0) tile(height % p.tileRows, k.int(whole));
        k.advance(into, 4 * columns.stride * stride[1] * p.pixel);
        k.advance(places, 4 * routed.pixel);
        k.advance(dy, 4 * routed.pixel);
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
  const pixel = 4 * p.pixel;
  const row = (iy: Reg) => {
    const line = k.mul(k.add(iy, top), p.bordered.columns * pixel);
    const from = k.var(k.ptrAdd(k.operand("workspace"), k.add(line, left * pixel)), "from");
    const into = result.at({ sample: n, row: iy }).keep("into");
    k.loop(0, width, () => {
      eachGroup(k, vectors, 2, (channel, indices) => {
        const source = channel === undefined ? from : k.ptrAdd(from, channel);
        const place = into.plus(channel).here();
        for (const index of indices)
          storeResult(
            k,
            epilogue,
            rowPlace(vectors, place, channel, index),
            loadChannels(k, vectors, source, 0, index),
          );
      });
      k.advance(from, pixel);
      into.advance({ pixel: 1 });
    });
  };
  k.loop(0, height, row, { name: "iy" });
  if (tailElements(image) > 0) storeTail(k, image, result.at({ sample: n }).address());
}
