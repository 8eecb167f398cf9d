/** Weight gradients that are cut into chunks of channels, of outputs and of the batch: every sum whole, and each made once. */
import { describe, expect, it } from "vitest";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { tensor } from "#fovea/graph/tensor.js";
import { gradientOf } from "#fovea/kernels/convolution/weight-gradient/plan.js";
import { weightGradient } from "#fovea/kernels/convolution/weight-gradient/weight-gradient.js";
import { conv2dWeightGradOp } from "#fovea/ops/conv.js";
import { AVX2, AVX512, WASM } from "#fovea/target/targets.js";
import { leaves, MACHINES, mismatch, TestLowering } from "../support/lowering.js";
import { feedsOf, type OpCase } from "../support/op-cases.js";
import { random } from "../support/random.js";

interface Shape {
  readonly kernel: number;
  readonly size: readonly [number, number];
  readonly channels: number;
  readonly outputs: number;
  readonly stride: number;
  readonly padding: number;
}

const layer = (
  kernel: number,
  size: readonly [number, number],
  channels: number,
  outputs: number,
  stride = 1,
  padding = (kernel - 1) / 2,
): Shape => ({ kernel, size, channels, outputs, stride, padding });

const SHAPES: readonly Shape[] = [
  layer(1, [3, 3], 200, 144),
  layer(1, [3, 1], 130, 530),
  layer(1, [2, 2], 530, 100),
  layer(1, [1, 1], 300, 260),
  layer(1, [17, 19], 50, 40),
  layer(1, [3, 2], 70, 90, 1, 1),
  layer(1, [5, 3], 90, 70, 2),
  layer(3, [5, 4], 70, 200),
  layer(3, [4, 7], 200, 70, 2),
];

function caseOf({ kernel, size, channels, outputs, stride, padding }: Shape): OpCase {
  const [height, width] = size.map((n) => Math.floor((n + 2 * padding - kernel) / stride) + 1) as [number, number];
  return {
    inputs: [
      { shape: [...size, channels], batched: true, dtype: "f32" },
      { shape: [height, width, outputs], batched: true, dtype: "f32" },
    ],
    attributes: {
      kernel: [kernel, kernel],
      stride: [stride, stride],
      padding: [padding, padding, padding, padding],
      dilation: [1, 1],
      groups: 1,
    },
    // Sums of small whole numbers are exact in any order.
    feeds: ["ties", "ties"],
  };
}

function nodeOf(c: OpCase): { node: Value; inputs: Value[] } {
  const graph = new Graph();
  const inputs = leaves(graph, c.inputs);
  return { node: graph.add(conv2dWeightGradOp, c.attributes, inputs) as Value, inputs };
}

describe.each(MACHINES)("weight gradients for $target.name by $engine", ({ target, engine }) => {
  const shapes = engine === "interpreter" ? SHAPES.slice(5) : SHAPES;
  it.each(shapes)("$kernel x $kernel of $size, $channels to $outputs, stride $stride, padding $padding", (shape) => {
    const c = caseOf(shape);
    // fewer samples than slices, and more
    for (const batch of engine === "interpreter" ? [2] : [3, 19]) {
      const { node, inputs } = nodeOf(c);
      const feeds = feedsOf(c, batch, random(batch + shape.channels));
      const to = new TestLowering(target, batch);
      weightGradient.lower({ root: node, chain: [], result: node }, to);
      const data = new Map(inputs.map((value, i) => [value, feeds[i]!]));
      const expected = conv2dWeightGradOp.reference(feeds, c.attributes as never, node, batch);
      for (const cuts of [1, 3]) {
        const [actual] = to.run(data, [node], batch, { engine, cuts });
        expect(mismatch(actual!, expected, 0)).toBeUndefined();
      }
    }
  });
});

it("is the sum over pixels of each channel times each output", () => {
  const shape = layer(1, [2, 3], 40, 33);
  const c = caseOf(shape);
  const { node, inputs } = nodeOf(c);
  const to = new TestLowering(AVX2, 2);
  weightGradient.lower({ root: node, chain: [], result: node }, to);
  // channel i is i in sample 0 and 1 in sample 1; output o is 2 o everywhere
  const x = tensor([2, 2, 3, 40]);
  const dy = tensor([2, 2, 3, 33]);
  for (let i = 0; i < x.data.length; i++) x.data[i] = i < 6 * 40 ? i % 40 : 1;
  for (let i = 0; i < dy.data.length; i++) dy.data[i] = 2 * (i % 33);
  const [dw] = to.run(new Map([inputs[0]!, inputs[1]!].map((v, i) => [v, [x, dy][i]!])), [node], 2);
  // 6 pixels of (i + 1) * 2 o
  expect(dw!.data[7 * 33 + 5]).toBe(480);
  expect(dw!.data[39 * 33 + 32]).toBe(15360);
  expect(dw!.data[0]).toBe(0);
});

describe.each([AVX512, AVX2, WASM])("cuts for $name", (target) => {
  it.each([
    layer(1, [56, 56], 64, 256),
    layer(1, [14, 14], 1024, 256),
    layer(1, [7, 7], 512, 2048),
    layer(1, [56, 56], 256, 512, 2),
    layer(3, [28, 28], 128, 256, 2),
  ])("$kernel x $kernel of $size, $channels to $outputs", (shape) => {
    const { node } = nodeOf(caseOf(shape));
    const g = gradientOf(node, target);
    const weights = shape.kernel ** 2 * shape.channels * shape.outputs * 4;
    const chunk = weights / (shape.kernel * g.rowChunks * g.columnChunks);
    // what a piece adds to and the pixels that it reads stay in a cache of a megabyte
    expect(chunk).toBeLessThan(400 * 1024);
    const pixel = 4 * (shape.channels / g.rowChunks) * shape.stride ** 2 + 4 * (shape.outputs / g.columnChunks);
    expect(g.bandRows * g.outputColumns * pixel).toBeLessThan(600 * 1024);
    expect(g.bandRows * g.outputColumns).toBeGreaterThanOrEqual(64);
    // threads all have work, and little memory goes for their partial sums
    expect(shape.kernel * g.rowChunks * g.columnChunks * g.slices).toBeGreaterThanOrEqual(8);
    expect(g.slices === 1 ? 0 : g.slices * weights).toBeLessThanOrEqual(8 * 1024 * 1024);
  });
});
