/** Kernels against numbers worked by hand, and the cases that random shapes do not reach: slots, NaN, bad labels. */
import { describe, expect, it } from "vitest";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Signature } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import { STRATEGIES } from "#fovea/kernels/index.js";
import { argmax, avgPool2d, conv2d, correct, crossEntropy, maxPool2d, softmax, sum } from "#fovea/ops/index.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, AVX512, WASM } from "#fovea/target/targets.js";
import { leaves, mismatch, TestLowering } from "../support/lowering.js";
import { random } from "../support/random.js";

const TARGETS: readonly Target[] = [AVX512, AVX2, WASM];
const batched = (...shape: number[]): Signature => ({ shape, batched: true, dtype: "f32" });
const single = (...shape: number[]): Signature => ({ shape, batched: false, dtype: "f32" });
const labels = (...shape: number[]): Signature => ({ shape, batched: true, dtype: "i32" });

/** Runs one node by its last strategy (the general one, where there are several). */
function run(
  target: Target,
  signatures: readonly Signature[],
  feeds: readonly Tensor[],
  build: (inputs: readonly Value[]) => Value,
  options: { batch: number; maxBatch?: number; cuts?: number },
): Tensor {
  const inputs = leaves(new Graph(), signatures);
  const root = build(inputs);
  const strategy = STRATEGIES.findLast((s) => s.ops.includes(root.op.name) && s.accepts(root, target))!;
  const to = new TestLowering(target, options.maxBatch ?? options.batch);
  strategy.lower({ root, chain: [], result: root }, to);
  return to.run(new Map(inputs.map((v, i) => [v, feeds[i]!])), [root], options.batch, { cuts: options.cuts ?? 2 })[0]!;
}

const sequence = (...shape: number[]): Tensor =>
  tensor(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
  );

