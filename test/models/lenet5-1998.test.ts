/** LeNet-5 as published: its parts against the paper, and its compiled programs against the float64 oracle. */
import { describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import type { BackendName } from "#fovea/devices/cpu/backends/backend.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { sizeOf } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import { initialWeights } from "#fovea/model/weights/weights.js";
import { C3_CONNECTIONS, DIGIT_CODES } from "#fovea/models/classification/lenet5-1998.js";
import * as models from "#fovea/models/index.js";
import { lossOf, type PartialConv2d, parametersOf, type Traced, trace } from "#fovea/nn/index.js";
import { conv2d, differentiate, mean } from "#fovea/ops/index.js";
import { random } from "../support/random.js";

const model = models.create("lenet5-1998");

it("has the paper's parameters, layer by layer", () => {
  const counts: Record<string, number> = {};
  for (const [name, { shape }] of parametersOf(model.module)) {
    const layer = name.slice(0, name.indexOf("."));
    counts[layer] = (counts[layer] ?? 0) + sizeOf(shape);
  }
  expect(counts).toEqual({ c1: 156, s2: 12, c3: 1_516, s4: 32, c5: 48_120, f6: 10_164 });
});

it("connects C3 by table I of the paper", () => {
  // A row for each map of S2, a column for each map of C3, as the table is printed.
  const printed = [
    "X   XXX  XXXX XX",
    "XX   XXX  XXXX X",
    "XXX   XXX  X XXX",
    " XXX  XXXX  X XX",
    "  XXX  XXXX XX X",
    "   XXX  XXXX XXX",
  ];
  const ours = printed.map((_, i) => C3_CONNECTIONS.map((seen) => (seen.includes(i) ? "X" : " ")).join(""));
  expect(ours).toEqual(printed);
  expect(C3_CONNECTIONS.flat()).toHaveLength(60);
});

it("has ten different codes of 7x12 numbers, -1 or 1", () => {
  expect(DIGIT_CODES.map((code) => code.length)).toEqual(new Array(10).fill(84));
  expect(new Set(DIGIT_CODES.flat())).toEqual(new Set([-1, 1]));
  for (const [i, a] of DIGIT_CODES.entries()) {
    for (const b of DIGIT_CODES.slice(0, i)) expect(a.filter((x, k) => x !== b[k]).length).toBeGreaterThanOrEqual(6);
  }
  // The top row of the 7 is all ink, the last one of the 4 has one pixel.
  expect(DIGIT_CODES[7]!.slice(0, 7)).toEqual([1, 1, 1, 1, 1, 1, 1]);
  expect(DIGIT_CODES[4]!.slice(-7)).toEqual([-1, -1, -1, -1, -1, 1, -1]);
});

it("starts within 2.4 / fan-in, by the fan-in of each map", () => {
  const weights = initialWeights(model.module, 1);
  const most = (name: string, pick = (_: number) => true) =>
    weights.get(name)!.data.reduce((m, x, i) => (pick(i) ? Math.max(m, Math.abs(x)) : m), 0);
  for (const [name, fanIn] of Object.entries({ c1: 25, s2: 4, s4: 4, c5: 400, f6: 120 })) {
    expect(most(`${name}.weight`)).toBeLessThanOrEqual(Math.fround(2.4 / fanIn));
  }
  expect(most("c5.weight")).toBeGreaterThan((0.99 * 2.4) / 400);
  // C3: map 0 sees three maps, map 15 all six. Of map 15's six kernels each is the last of its input map.
  const c3 = (model.module.children().find(([name]) => name === "c3")![1] as PartialConv2d).table;
  const kernels = (map: number) =>
    new Set(Array.from({ length: 6 }, (_, i) => c3[i * 16 + map]!).filter((n) => n >= 0));
  expect([kernels(0).size, kernels(15).size]).toEqual([3, 6]);
  expect(most("c3.weight", (i) => kernels(15).has(i % 60))).toBeLessThanOrEqual(Math.fround(2.4 / 150));
  const wide = most("c3.weight", (i) => kernels(0).has(i % 60));
  expect(wide).toBeGreaterThan(2.4 / 150);
  expect(wide).toBeLessThanOrEqual(Math.fround(2.4 / 75));
});

it("sees paper as -0.1 and ink as 1.175", () => {
  const { mean, std } = model.scaling!;
  expect((0 - mean[0]!) / std[0]!).toBeCloseTo(-0.1, 12);
  expect((1 - mean[0]!) / std[0]!).toBeCloseTo(1.175, 12);
});

it("refuses a j that is not above 0", () => {
  expect(() => models.create("lenet5-1998", { j: 0 })).toThrow("option j is 0, expected a number above 0");
});

it("computes C3 as a whole convolution whose unconnected kernels are zero", () => {
  const c3 = model.module.children().find(([name]) => name === "c3")![1] as PartialConv2d;
  const rng = random(5);
  const normal = (...shape: number[]) =>
    tensor(
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => rng.normal()),
    );
  const weight = normal(5, 5, 1, 60);
  const bias = normal(16);
  const x = normal(2, 14, 14, 6);
  const { output } = trace(c3, { input: [14, 14, 6], training: true });
  const [ours] = evaluate([output], { inputs: { input: x }, states: { weight, bias } }, 2);
  // The mask straight from the table: HWIO, the compact kernels ordered by input map, then output map.
  const whole = tensor([5, 5, 6, 16]);
  let n = 0;
  for (let i = 0; i < 6; i++) {
    for (let o = 0; o < 16; o++) {
      if (!C3_CONNECTIONS[o]!.includes(i)) continue;
      for (let tap = 0; tap < 25; tap++) whole.data[(tap * 6 + i) * 16 + o] = weight.data[tap * 60 + n]!;
      n++;
    }
  }
  const graph = new Graph();
  const input = graph.input("x", { shape: [14, 14, 6] });
  const full = conv2d(input, graph.state("w", "parameter", [5, 5, 6, 16]), { groups: 1 });
  const [expected] = evaluate([full], { inputs: { x }, states: { w: whole } }, 2);
  expect(ours!.shape).toEqual([2, 10, 10, 16]);
  for (const [i, value] of ours!.data.entries()) expect(value).toBeCloseTo(expected!.data[i]! + bias.data[i % 16]!, 10);
  expect([...c3.toWhole(Float32Array.from(weight.data))]).toEqual([...whole.data]);
  expect([...c3.fromWhole(Float32Array.from(whole.data))]).toEqual([...weight.data]);
  whole.data[3 * 16] = 0.5; // S2's map 3 is not seen by map 0
  expect(() => c3.fromWhole(Float32Array.from(whole.data))).toThrow("the kernel from map 3 to map 0 is not zero");
});

