/** Sums of many numbers: what float32 loses does not grow with how many there are. Equal numbers are the worst, since all roundings go one way. */
import { describe, expect, it } from "vitest";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { tensor } from "#fovea/graph/tensor.js";
import { STRATEGIES } from "#fovea/kernels/index.js";
import { mean, type SumOptions } from "#fovea/ops/index.js";
import { leaves, MACHINES, TestLowering } from "../support/lowering.js";

const CASES: readonly (readonly [shape: readonly number[], options: SumOptions])[] = [
  [[61, 53, 1], { axes: [0, 1] }],
  [[61, 53, 3], { axes: [0, 1] }],
  [[97, 41, 20], { axes: [0, 1] }],
  [[97, 41, 20], { axes: [0, 1, 2] }],
  [[61, 53, 1], { axes: [0, 1, 2] }],
  [[211, 2, 40], { axes: [0, 2] }],
  [[97, 41, 6], { axes: [0, 1], batch: true }],
];
const LARGE: typeof CASES = [
  [[224, 224, 8], { axes: [0, 1] }],
  [[224, 224, 1], { axes: [0, 1, 2] }],
  [[56, 56, 64], { axes: [0, 1, 2] }],
];

describe.each(MACHINES)("$target.name by $engine", ({ target, engine }) => {
  it.each(engine === "interpreter" ? CASES : [...CASES, ...LARGE])("the mean of %j over %j", (shape, options) => {
    const batch = 2;
    const [x] = leaves(new Graph(), [{ shape, batched: true, dtype: "f32" }]) as [Value];
    const root = mean(x, options);
    const strategy = STRATEGIES.find((s) => s.ops.includes(root.op.name))!;
    const number = Math.fround(300.1);
    const data = new Float64Array(batch * shape.reduce((a, b) => a * b, 1)).fill(number);
    const to = new TestLowering(target, batch);
    strategy.lower({ root, chain: [], result: root }, to);
    const feeds = new Map([[x, tensor([batch, ...shape], data)]]);
    const [y] = to.run(feeds, [root], batch, { engine });
    // 64 half steps of float32; added up one behind the other, 50,176 equal numbers were off by 1,900.
    for (const value of y!.data) expect(Math.abs(value / number - 1)).toBeLessThan(64 * 2 ** -24);
  });
});
