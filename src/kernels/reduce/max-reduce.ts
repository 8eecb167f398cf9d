/**
 * The maximum over axes, and its gradient, which goes to the first maximum in row-major order; NaN is the maximum.
 * Vectors run over the channels where they are kept, else elements are taken one by one. One piece is one sample.
 */

import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { MaxReduceAttributes } from "../../graph/attributes.js";
import { elementsNanoseconds } from "../contract/cost.js";
import { type RowLayout, rowLayout } from "../contract/layout.js";
import type { Strategy } from "../contract/strategy.js";
import {
  type ChannelVectors,
  channelVectors,
  eachGroup,
  loadChannels,
  storeChannels,
  storeZeros,
} from "../language/channels.js";
import { maxNaN } from "../language/math.js";
import { axisStrides, type Dimension, merged, nest } from "../language/nest.js";
import { eachPiece } from "../language/pieces.js";
import { view } from "../language/view.js";

export const maxReduceStrategy: Strategy = {
  name: "maxReduce",
  ops: ["maxReduce", "maxReduceGrad"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const x = root.inputs[0]!;
    const { axes } = root.attributes as MaxReduceAttributes;
    const gradient = root.op.name === "maxReduceGrad";
    const large = to.layout(x);
    const small = to.layout(gradient ? root.inputs[1]! : root);
    const rank = x.shape.length;
    const inStrides = axisStrides(large);
    const outStrides = axisStrides(small);
    const lastKept = rank === 0 || !axes.includes(rank - 1);
    const kept: Dimension[] = [];
    const reduced: Dimension[] = [];
    // Where the last axis is kept it is the vectors'; else it is one more reduced axis.
    for (let axis = 0, at = 0; axis < (lastKept ? rank - 1 : rank); axis++) {
      const extent = x.shape[axis]!;
      if (axes.includes(axis)) reduced.push({ extent, strides: [inStrides[axis]!] });
      else kept.push({ extent, strides: [inStrides[axis]!, outStrides[at++]!] });
    }
    const kernel = to.kernel(maxReduceKernel, {
      gradient,
      large: rowLayout(large),
      smallSample: small.sampleStride,
      kept: merged(kept),
      reduced: merged(reduced),
      lastKept,
    });
    const buffers = [...root.inputs, root].map((v) => to.buffer(v));
    to.step(kernel, buffers, root.batched ? { count: 1, samples: 1 } : { count: 1 });
  },
};

interface Reduction {
  readonly gradient: boolean;
  /** Of x, and elements of a sample of what has the axes dropped. */
  readonly large: RowLayout;
  readonly smallSample: number;
  readonly kept: readonly Dimension[];
  readonly reduced: readonly Dimension[];
  /** Whether vectors run over the last axis. */
  readonly lastKept: boolean;
}

const maxReduceKernel = defineKernel<Reduction>("maxReduce", {
  title: ({ gradient }) => (gradient ? "maxReduceGrad" : "maxReduce"),
  operands: ({ gradient }) =>
    gradient
      ? [
          ["x", "read"],
          ["dy", "read"],
          ["dx", "readwrite"],
        ]
      : [
          ["x", "read"],
          ["y", "readwrite"],
        ],
  write(k, reduction) {
    const body = (n: Reg) => writeSample(k, reduction, n);
    eachPiece(k, body);
  },
});

const ONE_BY_ONE: ChannelVectors = { lanes: 1, count: 1, lastLanes: 1, packed: true };

function writeSample(k: KernelBuilder, spec: Reduction, n: Reg): void {
  const { gradient, large, smallSample, kept, reduced, lastKept } = spec;
  const vectors = lastKept ? channelVectors(large, k.target) : ONE_BY_ONE;
  const from = view(k, "x", { sample: large.sampleStride }).at({ sample: n }).keep("large").offset();
  const into = view(k, "y", { sample: smallSample }).at({ sample: n }).keep("small").offset();
  const [operand, start] = gradient ? (["dx", from] as const) : (["y", into] as const);
  storeZeros(k, k.ptrAdd(k.operand(operand), start), 0, gradient ? large.sampleStride : smallSample);
  nest(k, kept, [from, into], ([big, little]) => {
    eachGroup(k, vectors, 1, (channel, [index]) => {
      const moved = (bytes: Reg) => (channel === undefined ? bytes : k.add(bytes, channel));
      const [first, place] = [moved(big!), moved(little!)];
      const load = (name: string, bytes: Reg) => loadChannels(k, vectors, k.ptrAdd(k.operand(name), bytes), 0, index!);
      const most = k.acc(Number.NEGATIVE_INFINITY, vectors.lanes);
      nest(k, reduced, [first], ([at]) => k.set(most, maxNaN(k, most, load("x", at!))));
      if (!gradient) {
        storeChannels(k, vectors, k.ptrAdd(k.operand("y"), place), 0, index!, most, true);
        return;
      }
      // What has not found its maximum yet.
      const left = k.var(load("dy", place), "left");
      const zero = k.splat(0, vectors.lanes);
      nest(k, reduced, [first], ([at]) => {
        const x = load("x", at!);
        const hit = k.maskOr(k.cmp("eq", x, most), k.cmp("unordered", x, x));
        const pointer = k.ptrAdd(k.operand("dx"), at!);
        storeChannels(k, vectors, pointer, 0, index!, k.select(hit, left, zero), true);
        k.set(left, k.select(hit, zero, left));
      });
    });
  });
}
