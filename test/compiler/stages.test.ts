import { describe, expect, test } from "vitest";
import { atOnce } from "#fovea/base/steps.js";
import type { Kernel } from "#fovea/codegen/ir.js";
import { compilationSteps, compileEntry } from "#fovea/compiler/compile.js";
import { type Emission, NO_TIME, StepSink } from "#fovea/compiler/emission.js";
import { models } from "#fovea/index.js";
import { WASM } from "#fovea/target/targets.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { trainingEntries } from "#fovea/train/step.js";

const unit = (strategy: string) => ({ strategy, isPacking: false, nodes: [] });
const kernel = { name: "copy", operands: [{ name: "from" }, { name: "into" }] } as unknown as Kernel;
const buffer = (id: number) => ({ id, label: `b${id}`, fixedBytes: 64, sampleBytes: 0 });

describe("StepSink", () => {
  const main: Emission = { section: "main", label: "conv1", unit: unit("direct"), cost: { fixed: 1, perSample: 2 } };

  test("the first step of an emission carries its cost, whatever is emitted for others in between", () => {
    const sink = new StepSink();
    const step = sink.for(main);
    const packing = sink.for({ ...main, section: "first", unit: unit("panel"), cost: { fixed: 9, perSample: 0 } });
    packing(kernel, [buffer(0), buffer(1)], { count: 1 });
    step(kernel, [buffer(1), buffer(2)], { count: 4 });
    packing(kernel, [buffer(0), buffer(1)], { count: 2 });
    step(kernel, [buffer(2), buffer(3)], { count: 5 });
    const told = (section: "first" | "main" | "prepare") =>
      sink.drafts[section].map((draft) => [draft.unit.strategy, draft.label, draft.pieces.count, draft.nanoseconds]);
    expect(told("main")).toEqual([
      ["direct", "conv1", 4, { fixed: 1, perSample: 2 }],
      ["direct", "conv1", 5, NO_TIME],
    ]);
    expect(told("first")).toEqual([
      ["panel", "conv1", 1, { fixed: 9, perSample: 0 }],
      ["panel", "conv1", 2, NO_TIME],
    ]);
    expect(told("prepare")).toEqual([]);
  });

  test("an emission that failed leaves nothing behind for the next", () => {
    const sink = new StepSink();
    expect(() => sink.for(main)(kernel, [buffer(0)], { count: 1 })).toThrow("conv1: kernel copy has 2 operands, got 1");
    sink.for({ ...main, section: "prepare", label: "fc" })(kernel, [buffer(0), buffer(1)], { count: 1 });
    expect(sink.drafts.main).toEqual([]);
    expect(sink.drafts.prepare.map((draft) => draft.label)).toEqual(["fc"]);
  });
});

test("the stages of a training step: units, their drafts by section, and a program of as many steps", () => {
  const { module, input } = models.create("lenet5");
  const { step } = trainingEntries(module, input, sgd({ lr: 0.1 }));
  const options = { target: WASM, maxBatch: 4 };
  const { live, units, drafts, program } = atOnce(compilationSteps(step, options));
  expect(program.steps.map(({ label }) => label)).toEqual(compileEntry(step, options).steps.map(({ label }) => label));
  expect(drafts.first.length + drafts.main.length).toBe(program.steps.length);
  expect(drafts.prepare.length).toBe(program.prepare.length);
  // A training step changes the weights, so that their panels stand at its head.
  expect(drafts.first.length).toBeGreaterThan(0);
  expect(drafts.first.every((draft) => draft.unit.isPacking)).toBe(true);
  expect(live.nodes.length).toBeGreaterThan(units.length);
  const direct = units.filter(({ strategy }) => strategy?.name === "direct").length;
  const lowered = new Set(drafts.main.filter((draft) => draft.unit.strategy === "direct").map((draft) => draft.label));
  expect(lowered.size).toBe(direct);
});
