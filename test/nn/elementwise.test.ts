/** Activations and elementwise functions, held to PyTorch's values and gradients: in float64, and as compiled for this machine and WebAssembly. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Device } from "#fovea/devices/device.js";
import { openDevice } from "#fovea/devices/open.js";
import { Graph, type Value } from "#fovea/graph/graph.js";
import * as nn from "#fovea/nn/index.js";
import { trace } from "#fovea/nn/trace.js";
import * as ops from "#fovea/ops/index.js";
import { numbers, rows, runWithGradients } from "../support/run-op.js";

interface Found {
  readonly name: string;
  readonly y: readonly number[];
  readonly gradients: readonly (readonly number[])[];
}
interface Fixture {
  readonly x: readonly number[];
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly layers: readonly (Found & { readonly options: object | null; readonly weight?: readonly number[] })[];
  readonly functions: readonly (Found & { readonly options: readonly unknown[] })[];
  readonly binary: readonly Found[];
}

const fixture = JSON.parse(readFileSync(new URL("../fixtures/elementwise.json", import.meta.url), "utf8")) as Fixture;

const upstream = (count: number) => Array.from({ length: count }, (_, i) => (i + 1) / 4);

/** Of numbers in float64, or in float32 where `backend` computes. */
async function compute(given: readonly (readonly number[])[], make: (...values: Value[]) => Value, backend?: string) {
  const count = given[0]!.length;
  const dy = upstream(count);
  if (backend === undefined) {
    const { y, gradients } = runWithGradients(
      given.map((data) => rows([...data])),
      dy,
      make,
    );
    return { y: numbers(y), gradients: gradients.map(numbers) };
  }
  const graph = new Graph();
  const values = given.map((_, i) => graph.input(`x${i}`, { shape: [count] }));
  const y = make(...values);
  const loss = ops.sum(ops.multiply(y, graph.input("dy", { shape: [count] })), { batch: true });
  const gradients = ops.differentiate(loss, values);
  const device: Device = await openDevice({ backend: backend as "wasm", threads: 1, note: () => {} });
  try {
    const outputs = { y, ...Object.fromEntries(gradients.map((g, i) => [`g${i}`, g])) };
    const step = await device.compile({ name: "op", outputs, assigns: [] }, { maxBatch: 1 });
    const inputs = Object.fromEntries(given.map((data, i) => [`x${i}`, data]));
    const found = await step.run(step.inputs.some(({ name }) => name === "dy") ? { ...inputs, dy } : inputs);
    return { y: [...found["y"]!], gradients: given.map((_, i) => [...found[`g${i}`]!]) };
  } finally {
    await device.close();
  }
}

function expectNear(found: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(found[i]! - value), `number ${i} is ${found[i]}, expected ${value}`).toBeLessThanOrEqual(
      tolerance * Math.abs(value) + tolerance * 1e-3,
    );
}

const WAYS = [
  [undefined, 5e-8],
  ["wasm", 2e-6],
] as const;

async function expectPyTorch(
  { y, gradients }: Found,
  given: readonly (readonly number[])[],
  make: (...v: Value[]) => Value,
) {
  for (const [backend, tolerance] of WAYS) {
    const found = await compute(given, make, backend);
    expectNear(found.y, y, tolerance);
    for (const [i, gradient] of gradients.entries()) expectNear(found.gradients[i]!, gradient, tolerance);
  }
}

type Maker = (options?: object) => nn.Module;
const layers = nn as unknown as Record<string, Maker>;
const functions = ops as unknown as Record<string, (...given: unknown[]) => Value>;

