/**
 * Every op on every backend over random shapes against its float64 meaning: 500 shapes an op (fewer with FOVEA_SHAPES).
 * Cases are compiled in groups, so that one program holds several; check mode fills memory with NaN before each run and
 * looks at pad lanes after it.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { Session } from "#fovea/devices/cpu/session.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Tensor } from "#fovea/graph/tensor.js";
import { ALL_OPS } from "#fovea/ops/all.js";
import { feedsOf, opCases } from "../support/op-cases.js";
import { random } from "../support/random.js";

const SHAPES = Number(process.env["FOVEA_SHAPES"] ?? 500);
const TOGETHER = 25;
const native = detectTargets();

for (const backend of ["avx512", "avx2", "wasm"] as const) {
  describe.skipIf(backend !== "wasm" && !native.includes(backend))(`ops on ${backend}`, () => {
    let session: Session;
    beforeAll(async () => {
      session = await Session.create({ backend, threads: 1, check: true, note: () => {} });
    });
    afterAll(() => session.close());

    for (const op of ALL_OPS) {
      test(op.name, async () => {
        const rng = random(ALL_OPS.indexOf(op) + 1);
        for (let done = 0; done < SHAPES; done += TOGETHER) {
          const batch = rng.integer(1, 5);
          const graph = new Graph();
          const outputs: Record<string, Value> = {};
          const inputs: Record<string, Float64Array> = {};
          const expected: Record<string, { tensor: Tensor; text: string }> = {};
          for (let i = 0; i < Math.min(TOGETHER, SHAPES - done); i++) {
            const c = opCases[op.name]!(rng);
            const feeds = feedsOf(c, batch, rng);
            const values = c.inputs.map((signature, n) => graph.input(`case${i}.${n}`, signature));
            for (const [n, feed] of feeds.entries()) inputs[`case${i}.${n}`] = feed.data;
            const value = graph.scope(`case${i}`, () => graph.add(op, c.attributes, values));
            outputs[`out${i}`] = value as Value;
            expected[`out${i}`] = {
              tensor: op.reference(feeds, c.attributes, value, batch),
              text: JSON.stringify({ batch, inputs: c.inputs.map((s) => [s.shape, s.batched]), ...c.attributes }),
            };
          }
          const program = compileEntry(
            { name: op.name, outputs, assigns: [] },
            { target: session.target, maxBatch: batch },
          );
          const loaded = await session.load(program);
          const slot = await loaded.acquire();
          for (const { name } of program.inputs) slot.fill(name, Array.from(inputs[name]!));
          await slot.run(batch);
          for (const [name, { tensor, text }] of Object.entries(expected)) {
            expectClose(slot.output(name), tensor.data, `${op.name} on ${backend}: ${text}`);
          }
          slot.release();
          await loaded.unload();
        }
      });
    }
  });
}

/** Equal to 2e-5 of the largest magnitude; NaN and infinities in the same places. */
function expectClose(actual: ArrayLike<number>, wanted: Float64Array, what: string): void {
  expect(actual.length, what).toBe(wanted.length);
  const scale = wanted.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1e-3);
  for (let i = 0; i < wanted.length; i++) {
    const [a, w] = [actual[i]!, wanted[i]!];
    const equal = Number.isFinite(w) ? Math.abs(a - w) <= 2e-5 * scale : Object.is(a, w);
    if (!equal) throw new Error(`${what}: element ${i} is ${a}, expected ${w} (largest ${scale})`);
  }
}
