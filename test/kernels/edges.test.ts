/** Elementwise ops where numbers end: zeros, infinities, NaN, denormals and huge numbers, on every machine, against IEEE 754's meaning. */
import { describe, expect, it } from "vitest";
import type { Attributes, Op, Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Signature } from "#fovea/graph/shape.js";
import { tensor } from "#fovea/graph/tensor.js";
import { lowerPointwise } from "#fovea/kernels/elementwise/pointwise-group.js";
import { STRATEGIES } from "#fovea/kernels/index.js";
import { ALL_OPS } from "#fovea/ops/all.js";
import { leaves, MACHINES, type Machine, TestLowering } from "../support/lowering.js";

const { NaN: none, POSITIVE_INFINITY: infinity } = Number;
const EDGES = [none, infinity, 0, 1e-40, 2 ** -126, 1e-20, 0.5, 1, 2, 3.75, 20, 87, 89, 104, 1e4, 1e20, 3e38].flatMap(
  (x) => [Math.fround(x), Math.fround(-x)],
);
/** What a squashing function gives. */
const SHARES = [none, 0, 1e-40, 1e-7, 0.5, 1 - 2 ** -24, 1].map(Math.fround);

const op = (name: string): Op => ALL_OPS.find((o) => o.name === name)!;

function runOn(
  { target, engine }: Machine,
  root: Value,
  inputs: readonly Value[],
  data: readonly number[][],
): number[] {
  const to = new TestLowering(target, data[0]!.length);
  const strategy = STRATEGIES.find((s) => s.ops.includes(root.op.name));
  if (strategy === undefined) lowerPointwise({ nodes: [root], outputs: [root] }, to);
  else strategy.lower({ root, chain: [], result: root }, to);
  const batch = data[0]!.length / Math.max(1, root.shape[0] ?? 1);
  const feeds = new Map(inputs.map((v, i) => [v, tensor([batch, ...v.shape], data[i]!)]));
  return [...to.run(feeds, [root], batch, { engine })[0]!.data];
}

function expectMeaning(
  machine: Machine,
  { name }: Op,
  attributes: Attributes,
  data: readonly number[][],
  tolerance = 1e-6,
): void {
  const each: Signature = { shape: [], batched: true, dtype: "f32" };
  const inputs = leaves(
    new Graph(),
    data.map(() => each),
  );
  const root = inputs[0]!.graph.add(op(name), attributes, inputs);
  const batch = data[0]!.length;
  const tensors = data.map((numbers) => tensor([batch], numbers));
  const expected = root.op.reference(tensors, attributes, root, batch).data;
  for (const [i, got] of runOn(machine, root, inputs, data).entries()) {
    const right = Math.fround(expected[i]!);
    const near = got === right || Math.abs(got - right) <= tolerance * Math.abs(right) + 1e-37;
    if (!(near || (Number.isNaN(got) && Number.isNaN(right)))) {
      const given = data.map((numbers) => numbers[i]).join(", ");
      expect.fail(`${name}${JSON.stringify(attributes)} of ${given} is ${got}, expected ${right}`);
    }
  }
}

