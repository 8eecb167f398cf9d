/** Every op against its float64 reference, by every strategy that accepts it, on random shapes and all vector widths. */
import { describe, expect, it } from "vitest";
import type { Op, Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Strategy } from "#fovea/kernels/contract/strategy.js";
import { POINTWISE } from "#fovea/kernels/elementwise/pointwise.js";
import { lowerPointwise } from "#fovea/kernels/elementwise/pointwise-group.js";
import { STRATEGIES } from "#fovea/kernels/index.js";
import { ALL_OPS } from "#fovea/ops/all.js";
import { leaves, MACHINES, type Machine, mismatch, TestLowering } from "../support/lowering.js";
import { feedsOf, opCases } from "../support/op-cases.js";
import { random } from "../support/random.js";

const SHAPES = Number(process.env.FOVEA_TEST_SHAPES ?? 24);

const alone: Strategy = {
  name: "pointwise",
  ops: Object.keys(POINTWISE),
  fuses: false,
  accepts: () => true,
  cost: () => 0,
  lower: ({ root }, to) => lowerPointwise({ nodes: [root], outputs: [root] }, to),
};
const strategies = [...STRATEGIES, alone];
const only = process.env.FOVEA_TEST_OP;

describe("every op has a strategy", () => {
  for (const op of ALL_OPS) {
    it(op.name, () => {
      expect(strategies.some((s) => s.ops.includes(op.name))).toBe(true);
    });
  }
});

describe.each(MACHINES)("strategies for $target.name by $engine", (machine) => {
  for (const op of ALL_OPS) {
    if (only !== undefined && only !== op.name) continue;
    for (const strategy of strategies.filter((s) => s.ops.includes(op.name))) {
      it(`${strategy.name} computes ${op.name}`, () => {
        for (let seed = 1; seed <= SHAPES; seed++) runCase(op, strategy, machine, seed);
      });
    }
  }
});

function runCase(op: Op, strategy: Strategy, { target, engine }: Machine, seed: number): void {
  const rng = random(seed * 7919 + op.name.length);
  const c = opCases[op.name]!(rng);
  const batch = rng.pick([1, 2, 3, 5]);
  const graph = new Graph();
  const inputs = leaves(graph, c.inputs);
  const root = graph.add(op, c.attributes, inputs) as Value;
  if (!strategy.accepts(root, target)) return;
  const data = feedsOf(c, batch, rng);
  const expected = op.reference(data, c.attributes, root, batch);
  const what = `${strategy.name} ${op.name} ${JSON.stringify(c)} batch ${batch} seed ${seed} on ${target.name} by ${engine}`;
  try {
    const to = new TestLowering(target, batch);
    strategy.lower({ root, chain: [], result: root }, to);
    const [actual] = to.run(new Map(inputs.map((v, i) => [v, data[i]!])), [root], batch, { engine });
    expect(mismatch(actual!, expected, 2e-5)).toBeUndefined();
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
