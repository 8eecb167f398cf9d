/**
 * Convolution that accepts everything: any groups, stride, padding, dilation and channels. Vectors run over the outputs
 * of a group (over all channels where every channel is a group), one pixel at a time. The faster strategies are
 * elsewhere; this one is there for what they refuse.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import { scalarNanoseconds } from "../../contract/cost.js";
import type { Strategy } from "../../contract/strategy.js";
import type { Epilogue } from "../../fusion/epilogue.js";
import { resultOf, resultOperands, rowPlace, storeResult } from "../../fusion/result.js";
import { eachGroup, loadChannels, storeTail, storeZeros, tailElements } from "../../language/channels.js";
import { pieces } from "../../language/pieces.js";
import { type Bounds, tapBounds } from "../../language/taps.js";
import {
  type ConvShape,
  convShape,
  eachConvGroup,
  type ImageView,
  imageView,
  resultView,
  weightView,
} from "./shape.js";

export const generalConvolution: Strategy = {
  name: "generalConvolution",
  ops: ["conv2d"],
  fuses: true,
  accepts: () => true,
  cost: scalarNanoseconds,
  lower(work, to) {
    const [x, w] = work.root.inputs;
    const shape = convShape(work.root, x!.shape, work.root.shape, to);
    const { epilogue, buffers } = resultOf(work, to);
    const kernel = to.kernel(convolutionKernel, { shape, epilogue });
    to.step(kernel, [to.buffer(x!), to.buffer(w!), ...buffers], { count: shape.rows.outputs, samples: 1 });
  },
};

interface Convolution {
  readonly shape: ConvShape;
  readonly epilogue: Epilogue;
}

const convolutionKernel = defineKernel<Convolution>("general conv2d", {
  title: "conv2d",
  operands: ({ epilogue }) => [["x", "read"], ["w", "read"], ...resultOperands(epilogue)],
  write(k, { shape, epilogue }) {
    const { rows, columns } = shape;
    const image = imageView(k, "x", shape);
    const result = resultView(k, "result", shape);
    pieces(k, { n: k.batch, oy: rows.outputs }, (index) => {
      const n = k.var(index.n(), "n");
      const oy = k.var(index.oy(), "oy");
      const vertical = tapBounds(k, rows, oy);
      const corner = image.at({ row: k.sub(k.mul(oy, rows.stride), rows.before) }).offset();
      const from = image.at({ sample: n }).plus(corner).keep("from");
      const into = result.at({ sample: n, row: oy }).keep("into");
      const column = (ox: Reg) => {
        const horizontal = tapBounds(k, columns, ox);
        const source = from.at({ pixel: k.sub(k.mul(ox, columns.stride), columns.before) }).keep("source");
        const pixel = into.at({ pixel: ox }).keep("pixel");
        eachConvGroup(k, shape, (inputs, outputs) => {
          const taps = { vertical, horizontal, source: source.plus(inputs).here() };
          writePixel(k, shape, taps, outputs, epilogue, pixel);
        });
        if (shape.vectors.packed && shape.groups > 1 && !shape.depthwise) {
          const pads = shape.result.channelStride - shape.result.channels;
          storeZeros(k, ...pixel.place({ channel: shape.result.channels }), pads);
        }
      };
      k.loop(0, columns.outputs, column, { name: "ox" });
      if (tailElements(shape.result) > 0) {
        k.if(oy, "eq", rows.outputs - 1, () => {
          storeTail(k, shape.result, result.at({ sample: n }).address());
        });
      }
    });
  },
});

interface PixelTaps {
  readonly vertical: Bounds;
  readonly horizontal: Bounds;
  /** The window's first tap (real or not), at the group's first channel. */
  readonly source: ImageView;
}

/** One output pixel of one group. */
function writePixel(
  k: KernelBuilder,
  shape: ConvShape,
  taps: PixelTaps,
  outputs: Reg | undefined,
  epilogue: Epilogue,
  result: ImageView,
): void {
  const { rows, columns, vectors, inputs } = shape;
  const { lanes } = vectors;
  const source = taps.source.keep("group");
  eachGroup(k, vectors, 4, (channel, indices) => {
    const moved = channel === undefined || outputs === undefined ? (channel ?? outputs) : k.add(channel, outputs);
    const offset = moved === undefined ? undefined : k.var(moved, "offset");
    const sums = indices.map(() => k.acc(0, lanes));
    const vertical = (ky: Reg) => {
      const row = source.at({ row: ky }, rows.dilation).here();
      const weights = weightView(k, "w", shape).at({ ky }).here();
      const horizontal = (kx: Reg) => {
        const x = row.at({ pixel: kx }, columns.dilation).pointer();
        const w = weights.at({ kx }).plus(offset).pointer();
        if (shape.depthwise) {
          const moved = x.plus(offset).pointer();
          for (const [i, index] of indices.entries()) {
            const value = loadChannels(k, vectors, ...moved.place({}), index);
            k.fmaTo(sums[i]!, value, loadChannels(k, vectors, ...w.place({}), index));
          }
          return;
        }
        const scalar = x.keep("x");
        const weight = w.keep("w");
        k.loop(0, inputs, () => {
          const value = scalar.broadcast(lanes);
          for (const [i, index] of indices.entries())
            k.fmaTo(sums[i]!, value, loadChannels(k, vectors, ...weight.place({}), index));
          scalar.advance({ channel: 1 });
          weight.advance({ channel: 1 });
        });
      };
      k.loop(taps.horizontal.lo, taps.horizontal.hi, horizontal, { frame: false, name: "kx" });
    };
    k.loop(taps.vertical.lo, taps.vertical.hi, vertical, { frame: false, name: "ky" });
    const row = result.plus(offset).here();
    for (const [i, index] of indices.entries())
      storeResult(k, epilogue, rowPlace(vectors, row, offset, index), sums[i]!);
  });
}
