import { describe, expect, it } from "vitest";
import { WASM, WASM_RELAXED } from "#fovea/target/targets.js";
import { firstDifference, floatsOf, intsOf, runKernel, wasmFeatures } from "../support/kernels.js";
import { randomKernel } from "../support/random-kernel.js";

const modes = wasmFeatures.relaxed ? [WASM, WASM_RELAXED] : [WASM];

describe("the WebAssembly encoder", () => {
  it.each(modes)("gives the interpreter's bits on random kernels, $fma multiply-add", (target) => {
    for (let seed = 1; seed <= 500; seed++) {
      const { kernel, operands, range } = randomKernel(seed, target, { live: 12 });
      const expected = runKernel(kernel, "interpreter", operands, range);
      runKernel(kernel, "wasm", operands, range).forEach((actual, n) => {
        const at = firstDifference(actual, expected[n]!);
        const word = (bytes: Uint8Array) => `${floatsOf(bytes)[at]} (${intsOf(bytes)[at]})`;
        if (at >= 0)
          expect.fail(
            `seed ${seed}, "${kernel.operands[n]!.name}", word ${at}: wasm ${word(actual)}, interpreter ${word(expected[n]!)}`,
          );
      });
    }
  });
});
