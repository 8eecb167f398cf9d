/**
 * Gradients of convolutions in front of a max pool, from the pool's operands: against the float64 reference, which makes the
 * pool's gradient first. Windows that overlap or leave gaps, borders, strides, equal maxima, few and many channels, one window.
 */
import { describe, expect, it } from "vitest";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Shape } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import { routedInputGradient } from "#fovea/kernels/convolution/through-pool/input-gradient.js";
import { routedWeightGradient } from "#fovea/kernels/convolution/through-pool/weight-gradient.js";
import { sumStrategy } from "#fovea/kernels/reduce/sum.js";
import { conv2dInputGradOp, conv2dWeightGradOp } from "#fovea/ops/conv.js";
import { reluGradOp } from "#fovea/ops/elementwise/activation.js";
import { maxPool2dGradOp } from "#fovea/ops/pool.js";
import { sum } from "#fovea/ops/reduce.js";
import { outputExtents } from "#fovea/ops/window.js";
import { finiteMismatch, spoiled } from "../support/infinities.js";
import { MACHINES, mismatch, TestLowering } from "../support/lowering.js";
import { random } from "../support/random.js";

interface Case {
  readonly input: readonly [number, number, number];
  readonly outputs: number;
  readonly kernel: readonly [number, number];
  readonly stride?: number;
  /** On all sides, or top, bottom, left and right. */
  readonly padding?: number | readonly [number, number, number, number];
  readonly pool: readonly [number, number];
  readonly poolStride?: number;
  readonly poolDilation?: number;
}

const CASES: readonly Case[] = [
  { input: [14, 14, 6], outputs: 16, kernel: [5, 5], pool: [2, 2] },
  { input: [12, 12, 1], outputs: 6, kernel: [5, 5], pool: [2, 2] },
  { input: [7, 9, 3], outputs: 7, kernel: [3, 3], padding: 1, pool: [2, 2] },
  { input: [9, 8, 12], outputs: 9, kernel: [3, 2], padding: 1, pool: [3, 3], poolStride: 2 },
  { input: [13, 11, 3], outputs: 24, kernel: [4, 4], stride: 2, padding: 1, pool: [3, 2], poolStride: 2 },
  { input: [8, 10, 20], outputs: 33, kernel: [1, 1], pool: [2, 2] },
  { input: [10, 7, 2], outputs: 5, kernel: [3, 3], pool: [1, 2], poolStride: 3 },
  { input: [9, 9, 5], outputs: 6, kernel: [2, 2], pool: [2, 2], poolStride: 1, poolDilation: 3 },
  { input: [3, 3, 8], outputs: 12, kernel: [2, 2], pool: [2, 2] },
  { input: [8, 7, 6], outputs: 9, kernel: [3, 3], padding: [1, 0, 2, 1], pool: [2, 2] },
  { input: [1, 1, 1], outputs: 8, kernel: [1, 1], pool: [1, 1] },
  // windows of as many taps as there are registers
  { input: [8, 8, 3], outputs: 8, kernel: [3, 3], padding: 1, pool: [4, 4] },
  { input: [10, 10, 3], outputs: 8, kernel: [3, 3], padding: 1, pool: [4, 4], poolStride: 3 },
  { input: [8, 8, 3], outputs: 20, kernel: [3, 3], padding: 1, pool: [4, 4], poolStride: 2 },
  { input: [6, 8, 2], outputs: 8, kernel: [3, 3], padding: 1, pool: [2, 8] },
  { input: [8, 5, 2], outputs: 6, kernel: [2, 2], pool: [7, 2] },
  { input: [6, 10, 4], outputs: 16, kernel: [1, 1], pool: [3, 5] },
];

function drawn(shape: readonly number[], draw: () => number): Tensor {
  return tensor(
    shape,
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.fround(draw())),
  );
}

