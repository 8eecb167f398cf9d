/**
 * The weight of each label's class: labels are compared with the classes in turn, neighbours of equal weight at once,
 * and never become an address.
 */

import { defineKernel } from "../../codegen/definition.js";
import type { ClassWeightAttributes } from "../../graph/attributes.js";
import { elementsNanoseconds } from "../contract/cost.js";
import type { Strategy } from "../contract/strategy.js";
import { planWalk, type Walk, writeWalk, writeWalkTail } from "../language/walk.js";

export const classWeightStrategy: Strategy = {
  name: "classWeight",
  ops: ["classWeight"],
  fuses: false,
  accepts: ({ attributes }) => runsOf((attributes as ClassWeightAttributes).weights).length <= MOST_RUNS,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const { weights, ignore } = root.attributes as ClassWeightAttributes;
    const layout = to.layout(root);
    const mode = layout.shape.length === 0 ? "single" : layout.channelStride <= 4 ? "packed" : "rows";
    const { walk, pieces } = planWalk(layout, to.target, mode, true);
    const kernel = to.kernel(classWeightKernel, { walk, runs: runsOf(weights), ignore });
    to.step(kernel, [to.buffer(root.inputs[0]!), to.buffer(root)], pieces);
  },
};

/** Classes `from` to `to` - 1, which have one weight. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

interface ClassWeights {
  readonly walk: Walk;
  readonly runs: readonly Run[];
  readonly ignore: number;
}

/** Each run is code of its own, and engines bound what a function may be: beyond, the op's reference is called. */
const MOST_RUNS = 2048;

function runsOf(weights: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (const [c, weight] of weights.entries()) {
    const last = runs.at(-1);
    if (last !== undefined && Object.is(last.weight, weight)) runs[runs.length - 1] = { ...last, to: c + 1 };
    else runs.push({ from: c, to: c + 1, weight });
  }
  return runs;
}

const classWeightKernel = defineKernel<ClassWeights>("classWeight", {
  operands: [
    ["label", "read"],
    ["y", "write"],
  ],
  write(k, { walk, runs, ignore }) {
    writeWalk(k, walk, 1, (sites) => {
      for (const { at, offset, lanes, real } of sites) {
        const label = k.loadI32(k.ptrAdd(k.operand("label"), at), offset, lanes);
        const value = k.acc(Number.NaN, lanes);
        const is = (c: number) => k.cmpI32("eq", label, k.splatI32(c, lanes));
        const isAbove = (c: number) => k.cmpI32("gt", label, k.splatI32(c, lanes));
        const isIn = ({ from, to }: Run) =>
          to === from + 1 ? is(from) : k.maskAndNot(isAbove(from - 1), isAbove(to - 1));
        for (const run of runs) k.set(value, k.select(isIn(run), k.splat(run.weight, lanes), value));
        k.set(value, k.select(is(ignore), k.splat(0, lanes), value));
        const kept = real === undefined ? value : k.select(k.firstLanes(real, lanes), value, k.splat(0, lanes));
        k.store(k.ptrAdd(k.operand("y"), at), offset, kept);
      }
    });
    writeWalkTail(k, walk, "y");
  },
});
