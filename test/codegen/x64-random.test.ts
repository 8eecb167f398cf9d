import { describe, expect, it } from "vitest";
import { encodeX64, spillsOnX64 } from "#fovea/codegen/x64/encode.js";
import { AVX2, AVX512 } from "#fovea/target/targets.js";
import { firstDifference, floatsOf, intsOf, runKernel } from "../support/kernels.js";
import { randomKernel } from "../support/random-kernel.js";
import { available, runNative } from "./x64-run.js";

const KERNELS = 400;

// How many vectors a kernel keeps alive, and how many registers the target says it has: from all in registers to most in the frame.
const cases = [
  ["avx512", AVX512, 14],
  ["avx512 of few registers", { ...AVX512, registers: { vector: 8, int: 4, mask: 7 } }, 14],
  ["avx2", AVX2, 6],
  ["avx2 of few registers", { ...AVX2, registers: { vector: 8, int: 4, mask: 0 } }, 14],
] as const;

describe("x86-64 encoder on random kernels", () => {
  for (const [name, target, live] of cases) {
    it.skipIf(!available.includes(target.name))(`gives the interpreter's bits: ${name}`, () => {
      for (let seed = 1; seed <= KERNELS; seed++) {
        const { kernel, operands, range } = randomKernel(seed, target, { live });
        const expected = runKernel(kernel, "interpreter", operands, range);
        const actual = operands.map((o) => o.slice());
        runNative(kernel, actual, range, seed % 2 === 0 ? "end" : "start");
        actual.forEach((bytes, n) => {
          const at = firstDifference(bytes, expected[n]);
          if (at >= 0)
            throw new Error(
              `seed ${seed}, operand "${kernel.operands[n].name}", word ${at}: ${name} ${floatsOf(bytes)[at]} ` +
                `(${intsOf(bytes)[at]}), interpreter ${floatsOf(expected[n])[at]} (${intsOf(expected[n])[at]})`,
            );
        });
      }
    });
    it(`encodes them on every machine: ${name}`, () => {
      let spilled = 0;
      for (let seed = 1; seed <= KERNELS; seed++) {
        const { kernel } = randomKernel(seed, target, { live });
        expect(encodeX64(kernel).length).toBeGreaterThan(0);
        if (spillsOnX64(kernel)) spilled++;
      }
      // Each case is what its name says.
      if (name === target.name) expect(spilled).toBeLessThan(KERNELS / 10);
      else expect(spilled).toBeGreaterThan(KERNELS / 10);
    });
  }
});
