/** What is planned, against the growth of the resident size of a process by the first step. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";

const script = fileURLToPath(new URL("../../bench/fovea/memory.mjs", import.meta.url));

interface Growth {
  readonly planned: number;
  readonly growth: number;
  readonly plannedWithEvaluation?: number;
  readonly growthWithEvaluation?: number;
}

/** Of three processes the one in the middle: how much garbage the engine has left by then differs by a few megabytes from one to the next. */
async function measure(row: object): Promise<Growth> {
  const processes: Growth[] = [];
  for (let i = 0; i < 3; i++) {
    const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(row)]);
    processes.push(JSON.parse(stdout) as Growth);
  }
  return processes.sort((a, b) => a.growth - b.growth)[1]!;
}

/** What the child processes compute on. */
const isNative = (process.env["FOVEA_BACKEND"] ?? detectTargets()[0] ?? "wasm") !== "wasm";
/** Of other versions of Node, the engine takes a few megabytes more or less. */
const slack = process.versions.node.startsWith("20.") ? 0 : 10e6;
/** The engine compiles WebAssembly on threads and at times of its own: LeNet-5's step then grows by 43 to 54 MB from run to run. */
const part = isNative ? 0.1 : 0.2;
const isNear = (planned: number, growth: number) =>
  expect(Math.abs(planned - growth), `planned ${planned}, growth ${growth}`).toBeLessThan(part * growth + slack);

describe.skipIf(process.platform !== "linux")(
  "is within a tenth of what a process grows by, a fifth in WebAssembly",
  () => {
    it.each([
      ["lenet5", 128, 256],
      ["resnet20", 64, 128],
    ])("%s, training %i and classifying %i pictures at once", async (network, train, infer) => {
      const training = await measure({ network, what: "train", batch: train });
      isNear(training.planned, training.growth);
      isNear(training.plannedWithEvaluation!, training.growthWithEvaluation!);
      const inference = await measure({ network, what: "infer", batch: infer });
      isNear(inference.planned, inference.growth);
    });

    it("alexnet, whose weights are kept once", async () => {
      const { planned, growth } = await measure({ network: "alexnet", what: "infer", batch: 2 });
      isNear(planned, growth);
      // 61 million weights; both copies would be more than twice that. A WebAssembly memory gives no page back, so there both stay.
      expect(growth).toBeLessThan((isNative ? 1.5 : 2.5) * 4 * 61.1e6);
    });
  },
);
