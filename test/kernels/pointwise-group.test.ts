/** Elementwise groups and chains in stores, against the references of their nodes one after the other. */
import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { type Signature, sizeOf } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import { operandKind } from "#fovea/kernels/elementwise/pointwise.js";
import { lowerPointwise } from "#fovea/kernels/elementwise/pointwise-group.js";
import { canFuse, epilogueOf } from "#fovea/kernels/fusion/epilogue.js";
import { STRATEGIES } from "#fovea/kernels/index.js";
import {
  add,
  avgPool2d,
  conv2d,
  linear,
  maxPool2d,
  multiply,
  relu,
  scale,
  sigmoid,
  sqrt,
  square,
  subtract,
  tanh,
} from "#fovea/ops/index.js";
import { leaves, MACHINES, type Machine, mismatch, TestLowering } from "../support/lowering.js";
import { random } from "../support/random.js";

const batched = (...shape: number[]): Signature => ({ shape, batched: true, dtype: "f32" });
const single = (...shape: number[]): Signature => ({ shape, batched: false, dtype: "f32" });

function feed(values: readonly Value[], batch: number, seed: number): Map<Value, Tensor> {
  const rng = random(seed);
  return new Map(
    values.map((v) => {
      const shape = v.batched ? [batch, ...v.shape] : [...v.shape];
      return [
        v,
        tensor(
          shape,
          Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(rng.normal())),
        ),
      ];
    }),
  );
}

/** What `outputs` are in float64. */
function oracle(inputs: readonly Value[], outputs: readonly Value[], feeds: ReadonlyMap<Value, Tensor>, batch: number) {
  const named = Object.fromEntries(inputs.map((v, i) => [`in${i}`, feeds.get(v)!]));
  return evaluate(outputs, { inputs: named, states: named }, batch);
}

function checkGroup(
  { target, engine }: Machine,
  signatures: readonly Signature[],
  build: (inputs: readonly Value[]) => { nodes: Value[]; outputs: Value[] },
  batch = 3,
): void {
  const inputs = leaves(new Graph(), signatures);
  const group = build(inputs);
  const to = new TestLowering(target, batch);
  lowerPointwise(group, to);
  const feeds = feed(inputs, batch, 11);
  const actual = to.run(feeds, group.outputs, batch, { engine });
  const expected = oracle(inputs, group.outputs, feeds, batch);
  for (const [i, value] of actual.entries()) expect(mismatch(value, expected[i]!, 1e-5)).toBeUndefined();
}

