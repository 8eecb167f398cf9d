import { describe, expect, test } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { Graph } from "#fovea/graph/graph.js";
import { add } from "#fovea/ops/index.js";

/** Twice its input of a shape, as a program for batches up to 2. */
async function twice(shape: readonly number[], use: (program: Awaited<ReturnType<Session["load"]>>) => Promise<void>) {
  const session = await Session.create({ backend: "wasm", threads: 1, note: () => {} });
  try {
    const graph = new Graph();
    const x = graph.input("x", { shape });
    const entry = { name: "twice", outputs: { y: add(x, x) }, assigns: [] };
    await use(await session.load(compileEntry(entry, { target: session.target, maxBatch: 2 })));
  } finally {
    await session.close();
  }
}

describe("slot.samples", () => {
  // With four lanes, 27 numbers take 28, and five channels eight.
  test.each([
    { shape: [2, 4, 1], adjacent: false, stride: 8, own: true },
    { shape: [3, 3, 3], adjacent: false, stride: 28, own: true },
    { shape: [3, 3, 3], adjacent: true, stride: 27, own: false },
    { shape: [2, 2, 5], adjacent: false, stride: 20, own: false },
  ])("$shape, adjacent: $adjacent", async ({ shape, adjacent, stride, own }) => {
    await twice(shape, async (program) => {
      const slot = await program.acquire();
      const samples = slot.samples("x", 2, adjacent);
      expect(samples.stride).toBe(stride);
      expect(samples.numbers === slot.input("x")).toBe(own);
      const size = shape.reduce((a, b) => a * b);
      for (let n = 0; n < 2; n++) for (let i = 0; i < size; i++) samples.numbers[n * stride + i] = 100 * n + i;
      samples.done();
      await slot.run(2);
      const expected = [0, 100].flatMap((first) => Array.from({ length: size }, (_, i) => 2 * (first + i)));
      expect([...slot.output("y")]).toEqual(expected);
      slot.release();
    });
  });
});
