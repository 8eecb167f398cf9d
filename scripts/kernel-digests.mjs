/**
 * The code of every strategy on random cases of every op that it accepts (test/support/op-cases.ts), for digests.mjs: networks do not
 * meet them all. Where a strategy melts elementwise nodes into its store, every second case has some.
 */
import { register } from "node:module";
import { Graph } from "#fovea/graph/graph.js";
import { POINTWISE } from "#fovea/kernels/elementwise/pointwise.js";
import { lowerPointwise } from "#fovea/kernels/elementwise/pointwise-group.js";
import { canFuse } from "#fovea/kernels/fusion/epilogue.js";
import { STRATEGIES } from "#fovea/kernels/index.js";
import { ALL_OPS, add, multiply, relu, tanh } from "#fovea/ops/index.js";

register("./load-typescript.mjs", import.meta.url);
const { leaves, TestLowering } = await import("../test/support/lowering.ts");
const { opCases } = await import("../test/support/op-cases.ts");
const { random } = await import("../test/support/random.ts");

const CASES = 16;

const alone = {
  name: "pointwise",
  ops: Object.keys(POINTWISE),
  fuses: false,
  accepts: () => true,
  lower: ({ root }, to) => lowerPointwise({ nodes: [root], outputs: [root] }, to),
};

/** Op and strategy: all pairs of them whose names have `text` in them. */
export function kernelCases(text = "") {
  return ALL_OPS.flatMap((op) =>
    [...STRATEGIES, alone]
      .filter((strategy) => strategy.ops.includes(op.name))
      .map((strategy) => ({ name: `${op.name} by ${strategy.name}`, op, strategy })),
  ).filter(({ name }) => name.includes(text));
}

/** The steps of all cases that the strategy accepts on a target: their kernels, and what they run on. */
export function stepsOf({ op, strategy }, target) {
  const steps = [];
  for (let seed = 1; seed <= CASES; seed++) {
    const rng = random(seed * 6151 + op.name.length);
    const { inputs, attributes } = opCases[op.name](rng);
    const graph = new Graph();
    const root = graph.add(op, attributes, leaves(graph, inputs));
    if (!strategy.accepts(root, target)) continue;
    const chain = strategy.fuses && seed % 2 === 0 ? chainOf(graph, root, rng) : [];
    const lowering = new TestLowering(target, rng.pick([1, 2, 3, 20]), rng.uniform() < 0.5);
    strategy.lower({ root, chain, result: chain.at(-1) ?? root }, lowering);
    steps.push(...lowering.steps);
  }
  return steps;
}

/** A number a channel, one for all, or another value of the same layout, and an activation. */
function chainOf(graph, root, rng) {
  const state = (name, shape) => graph.state(name, "parameter", shape);
  const kinds = [
    () => add(root, state("bias", root.shape.slice(-1))),
    () => multiply(root, state("factor", [])),
    () => add(root, graph.input("beside", { shape: root.shape })),
  ];
  const first = rng.pick(kinds)();
  const second = rng.pick([relu, tanh])(first);
  return canFuse(first, root) && canFuse(second, first) ? [first, second] : [];
}