const native: readonly string[] = detectTargets();
describe.each(["avx512", "avx2", "wasm"] as const)("compiled for %s", (backend: BackendName) => {
  it.skipIf(backend !== "wasm" && !native.includes(backend))(
    "gives the oracle's outputs, loss and gradients",
    async () => {
      const traced = trace(model.module, { input: model.input, training: true });
      const { outputs, feeds } = everything(traced, 3);
      const expected = evaluate(Object.values(outputs), { inputs: feeds.inputs, states: feeds.states }, 3);
      const session = await Session.create({ backend, threads: 1, check: true, note: () => {} });
      const entry = { name: "all", outputs, assigns: [] };
      const program = await session.load(compileEntry(entry, { target: session.target, maxBatch: 3 }));
      for (const [name, { data }] of Object.entries(feeds.states))
        await session.writeState(name, Float32Array.from(data));
      const slot = await program.acquire();
      for (let run = 0; run < 2; run++) {
        for (const [name, { data }] of Object.entries(feeds.inputs)) slot.fill(name, Array.from(data));
        await slot.run(3);
        for (const [i, name] of Object.keys(outputs).entries()) {
          const found = slot.output(name);
          const wanted = expected[i]!.data;
          const largest = wanted.reduce((m, x) => Math.max(m, Math.abs(x)), 1e-3);
          for (const [k, x] of wanted.entries()) {
            if (!(Math.abs(found[k]! - x) <= 3e-5 * largest))
              expect.fail(`${name}[${k}] is ${found[k]}, expected ${x}`);
          }
        }
      }
      await session.close();
    },
  );
});

/** Outputs, losses and all gradients, on random pictures and initial weights. */
function everything(traced: Traced, batch: number) {
  const { graph, output, parameters } = traced;
  const labels = graph.input("labels", { shape: [], dtype: "i32" });
  const losses = lossOf(model.module.loss!, output, labels);
  const names = [...parameters.keys()];
  const gradients = differentiate(
    mean(losses, { batch: true }),
    names.map((name) => parameters.get(name)!.value),
  );
  const outputs: Record<string, Value> = { output, losses };
  for (const [i, name] of names.entries()) outputs[`d ${name}`] = gradients[i]!;
  const rng = random(9);
  const pixels = Float32Array.from({ length: batch * 1024 }, () => -0.1 + 1.275 * rng.uniform());
  const inputs: Record<string, Tensor> = {
    input: tensor([batch, 32, 32, 1], pixels),
    labels: tensor([batch], [7, 0, 3]),
  };
  const states: Record<string, Tensor> = {};
  for (const [name, { shape, data }] of initialWeights(model.module, 4)) states[name] = tensor(shape, data);
  return { outputs, feeds: { inputs, states } };
}