describe.each(MACHINES)("pointwise groups for $target.name by $engine", (machine) => {
  it("updates a parameter by SGD with momentum and weight decay, in place of six passes", () => {
    for (const shape of [[5, 5, 6, 16], [5, 5, 1, 6], [400, 120], [10], [3]]) {
      const signatures = [single(...shape), single(...shape), single(...shape), single(), single()];
      checkGroup(machine, signatures, ([w, g, m, rate, momentum]) => {
        const decayed = add(g!, scale(w!, 0.01, 0));
        const kept = multiply(m!, momentum!);
        const velocity = add(kept, decayed);
        const step = multiply(velocity, rate!);
        const updated = subtract(w!, step);
        return { nodes: [decayed.inputs[1]!, decayed, kept, velocity, step, updated], outputs: [velocity, updated] };
      });
    }
  });

  it("updates a parameter by Adam", () => {
    for (const shape of [[3, 3, 6, 17], [5, 5, 1, 6], [3]]) {
      const tensors = Array.from({ length: 4 }, () => single(...shape));
      checkGroup(machine, [...tensors, single(), single(), single(), single()], ([w, g, m, v, rate, ...c]) => {
        const first = [scale(m!, 0.9), scale(g!, 0.1)] as const;
        const mean = add(...first);
        const squared = square(g!);
        const second = [scale(squared, 0.001), scale(square(v!), 0.999)] as const;
        const moment = add(...second);
        const root = sqrt(moment);
        const shifted = scale(root, 1, 1e-3);
        const corrected = [multiply(mean, c[0]!), multiply(shifted, c[1]!)] as const;
        const kept = multiply(w!, c[2]!);
        const step = multiply(corrected[0], rate!);
        const moved = add(step, corrected[1]);
        const updated = subtract(kept, moved);
        const nodes = [...first, mean, squared, second[1].inputs[0]!, ...second, moment, root, shifted, ...corrected];
        return { nodes: [...nodes, kept, step, moved, updated], outputs: [mean, moment, updated] };
      });
    }
  });

  it("adds a channel vector to rows of any width, packed ones too", () => {
    for (const shape of [[4, 3, 1], [4, 3, 2], [5, 5, 3], [3, 5, 4], [3, 5, 6], [3, 3, 8], [2, 3, 17], [7], [2, 150]]) {
      checkGroup(machine, [batched(...shape), single(shape[shape.length - 1]!)], ([x, b]) => {
        const sum = add(x!, b!);
        const y = sigmoid(sum);
        return { nodes: [sum, y], outputs: [y, sum] };
      });
    }
  });

  it("joins numbers a sample and tensors that all samples share", () => {
    for (const shape of [[3, 3, 3], [2, 5, 9], [40]]) {
      checkGroup(machine, [batched(...shape), batched(), single(...shape)], ([x, s, t]) => {
        const scaled = multiply(x!, s!);
        const y = subtract(scaled, t!);
        return { nodes: [scaled, y], outputs: [y] };
      });
    }
  });

  it("works on one number a sample and on single numbers", () => {
    checkGroup(machine, [batched(), batched()], ([a, b]) => {
      const c = add(a!, b!);
      return { nodes: [c], outputs: [c] };
    });
    checkGroup(
      machine,
      [batched(), single()],
      ([a, b]) => ({ nodes: [multiply(a!, b!)], outputs: [multiply(a!, b!)] }),
      21,
    );
    checkGroup(machine, [single(), single()], ([a, b]) => ({ nodes: [multiply(a!, b!)], outputs: [multiply(a!, b!)] }));
  });

  it("cuts large samples into pieces", () => {
    checkGroup(machine, [batched(41, 23, 17), batched(41, 23, 17)], ([a, b]) => {
      const c = add(a!, b!);
      const d = sigmoid(c);
      return { nodes: [c, d], outputs: [d] };
    });
    checkGroup(machine, [single(9001), single(9001)], ([a, b]) => ({ nodes: [add(a!, b!)], outputs: [add(a!, b!)] }));
  });

  it("takes many inputs without running out of registers", () => {
    const signatures = Array.from({ length: 14 }, () => batched(3, 20));
    checkGroup(machine, signatures, (inputs) => {
      const nodes: Value[] = [];
      let sum = inputs[0]!;
      for (const x of inputs.slice(1)) {
        sum = add(sum, x);
        nodes.push(sum);
      }
      return { nodes, outputs: [sum] };
    });
  });
});

interface Fused {
  readonly name: string;
  readonly inputs: readonly Signature[];
  /** Root first, then the chain. */
  build(inputs: readonly Value[]): Value[];
}

const FUSED: readonly Fused[] = [3, 6, 20, 70].flatMap((c): Fused[] => [
  {
    name: `maxPool2d of ${c} channels, plus a channel vector, sigmoid`,
    inputs: [batched(7, 6, c), single(c)],
    build([x, b]) {
      const pool = maxPool2d(x!, 2);
      const sum = add(pool, b!);
      return [pool, sum, sigmoid(sum)];
    },
  },
  {
    name: `trainable subsampling of ${c} channels`,
    inputs: [batched(6, 6, c), single(c), single(c)],
    build([x, w, b]) {
      const pool = avgPool2d(x!, 2, { divisor: 1 });
      const scaled = multiply(pool, w!);
      const sum = add(scaled, b!);
      return [pool, scaled, sum, tanh(sum)];
    },
  },
  {
    name: `conv2d to ${c} channels with bias, residual and relu`,
    inputs: [batched(5, 7, 3), single(3, 3, 3, c), single(c), batched(5, 7, c), single()],
    build([x, w, b, r, s]) {
      const conv = conv2d(x!, w!, { padding: 1 });
      const biased = add(conv, b!);
      const sum = add(r!, biased);
      const shifted = add(sum, s!);
      return [conv, biased, sum, shifted, relu(shifted)];
    },
  },
  {
    name: `grouped conv2d to ${2 * c} channels with bias and sigmoid`,
    inputs: [batched(4, 5, 4), single(3, 2, 2, 2 * c), single(2 * c), batched(2, 4, 2 * c)],
    build([x, w, b, r]) {
      const conv = conv2d(x!, w!, { groups: 2 });
      const biased = add(conv, b!);
      const sum = subtract(biased, r!);
      return [conv, biased, sum, sigmoid(sum)];
    },
  },
  {
    name: `linear to ${c} with bias, square and sigmoid`,
    inputs: [batched(2, 3, 5), single(30, c), single(c)],
    build([x, w, b]) {
      const product = linear(x!, w!);
      const sum = add(product, b!);
      const squared = square(sum);
      return [product, sum, squared, sigmoid(squared)];
    },
  },
]);

