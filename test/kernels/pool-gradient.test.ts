/** Gradients of pools whose windows overlap: whole pixels or parts of the channels a piece, borders, rests, and equal maxima. */
import { describe, expect, it } from "vitest";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Shape } from "#fovea/graph/shape.js";
import { tensor } from "#fovea/graph/tensor.js";
import { poolGradientStrategy } from "#fovea/kernels/pool/gradient.js";
import { avgPool2dGradOp, maxPool2dGradOp } from "#fovea/ops/pool.js";
import { outputExtents } from "#fovea/ops/window.js";
import { AVX512 } from "#fovea/target/targets.js";
import { leaves, MACHINES, mismatch, TestLowering } from "../support/lowering.js";
import { feedsOf, type OpCase } from "../support/op-cases.js";
import { random } from "../support/random.js";

interface Pool {
  readonly shape: Shape;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: number;
}

const pool = (shape: Shape, kernel: number, stride: number, padding = 0, wide = kernel): Pool => ({
  shape,
  kernel: [kernel, wide],
  stride: [stride, stride],
  padding,
});

const POOLS: readonly Pool[] = [
  pool([8, 6, 40], 3, 2, 1),
  pool([9, 7, 33], 3, 2),
  pool([8, 10, 64], 3, 2),
  pool([5, 6, 48], 3, 1, 1),
  pool([6, 4, 20], 2, 1),
  pool([9, 9, 3], 5, 2, 2),
  pool([11, 11, 17], 5, 3, 1),
  // windows that overlap along one axis alone, and ones that leave gaps along the other
  pool([8, 9, 40], 2, 2, 0, 3),
  pool([9, 9, 40], 1, 2, 0, 3),
];

function caseOf(p: Pool, average: boolean): OpCase {
  const [height, width, channels] = p.shape as [number, number, number];
  const padding = [p.padding, p.padding, p.padding, p.padding] as const;
  const window = { kernel: p.kernel, stride: p.stride, padding, dilation: [1, 1] as const };
  const [rows, columns] = outputExtents(window, [height, width], false);
  const dy = { shape: [rows, columns, channels], batched: true, dtype: "f32" } as const;
  if (average) return { inputs: [dy], attributes: { ...window, divisor: "window", inputShape: p.shape } as never };
  const x = { shape: p.shape, batched: true, dtype: "f32" } as const;
  return { inputs: [x, dy], attributes: window as never, feeds: ["ties", "normal"] };
}

describe.each(MACHINES)("pool gradients for $target.name by $engine", ({ target, engine }) => {
  it.each(POOLS)("of $shape by $kernel, stride $stride, padding $padding", (p) => {
    for (const average of [false, true]) {
      const op = average ? avgPool2dGradOp : maxPool2dGradOp;
      const c = caseOf(p, average);
      // one sample: parts of the channels; many: whole pixels
      for (const batch of engine === "interpreter" ? [1, 4] : [1, 2, 3, 5]) {
        const graph = new Graph();
        const inputs = leaves(graph, c.inputs);
        const root = graph.add(op as typeof maxPool2dGradOp, c.attributes as never, inputs) as Value;
        const feeds = feedsOf(c, batch, random(batch));
        const to = new TestLowering(target, batch);
        poolGradientStrategy.lower({ root, chain: [], result: root }, to);
        const [actual] = to.run(new Map(inputs.map((v, i) => [v, feeds[i]!])), [root], batch, { engine });
        const expected = (op as typeof maxPool2dGradOp).reference(feeds, c.attributes as never, root, batch);
        expect(mismatch(actual!, expected, 1e-6)).toBeUndefined();
      }
    }
  });
});

it("gives the gradient of equal maxima to the first, and adds what two windows give", () => {
  const c = caseOf(pool([3, 5, 1], 3, 2), false);
  const graph = new Graph();
  const inputs = leaves(graph, c.inputs);
  const root = graph.add(maxPool2dGradOp, c.attributes as never, inputs) as Value;
  const to = new TestLowering(AVX512, 1);
  poolGradientStrategy.lower({ root, chain: [], result: root }, to);
  const x = tensor([1, 3, 5, 1]);
  // both windows have the middle column: its 5 in the second row is the first of their equal maxima
  x.data.set([0, 1, 2, 3, 4, 4, 3, 5, 1, 5, 5, 0, 5, 5, 0]);
  const dy = tensor([1, 1, 2, 1]);
  dy.data.set([10, 100]);
  const [dx] = to.run(
    new Map([
      [inputs[0]!, x],
      [inputs[1]!, dy],
    ]),
    [root],
    1,
  );
  expect([...dx!.data]).toEqual([0, 0, 0, 0, 0, 0, 0, 110, 0, 0, 0, 0, 0, 0, 0]);
});
