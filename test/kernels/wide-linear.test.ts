/** Linear layers on weights as they lie, whatever their size, against the references of their nodes. */
import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Signature } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import { isWide, lowerWide } from "#fovea/kernels/linear/wide.js";
import { add, linear, relu } from "#fovea/ops/index.js";
import { linearInputGradOp } from "#fovea/ops/linear.js";
import { spoiled } from "../support/infinities.js";
import { leaves, MACHINES, mismatch, TestLowering } from "../support/lowering.js";
import { random } from "../support/random.js";

const batched = (...shape: number[]): Signature => ({ shape, batched: true, dtype: "f32" });
const single = (...shape: number[]): Signature => ({ shape, batched: false, dtype: "f32" });

/** Images or vectors, outputs (some not a multiple of a vector), and batches that leave samples over. */
const CASES = [
  { input: [96], outputs: 64, batch: 3, most: 3 },
  { input: [37], outputs: 70, batch: 5, most: 7 },
  { input: [300], outputs: 130, batch: 17, most: 20 },
  { input: [3, 2, 20], outputs: 200, batch: 9, most: 16 },
];

const GRADIENTS = [
  { input: [96], outputs: 64, batch: 3, most: 3 },
  { input: [36], outputs: 70, batch: 5, most: 7 },
  { input: [3, 2, 20], outputs: 1100, batch: 6, most: 9 },
];

function check(
  { target, engine }: (typeof MACHINES)[number],
  { batch, most }: { readonly batch: number; readonly most: number },
  signatures: readonly Signature[],
  make: (inputs: readonly Value[]) => Value[],
): void {
  const rng = random(5);
  const inputs = leaves(new Graph(), signatures);
  const nodes = make(inputs);
  const [root, ...chain] = nodes as [Value, ...Value[]];
  const result = nodes.at(-1)!;
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
  const drawn = inputs.map((v) => feeds.get(v)!);
  const { feeds: odd } = spoiled(drawn, [...inputs.keys()], rng);
  const to = new TestLowering(target, most);
  lowerWide({ root, chain, result }, to);
  for (const data of [drawn, odd]) {
    const [actual] = to.run(new Map(inputs.map((v, i) => [v, data[i]!])), [result], batch, { engine });
    const named = Object.fromEntries(data.map((tensor, i) => [`in${i}`, tensor]));
    const [expected] = evaluate([result], { inputs: named, states: named }, batch);
    expect(mismatch(actual!, expected!, 1e-5)).toBeUndefined();
  }
}

describe.each(MACHINES)("linear on weights as they lie, for $target.name by $engine", (machine) => {
  it.each(CASES)("$input to $outputs, batch $batch of $most", (c) => {
    const features = c.input.reduce((a, b) => a * b, 1);
    check(machine, c, [batched(...c.input), single(features, c.outputs), single(c.outputs)], ([x, w, bias]) => {
      const product = linear(x!, w!);
      const sum = add(product, bias!);
      return [product, sum, relu(sum)];
    });
  });

  it.each(GRADIENTS)("gradient of $input to $outputs, batch $batch of $most", (c) => {
    const features = c.input.reduce((a, b) => a * b, 1);
    const signatures = [batched(c.outputs), single(features, c.outputs), batched(...c.input)];
    check(machine, c, signatures, ([dy, w, other]) => {
      const gradient = dy!.graph.add(linearInputGradOp, { inputShape: c.input }, [dy!, w!]) as unknown as Value;
      return [gradient, add(gradient, other!)];
    });
  });
});

it("leaves weights alone that stay as they are, or in a cache", () => {
  const { target } = MACHINES[0]!;
  const product = (features: number) => {
    const [x, w] = leaves(new Graph(), [batched(features), single(features, 512)]) as [Value, Value];
    const root = linear(x, w);
    return { root, chain: [], result: root };
  };
  const moving = new (class extends TestLowering {
    override isStatic(): boolean {
      return false;
    }
  })(target, 4);
  expect(isWide(product(1024), moving)).toBe(true);
  expect(isWide(product(128), moving)).toBe(false);
  expect(isWide(product(1024), new TestLowering(target, 4))).toBe(false);
});
