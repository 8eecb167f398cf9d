/**
 * Weight gradients: dW[row][o] = sum over samples and pixels of a[row] * dy[o], an outer product accumulated in the
 * register tile: a handful of input values are broadcast, a few vectors of dy are shared by them. Both lie contiguously
 * in NHWC.
 *
 * `weight-gradient/plan.ts` cuts the work into pieces, each with weights of its own. Where the batch is cut into slices
 * too, each has its own partial sum, added in order by a second step: their number never depends on the number of
 * threads.
 */

import type { ConvAttributes } from "../../../graph/attributes.js";
import type { Value } from "../../../graph/graph.js";
import type { Lowering, Strategy, Work } from "../../contract/strategy.js";
import { addSlices } from "../../language/slices.js";
import { F32 } from "../../language/view.js";
import { fillsVectors } from "../groups.js";
import { weightGradientKernel } from "./kernel.js";
import { type Gradient, gradientOf } from "./plan.js";

export const weightGradient: Strategy = {
  name: "weightGradient",
  ops: ["conv2dWeightGrad"],
  fuses: false,
  accepts: (node, target) => {
    const { groups } = node.attributes as ConvAttributes;
    const g = gradientOf(node, target);
    const { outputs, lanes, outputPixel: pixel } = g;
    if (!fillsVectors(groups, { outputs, lanes, pixel, isMany: g.groupBlocks !== undefined })) return false;
    return codeSize(g) <= target.costs.largestKernel.weightGradient;
  },
  cost: (node, target) => {
    const g = gradientOf(node, target);
    return (
      kernelsOf(node, g) *
      g.outputRows *
      g.outputColumns *
      node.shape[0]! *
      node.shape[1]! *
      g.channels *
      Math.ceil(g.outputs / g.lanes) *
      target.costs.multiplyAdd.outer
    );
  },
  lower,
};

/**
 * Multiply-adds written out: one or two pixels inside, and every border pixel, for each tile that has code of its own.
 * Where a tile is of one tap column, its pixels are those that the tap reads, and there are no borders, however far
 * dilation reaches.
 */
function codeSize(g: Gradient): number {
  const columns = g.outputColumns;
  const reach = (g.kernel[1] - 1) * g.dilation[1];
  const borders = g.flat ? Math.min(columns, Math.ceil((g.before[1] + reach) / g.stride[1]) * 2) : 0;
  const groups = g.flat ? Math.ceil((g.kernel[1] * g.channels) / g.tile.rows) : g.kernel[1] * 2;
  return groups * 2 * (borders + 2) * g.tile.rows * g.tile.vectors;
}

/** One for each group, or one for all. */
function kernelsOf(node: Value, { groupBlocks }: Gradient): number {
  return groupBlocks === undefined ? (node.attributes as ConvAttributes).groups : 1;
}

function lower(work: Work, to: Lowering): void {
  const node = work.root;
  const g = gradientOf(node, to.target);
  const [x, dy] = node.inputs as [Value, Value];
  const result = to.buffer(work.result);
  const weight = to.layout(node);
  const elements = weight.sampleStride;
  const target =
    g.slices === 1 ? result : to.temporary("partial weight gradients", { fixedBytes: g.slices * elements * F32 });
  for (let group = 0; group < kernelsOf(node, g); group++) {
    const own = group === 0 ? g : gradientOf(node, to.target, group);
    const kernel = to.kernel(weightGradientKernel, { gradient: own, elements });
    to.step(kernel, [to.buffer(x), to.buffer(dy), target], {
      count: g.slices * g.kernel[0] * g.columnChunks * g.rowChunks,
    });
  }
  if (g.slices > 1) addSlices(to, target, result, g.slices, elements);
}
