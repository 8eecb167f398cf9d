/** Barriers that a run may leave out: where, and that every number of threads gives the same bits with and without them. */
import { describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import type { Program } from "#fovea/compiler/program.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { predictionEntry } from "#fovea/model/prediction.js";
import { create } from "#fovea/models/index.js";
import { AVX512 } from "#fovea/target/targets.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { trainingEntries } from "#fovea/train/step.js";
import { random } from "../support/random.js";

const lenet = create("lenet5");
const { step } = trainingEntries(lenet.module, lenet.input, sgd({ lr: 0.1, momentum: 0.9 }));

/** Labels of the steps that begin with a barrier: those that stay, and those that may be left out. */
function barriers({ steps }: Program) {
  const of = (spared: boolean) =>
    steps.filter((s) => s.barrier && (s.sparesBarrier === true) === spared).map(({ label }) => label);
  return { kept: of(false), spared: of(true) };
}

describe("barriers", () => {
  it("are left out of a forward pass, and stay where samples are summed", () => {
    const { kept, spared } = barriers(compileEntry(step, { target: AVX512, maxBatch: 64 }));
    expect(spared.slice(0, 4).map((label) => label.split(" ")[0])).toEqual(["conv2", "fc1", "fc2", "fc3"]);
    expect(kept.some((label) => label.startsWith("conv1 conv2d"))).toBe(true); // waits for the panels of weights
    expect(kept.some((label) => label.startsWith("conv2 conv2dWeightGrad"))).toBe(true);
    expect(kept.length).toBeLessThanOrEqual(10);
  });

  it("stay where a value takes another's place", () => {
    const { module, input } = create("vgg11");
    const program = compileEntry(predictionEntry(module, input).entry, { target: AVX512, maxBatch: 16 });
    const { kept, spared } = barriers(program);
    expect(kept.length).toBeGreaterThan(spared.length);
  });

  it("change no bit, whether the batch falls evenly on the threads or not", async () => {
    const found = new Map<number, Float32Array[]>();
    for (const threads of [1, 2, 3, 4]) {
      const session = await Session.create({ threads, note: () => {} });
      try {
        const loaded = await session.load(compileEntry(step, { target: session.target, maxBatch: 128 }), { slots: 1 });
        const slot = await loaded.acquire();
        const rng = random(5);
        for (const { name, layout } of session.states())
          if (name.endsWith("weight") || name.endsWith("bias"))
            await session.writeState(
              name,
              Float32Array.from({ length: layout.rows * layout.channels }, () => 0.1 * rng.normal()),
            );
        const results: Float32Array[] = [];
        for (const batch of [128, 128, 96, 64, 64, 63, 16, 1]) {
          slot.fill(
            "input",
            Float32Array.from({ length: batch * 28 * 28 }, () => rng.normal()),
          );
          slot.fill(
            "labels",
            Int32Array.from({ length: batch }, () => rng.integer(0, 9)),
          );
          slot.fill("learningRate", [0.05]);
          for (let again = 0; again < 5; again++) await slot.run(batch);
          results.push((slot.output("loss") as Float32Array).slice());
        }
        for (const { name } of session.states()) results.push((await session.readState(name)) as Float32Array);
        found.set(threads, results);
      } finally {
        await session.close();
      }
    }
    for (const threads of [2, 3, 4]) expect(found.get(threads)).toEqual(found.get(1));
    expect(found.get(1)!.every((numbers) => numbers.every(Number.isFinite))).toBe(true);
  });
});
