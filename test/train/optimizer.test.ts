/** Optimisers as compiled programs, held to plain float64 arithmetic and to PyTorch's numbers. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { OptionError } from "#fovea/base/errors.js";
import { compileEntry } from "#fovea/compiler/compile.js";
import { Session } from "#fovea/devices/cpu/session.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { optimizerConfig, optimizerFrom } from "#fovea/train/defaults.js";
import { adam, adamw } from "#fovea/train/optimizers/adam.js";
import { makeOptimizer, OPTIMIZERS, type OptimizerName } from "#fovea/train/optimizers/index.js";
import { nadam } from "#fovea/train/optimizers/nadam.js";
import type { Optimizer } from "#fovea/train/optimizers/optimizer.js";
import { rmsprop } from "#fovea/train/optimizers/rmsprop.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";

/** The parameter after each step, from a program that takes the gradient as an input. */
async function steps(
  optimizer: Optimizer,
  start: readonly number[],
  gradients: readonly (readonly number[])[],
  backend?: "wasm",
): Promise<number[][]> {
  const graph = new Graph();
  const parameter = graph.state("p", "parameter", [start.length]);
  const gradient = graph.input("gradient", { shape: [start.length], batched: false });
  const scalars = new Map<string, Value>();
  const scalar = (name: string): Value => {
    const known = scalars.get(name) ?? graph.input(name, { shape: [], batched: false });
    scalars.set(name, known);
    return known;
  };
  const assigns = optimizer.update({ graph, name: "p", parameter, gradient, scalar });
  const session = await Session.create({ threads: 1, backend, note: () => {} });
  try {
    const program = compileEntry({ name: "update", outputs: {}, assigns }, { target: session.target, maxBatch: 1 });
    const loaded = await session.load(program);
    await session.writeState("p", start);
    const results: number[][] = [];
    for (const [i, gradientNow] of gradients.entries()) {
      const given: Record<string, readonly number[]> = { learningRate: [optimizer.lr] };
      for (const [name, value] of Object.entries(optimizer.scalars(i + 1))) given[name] = [value];
      const inputs = Object.fromEntries(program.inputs.map(({ name }) => [name, given[name] ?? gradientNow]));
      await loaded.run(inputs, 1);
      results.push([...(await session.readState("p"))]);
    }
    return results;
  } finally {
    await session.close();
  }
}

/** The largest difference, relative to 1. */
function furthest(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  expect(a.map((row) => row.length)).toEqual(b.map((row) => row.length));
  return Math.max(...a.flatMap((row, i) => row.map((value, j) => Math.abs(value - b[i]![j]!))));
}

it("sgd goes down the slope: worked by hand", async () => {
  expect(await steps(sgd({ lr: 0.5 }), [1, 2], [[1, -2]])).toEqual([[0.5, 3]]);
  // v = 1, p = 4 - 0.5; v = 0.5 + 1 = 1.5, p = 3.5 - 0.75; v = 0.75 + 0, p = 2.75 - 0.375
  expect(await steps(sgd({ lr: 0.5, momentum: 0.5 }), [4], [[1], [1], [0]])).toEqual([[3.5], [2.75], [2.375]]);
  // nesterov: v = 1, p = 4 - 0.5 (1 + 0.5); v = 1.5, p = 3.25 - 0.5 (1 + 0.75)
  expect(await steps(sgd({ lr: 0.5, momentum: 0.5, nesterov: true }), [4], [[1], [1]])).toEqual([[3.25], [2.375]]);
  // decay: g = 0 + 0.25 * 4
  expect(await steps(sgd({ lr: 0.5, weightDecay: 0.25 }), [4], [[0]])).toEqual([[3.5]]);
});

it("adam's first step is the learning rate against the sign of the gradient, whatever its size", async () => {
  const [first] = await steps(adam({ lr: 0.25, eps: 0 }), [1, 1, 1], [[100, -0.001, 3]]);
  for (const [i, expected] of [0.75, 1.25, 0.75].entries()) expect(first![i]).toBeCloseTo(expected, 6);
});

it("adamw takes decay off the parameter, not off the gradient", async () => {
  // The gradient is 0, so only the decay moves: 8 (1 - 0.5 * 0.25) each step.
  expect(await steps(adamw({ lr: 0.5, weightDecay: 0.25 }), [8], [[0], [0]])).toEqual([[7], [6.125]]);
});

