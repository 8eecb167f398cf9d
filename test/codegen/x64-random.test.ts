import { describe, expect, it } from "vitest";
import { AVX2, AVX512 } from "#fovea/codegen/targets.js";
import { KernelError } from "#fovea/errors.js";
import { firstDifference, floatsOf, intsOf, runKernel } from "../support/kernels.js";
import { randomKernel } from "../support/random-kernel.js";
import { available, runNative } from "./x64-run.js";

const KERNELS = 600;

// How many vectors a kernel keeps alive, so that few are refused.
const cases = [
  [AVX512, 14],
  [AVX2, 6],
] as const;

describe("x86-64 encoder on random kernels", () => {
  for (const [target, live] of cases) {
    it.skipIf(!available.includes(target.name))(`gives the interpreter's bits: ${target.name}`, () => {
      let refused = 0;
      for (let seed = 1; seed <= KERNELS; seed++) {
        const { kernel, operands, range } = randomKernel(seed, target, { live });
        const expected = runKernel(kernel, "interpreter", operands, range);
        const actual = operands.map((o) => o.slice());
        try {
          runNative(kernel, actual, range, seed % 2 === 0 ? "end" : "start");
        } catch (error) {
          if (!(error instanceof KernelError) || !/registers at once/.test(error.message)) throw error;
          refused++;
          continue;
        }
        actual.forEach((bytes, n) => {
          const at = firstDifference(bytes, expected[n]);
          if (at >= 0)
            throw new Error(
              `seed ${seed}, operand "${kernel.operands[n].name}", word ${at}: ${target.name} ${floatsOf(bytes)[at]} ` +
                `(${intsOf(bytes)[at]}), interpreter ${floatsOf(expected[n])[at]} (${intsOf(expected[n])[at]})`,
            );
        });
      }
      expect(refused).toBeLessThan(KERNELS / 10);
    });
  }
});
