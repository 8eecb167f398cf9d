/**
 * How much there is to encode: compiling takes time in proportion to the instructions of a program's kernels, and those of
 * LeNet-5's training step must be few enough for the tenth of a second that its first compile may take.
 */

import { describe, expect, it } from "vitest";
import type { Instr } from "#fovea/codegen/ir.js";
import { compileEntry } from "#fovea/compiler/compile.js";
import { create } from "#fovea/models/index.js";
import { AVX2, AVX512 } from "#fovea/target/targets.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { trainingEntries } from "#fovea/train/step.js";

function count(block: readonly Instr[]): number {
  let instructions = block.length;
  for (const i of block) {
    if (i.op === "loop" || i.op === "if") instructions += count(i.body);
    if (i.op === "if") instructions += count(i.otherwise);
  }
  return instructions;
}

describe("the kernels of LeNet-5's training step", () => {
  const { module, input } = create("lenet5");
  const { step } = trainingEntries(module, input, sgd({ lr: 0.1, momentum: 0.9 }));

  it.each([
    { target: AVX512, most: 5600, mostOfLinear: 1500 },
    { target: AVX2, most: 5000, mostOfLinear: 1200 },
  ])("have few instructions: $target.name", ({ target, most, mostOfLinear }) => {
    const { kernels } = compileEntry(step, { target, winograd: true, maxBatch: 64 });
    const counts = new Map<string, number>();
    for (const { name, body } of kernels) counts.set(name, (counts.get(name) ?? 0) + count(body));
    const all = [...counts.values()].reduce((a, b) => a + b, 0);
    expect(kernels.length).toBeLessThanOrEqual(44);
    // every product of a small linear layer has code for tiles of 16 samples and of 1, or of 8 and 1
    expect(counts.get("linear")).toBeLessThan(mostOfLinear);
    expect(all).toBeLessThan(most);
    expect(all).toBeGreaterThan(4000);
  });
});