/** What a node that reads the pool's gradient gives, by its strategy and by definition; `replaced`: feeds in place of those drawn. */
function build(c: Case, batch: number, seed: number, replaced?: readonly Tensor[]) {
  const rng = random(seed);
  const { input, outputs, kernel, stride = 1, padding = 0, poolDilation = 1 } = c;
  const four = (n: number) => [n, n, n, n] as const;
  const sides = typeof padding === "number" ? four(padding) : padding;
  const window = { kernel, stride: [stride, stride], padding: sides, dilation: [1, 1] } as const;
  const conv = { ...window, groups: 1 };
  const image = [...outputExtents(window, [input[0], input[1]], false), outputs] as unknown as readonly [
    number,
    number,
    number,
  ];
  const step = c.poolStride;
  const pooling = {
    kernel: c.pool,
    stride: step === undefined ? c.pool : ([step, step] as const),
    padding: four(0),
    dilation: [poolDilation, poolDilation] as const,
    ceil: false,
  };
  const pooled = [...outputExtents(pooling, [image[0], image[1]], false), outputs];
  const graph = new Graph();
  const leaf = (name: string, shape: Shape) => graph.input(name, { shape, dtype: "f32" }) as unknown as Value;
  const [x, before, y, dy] = [leaf("x", input), leaf("before", input), leaf("y", image), leaf("dy", pooled)];
  const w = graph.state("w", "parameter", [...kernel, input[2], outputs], "f32") as unknown as Value;
  const gradient = graph.add(maxPool2dGradOp, pooling, [y, dy]) as Value;
  const feeds = new Map<Value, Tensor>([
    [x, drawn([batch, ...input], () => rng.normal())],
    [before, drawn([batch, ...input], () => rng.normal())],
    [y, drawn([batch, ...image], () => rng.integer(-2, 2))], // many equal maxima
    [dy, drawn([batch, ...pooled], () => rng.normal())],
    [w, drawn(w.shape, () => rng.normal())],
  ]);
  for (const [i, value] of [...feeds.keys()].entries()) if (replaced) feeds.set(value, replaced[i]!);
  const at = (value: Value) => feeds.get(value)!;
  const routed = maxPool2dGradOp.reference([at(y), at(dy)], pooling, gradient, batch);
  const toWeights = graph.add(conv2dWeightGradOp, conv, [x, gradient]) as Value;
  const ofInput = { ...conv, inputShape: input };
  const toInput = graph.add(conv2dInputGradOp, ofInput, [gradient, w]) as Value;
  const through = graph.add(reluGradOp, {}, [before, toInput]) as Value;
  const dx = conv2dInputGradOp.reference([routed, at(w)], ofInput, toInput, batch);
  return {
    feeds,
    gradient,
    weights: { node: toWeights, expected: conv2dWeightGradOp.reference([at(x), routed], conv, toWeights, batch) },
    input: { node: toInput, expected: dx },
    relu: { node: through, expected: reluGradOp.reference([at(before), dx], {}, through, batch) },
  };
}