describe.each(MACHINES)("$target.name by $engine", (machine) => {
  it.each(["relu", "tanh", "scaledTanh", "sigmoid", "gelu", "sqrt", "square"])("%s", (name) => {
    expectMeaning(machine, op(name), {}, [EDGES]);
  });
  it.each(["silu", "mish", "geluTanh", "hardSwish", "exp", "log", "abs", "sign"])("%s", (name) => {
    expectMeaning(machine, op(name), {}, [EDGES], 3e-6);
  });
  it.each([
    ["clip", { min: -0.5, max: 2 }],
    ["clip", { max: 0 }],
    ["leakyRelu", { slope: 0.01 }],
    ["leakyRelu", { slope: -2 }],
    ["elu", { alpha: 1, scale: 1, rate: 1 }],
    ["elu", { alpha: 1.6732632423543772, scale: 1.0507009873554805, rate: 1 }],
    ["softplus", { beta: 1, threshold: 20 }],
    ["softplus", { beta: 3, threshold: 1e6 }],
  ])("%s %o", (name, attributes) => {
    expectMeaning(machine, op(name), attributes, [EDGES], 3e-6);
  });
  it.each(["maximum", "minimum", "greater", "greaterEqual", "less", "lessEqual", "equal", "notEqual"])("%s", (name) => {
    const pairs = EDGES.flatMap((a) => EDGES.map((b) => [a, b] as const));
    expectMeaning(machine, op(name), {}, [pairs.map(([a]) => a), pairs.map(([, b]) => b)]);
  });
  it("where takes one, whatever the other is", () => {
    const pairs = EDGES.flatMap((a) => EDGES.map((b) => [a, b] as const));
    for (const condition of [0, 1, -0, none, infinity, 1e-40]) {
      const given = [pairs.map(() => condition), pairs.map(([a]) => a), pairs.map(([, b]) => b)];
      expectMeaning(machine, op("where"), {}, given);
    }
  });
  it.each([
    ["siluGrad", {}],
    ["mishGrad", {}],
    ["geluTanhGrad", {}],
    ["hardSwishGrad", {}],
    ["eluGrad", { alpha: 1, scale: 1, rate: 1 }],
    ["softplusGrad", { beta: 1, threshold: 20 }],
    ["clipGrad", { min: -1, max: 2 }],
    ["clipGrad", { min: -1, max: 2, flatAtBounds: true }],
    ["leakyReluGrad", { slope: 0.2 }],
  ] as const)("%s %o", (name, attributes) => {
    expectMeaning(machine, op(name), attributes, [EDGES, EDGES.map(() => 1.5)], 5e-6);
  });
  it("power", () => {
    // The rounding of a logarithm counts as many times as it is large: up to 89 here.
    for (const exponent of [0, 1, 2, 3, 4, 5, -1, -2, -3, 0.5, -0.5, 1 / 3, 1.5, -0.75, 16, 17, 18, -17]) {
      expectMeaning(machine, op("power"), { exponent }, [EDGES], 1e-5);
    }
  });
  it.each(["add", "subtract", "multiply", "divide"])("%s", (name) => {
    const pairs = EDGES.flatMap((a) => EDGES.map((b) => [a, b] as const));
    expectMeaning(machine, op(name), {}, [pairs.map(([a]) => a), pairs.map(([, b]) => b)]);
  });
  it.each(["reluGrad", "tanhGrad", "sigmoidGrad"])("%s", (name) => {
    const pairs = SHARES.flatMap((y) => EDGES.map((dy) => [y, dy] as const));
    expectMeaning(machine, op(name), {}, [pairs.map(([y]) => y), pairs.map(([, dy]) => dy)]);
  });
  it("scale", () => {
    for (const [factor, offset] of [
      [1, 0],
      [0, 0],
      [-2, 0],
      [0.5, 3],
      [1, -1],
    ]) {
      expectMeaning(machine, op("scale"), { factor, offset } as Attributes, [EDGES]);
    }
  });
  it("softmax at large numbers and infinities", () => {
    const rows: Signature = { shape: [3], batched: true, dtype: "f32" };
    const inputs = leaves(new Graph(), [rows]);
    const root = inputs[0]!.graph.add(op("softmax"), {}, inputs);
    const logits = [1000, 0, -1000, 3e38, -3e38, 1, -infinity, 0, 0, infinity, 0, 1, -infinity, -infinity, -infinity];
    // As PyTorch answers: an infinite logit, or a row of minus infinities, has no distribution.
    const third = [none, none, none];
    expect(runOn(machine, root, inputs, [logits])).toEqual([1, 0, 0, 1, 0, 0, 0, 0.5, 0.5, ...third, ...third]);
  });
});