describe.each(TARGETS)("worked by hand, $name", (target) => {
  it("convolves 3x3 with 2x2", () => {
    const x = sequence(1, 3, 3, 1);
    const w = tensor([2, 2, 1, 1], [1, 2, 3, 4]);
    // 0*1 + 1*2 + 3*3 + 4*4 = 27, and 10 more for each step of one.
    const y = run(target, [batched(3, 3, 1), single(2, 2, 1, 1)], [x, w], ([a, b]) => conv2d(a!, b!), { batch: 1 });
    expect([...y.data]).toEqual([27, 37, 57, 67]);
  });

  it("pools 4x4 by maximum and mean", () => {
    const x = sequence(1, 4, 4, 1);
    expect([...run(target, [batched(4, 4, 1)], [x], ([a]) => maxPool2d(a!, 2), { batch: 1 }).data]).toEqual([
      5, 7, 13, 15,
    ]);
    expect([...run(target, [batched(4, 4, 1)], [x], ([a]) => avgPool2d(a!, 2), { batch: 1 }).data]).toEqual([
      2.5, 4.5, 10.5, 12.5,
    ]);
  });

  it("gives a maximum's gradient to the first of equals, and zero where no window reaches", () => {
    const x = tensor([1, 3, 3, 1], [1, 1, 9, 1, 1, 9, 9, 9, 9]);
    const dy = tensor([1, 1, 1, 1], [5]);
    const gradient = (inputs: readonly Value[]) => {
      const pool = maxPool2d(inputs[0]!, 2);
      return pool.op.gradient!({
        graph: pool.graph,
        node: pool,
        inputs: pool.inputs,
        attributes: pool.attributes,
        upstream: inputs[1]!,
        wanted: [true],
      })[0]!;
    };
    const dx = run(target, [batched(3, 3, 1), batched(1, 1, 1)], [x, dy], gradient, { batch: 1 });
    expect([...dx.data]).toEqual([5, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("lets NaN win a maximum", () => {
    const x = tensor([1, 2, 2, 1], [1, Number.NaN, 3, 2]);
    expect(run(target, [batched(2, 2, 1)], [x], ([a]) => maxPool2d(a!, 2), { batch: 1 }).data[0]).toBeNaN();
    const rows = tensor([3, 6], [1, 7, 7, 0, 0, 0, 1, Number.NaN, 9, 1, Number.NaN, 2, ...Array(6).fill(-Infinity)]);
    expect([...run(target, [batched(6)], [rows], ([a]) => argmax(a!), { batch: 3 }).data]).toEqual([1, 1, 0]);
  });

  it("makes probabilities that stay finite for large logits", () => {
    const x = tensor([2, 3], [1000, 1000, 1000, -1000, 0, 1000]);
    const y = run(target, [batched(3)], [x], ([a]) => softmax(a!), { batch: 2 });
    for (const i of [0, 1, 2]) expect(y.data[i]).toBeCloseTo(1 / 3, 6);
    expect([...y.data.slice(3)]).toEqual([0, 0, 1]);
  });

  it("gives NaN for a label that is no class, and never reads by it", () => {
    for (const classes of [3, 6, 40]) {
      const x = sequence(4, classes);
      const t = tensor([4], [classes, -1, 2 ** 31 - 1, 1]);
      const signatures = [batched(classes), labels()];
      const loss = run(target, signatures, [x, t], ([a, b]) => crossEntropy(a!, b!), { batch: 4 });
      expect([...loss.data].map(Number.isNaN)).toEqual([true, true, true, false]);
      const hits = run(target, signatures, [x, t], ([a, b]) => correct(a!, b!), { batch: 4 });
      expect([...hits.data]).toEqual([0, 0, 0, 0]);
      const gradient = run(
        target,
        [...signatures, batched()],
        [x, t, tensor([4], [1, 1, 1, 1])],
        ([a, b, dy]) =>
          crossEntropy(a!, b!).op.gradient!({
            graph: a!.graph,
            node: crossEntropy(a!, b!),
            inputs: [a!, b!],
            attributes: {},
            upstream: dy!,
            wanted: [true, false],
          })[0]!,
        { batch: 4 },
      );
      expect([...gradient.data].map(Number.isNaN)).toEqual(
        Array.from({ length: 4 * classes }, (_, i) => i < 3 * classes),
      );
    }
  });
});

describe.each(TARGETS)("sums over the batch, $name", (target) => {
  const cases = [
    { shape: [30, 29, 6], axes: [0, 1] },
    { shape: [70, 40, 33], axes: [0, 1] },
    { shape: [130, 128, 5], axes: [0] },
    { shape: [300], axes: [] },
    { shape: [31, 40, 17], axes: [0, 1, 2] },
    { shape: [], axes: [] },
    { shape: [9, 50, 40], axes: [1, 2] },
  ];
  it.each(cases)("of $shape over $axes: right, and the same bits however pieces are cut", ({ shape, axes }) => {
    const batch = 7;
    const rng = random(3);
    const x = tensor(
      [batch, ...shape],
      Array.from({ length: batch * shape.reduce((a, b) => a * b, 1) }, () => Math.fround(rng.normal())),
    );
    const build = ([a]: readonly Value[]) => sum(a!, { axes, batch: true, mean: true });
    const [input] = leaves(new Graph(), [batched(...shape)]);
    const root = build([input!]);
    const expected = root.op.reference([x], root.attributes, root, batch);
    const results = [1, 2, 5].map((cuts) => run(target, [batched(...shape)], [x], build, { batch, cuts }));
    expect(mismatch(results[0]!, expected, 1e-6)).toBeUndefined();
    for (const result of results) expect(result.data).toEqual(results[0]!.data);
    // A program planned for a larger batch adds in the same order.
    const roomy = run(target, [batched(...shape)], [x], build, { batch, maxBatch: 4000 });
    expect(roomy.data).toEqual(results[0]!.data);
  });

  it("sums a large unbatched value", () => {
    const x = sequence(3, 70_000);
    const total = run(target, [single(3, 70_000)], [x], ([a]) => sum(a!), { batch: 1 });
    expect(total.data[0]! / ((210_000 * 209_999) / 2)).toBeCloseTo(1, 5);
  });
});
