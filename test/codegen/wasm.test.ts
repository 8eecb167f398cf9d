import { describe, expect, it } from "vitest";
import { buildKernel } from "#fovea/codegen/builder.js";
import { AVX2, WASM, WASM_RELAXED } from "#fovea/codegen/targets.js";
import { encodeWasm } from "#fovea/codegen/wasm/encode.js";
import { equalBits, firstDifference, floatsOf, intsOf, runKernel, wasmFeatures } from "../support/kernels.js";
import { randomKernel } from "../support/random-kernel.js";

describe("WebAssembly encoder", () => {
  it.each([
    ["separate", WASM],
    ["fused", WASM_RELAXED],
  ] as const)("gives the interpreter's bits on random kernels, %s multiply-add", (mode, target) => {
    if (mode === "fused" && !wasmFeatures.relaxed) return;
    for (let seed = 1; seed <= 400; seed++) {
      const { kernel, operands, range } = randomKernel(seed, target, { live: 12 });
      const expected = runKernel(kernel, "interpreter", operands, range);
      const actual = runKernel(kernel, "wasm", operands, range);
      actual.forEach((bytes, n) => {
        const at = firstDifference(bytes, expected[n]!);
        if (at >= 0)
          throw new Error(
            `seed ${seed}, operand "${kernel.operands[n]!.name}", word ${at}: wasm ${floatsOf(bytes)[at]} (${intsOf(bytes)[at]}), interpreter ${floatsOf(expected[n]!)[at]} (${intsOf(expected[n]!)[at]})`,
          );
      });
    }
  });
});
void [expect, buildKernel, AVX2, encodeWasm, equalBits];
