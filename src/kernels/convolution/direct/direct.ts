/**
 * Direct convolution: the output tile stays in registers while taps and input channels are summed, straight from NHWC,
 * with no copy of the input and no halo. Borders are trimmed while the code is written: a tile at the left or right
 * edge has its own code without the taps that fall outside; at the top and bottom the loop over kernel rows has shorter
 * bounds.
 *
 * One kernel serves the forward convolution and, through the phases of `axis.ts`, the input gradient of any stride.
 * Weights are read from a panel in the order of use: [output block][tap y][input channel][tap x][output in block].
 */

import type { ConvAttributes } from "../../../graph/attributes.js";
import type { Value } from "../../../graph/graph.js";
import type { Buffer } from "../../contract/emitter.js";
import type { Lowering, PoolWork, Strategy, Work } from "../../contract/strategy.js";
import { type Epilogue, epilogueOf, type Fused } from "../../fusion/epilogue.js";
import { isPooledStore, POOLED } from "../../fusion/pooled-store.js";
import { packPanel } from "../../language/panel.js";
import { tileRuns } from "../axis.js";
import { fillsVectors } from "../groups.js";
import { directKernel } from "./kernel.js";
import { codeSize, planOf, type TapConvolution } from "./plan.js";

export const direct: Strategy = {
  name: "direct",
  ops: ["conv2d", "conv2dInputGrad"],
  fuses: true,
  accepts: (node, target) => {
    const { groups } = node.attributes as ConvAttributes;
    const plan = planOf(node, target);
    const fills = ({ outputs, lanes, destinationPixel: pixel, groups: many }: TapConvolution) =>
      fillsVectors(groups, { outputs, lanes, pixel, isMany: many !== undefined });
    if (!plan.every(fills)) return false;
    return plan.every((p) => codeSize(p, target) <= target.costs.largestKernel.direct);
  },
  cost: (node, target) => {
    const { multiplyAdd, store } = target.costs;
    let nanoseconds = 0;
    for (const p of planOf(node, target)) {
      const vectors = Math.ceil(p.outputs / p.lanes);
      const multiplyAdds = p.y.count * p.x.count * p.y.taps * p.x.taps * p.channels * vectors;
      nanoseconds += multiplyAdds * multiplyAdd.tiled + p.y.count * p.x.count * vectors * store;
    }
    return nanoseconds;
  },
  pools: (node, chain, pool, { target, maxBatch }) => {
    if (node.op.name !== "conv2d" || !isPooledStore(pool.node, target)) return false;
    const [{ epilogue }, { epilogue: after }] = epiloguesOf(node, chain, pool);
    if (after.inputs.length > 0 || epilogue.inputs.includes("full")) return false;
    return planOf(node, target, registersOf(epilogue, after), maxBatch, pool).every(
      (p) =>
        p.rowsPerPiece % POOLED === 0 &&
        tileRuns(p.x, p.tile.rows).every(({ from, size }) => from % POOLED === 0 && size % POOLED === 0) &&
        codeSize(p, target) <= target.costs.largestKernel.direct,
    );
  },
  lower,
};

/** What is done with a number before the pool and after it. */
function epiloguesOf(root: Value, chain: readonly Value[], pool: PoolWork): [Fused, Fused] {
  return [epilogueOf({ root, chain }), epilogueOf({ root: pool.node, chain: pool.chain })];
}

/** Vector registers that the store needs beside the tile. */
function registersOf(epilogue: Epilogue, after: Epilogue | undefined): number {
  return after === undefined ? epilogue.registers : epilogue.registers + after.registers + POOL_REGISTERS;
}

/** Of a pooled store: what two maxima are compared with. */
const POOL_REGISTERS = 4;

function lower(work: Work, to: Lowering): void {
  const { root, pool } = work;
  const [source, weight] = root.inputs as [Value, Value];
  const forward = root.op.name === "conv2d";
  const [{ epilogue, values }, pooled] = pool === undefined ? [epilogueOf(work)] : epiloguesOf(root, work.chain, pool);
  const after = pooled?.epilogue;
  const w = to.layout(weight);
  const {
    kernel: [, kx],
    groups,
  } = root.attributes as ConvAttributes;
  const perGroup = w.shape[2]!; // input channels of one group
  const outputsPerGroup = w.channels / groups;
  for (const p of planOf(root, to.target, registersOf(epilogue, after), to.maxBatch, pool)) {
    const group = forward ? p.destinationChannel / outputsPerGroup : p.sourceChannel / outputsPerGroup;
    const blockOutputs = p.tile.vectors * p.lanes;
    const panel =
      p.y.taps * p.x.taps === 0
        ? undefined
        : packPanel(to, weight, {
            lanes: p.lanes,
            blockOutputs,
            outputs: p.outputs,
            ...(p.groups && !forward && { groupOutputs: perGroup }),
            // order of the panel between block and output
            extents: [p.y.taps, p.channels, p.x.taps],
            source: ([ty, channel, tx], output) => {
              const row = p.y.weight + ty * p.y.weightStep;
              const column = p.x.weight + tx * p.x.weightStep;
              const inGroup = p.groups && !forward ? output % perGroup : output;
              const own = p.groups && !forward ? Math.floor(output / perGroup) : group;
              const [input, out] = forward
                ? [channel, own * outputsPerGroup + output]
                : [inGroup, own * outputsPerGroup + channel];
              return ((row * kx + column) * perGroup + input) * w.channelStride + out;
            },
          });
    const kernel = to.kernel(directKernel, {
      convolution: p,
      store: { epilogue, after },
      hasPanel: panel !== undefined,
    });
    const blocks = Math.ceil(Math.ceil(p.outputs / p.lanes) / p.tile.vectors);
    const count = Math.ceil(p.y.count / p.rowsPerPiece) * Math.ceil(blocks / p.blocksPerPiece);
    const operands: Buffer[] = [
      to.buffer(source),
      ...(panel ? [panel] : []),
      ...values.map((v) => to.buffer(v)),
      ...(pool?.hasPlaces ? [to.places(pool.node.inputs[0]!, pool.node)] : []),
    ];
    to.step(kernel, [...operands, to.buffer(work.result)], { count, samples: 1, isLocal: true });
  }
}
