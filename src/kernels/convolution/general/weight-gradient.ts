/**
 * The weight gradient of any convolution: dw[ky, kx, c, o] sums x[n, iy, ix, c] dy[n, oy, ox, o] over all samples and
 * pixels. One piece is one row of weights (all outputs of one tap and channel), so nothing is shared between threads;
 * each sample's sum is finished before it is added to the others', which keeps float32 sums of many terms accurate.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import { scalarNanoseconds } from "../../contract/cost.js";
import { type RowLayout, rowLayout } from "../../contract/layout.js";
import type { Strategy } from "../../contract/strategy.js";
import {
  eachGroup,
  loadChannels,
  storeChannels,
  storeTail,
  storeZeros,
  tailElements,
} from "../../language/channels.js";
import { eachPiece } from "../../language/pieces.js";
import type { Axis } from "../../language/taps.js";
import {
  type ConvShape,
  convShape,
  eachConvGroup,
  imageView,
  resultView,
  type WeightView,
  weightView,
} from "./shape.js";

export const generalWeightGradient: Strategy = {
  name: "generalWeightGradient",
  ops: ["conv2dWeightGrad"],
  fuses: false,
  accepts: () => true,
  cost: scalarNanoseconds,
  lower({ root }, to) {
    const [x, dy] = root.inputs;
    const shape = convShape(root, x!.shape, dy!.shape, to);
    const weights = to.layout(root);
    const kernel = to.kernel(weightGradientKernel, { shape, weights: rowLayout(weights) });
    to.step(kernel, [to.buffer(x!), to.buffer(dy!), to.buffer(root)], { count: weights.rows });
  },
};

interface Gradient {
  readonly shape: ConvShape;
  readonly weights: RowLayout;
}

const weightGradientKernel = defineKernel<Gradient>("general conv2dWeightGrad", {
  title: "conv2dWeightGrad",
  operands: [
    ["x", "read"],
    ["dy", "read"],
    ["dw", "write"],
  ],
  write(k, { shape, weights }) {
    const { columns, inputs } = shape;
    const dw = weightView(k, "dw", shape);
    const body = (piece: Reg) => {
      const channel = k.mod(piece, inputs);
      const tap = k.div(piece, inputs);
      const place: Tap = {
        ky: k.var(k.div(tap, columns.kernel), "ky"),
        kx: k.var(k.mod(tap, columns.kernel), "kx"),
        channel: imageView(k, "x", shape).at({ channel }).keep("channel").offset(),
        into: dw.at({ channel: piece }).keep("into"),
      };
      eachConvGroup(k, shape, (first, outputs) => writeRow(k, shape, place, first, outputs));
      if (shape.groups > 1 && !shape.depthwise) {
        const pads = weights.channelStride - weights.channels;
        storeZeros(k, ...place.into.place({ output: weights.channels }), pads);
      }
      if (tailElements(weights) > 0) {
        k.if(piece, "eq", weights.rows - 1, () => storeTail(k, weights, k.operand("dw")));
      }
    };
    eachPiece(k, body);
  },
});

interface Tap {
  readonly ky: Reg;
  readonly kx: Reg;
  /** Bytes to the channel of its group, and the row in dw. */
  readonly channel: Reg;
  readonly into: WeightView;
}

/** The outputs whose given tap falls on a real pixel. */
function outputsOfTap(k: KernelBuilder, a: Axis, tap: Reg): { lo: Reg; hi: Reg } {
  const start = k.mul(tap, a.dilation);
  const up = (n: Reg) => (a.stride === 1 ? k.max(n, 0) : k.div(k.max(k.add(n, a.stride - 1), 0), a.stride));
  const hi = k.min(up(k.sub(a.extent + a.before, start)), a.outputs);
  const lo = k.min(up(k.sub(a.before, start)), hi);
  return { lo: k.var(lo, "lo"), hi: k.var(hi, "hi") };
}

/** The outputs of one group (or, depthwise, all channels) in one row of weights. */
function writeRow(
  k: KernelBuilder,
  shape: ConvShape,
  tap: Tap,
  first: Reg | undefined,
  outputs: Reg | undefined,
): void {
  const { rows, columns, vectors } = shape;
  const { lanes } = vectors;
  const image = imageView(k, "x", shape);
  const result = resultView(k, "dy", shape);
  const vertical = outputsOfTap(k, rows, tap.ky);
  const horizontal = outputsOfTap(k, columns, tap.kx);
  const row = image.at({ row: k.sub(k.mul(tap.ky, rows.dilation), rows.before) }).offset();
  const column = image.at({ pixel: k.sub(k.mul(tap.kx, columns.dilation), columns.before) }).offset();
  const source = image.plus(row).plus(column).plus(tap.channel).plus(first).keep("source").offset();
  eachGroup(k, vectors, 4, (channel, indices) => {
    const moved = channel === undefined || outputs === undefined ? (channel ?? outputs) : k.add(channel, outputs);
    const offset = moved === undefined ? undefined : k.var(moved, "offset");
    const totals = indices.map(() => k.acc(0, lanes));
    const sample = (n: Reg) => {
      const sums = indices.map(() => k.acc(0, lanes));
      const row = (oy: Reg) => {
        const fromRow = image.at({ sample: n }).at({ row: oy }, rows.stride).here();
        const intoRow = result.at({ sample: n, row: oy }).here();
        const xRow = fromRow.plus(source).pointer();
        const dyRow = intoRow.plus(offset).pointer();
        const x = xRow.at({ pixel: horizontal.lo }, columns.stride).keep("x");
        const dy = dyRow.at({ pixel: horizontal.lo }).keep("dy");
        const column = () => {
          if (shape.depthwise) {
            const values = x.plus(offset).pointer();
            for (const [i, index] of indices.entries()) {
              const value = loadChannels(k, vectors, ...values.place({}), index);
              k.fmaTo(sums[i]!, value, loadChannels(k, vectors, ...dy.place({}), index));
            }
          } else {
            const value = x.broadcast(lanes);
            for (const [i, index] of indices.entries())
              k.fmaTo(sums[i]!, value, loadChannels(k, vectors, ...dy.place({}), index));
          }
          x.advance({ pixel: columns.stride });
          dy.advance({ pixel: 1 });
        };
        k.loop(horizontal.lo, horizontal.hi, column, { name: "ox" });
      };
      k.loop(vertical.lo, vertical.hi, row, { name: "oy" });
      for (const [i, total] of totals.entries()) k.updateTo(total, "fadd", sums[i]!);
    };
    k.loop(0, k.batch, sample, { name: "n" });
    const target = tap.into.plus(offset).pointer();
    for (const [i, index] of indices.entries())
      storeChannels(k, vectors, ...target.place({}), index, totals[i]!, false);
  });
}
