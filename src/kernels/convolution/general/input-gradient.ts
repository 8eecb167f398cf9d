/**
 * The input gradient of any convolution: dx[iy, ix, c] sums dy[oy, ox, o] w[ky, kx, c, o] over the taps for which
 * iy + top - ky * dilation is a multiple of the stride. Rows of weights are contiguous in o, so each element of dx is a
 * product of vectors, folded at the end; four channels at a time share the loads of dy.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import { scalarNanoseconds } from "../../contract/cost.js";
import type { Strategy } from "../../contract/strategy.js";
import {
  eachGroup,
  loadChannels,
  storeChannels,
  storeTail,
  storeZeros,
  tailElements,
} from "../../language/channels.js";
import { pieces } from "../../language/pieces.js";
import type { Axis } from "../../language/taps.js";
import {
  type ConvShape,
  convShape,
  eachConvGroup,
  type ImageView,
  imageView,
  resultView,
  type WeightView,
  weightView,
} from "./shape.js";

export const generalInputGradient: Strategy = {
  name: "generalInputGradient",
  ops: ["conv2dInputGrad"],
  fuses: false,
  accepts: () => true,
  cost: scalarNanoseconds,
  lower({ root }, to) {
    const [dy, w] = root.inputs;
    const shape = convShape(root, root.shape, dy!.shape, to);
    const kernel = to.kernel(inputGradientKernel, shape);
    const operands = [to.buffer(dy!), to.buffer(w!), to.buffer(root)];
    to.step(kernel, operands, { count: shape.rows.extent, samples: 1 });
  },
};

const inputGradientKernel = defineKernel<ConvShape>("general conv2dInputGrad", {
  title: "conv2dInputGrad",
  operands: [
    ["dy", "read"],
    ["w", "read"],
    ["dx", "write"],
  ],
  write(k, shape) {
    const { rows, columns, image } = shape;
    const dx = imageView(k, "dx", shape);
    pieces(k, { n: k.batch, iy: rows.extent }, (index) => {
      const n = k.var(index.n(), "n");
      const iy = k.var(index.iy(), "iy");
      const column = (ix: Reg) => {
        const pixel = dx.at({ pixel: k.add(k.mul(iy, columns.extent), ix) }).offset();
        const into = dx.at({ sample: n }).plus(pixel).keep("into");
        const place: Place = { n, iy, ix, into };
        if (shape.depthwise) writeDepthwise(k, shape, place);
        else {
          eachConvGroup(k, shape, (inputs, outputs) => writeGroup(k, shape, place, inputs, outputs));
          const pads = image.channelStride - image.channels;
          storeZeros(k, ...into.place({ channel: image.channels }), pads);
        }
      };
      k.loop(0, columns.extent, column, { name: "ix" });
      if (tailElements(image) > 0) {
        k.if(iy, "eq", rows.extent - 1, () => {
          storeTail(k, image, dx.at({ sample: n }).address());
        });
      }
    });
  },
});

interface Place {
  readonly n: Reg;
  readonly iy: Reg;
  readonly ix: Reg;
  /** The pixel in dx. */
  readonly into: ImageView;
}

/** Visits the taps that reach input index i, with the output that they belong to. */
function eachReachingTap(k: KernelBuilder, a: Axis, i: Reg, visit: (tap: Reg, output: Reg) => void): void {
  const reaching = (tap: Reg) => {
    const distance = k.sub(k.add(i, a.before), k.mul(tap, a.dilation));
    k.if(distance, "ge", 0, () => {
      const within = (output: Reg) => k.if(output, "lt", a.outputs, () => visit(tap, output));
      if (a.stride === 1) within(distance);
      else k.if(k.mod(distance, a.stride), "eq", 0, () => within(k.div(distance, a.stride)));
    });
  };
  k.loop(0, a.kernel, reaching, { frame: false, name: "tap" });
}

/** Visits every tap that reaches the pixel: the output pixel in dy, and the tap's first row in w. */
function eachTapOfPixel(
  k: KernelBuilder,
  shape: ConvShape,
  p: Place,
  visit: (dy: ImageView, w: WeightView) => void,
): void {
  const { rows, columns } = shape;
  eachReachingTap(k, rows, p.iy, (ky, oy) => {
    const row = resultView(k, "dy", shape).at({ sample: p.n, row: oy }).keep("row");
    const weights = weightView(k, "w", shape).at({ ky }).keep("weights");
    eachReachingTap(k, columns, p.ix, (kx, ox) => {
      visit(row.at({ pixel: ox }).here(), weights.at({ kx }).here());
    });
  });
}

/** The input channels of one group, four at a time. */
function writeGroup(
  k: KernelBuilder,
  shape: ConvShape,
  place: Place,
  inputs: Reg | undefined,
  outputs: Reg | undefined,
): void {
  const { vectors } = shape;
  const block = (count: number, first: Reg) => {
    const sums = Array.from({ length: count }, () => k.acc(0, vectors.lanes));
    const weightStart = weightView(k, "w", shape).at({ channel: first }).keep("first").offset();
    eachTapOfPixel(k, shape, place, (dy, w) => {
      const gradient = dy.plus(outputs).keep("dy");
      const weights = w.plus(weightStart).plus(outputs).keep("w");
      eachGroup(k, vectors, 1, (channel, [index]) => {
        const value = loadChannels(k, vectors, ...gradient.plus(channel).place({}), index!);
        const rows = weights.plus(channel).pointer();
        for (const [i, sum] of sums.entries())
          k.fmaTo(sum, value, loadChannels(k, vectors, ...rows.place({ channel: i }), index!));
      });
    });
    const target = place.into.at({ channel: first }).plus(inputs).pointer();
    for (const [i, sum] of sums.entries()) target.store(k.reduceAdd(sum), { channel: i });
  };
  const many = shape.inputs - (shape.inputs % 4);
  if (many > 0) k.loop(0, many, (first) => block(4, first), { step: 4, name: "channel" });
  if (many < shape.inputs) block(shape.inputs - many, k.int(many));
}

/** Every channel by itself, in vectors. */
function writeDepthwise(k: KernelBuilder, shape: ConvShape, place: Place): void {
  const { vectors } = shape;
  eachGroup(k, vectors, 1, (channel, [index]) => {
    const offset = channel === undefined ? undefined : k.var(channel, "offset");
    const sum = k.acc(0, vectors.lanes);
    eachTapOfPixel(k, shape, place, (dy, w) => {
      const value = loadChannels(k, vectors, ...dy.plus(offset).place({}), index!);
      k.fmaTo(sum, value, loadChannels(k, vectors, ...w.plus(offset).place({}), index!));
    });
    storeChannels(k, vectors, ...place.into.plus(offset).place({}), index!, sum, false);
  });
}
