/** Threads that have called machine code serve one team, or one profile, after the other; the rest end. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { profile } from "#fovea/analysis/profile/profile-node.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { createClassifier } from "#fovea/model/classifier.js";
import { untrained } from "#fovea/model/trained-model.js";
import { create } from "#fovea/models/index.js";

const threads = () => readdirSync("/proc/self/task");

/** Answers by three threads, which are closed then. */
async function answers(backend: "avx512" | "avx2" | "wasm"): Promise<number[]> {
  const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
  const model = untrained(create("resnet20"), {
    data: { shape: [32, 32, 3], classes, mean: [0, 0, 0], std: [1, 1, 1] },
  });
  const classify = await createClassifier(model, { backend, threads: 3 });
  const picture = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => i % 251);
  const answered = await classify.all(new Array(8).fill(picture));
  await classify.close();
  return answered.map(({ probabilities }) => probabilities[0]!);
}

test.skipIf(process.platform !== "linux" || detectTargets().length === 0)(
  "a team takes the threads of the one before it, with the same answers",
  async () => {
    const backend = detectTargets()[0]!;
    const first = await answers(backend);
    const before = new Set(threads());
    const second = await answers(backend);
    const third = await answers(backend);
    expect([second, third]).toEqual([first, first]);
    expect(threads().filter((id) => !before.has(id))).toEqual([]);
    // Two teams at once have threads of their own.
    const both = await Promise.all([answers(backend), answers(backend)]);
    expect(both).toEqual([first, first]);
  },
);

test.skipIf(process.platform !== "linux" || detectTargets().length === 0)(
  "a profile takes the threads of the one before it",
  async () => {
    const options = { backend: detectTargets()[0]!, threads: 2, repeats: 1, batch: 1, what: ["infer"] as const };
    const first = await profile(create("lenet5"), options);
    const before = new Set(threads());
    const second = await profile(create("lenet5"), options);
    expect(threads().filter((id) => !before.has(id))).toEqual([]);
    for (const { machine, programs } of [first, second]) {
      expect(machine.threads).toBe(2);
      expect(programs[0]!.rows.every(({ milliseconds }) => milliseconds > 0)).toBe(true);
    }
  },
);
