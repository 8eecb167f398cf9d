/** A direct convolution that is stored through a max pool: the result and the places of the maxima, on all machines. */
import { describe, expect, it } from "vitest";
import type { Op, Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Shape } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import { direct } from "#fovea/kernels/convolution/direct/direct.js";
import { conv2dOp } from "#fovea/ops/conv.js";
import { reluOp } from "#fovea/ops/elementwise/activation.js";
import { addOp } from "#fovea/ops/elementwise/arithmetic.js";
import { maxPool2dOp } from "#fovea/ops/pool.js";
import { spoiled } from "../support/infinities.js";
import { MACHINES, mismatch, TestLowering } from "../support/lowering.js";
import { random } from "../support/random.js";

/** Extents and channels of the input, outputs, extent of the kernel, groups if there are several. */
const CASES: readonly Case[] = [
  { input: [8, 8, 1], outputs: 6, kernel: 5 },
  { input: [6, 9, 3], outputs: 20, kernel: 3 },
  { input: [5, 37, 2], outputs: 5, kernel: 2 },
  { input: [2, 2, 7], outputs: 34, kernel: 1 },
  { input: [4, 6, 24], outputs: 68, kernel: 1 },
  { input: [6, 10, 10], outputs: 20, kernel: 3, groups: 5 },
  { input: [4, 6, 52], outputs: 104, kernel: 1, groups: 13 },
];

interface Case {
  readonly input: readonly [number, number, number];
  readonly outputs: number;
  readonly kernel: number;
  readonly groups?: number;
}

describe.each(MACHINES)("on $target.name by $engine", ({ target, engine }) => {
  for (const batch of engine === "interpreter" ? [2] : [1, 3]) {
    it.each(CASES)(`${batch} of $input, $outputs outputs, kernel $kernel`, ({ input, outputs, kernel, groups = 1 }) => {
      const graph = new Graph();
      const leaf = (name: string, shape: Shape) => graph.input(name, { shape, dtype: "f32" }) as unknown as Value;
      const state = (name: string, shape: Shape) => graph.state(name, "parameter", shape, "f32") as unknown as Value;
      const [x, w, b] = [
        leaf("x", input),
        state("w", [kernel, kernel, input[2] / groups, outputs]),
        state("b", [outputs]),
      ];
      const four = [0, 0, 0, 0];
      const window = { kernel: [kernel, kernel], stride: [1, 1], padding: four, dilation: [1, 1], groups };
      const root = graph.add(conv2dOp as Op, window, [x, w]) as Value;
      const image = graph.add(addOp as Op, {}, [root, b]) as Value;
      const pooling = { kernel: [2, 2], stride: [2, 2], padding: four, dilation: [1, 1], ceil: false };
      const node = graph.add(maxPool2dOp as Op, pooling, [image]) as Value;
      const result = graph.add(reluOp as Op, {}, [node]) as Value;
      const rng = random(batch + outputs);
      const draw = (shape: readonly number[]) =>
        tensor(
          shape,
          Float64Array.from({ length: shape.reduce((p, n) => p * n, 1) }, () => Math.round(2 * rng.normal())),
        );
      const feeds = new Map<Value, Tensor>([
        [x, draw([batch, ...input])],
        [w, draw(w.shape)],
        [b, draw(b.shape)],
      ]);
      const meaning = (given: typeof feeds) => {
        const known = new Map(given);
        for (const value of [root, image, node, result]) {
          const inputs = value.inputs.map((v) => known.get(v)!);
          known.set(value, value.op.reference(inputs, value.attributes, value, batch));
        }
        return known;
      };
      const known = meaning(feeds);

      const pool = { node, chain: [result], hasPlaces: true };
      const to = new TestLowering(target, batch, true);
      expect(direct.pools!(root, [image], pool, to)).toBe(true);
      const places = graph.input("places", { shape: node.shape, dtype: "i32" }) as unknown as Value;
      to.noted.set(image, places);
      direct.lower({ root, chain: [image], pool, result }, to);
      expect(to.steps.filter((step) => step.operands.includes(to.buffer(image)))).toEqual([]);
      const [actual, found] = to.run(feeds, [result, places], batch, { engine });
      expect(mismatch(actual!, known.get(result)!, 1e-6)).toBeUndefined();

      const { feeds: odd } = spoiled([...feeds.values()], [0, 1, 2], rng);
      const beside = new Map([x, w, b].map((v, i) => [v, odd[i]!]));
      expect(
        mismatch(to.run(beside, [result], batch, { engine })[0]!, meaning(beside).get(result)!, 1e-6),
      ).toBeUndefined();

      const [rows, columns] = image.shape as [number, number];
      const [pooledRows, pooledColumns] = node.shape as [number, number];
      const pixels = known.get(image)!.data;
      let n = 0;
      for (let sample = 0; sample < batch; sample++)
        for (let oy = 0; oy < pooledRows; oy++)
          for (let ox = 0; ox < pooledColumns; ox++)
            for (let c = 0; c < outputs; c++) {
              const at = (i: number) => {
                const [y, column] = [2 * oy + (i >> 1), 2 * ox + (i & 1)];
                return pixels[((sample * rows + y) * columns + column) * outputs + c]!;
              };
              const four = [0, 1, 2, 3].map(at);
              expect(found!.data[n++]).toBe(four.indexOf(Math.max(...four)));
            }
    });
  }
});
