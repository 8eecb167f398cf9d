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
import { ALL_OPS } from "#fovea/ops/all.js";
import { add, multiply, relu, tanh } from "#fovea/ops/index.js";
import { maxPool2dGradOp } from "#fovea/ops/pool.js";

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

/** Linear layers whose weights no cache holds: 512 inputs, in images of four channels at a time, and a last block of outputs that is not full. */
const WIDE = { image: [2, 4, 64], outputs: 1100 };
const batched = (shape) => ({ shape, batched: true, dtype: "f32" });
const weights = { shape: [512, WIDE.outputs], batched: false, dtype: "f32" };
const WIDE_CASES = {
  linear: { inputs: [batched(WIDE.image), weights], attributes: {} },
  linearInputGrad: { inputs: [batched([WIDE.outputs]), weights], attributes: { inputShape: WIDE.image } },
};

/** A node of the case; the gradients of convolutions that ask for it have a max pool of 2x2 behind them. */
function rootOf(graph, { op, strategy }, { inputs, attributes }) {
  const values = leaves(graph, inputs);
  const at = inputs.findIndex(({ batched }, i) => batched && (op.name === "conv2dInputGrad" ? i === 0 : i === 1));
  if (!strategy.name.startsWith("routed")) return graph.add(op, attributes, values);
  const image = values[at];
  const [rows, columns, channels] = image.shape;
  const pooled = [Math.floor(rows / 2), Math.floor(columns / 2), channels];
  if (pooled.includes(0)) return undefined;
  const window = { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0], dilation: [1, 1], ceil: false };
  values[at] = graph.add(maxPool2dGradOp, window, [image, graph.input("pooled", { shape: pooled })]);
  return graph.add(op, attributes, values);
}

/** The steps of all cases that the strategy accepts on a target: their kernels, and what they run on. */
export function stepsOf({ op, strategy }, target) {
  const steps = [];
  const cases = strategy.name.startsWith("routed") ? 4 * CASES : CASES;
  for (let seed = 0; seed <= cases; seed++) {
    const rng = random(seed * 6151 + op.name.length);
    const drawn = seed === 0 ? WIDE_CASES[op.name] : opCases[op.name](rng);
    if (drawn === undefined) continue;
    const graph = new Graph();
    const root = rootOf(graph, { op, strategy }, drawn);
    if (root === undefined || !strategy.accepts(root, target)) continue;
    const chain = strategy.fuses && seed % 2 === 0 ? chainOf(graph, root, rng) : [];
    const lowering = new TestLowering(target, rng.pick([1, 2, 3, 20]), seed > 0 && rng.uniform() < 0.5);
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
