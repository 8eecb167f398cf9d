/**
 * Convolution that accepts everything: any groups, stride, padding, dilation and channels. Vectors run over the outputs
 * of a group (over all channels where every channel is a group), one pixel at a time. The faster strategies are
 * elsewhere; this one is there for what they refuse.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Strategy } from "../../contract/strategy.js";
import type { Epilogue } from "../../fusion/epilogue.js";
import { resultOf, resultOperands, rowPlace, storeResult } from "../../fusion/result.js";
import { eachGroup, loadChannels, storeTail, storeZeros, tailElements } from "../../language/channels.js";
import { pieces } from "../../language/pieces.js";
import { type Bounds, tapBounds } from "../../language/taps.js";
import { type ConvShape, convShape, eachConvGroup, plus } from "./shape.js";

export const generalConvolution: Strategy = {
  name: "generalConvolution",
  ops: ["conv2d"],
  fuses: true,
  accepts: () => true,
  cost: (node) => node.op.cost(node.inputs, node.attributes, node).multiplyAdds,
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
    const { rows, columns, pixel, resultPixel } = shape;
    pieces(k, { n: k.batch, oy: rows.outputs }, (index) => {
      const n = k.var(index.n(), "n");
      const oy = k.var(index.oy(), "oy");
      const vertical = tapBounds(k, rows, oy);
      const corner = k.mul(k.sub(k.mul(oy, rows.stride), rows.before), columns.extent * pixel);
      const from = k.var(k.add(k.mul(n, 4 * shape.image.sampleStride), corner), "from");
      const start = k.add(k.mul(n, 4 * shape.result.sampleStride), k.mul(oy, columns.outputs * resultPixel));
      const into = k.var(start, "into");
      const column = (ox: Reg) => {
        const horizontal = tapBounds(k, columns, ox);
        const at = k.mul(k.sub(k.mul(ox, columns.stride), columns.before), pixel);
        const source = k.var(k.add(from, at), "source");
        const bytes = k.var(k.add(into, k.mul(ox, resultPixel)), "bytes");
        eachConvGroup(k, shape, (inputs, outputs) => {
          const taps = { vertical, horizontal, source: plus(k, source, inputs) };
          writePixel(k, shape, taps, outputs, epilogue, bytes);
        });
        if (shape.vectors.packed && shape.groups > 1 && !shape.depthwise) {
          const pads = shape.result.channelStride - shape.result.channels;
          storeZeros(k, k.ptrAdd(k.operand("result"), bytes), 4 * shape.result.channels, pads);
        }
      };
      k.loop(0, columns.outputs, column, { name: "ox" });
      if (tailElements(shape.result) > 0) {
        k.if(oy, "eq", rows.outputs - 1, () => {
          storeTail(k, shape.result, k.ptrAdd(k.operand("result"), k.mul(n, 4 * shape.result.sampleStride)));
        });
      }
    });
  },
});

interface PixelTaps {
  readonly vertical: Bounds;
  readonly horizontal: Bounds;
  /** Bytes in x of the window's first tap (real or not) and the group's first channel. */
  readonly source: Reg;
}

/** One output pixel of one group. */
function writePixel(
  k: KernelBuilder,
  shape: ConvShape,
  taps: PixelTaps,
  outputs: Reg | undefined,
  epilogue: Epilogue,
  bytes: Reg,
): void {
  const { rows, columns, vectors, pixel, weightRow, inputs } = shape;
  const { lanes } = vectors;
  const source = k.var(taps.source, "group");
  eachGroup(k, vectors, 4, (channel, indices) => {
    const moved = channel === undefined ? outputs : plus(k, channel, outputs);
    const offset = moved === undefined ? undefined : k.var(moved, "offset");
    const sums = indices.map(() => k.acc(0, lanes));
    const vertical = (ky: Reg) => {
      const row = k.add(source, k.mul(ky, rows.dilation * columns.extent * pixel));
      const weights = k.mul(ky, columns.kernel * inputs * weightRow);
      const horizontal = (kx: Reg) => {
        const x = k.ptrAdd(k.operand("x"), k.add(row, k.mul(kx, columns.dilation * pixel)));
        const w = k.ptrAdd(k.operand("w"), plus(k, k.add(weights, k.mul(kx, inputs * weightRow)), offset));
        if (shape.depthwise) {
          const moved = offset === undefined ? x : k.ptrAdd(x, offset);
          for (const [i, index] of indices.entries()) {
            const value = loadChannels(k, vectors, moved, 0, index);
            k.fmaTo(sums[i]!, value, loadChannels(k, vectors, w, 0, index));
          }
          return;
        }
        const scalar = k.var(x, "x");
        const weight = k.var(w, "w");
        k.loop(0, inputs, () => {
          const value = k.broadcast(scalar, 0, lanes);
          for (const [i, index] of indices.entries())
            k.fmaTo(sums[i]!, value, loadChannels(k, vectors, weight, 0, index));
          k.advance(scalar, 4);
          k.advance(weight, weightRow);
        });
      };
      k.loop(taps.horizontal.lo, taps.horizontal.hi, horizontal, { frame: false, name: "kx" });
    };
    k.loop(taps.vertical.lo, taps.vertical.hi, vertical, { frame: false, name: "ky" });
    const row = { bytes: offset === undefined ? bytes : k.add(bytes, offset), offset: 0, channel: offset };
    for (const [i, index] of indices.entries()) storeResult(k, epilogue, rowPlace(k, vectors, row, index), sums[i]!);
  });
}
