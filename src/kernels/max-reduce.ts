/**
 * The maximum over axes, and its gradient, which goes to the first maximum in row-major order; NaN is the maximum. Vectors
 * run over the channels where they are kept, else elements are taken one by one. One piece is one sample.
 */
import { buildKernel, type KernelBuilder } from "../codegen/builder.js";
import type { Reg } from "../codegen/ir.js";
import {
  type ChannelVectors,
  channelVectors,
  eachGroup,
  layoutKey,
  loadChannels,
  storeChannels,
  storeZeros,
} from "./channels.js";
import type { Layout } from "./layout.js";
import { maxNaN } from "./math.js";
import { axisStrides, type Dimension, dimensionsKey, merged, nest } from "./nest.js";
import type { Strategy } from "./strategy.js";

export const maxReduceStrategy: Strategy = {
  name: "maxReduce",
  ops: ["maxReduce", "maxReduceGrad"],
  fuses: false,
  accepts: () => true,
  cost: (node) => node.op.cost(node.inputs, node.attributes, node).bytes / 4,
  lower({ root }, to) {
    const x = root.inputs[0]!;
    const { axes } = root.attributes as { readonly axes: readonly number[] };
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
    const walk: Walk = {
      large,
      small,
      kept: merged(kept),
      reduced: merged(reduced),
      vectors: lastKept ? channelVectors(large, to.target) : { lanes: 1, count: 1, lastLanes: 1, packed: true },
    };
    const key = `${root.op.name} ${layoutKey(large)} ${layoutKey(small)} ${dimensionsKey(walk.kept)} ${dimensionsKey(walk.reduced)} ${lastKept}`;
    const operands = gradient
      ? ([
          ["x", "read"],
          ["dy", "read"],
          ["dx", "readwrite"],
        ] as const)
      : ([
          ["x", "read"],
          ["y", "readwrite"],
        ] as const);
    const kernel = to.kernel(key, () =>
      buildKernel({ key, name: root.op.name, target: to.target, operands }, (k) => {
        const body = (n: Reg) => writeSample(k, walk, n, gradient);
        k.loop(k.begin, k.end, body, { frame: true, name: "piece" });
      }),
    );
    const buffers = [...root.inputs, root].map((v) => to.buffer(v));
    to.step(kernel, buffers, root.batched ? { count: 1, samples: 1 } : { count: 1 });
  },
};

interface Walk {
  /** Of x, and of what has the axes dropped. */
  readonly large: Layout;
  readonly small: Layout;
  readonly kept: readonly Dimension[];
  readonly reduced: readonly Dimension[];
  readonly vectors: ChannelVectors;
}

function writeSample(k: KernelBuilder, walk: Walk, n: Reg, gradient: boolean): void {
  const { large, small, vectors } = walk;
  const from = k.var(k.mul(n, 4 * large.sampleStride), "large", { frame: true });
  const into = k.var(k.mul(n, 4 * small.sampleStride), "small", { frame: true });
  const [operand, start, layout] = gradient ? (["dx", from, large] as const) : (["y", into, small] as const);
  storeZeros(k, k.ptrAdd(k.operand(operand), start), 0, layout.sampleStride);
  nest(k, walk.kept, [from, into], ([big, little]) => {
    eachGroup(k, vectors, 1, (channel, [index]) => {
      const moved = (bytes: Reg) => (channel === undefined ? bytes : k.add(bytes, channel));
      const [first, place] = [moved(big!), moved(little!)];
      const load = (name: string, bytes: Reg) => loadChannels(k, vectors, k.ptrAdd(k.operand(name), bytes), 0, index!);
      const most = k.acc(Number.NEGATIVE_INFINITY, vectors.lanes);
      nest(k, walk.reduced, [first], ([at]) => k.set(most, maxNaN(k, most, load("x", at!))));
      if (!gradient) {
        storeChannels(k, vectors, k.ptrAdd(k.operand("y"), place), 0, index!, most, true);
        return;
      }
      // What has not found its maximum yet.
      const left = k.var(load("dy", place), "left");
      const zero = k.splat(0, vectors.lanes);
      nest(k, walk.reduced, [first], ([at]) => {
        const x = load("x", at!);
        const hit = k.maskOr(k.cmp("eq", x, most), k.cmp("unordered", x, x));
        const pointer = k.ptrAdd(k.operand("dx"), at!);
        storeChannels(k, vectors, pointer, 0, index!, k.select(hit, left, zero), true);
        k.set(left, k.select(hit, zero, left));
      });
    });
  });
}