interface Fixture {
  readonly start: number[];
  readonly gradients: number[][];
  readonly cases: {
    readonly name: OptimizerName;
    readonly options: Record<string, number | boolean | number[]>;
    readonly steps: { readonly step: number; readonly parameter: number[] }[];
  }[];
}

const fixture = JSON.parse(readFileSync(new URL("../fixtures/optimizers.json", import.meta.url), "utf8")) as Fixture;

it("every optimizer is held to PyTorch", () => {
  expect([...new Set(fixture.cases.map(({ name }) => name))].sort()).toEqual([...OPTIMIZERS].sort());
});

describe.each(fixture.cases)("$name $options", ({ name, options, steps: expected }) => {
  it("takes PyTorch's fifty steps", async () => {
    const { start, gradients } = fixture;
    for (const backend of [undefined, "wasm"] as const) {
      const all = await steps(makeOptimizer(name, options), start, gradients, backend);
      const found = expected.map(({ step }) => all[step - 1]!);
      expect(
        furthest(
          found,
          expected.map(({ parameter }) => parameter),
        ),
      ).toBeLessThan(2e-6);
    }
  });

  it("is the same after going through its configuration", () => {
    const optimizer = makeOptimizer(name, options);
    const again = optimizerFrom(JSON.parse(JSON.stringify(optimizerConfig(optimizer))));
    expect(again.options).toEqual(optimizer.options);
    expect([again.name, again.lr]).toEqual([name, optimizer.lr]);
    expect(optimizer.options).toMatchObject(options);
  });

  it("is refused where its configuration lacks an option that it always records", () => {
    const config = optimizerConfig(makeOptimizer(name, options));
    for (const option of Object.keys(makeOptimizer(name, { lr: 0.1 }).options)) {
      const { [option]: _, ...rest } = config;
      expect(() => optimizerFrom(rest as never, "run: optimizer")).toThrow(`run: optimizer: `);
    }
  });
});

it("refuses hyper-parameters out of range", () => {
  expect(() => sgd({ lr: -1 })).toThrow("sgd: lr is -1, expected a number at least 0");
  expect(() => sgd({ lr: 0.1, momentum: 1.5 })).toThrow("momentum is 1.5, expected a number from 0 to 1");
  expect(() => sgd({ lr: 0.1, nesterov: true })).toThrow("nesterov needs a momentum above 0");
  expect(() => sgd({ lr: 0.1, momentum: 0.9, dampening: 0.1, nesterov: true })).toThrow(
    "nesterov needs a dampening of 0",
  );
  expect(() => rmsprop({ alpha: 1 })).toThrow("rmsprop: alpha is 1, expected a number from 0 to less than 1");
  expect(() => nadam({ momentum_decay: 1 } as never)).toThrow('did you mean "momentumDecay"?');
  expect(() => optimizerFrom({ name: "adan" } as never)).toThrow('unknown optimizer name "adan"');
  expect(() => sgd({ lr: Number.NaN })).toThrow(OptionError);
  expect(() => adam({ betas: [2, 0.9] })).toThrow("adam: betas[0] is 2");
  // The running means would stay at zero, and the first step divide by zero.
  expect(() => adam({ betas: [0.9, 1] })).toThrow("adam: betas[1] is 1, expected a number from 0 to less than 1");
  expect(() => adam({ betas: [0.9] as never })).toThrow(
    "adam: betas is [0.9], expected two numbers, such as [0.9, 0.999]",
  );
  expect(() => adamw({ eps: -1e-8 })).toThrow("adamw: eps is -1e-8, expected a number at least 0");
  expect(() => adamw({ weightDecay: Number.POSITIVE_INFINITY })).toThrow("adamw: weightDecay is Infinity");
  expect(() => sgd({ lr: "0.1" as never })).toThrow('sgd: lr is "0.1", expected a number at least 0');
  expect(() => sgd({ lr: 0.1, weight_decay: 0.1 } as never)).toThrow(
    'unknown option of sgd "weight_decay"; did you mean "weightDecay"? (known: lr, momentum, dampening, weightDecay, nesterov)',
  );
  expect(() => sgd({ learningRate: 0.1 } as never)).toThrow('unknown option of sgd "learningRate"; did you mean "lr"?');
  expect(() => adam({ beta1: 0.9 } as never)).toThrow(
    'unknown option of adam "beta1"; here it is betas: [beta1, beta2] (known',
  );
  // As in PyTorch.
  expect([
    adam({ lr: 0, eps: 0, betas: [0, 0] }).lr,
    adam().options["weightDecay"],
    adamw().options["weightDecay"],
  ]).toEqual([0, 0, 0.01]);
});
