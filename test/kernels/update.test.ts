/** The gradient of a linear layer's weights with the update that is computed as it is stored. */
import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Signature } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import { linearWeightGradient } from "#fovea/kernels/linear/weight-gradient.js";
import { add, multiply, scale, subtract } from "#fovea/ops/index.js";
import { linearWeightGradOp } from "#fovea/ops/linear.js";
import { leaves, MACHINES, mismatch, TestLowering } from "../support/lowering.js";
import { random } from "../support/random.js";

const batched = (...shape: number[]): Signature => ({ shape, batched: true, dtype: "f32" });
const single = (...shape: number[]): Signature => ({ shape, batched: false, dtype: "f32" });

/** SGD with momentum and weight decay; the gradient is read in one place. */
function drawn(input: readonly number[], outputs: number) {
  const features = input.reduce((a, b) => a * b, 1);
  const w = single(features, outputs);
  const inputs = leaves(new Graph(), [batched(...input), batched(outputs), w, w, single()]);
  const [x, dy, weight, velocity, rate] = inputs as [Value, Value, Value, Value, Value];
  const root = x.graph.add(linearWeightGradOp, {}, [x, dy]);
  const decay = scale(weight, 0.25);
  const decayed = add(root, decay);
  const kept = scale(velocity, 0.5);
  const moved = add(kept, decayed);
  const step = multiply(moved, rate);
  const next = subtract(weight, step);
  return { inputs, root, group: { nodes: [decay, decayed, kept, moved, step, next], outputs: [moved, next] } };
}

describe.each(MACHINES)("updates in the store for $target.name by $engine", ({ target, engine }) => {
  it.each([
    { input: [37], outputs: 64, batch: 3 },
    { input: [2, 3, 20], outputs: 112, batch: 5 },
    { input: [9], outputs: 1136, batch: 3 },
  ])("of $input to $outputs, batch $batch", ({ input, outputs, batch }) => {
    const { inputs, root, group } = drawn(input, outputs);
    expect(linearWeightGradient.updates!(root, group, target)).toBe(true);
    const rng = random(6);
    const feeds = new Map(
      inputs.map((v): [Value, Tensor] => {
        const shape = v.batched ? [batch, ...v.shape] : [...v.shape];
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
    linearWeightGradient.lower({ root, chain: [], result: root, update: group }, to);
    const actual = to.run(feeds, group.outputs, batch, { engine });
    const named = Object.fromEntries(inputs.map((v, i) => [`in${i}`, feeds.get(v)!]));
    const expected = evaluate(group.outputs, { inputs: named, states: named }, batch);
    for (const [i, value] of actual.entries()) expect(mismatch(value, expected[i]!, 1e-5)).toBeUndefined();
  });

  it("of many outputs with no more code than of some", () => {
    const registers = (outputs: number) => {
      const { root, group } = drawn([64], outputs);
      const to = new TestLowering(target, 1);
      linearWeightGradient.lower({ root, chain: [], result: root, update: group }, to);
      return to.kernels[0]!.registerCount;
    };
    expect(registers(12288)).toBe(registers(6144));
    // a function of WebAssembly has 50,000 at most
    expect(registers(6144)).toBeLessThan(25_000);
  });

  it("not where pads lie between the rows, or where something is spread", () => {
    const padded = drawn([12], 70);
    expect(linearWeightGradient.updates!(padded.root, padded.group, target)).toBe(false);
    const { root } = drawn([12], 64);
    const bias = root.graph.state("bias", "parameter", [64]) as unknown as Value;
    const sum = add(root, bias);
    expect(linearWeightGradient.updates!(root, { nodes: [sum], outputs: [sum] }, target)).toBe(false);
  });

  it("not where more is alive at once than registers are left beside a tile", () => {
    const { root, inputs } = drawn([12], 64);
    const parts = Array.from({ length: 10 }, (_, i) => scale(inputs[2]!, i + 2));
    const sums = [root];
    for (const part of parts) sums.push(add(sums.at(-1)!, part));
    const group = { nodes: [...parts, ...sums.slice(1)], outputs: [sums.at(-1)!] };
    expect(linearWeightGradient.updates!(root, group, target)).toBe(target.registers.vector === 32);
  });
});
