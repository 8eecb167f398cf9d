/** The weight of each label's class: labels are compared with every class in turn, and never become an address. */

import { defineKernel } from "../../codegen/definition.js";
import type { ClassWeightAttributes } from "../../graph/attributes.js";
import { elementsNanoseconds } from "../contract/cost.js";
import type { Strategy } from "../contract/strategy.js";
import { planWalk, type Walk, writeWalk, writeWalkTail } from "../language/walk.js";

export const classWeightStrategy: Strategy = {
  name: "classWeight",
  ops: ["classWeight"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const { weights, ignore } = root.attributes as ClassWeightAttributes;
    const layout = to.layout(root);
    const mode = layout.shape.length === 0 ? "single" : layout.channelStride <= 4 ? "packed" : "rows";
    const { walk, pieces } = planWalk(layout, to.target, mode, true);
    const kernel = to.kernel(classWeightKernel, { walk, weights, ignore });
    to.step(kernel, [to.buffer(root.inputs[0]!), to.buffer(root)], pieces);
  },
};

interface ClassWeights {
  readonly walk: Walk;
  readonly weights: readonly number[];
  readonly ignore: number;
}

const classWeightKernel = defineKernel<ClassWeights>("classWeight", {
  operands: [
    ["label", "read"],
    ["y", "write"],
  ],
  write(k, { walk, weights, ignore }) {
    writeWalk(k, walk, 1, (sites) => {
      for (const { at, offset, lanes, real } of sites) {
        const label = k.loadI32(k.ptrAdd(k.operand("label"), at), offset, lanes);
        const value = k.acc(Number.NaN, lanes);
        const set = (c: number, weight: number) =>
          k.set(value, k.select(k.cmpI32("eq", label, k.splatI32(c, lanes)), k.splat(weight, lanes), value));
        for (const [c, weight] of weights.entries()) set(c, weight);
        set(ignore, 0);
        const kept = real === undefined ? value : k.select(k.firstLanes(real, lanes), value, k.splat(0, lanes));
        k.store(k.ptrAdd(k.operand("y"), at), offset, kept);
      }
    });
    writeWalkTail(k, walk, "y");
  },
});