describe.each(MACHINES)("gradients through a max pool for $target.name by $engine", ({ target, engine }) => {
  const batches = engine === "interpreter" ? [1, 3] : [1, 2, 5, 17];
  const run = (built: ReturnType<typeof build>, batch: number, result: Value, lower: (to: TestLowering) => void) => {
    const to = new TestLowering(target, batch);
    lower(to);
    for (const value of built.feeds.keys()) to.buffer(value);
    expect(to.steps.flatMap(({ operands }) => operands)).not.toContain(to.buffer(built.gradient));
    return to.run(built.feeds, [result], batch, { engine })[0]!;
  };

  it.each(CASES)("of $input to $outputs by $kernel, pooled by $pool", (c) => {
    for (const batch of batches) {
      const built = build(c, batch, 11 * batch);
      const { weights, input, relu } = built;
      expect(routedWeightGradient.accepts(weights.node, target)).toBe(true);
      const dw = run(built, batch, weights.node, (to) => {
        routedWeightGradient.lower({ root: weights.node, chain: [], result: weights.node }, to);
      });
      expect(mismatch(dw, weights.expected, 2e-6 * Math.sqrt(batch))).toBeUndefined();
      expect(routedInputGradient.accepts(input.node, target)).toBe(true);
      const dx = run(built, batch, input.node, (to) => {
        routedInputGradient.lower({ root: input.node, chain: [], result: input.node }, to);
      });
      expect(mismatch(dx, input.expected, 2e-6)).toBeUndefined();
      const masked = run(built, batch, relu.node, (to) => {
        routedInputGradient.lower({ root: input.node, chain: [relu.node], result: relu.node }, to);
      });
      expect(mismatch(masked, relu.expected, 2e-6)).toBeUndefined();
    }
  });

  // Infinite gradients and weights spread over a window's region, as they do not where the pool's gradient is made.
  it.each(CASES)("leaves pad lanes at +0 beside infinities, of $input to $outputs by $kernel, pooled by $pool", (c) => {
    const drawn = [...build(c, 2, 5).feeds.values()];
    const [x, y, dy, w] = [0, 2, 3, 4];
    for (const [seed, among] of [[x], [dy], [w], [y], [y]].entries()) {
      const { feeds, zeros } = spoiled(drawn, among, random(100 * seed + c.outputs));
      const [odd, right] = [build(c, 2, 5, feeds), build(c, 2, 5, among[0] === y ? feeds : zeros)];
      for (const part of ["weights", "input"] as const) {
        const { node } = odd[part];
        const strategy = part === "weights" ? routedWeightGradient : routedInputGradient;
        const found = run(odd, 2, node, (to) => strategy.lower({ root: node, chain: [], result: node }, to));
        const near = among[0] === y ? mismatch : finiteMismatch;
        expect(near(found, right[part].expected, 3e-6)).toBeUndefined();
      }
    }
  });

  it("has kernels of its own for images that are as large only with their borders", () => {
    const common = { outputs: 8, kernel: [3, 3], pool: [2, 2] } as const;
    const keys = [
      { ...common, input: [6, 6, 8], padding: 1 },
      { ...common, input: [7, 7, 8], padding: [1, 0, 1, 0] },
    ].map((c) => {
      const { input, weights } = build(c as unknown as Case, 1, 1);
      const to = new TestLowering(target, 1);
      routedInputGradient.lower({ root: input.node, chain: [], result: input.node }, to);
      routedWeightGradient.lower({ root: weights.node, chain: [], result: weights.node }, to);
      return to.kernels.map(({ key }) => key).filter((key) => /^routed/.test(key));
    });
    expect(keys[0]).toHaveLength(2);
    expect(new Set(keys.flat()).size).toBe(4);
  });

  it("adds up the pool's own gradients for a bias", () => {
    const built = build(CASES[3]!, 5, 3);
    const bias = sum(built.gradient, { axes: [0, 1], batch: true });
    const total = run(built, 5, bias, (to) => sumStrategy.lower({ root: bias, chain: [], result: bias }, to));
    const dy = bias.inputs[0]!.inputs[1]!;
    const channels = dy.shape[2]!;
    const expected = tensor([channels]);
    for (const [i, value] of built.feeds.get(dy)!.data.entries()) expected.data[i % channels]! += value;
    expect(mismatch(total, expected, 2e-6)).toBeUndefined();
  });

  it("leaves to others what meets a border, is grouped or has holes", () => {
    const { weights, input } = build(CASES[0]!, 1, 1);
    const changed = (node: Value, attributes: object): Value => ({
      ...node,
      attributes: { ...node.attributes, ...attributes },
    });
    const [x, gradient] = weights.node.inputs as [Value, Value];
    const bordered = changed(gradient, { padding: [1, 1, 1, 1] });
    for (const [strategy, node, through] of [
      [routedWeightGradient, weights.node, { ...weights.node, inputs: [x, bordered] }],
      [routedInputGradient, input.node, { ...input.node, inputs: [bordered, input.node.inputs[1]!] }],
    ] as const) {
      expect(strategy.accepts(changed(node, { groups: 2 }), target)).toBe(false);
      expect(strategy.accepts(changed(node, { dilation: [2, 1] }), target)).toBe(false);
      expect(strategy.accepts(through, target)).toBe(false);
    }
  });
});
