/** Losses of each sample and their gradients, held to PyTorch's: in float64, and as WebAssembly. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openDevice } from "#fovea/devices/open.js";
import { Graph, type Value } from "#fovea/graph/graph.js";
import * as ops from "#fovea/ops/index.js";

interface Case {
  readonly name: string;
  readonly options: readonly unknown[];
  readonly x: readonly (readonly number[])[];
  readonly target: readonly (readonly number[])[] | null;
  readonly y: readonly number[];
  readonly gradient: readonly number[];
}

const fixture = JSON.parse(readFileSync(new URL("../fixtures/losses.json", import.meta.url), "utf8")) as {
  readonly weight: readonly number[];
  readonly cases: readonly Case[];
};
const calls = ops as unknown as Record<string, (...given: unknown[]) => Value>;

function expectNear(found: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(found[i]! - value), `number ${i} is ${found[i]}, expected ${value}`).toBeLessThanOrEqual(
      tolerance * Math.max(0.1, Math.abs(value)),
    );
}

describe.each(fixture.cases)("$name $options", ({ name, options, x, target, y, gradient }) => {
  it.each([
    ["reference", undefined, 2e-7],
    ["cpu", "wasm", 3e-6],
    ["cpu", undefined, 3e-6],
  ] as const)("is PyTorch's on %s %s", async (device, backend, tolerance) => {
    const [batch, classes] = [x.length, x[0]!.length];
    const graph = new Graph();
    const input = graph.input("x", { shape: [classes] });
    const given = target === null ? [input] : [input, graph.input("target", { shape: [classes] })];
    const weight = graph.input("weight", { shape: [classes], batched: false });
    const result = calls[name]!(...given, ...options.map((option) => (option === "weight" ? weight : option)));
    const dy = graph.input("dy", { shape: result.shape });
    const [dx] = ops.differentiate(ops.sum(ops.multiply(result, dy), { batch: true }), [input]);
    const opened = await openDevice({ device, backend, ...(device === "cpu" && { threads: 1 }), note: () => {} });
    try {
      const step = await opened.compile({ name, outputs: { result, dx: dx! }, assigns: [] }, { maxBatch: batch });
      const all: Record<string, readonly number[]> = {
        x: x.flat(),
        target: (target ?? []).flat(),
        weight: fixture.weight,
        dy: Array.from({ length: y.length }, (_, i) => (i + 1) / 4),
      };
      const inputs = Object.fromEntries(step.inputs.map((port) => [port.name, all[port.name]!]));
      const found = await step.run(inputs, batch);
      expectNear(found["result"]!, y, tolerance);
      expectNear(found["dx"]!, gradient, tolerance);
    } finally {
      await opened.close();
    }
  });
});

it("refuses what does not fit, and numbers out of range", () => {
  const graph = new Graph();
  const [x, other] = [graph.input("x", { shape: [3] }), graph.input("y", { shape: [1] })];
  expect(() => ops.absoluteError(x, other)).toThrow(
    "absoluteError: the target is Nx1, expected Nx3, as the prediction",
  );
  expect(() => ops.softCrossEntropy(x, other)).toThrow("the target is Nx1, expected Nx3, as the logits");
  expect(() => ops.huberLoss(x, x, 0)).toThrow("huberLoss: delta is 0, expected a number above 0");
  expect(() => ops.smoothL1Loss(x, x, -1)).toThrow("smoothL1Loss: beta is -1, expected a number above 0");
  expect(() => ops.focalLoss(x, x, { gamma: -1 })).toThrow("focalLoss: gamma is -1, expected a number from 0");
  expect(() => ops.diceLoss(x, x, -1)).toThrow("diceLoss: smooth is -1, expected a number from 0");
});