describe("as PyTorch has them", () => {
  it.each(fixture.layers.filter(({ name }) => name !== "prelu"))("nn.$name $options", async (found) => {
    const layer = layers[found.name]!(found.options ?? undefined);
    await expectPyTorch(found, [fixture.x], (x) => layer.forward(x!) as Value);
  });
  it.each(fixture.functions)("ops.$name $options", async (found) => {
    await expectPyTorch(found, [fixture.x], (x) => functions[found.name]!(x, ...found.options));
  });
  it.each(fixture.binary)("ops.$name", async (found) => {
    await expectPyTorch(found, [fixture.a, fixture.b], (a, b) => functions[found.name]!(a, b));
  });

  it("nn.prelu learns its slope", async () => {
    const found = fixture.layers.find(({ name }) => name === "prelu")!;
    const count = fixture.x.length;
    const { graph, output } = trace(nn.prelu(), { input: [count], training: true });
    const dy = graph.input("dy", { shape: [count] });
    const loss = ops.sum(ops.multiply(output, dy), { batch: true });
    const slope = graph.states[0]!;
    const [gradient] = ops.differentiate(loss, [slope]);
    const device = await openDevice({ backend: "wasm", threads: 1, note: () => {} });
    const step = await device.compile({ name: "prelu", outputs: { output, gradient: gradient! }, assigns: [] });
    await device.writeState(slope.attributes.name, [0.25]);
    const results = await step.run({ input: fixture.x as number[], dy: upstream(count) });
    expectNear([...results["output"]!], found.y, 1e-6);
    expectNear([...results["gradient"]!], found.weight!, 1e-6);
    await device.close();
  });
});

describe("by hand", () => {
  const x = (...data: number[]) => rows(data);
  it("comparisons give 1 and 0, and repeat what is smaller", () => {
    const compare = (make: (a: Value, b: Value) => Value) =>
      numbers(
        runWithGradients([x(1, 2, 3), x(2, 2, 2)], [1, 1, 1], (a, b) => ops.add(make(a!, b!), ops.scale(a!, 0))).y,
      );
    expect(compare(ops.greater)).toEqual([0, 0, 1]);
    expect(compare(ops.greaterEqual)).toEqual([0, 1, 1]);
    expect(compare(ops.less)).toEqual([1, 0, 0]);
    expect(compare(ops.lessEqual)).toEqual([1, 1, 0]);
    expect(compare(ops.equal)).toEqual([0, 1, 0]);
    expect(compare(ops.notEqual)).toEqual([1, 0, 1]);
    const graph = new Graph();
    const [wide, narrow] = [graph.input("w", { shape: [4, 3] }), graph.input("n", { shape: [3], batched: false })];
    // The node repeats its second input: less of the narrow one is greater of the wide one.
    expect(ops.less(narrow, wide).op.name).toBe("greater");
    expect(ops.less(narrow, wide).shape).toEqual([4, 3]);
  });
  it("where sends the gradient to what was chosen, and sums it over what was repeated", () => {
    const one = { shape: [1], data: [10], batched: false };
    const { y, gradients } = runWithGradients([x(1, 0, 2), x(5, 6, 7), one], [1, 2, 4], (c, a, b) =>
      ops.where(c!, a!, b!),
    );
    expect(numbers(y)).toEqual([5, 10, 7]);
    expect(gradients.map(numbers)).toEqual([[0, 0, 0], [1, 0, 4], [2]]);
  });
  it("refuses bounds and options that make no sense", () => {
    const graph = new Graph();
    const value = graph.input("x", { shape: [3] });
    expect(() => ops.clip(value)).toThrow("clip: has no bounds, expected min, max or both");
    expect(() => ops.clip(value, { min: 2, max: 1 })).toThrow(
      "clip: min is 2 and max 1, expected min to be at most max",
    );
    expect(() => ops.leakyRelu(value, Number.NaN)).toThrow("leakyRelu: slope is NaN, expected a finite number");
    expect(() => ops.softplus(value, { beta: 0 })).toThrow("softplus: beta is 0, expected a number above 0");
    expect(() => nn.hardTanh({ min: 1, max: 0 })).toThrow("hardTanh: min is 1 and max 0");
    expect(() => nn.leakyRelu({ negative_slope: 0.1 } as never)).toThrow(
      'unknown option of leakyRelu "negative_slope"',
    );
    expect(() => nn.elu(true as never)).toThrow("elu: its options is true");
    expect(() => nn.gelu({ approximate: "erf" as never })).toThrow('approximate is "erf", expected "none" or "tanh"');
    expect(() => nn.prelu({ channels: 0 })).toThrow("prelu: channels is 0, expected a whole number of at least 1");
    expect(nn.leakyRelu(0.2)).toBeInstanceOf(nn.Activation);
  });
});
