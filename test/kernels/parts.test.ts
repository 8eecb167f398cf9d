/** Samples so large that each is cut into several pieces. */
import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Signature } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import { pieceCount } from "#fovea/kernels/contract/emitter.js";
import { STRATEGIES } from "#fovea/kernels/index.js";
import { channelWindowSum } from "#fovea/ops/local-response.js";
import { expand } from "#fovea/ops/reduce.js";
import { concat, slice } from "#fovea/ops/shape.js";
import { leaves, MACHINES, mismatch, TestLowering } from "../support/lowering.js";
import { random } from "../support/random.js";

const image = (...shape: number[]): Signature => ({ shape, batched: true, dtype: "f32" });

const CASES: readonly { name: string; inputs: readonly Signature[]; make(x: Value, y: Value): Value }[] = [
  { name: "concat", inputs: [image(63, 41, 20), image(63, 41, 5)], make: (x, y) => concat([x, y], 2) },
  { name: "slice", inputs: [image(63, 41, 40)], make: (x) => slice(x, 2, 3, 33) },
  { name: "channelWindowSum", inputs: [image(63, 41, 20)], make: (x) => channelWindowSum(x, { before: 2, after: 2 }) },
  {
    name: "expand",
    inputs: [image(20), image(63, 41, 20)],
    make: (x, y) => expand(x, y, { axes: [0, 1], batch: false, mean: true }),
  },
];

describe.each(MACHINES.filter((m) => m.engine !== "interpreter"))(
  "parts of samples for $target.name",
  ({ target, engine }) => {
    it.each(CASES)("of $name", ({ inputs: signatures, make }) => {
      const batch = 2;
      const rng = random(8);
      const inputs = leaves(new Graph(), signatures);
      const root = make(inputs[0]!, inputs[1] ?? inputs[0]!);
      const feeds = new Map(
        root.inputs.map((v): [Value, Tensor] => {
          const shape = [batch, ...v.shape];
          const size = shape.reduce((a, b) => a * b, 1);
          return [
            v,
            tensor(
              shape,
              Float64Array.from({ length: size }, () => Math.fround(rng.normal())),
            ),
          ];
        }),
      );
      const to = new TestLowering(target, batch);
      const strategy = STRATEGIES.find((s) => s.ops.includes(root.op.name))!;
      strategy.lower({ root, chain: [], result: root }, to);
      expect(pieceCount(to.steps[0]!.pieces, 1)).toBeGreaterThan(1);
      const [actual] = to.run(feeds, [root], batch, { engine });
      const named = Object.fromEntries(inputs.map((v, i) => [`in${i}`, feeds.get(v) ?? tensor([batch, ...v.shape])]));
      const [expected] = evaluate([root], { inputs: named }, batch);
      expect(mismatch(actual!, expected!, 1e-5)).toBeUndefined();
    });
  },
);
