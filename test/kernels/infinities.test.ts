/**
 * Inputs that hold infinities and NaN. Pad lanes are +0 all the same, by every strategy that accepts an op, and each number is what the
 * float64 reference has for it: NaN, infinite or finite. Only Winograd's transforms spread what is no number over tiles.
 */
import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Op, Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Strategy } from "#fovea/kernels/contract/strategy.js";
import { POINTWISE } from "#fovea/kernels/elementwise/pointwise.js";
import { lowerPointwise } from "#fovea/kernels/elementwise/pointwise-group.js";
import { STRATEGIES, WINOGRAD_STRATEGIES } from "#fovea/kernels/index.js";
import { ALL_OPS } from "#fovea/ops/all.js";
import { add, relu, scale, sigmoid } from "#fovea/ops/index.js";
import { finiteMismatch, spoiled } from "../support/infinities.js";
import { leaves, MACHINES, mismatch, TestLowering } from "../support/lowering.js";
import { feedsOf, opCases } from "../support/op-cases.js";
import { type Random, random } from "../support/random.js";

const SHAPES = Number(process.env["FOVEA_TEST_SHAPES"] ?? 16);
const only = process.env["FOVEA_TEST_OP"];

const alone: Strategy = {
  name: "pointwise",
  ops: Object.keys(POINTWISE),
  fuses: false,
  accepts: () => true,
  cost: () => 0,
  lower: ({ root }, to) => lowerPointwise({ nodes: [root], outputs: [root] }, to),
};
const strategies = [...STRATEGIES, alone];
const interpreted = MACHINES.filter(({ engine }) => engine === "interpreter").map(({ target }) => target);

/** Elementwise nodes on `root`, some of which make other numbers of 0; `others`: of the same shape, and one a channel. */
function chainOn(root: Value, [image, bias]: readonly [Value, Value], rng: Random): Value[] {
  const chain: Value[] = [];
  for (let i = rng.integer(0, 3); i > 0; i--) {
    const x = chain.at(-1) ?? root;
    chain.push(rng.pick([relu, sigmoid, (v: Value) => add(v, bias), (v: Value) => add(v, image), shifted])(x));
  }
  return chain;
}

const shifted = (x: Value): Value => scale(x, -0.5, 1);

describe.each(interpreted)("for $name", (target) => {
  for (const op of ALL_OPS) {
    if (only !== undefined && only !== op.name) continue;
    for (const strategy of strategies.filter((s) => s.ops.includes(op.name))) {
      it(`${strategy.name} computes ${op.name}`, () => {
        for (let seed = 1; seed <= SHAPES; seed++) runCase(op, strategy, target, seed);
      });
    }
  }
});

function runCase(op: Op, strategy: Strategy, target: (typeof interpreted)[number], seed: number): void {
  const rng = random(seed * 6007 + op.name.length);
  const c = opCases[op.name]!(rng);
  const batch = rng.pick([1, 2, 3]);
  const result = op.infer(c.inputs, c.attributes, "");
  const others = [result, { ...result, shape: result.shape.slice(-1), batched: false }];
  const values = leaves(new Graph(), [...c.inputs, ...others]);
  const inputs = values.slice(0, c.inputs.length);
  const [image, bias] = values.slice(c.inputs.length) as [Value, Value];
  const root = image.graph.add(op, c.attributes, inputs) as Value;
  const floats = [...values.keys()].filter((i) => values[i]!.dtype === "f32");
  if (!strategy.accepts(root, target)) return;
  const chain = strategy.fuses ? chainOn(root, [image, bias], rng) : [];
  const { feeds, zeros } = spoiled(feedsOf({ ...c, inputs: [...c.inputs, ...others] }, batch, rng), floats, rng);
  const last = chain.at(-1) ?? root;
  const meaning = (data: typeof feeds) => {
    const named = Object.fromEntries(data.map((tensor, i) => [`in${i}`, tensor]));
    return evaluate([last], { inputs: named, states: named }, batch)[0]!;
  };
  const what = `${strategy.name} ${op.name} ${JSON.stringify(c)} chain ${chain.map((v) => v.op.name)} batch ${batch} seed ${seed}`;
  try {
    const to = new TestLowering(target, batch);
    strategy.lower({ root, chain, result: last }, to);
    const [actual] = to.run(new Map(values.map((v, i) => [v, feeds[i]!])), [last], batch);
    if (WINOGRAD_STRATEGIES.includes(strategy)) {
      // a chain makes numbers of infinities
      if (chain.length === 0) expect(finiteMismatch(actual!, meaning(zeros), 1e-5)).toBeUndefined();
    } else expect(mismatch(actual!, meaning(feeds), 2e-5)).toBeUndefined();
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
