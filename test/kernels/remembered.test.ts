import { expect, test } from "vitest";
import { Graph } from "#fovea/graph/graph.js";
import { remembered } from "#fovea/kernels/contract/remembered.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, WASM } from "#fovea/target/targets.js";

test("a plan is made once for a node and what it depends on, and anew where anything differs", () => {
  const graph = new Graph();
  const [x, y] = [graph.input("x", { shape: [3] }), graph.input("y", { shape: [3] })];
  const asked: string[] = [];
  const planOf = remembered((node, target: Target, samples = 9) => {
    asked.push(`${node.id} ${target.name} ${samples}`);
    return { samples };
  });
  const first = planOf(x, WASM);
  expect(planOf(x, WASM)).toBe(first);
  expect(planOf(y, WASM)).not.toBe(first);
  expect(planOf(x, WASM)).toBe(first);
  expect(planOf(x, AVX2)).not.toBe(first);
  // Only the latest plan of a node is kept, and an argument that is left out differs from one that is given.
  expect(planOf(x, WASM)).toEqual(first);
  expect(planOf(x, WASM, 9)).toEqual(first);
  expect(planOf(x, WASM, 2)).toEqual({ samples: 2 });
  expect(planOf(x, WASM, 2)).toEqual({ samples: 2 });
  const [a, b] = [x.id, y.id];
  expect(asked).toEqual([`${a} wasm 9`, `${b} wasm 9`, `${a} avx2 9`, `${a} wasm 9`, `${a} wasm 9`, `${a} wasm 2`]);
});

test("that a node is not accepted is remembered, too", () => {
  const x = new Graph().input("x", { shape: [3] });
  let asked = 0;
  const planOf = remembered((_, _target: Target) => {
    asked++;
    return undefined;
  });
  expect([planOf(x, WASM), planOf(x, WASM)]).toEqual([undefined, undefined]);
  expect(asked).toBe(1);
});