describe.each(MACHINES)("chains in stores for $target.name by $engine", ({ target, engine }) => {
  it.each(FUSED)("$name", ({ inputs: signatures, build }) => {
    const batch = 3;
    const inputs = leaves(new Graph(), signatures);
    const [root, ...chain] = build(inputs);
    for (const [i, node] of chain.entries()) expect(canFuse(node, chain[i - 1] ?? root!)).toBe(true);
    const result = chain[chain.length - 1]!;
    const feeds = feed(inputs, batch, 5);
    const [expected] = oracle(inputs, [result], feeds, batch);
    const fitting = STRATEGIES.filter((s) => s.fuses && s.ops.includes(root!.op.name) && s.accepts(root!, target));
    expect(fitting.length).toBeGreaterThan(0);
    for (const strategy of fitting) {
      const to = new TestLowering(target, batch);
      strategy.lower({ root: root!, chain, result }, to);
      const [actual] = named(strategy.name, () => to.run(feeds, [result], batch, { engine }));
      expect(`${strategy.name}: ${mismatch(actual!, expected!, 2e-5)}`).toBe(`${strategy.name}: undefined`);
    }
  });
});

/** Errors say which strategy they are from. */
function named<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

describe("what fits together", () => {
  it("names the ways in which an operand joins its result", () => {
    const image = batched(4, 5, 6);
    expect(operandKind(batched(4, 5, 6), image)).toBe("full");
    expect(operandKind(single(6), image)).toBe("channel");
    expect(operandKind(single(), image)).toBe("scalar");
    expect(operandKind(batched(), image)).toBe("sample");
    expect(operandKind(single(4, 5, 6), image)).toBe("unbatchedFull");
    expect(operandKind(single(5, 6), image)).toBe("suffix");
    expect(operandKind(single(5), image)).toBeUndefined();
    expect(operandKind(batched(6), image)).toBe("sampleChannel");
    expect(operandKind(batched(1, 1, 6), image)).toBe("sampleChannel");
    expect(operandKind(single(1, 1, 6), image)).toBe("channel");
    expect(operandKind(batched(1, 1), image)).toBe("sample");
    expect(operandKind(batched(5, 6), image)).toBeUndefined();
    expect(operandKind(batched(6), single(4, 5, 6))).toBeUndefined();
    expect(operandKind(single(6), single(6))).toBe("full");
    expect(operandKind({ ...single(6), dtype: "i32" }, image)).toBeUndefined();
  });

  it("melts what has the same layout, and nothing else", () => {
    const [x, b, t, s] = leaves(new Graph(), [batched(4, 4, 6), single(6), single(4, 4, 6), batched()]);
    const pool = maxPool2d(x!, 1);
    expect(canFuse(add(pool, b!), pool)).toBe(true);
    expect(canFuse(add(pool, x!), pool)).toBe(true);
    expect(canFuse(multiply(pool, pool), pool)).toBe(true);
    expect(canFuse(add(pool, t!), pool)).toBe(false);
    expect(canFuse(multiply(pool, s!), pool)).toBe(false);
    expect(canFuse(add(x!, b!), pool)).toBe(false);
  });

  it("says what chains compute as plain data", () => {
    const [x, b] = leaves(new Graph(), [batched(4, 4, 6), single(6)]);
    const of = (node: Value) => epilogueOf({ root: x!, chain: [node] }).epilogue;
    expect(of(subtract(x!, b!))).toMatchObject({
      inputs: ["channel"],
      steps: [{ op: "subtract", arguments: ["x", "0"] }],
    });
    expect(of(scale(x!, 2, 1)).steps).toEqual([
      { op: "scale", attributes: { factor: 2, offset: 1 }, arguments: ["x"] },
    ]);
    expect(epilogueOf({ root: x!, chain: [] }).epilogue).toEqual({ inputs: [], steps: [], registers: 0 });
  });
});
