/**
 * Sums over batch and pixels of what stands beside a channel's mean: (x - mean)^2 and d (x - mean). They are cut and
 * added as every sum of rows is (sum.ts), and read their images once.
 */
import { defineKernel } from "../../codegen/definition.js";
import type { Value } from "../../graph/graph.js";
import { elementsNanoseconds } from "../contract/cost.js";
import type { Strategy } from "../contract/strategy.js";
import { loadChannels } from "../language/channels.js";
import { type AddTerms, lowerRows, type RowSums, rowSums } from "./sum.js";

export const deviationStrategy: Strategy = {
  name: "deviations",
  ops: ["squaredDeviations", "centredProducts"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const isProduct = root.op.name === "centredProducts";
    const [d, x, mean] = (isProduct ? root.inputs : [undefined, ...root.inputs]) as [Value | undefined, Value, Value];
    const terms = {
      kernel: isProduct ? productsKernel : squaresKernel,
      buffers: [...(d === undefined ? [] : [d]), mean].map((v) => to.buffer(v)),
    };
    const axes = x.shape.slice(0, -1).map((_, axis) => axis);
    const input = to.layout(x);
    lowerRows(to, { from: to.buffer(x), input, into: to.buffer(root), axes, batch: true, mean: "sum", terms });
  },
};

/** Adds w (x - mean), where w is d, or x - mean itself where there is no d. */
const addDeviations =
  (hasD: boolean): AddTerms =>
  (k, vectors, channel, indices) => {
    const at = channel === undefined ? k.operand("mean") : k.ptrAdd(k.operand("mean"), channel);
    const means = indices.map((index) => loadChannels(k, vectors, at, 0, index));
    return (sums, place) => {
      const pointer = k.ptrAdd(k.operand("x"), place);
      const other = hasD ? k.ptrAdd(k.operand("d"), place) : undefined;
      for (const [i, index] of indices.entries()) {
        const difference = k.fsub(loadChannels(k, vectors, pointer, 0, index), means[i]!);
        const weight = other === undefined ? difference : loadChannels(k, vectors, other, 0, index);
        k.fmaTo(sums[i]!, weight, difference);
      }
    };
  };

const squaresKernel = defineKernel<RowSums>(
  "squaredDeviations",
  rowSums("squaredDeviations", ["mean"], addDeviations(false)),
);
const productsKernel = defineKernel<RowSums>(
  "centredProducts",
  rowSums("centredProducts", ["d", "mean"], addDeviations(true)),
);
