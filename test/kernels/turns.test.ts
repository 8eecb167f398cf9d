/**
 * Machines that put all loads of a block before its arithmetic spill the operands of an unrolled reduction (Target.hoistsLoads): there
 * every turn of a reduction's loop is one step, in which no sum is added to twice. Others unroll. Borders apart, whose taps differ.
 */
import { describe, expect, it } from "vitest";
import type { Instr } from "#fovea/codegen/ir.js";
import type { Attributes, Op, Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Signature } from "#fovea/graph/shape.js";
import { STRATEGIES } from "#fovea/kernels/index.js";
import { conv2dInputGradOp, conv2dOp, conv2dWeightGradOp } from "#fovea/ops/conv.js";
import { linearInputGradOp, linearOp } from "#fovea/ops/linear.js";
import { AVX512, WASM } from "#fovea/target/targets.js";
import { leaves, TestLowering } from "../support/lowering.js";

const batched = (...shape: number[]): Signature => ({ shape, batched: true, dtype: "f32" });
const weights = (...shape: number[]): Signature => ({ shape, batched: false, dtype: "f32" });
const window = (kernel: number, stride = 1): Attributes => ({
  kernel: [kernel, kernel],
  stride: [stride, stride],
  padding: [0, 0, 0, 0],
  dilation: [1, 1],
  groups: 1,
});

interface Case {
  readonly name: string;
  readonly strategy: string;
  readonly op: Op;
  readonly attributes: Attributes;
  readonly inputs: readonly Signature[];
  /** Whether weights change from run to run. */
  readonly changing?: boolean;
}

const CASES: readonly Case[] = [
  {
    name: "a convolution with one tap",
    strategy: "direct",
    op: conv2dOp,
    attributes: window(1),
    inputs: [batched(12, 12, 32), weights(1, 1, 32, 64)],
  },
  {
    name: "a convolution with 25 taps and a stride",
    strategy: "direct",
    op: conv2dOp,
    attributes: window(5, 2),
    inputs: [batched(19, 19, 16), weights(5, 5, 16, 32)],
  },
  {
    name: "the input gradient of a convolution",
    strategy: "direct",
    op: conv2dInputGradOp,
    attributes: { ...window(1), inputShape: [12, 12, 32] },
    inputs: [batched(12, 12, 64), weights(1, 1, 32, 64)],
  },
  {
    name: "the weight gradient of a convolution",
    strategy: "weightGradient",
    op: conv2dWeightGradOp,
    attributes: window(1),
    inputs: [batched(12, 12, 32), batched(12, 12, 64)],
  },
  {
    name: "Winograd's convolution",
    strategy: "winograd",
    op: conv2dOp,
    attributes: window(3),
    inputs: [batched(14, 14, 32), weights(3, 3, 32, 64)],
  },
  {
    name: "a linear layer",
    strategy: "linear",
    op: linearOp,
    attributes: {},
    inputs: [batched(128), weights(128, 96)],
  },
  {
    name: "the input gradient of a wide linear layer",
    strategy: "linear",
    op: linearInputGradOp,
    attributes: { inputShape: [1024] },
    inputs: [batched(1024), weights(1024, 1024)],
    changing: true,
  },
];

/** How often the busiest sum of any loop's body is added to in one turn, inner loops apart. */
function mostSteps(block: readonly Instr[], inLoop = false): number {
  const steps = new Map<number, number>();
  let most = 0;
  for (const i of block) {
    if (i.op === "fma" && inLoop && i.dst.id === i.c.id) steps.set(i.dst.id, (steps.get(i.dst.id) ?? 0) + 1);
    if (i.op === "loop") most = Math.max(most, mostSteps(i.body, true));
    if (i.op === "if") most = Math.max(most, mostSteps(i.body, inLoop), mostSteps(i.otherwise, inLoop));
  }
  return Math.max(most, ...steps.values());
}

describe.each(CASES)("$name", ({ strategy: name, op, attributes, inputs, changing }) => {
  const stepsFor = (target: typeof WASM): number => {
    const graph = new Graph();
    const root = graph.add(op, attributes, leaves(graph, inputs)) as Value;
    const strategy = STRATEGIES.find((s) => s.name === name && s.ops.includes(op.name))!;
    expect(strategy.accepts(root, target)).toBe(true);
    const to = new TestLowering(target, 8, !changing);
    strategy.lower({ root, chain: [], result: root }, to);
    return Math.max(...to.kernels.map(({ body }) => mostSteps(body)));
  };

  it("is one step a turn in WebAssembly", () => {
    expect(stepsFor(WASM)).toBe(1);
  });
  it("is several on AVX-512", () => {
    expect(stepsFor(AVX512)).toBeGreaterThan(1);
  });
});
