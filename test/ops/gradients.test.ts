/** Every op that has a gradient, checked against central differences in float64 over random shapes. */
import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Op, Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { sizeOf } from "#fovea/graph/shape.js";
import type { Tensor } from "#fovea/graph/tensor.js";
import { ALL_OPS } from "#fovea/ops/all.js";
import { stopGradientOp } from "#fovea/ops/elementwise/arithmetic.js";
import { differentiate, multiply, sum } from "#fovea/ops/index.js";
import { feedsOf, type OpCase, opCases } from "../support/op-cases.js";
import { type Random, random } from "../support/random.js";

const CASES = 25;
const PROBES = 6;
const STEP = 1e-5;

it("has a generator of random cases for every op, and none for others", () => {
  expect(Object.keys(opCases).sort()).toEqual(ALL_OPS.map((op) => op.name).sort());
});

describe("central differences agree with the gradient of", () => {
  for (const op of ALL_OPS.filter((o) => o.gradient !== undefined && o !== stopGradientOp)) {
    it(op.name, () => {
      const rng = random(0x5eed ^ op.name.length ^ (op.name.charCodeAt(0) << 8));
      for (let i = 0; i < CASES; i++) checkCase(op, opCases[op.name]!(rng), rng.integer(1, 3), rng);
    });
  }
});

function checkCase(op: Op, c: OpCase, batch: number, rng: Random): void {
  const graph = new Graph();
  const inputs: Value[] = c.inputs.map((signature, i) => graph.input(`x${i}`, signature));
  const y = graph.add(op, c.attributes, inputs);
  // A random weighting, so that every output element counts differently.
  const weights = graph.input("weights", y);
  const loss = sum(multiply(y, weights), { batch: y.batched });
  const wrt = inputs.filter((v) => v.dtype === "f32");
  const gradients = differentiate(loss, wrt);
  const tensors: Record<string, Tensor> = Object.fromEntries(feedsOf(c, batch, rng).map((t, i) => [`x${i}`, t]));
  const shape = y.batched ? [batch, ...y.shape] : y.shape;
  tensors["weights"] = { shape, data: Float64Array.from({ length: sizeOf(shape) }, () => rng.normal()) };
  const analytic = evaluate(gradients, { inputs: tensors }, batch);
  // Without what is infinite: the maximum of a window that has no pixel.
  const lossAt = () => {
    const [result] = evaluate([y], { inputs: tensors }, batch);
    const weighted = tensors["weights"]!.data;
    return result!.data.reduce((total, v, i) => (Number.isFinite(v) ? total + v * weighted[i]! : total), 0);
  };
  for (const [i, w] of wrt.entries()) {
    const name = `x${inputs.indexOf(w)}`;
    const { data } = tensors[name]!;
    for (let probe = 0; probe < PROBES; probe++) {
      const at = rng.integer(0, data.length - 1);
      const before = data[at]!;
      data[at] = before + STEP;
      const above = lossAt();
      data[at] = before - STEP;
      const below = lossAt();
      data[at] = before;
      const numeric = (above - below) / (2 * STEP);
      const got = analytic[i]!.data[at]!;
      const tolerance = 1e-7 * Math.max(1, Math.abs(numeric)) + 1e-10 * Math.abs(lossAt());
      if (!(Math.abs(got - numeric) <= tolerance)) {
        expect.fail(
          `${op.name} ${JSON.stringify(c)} batch ${batch}: d/d${name}[${at}] is ${got}, numerically ${numeric}`,
        );
      }
    }
  }
}
