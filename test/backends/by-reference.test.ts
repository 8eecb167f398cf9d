/** Every op of the package computed by its reference, without a kernel: in whole programs, beside fused and other ops, and in training. */
import { describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { InterpreterBackend } from "#fovea/devices/cpu/backends/interpreter.js";
import { Session } from "#fovea/devices/cpu/session.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { ALL_OPS } from "#fovea/ops/all.js";
import { AVX2 } from "#fovea/target/targets.js";
import { feedsOf, opCases } from "../support/op-cases.js";
import { random } from "../support/random.js";

const BATCH = 3;

describe("an op by its reference", async () => {
  const session = await Session.create({ backend: new InterpreterBackend(AVX2) as never, note: () => {}, check: true });
  for (const op of ALL_OPS) {
    it(`${op.name} gives float64's numbers, rounded`, async () => {
      const rng = random(op.name.length * 7919);
      for (let n = 0; n < 4; n++) {
        const c = opCases[op.name]!(rng);
        const graph = new Graph();
        const inputs = c.inputs.map((signature, i) => graph.input(`x${i}`, signature));
        const y = graph.add(op, c.attributes, inputs) as Value;
        const data = feedsOf(c, BATCH, rng);
        const expected = op.reference(data, c.attributes, y, BATCH);
        const program = compileEntry(
          { name: `${op.name} ${n}`, outputs: { y }, assigns: [] },
          { target: AVX2, maxBatch: BATCH, byReference: "all" },
        );
        expect(program.steps.map((step) => step.reference?.op)).toEqual([op.name]);
        const loaded = await session.load(program);
        const feeds = Object.fromEntries(
          data.map((t, i) => [
            `x${i}`,
            c.inputs[i]!.dtype === "f32" ? Float32Array.from(t.data) : Int32Array.from(t.data),
          ]),
        );
        const { y: actual } = await loaded.run(feeds, BATCH);
        expect([...actual!]).toEqual([...(y.dtype === "f32" ? Float32Array : Int32Array).from(expected.data)]);
        await loaded.unload();
      }
    });
  }
});
