import { expect, test } from "vitest";
import { buildKernel } from "#fovea/codegen/builder/builder.js";
import { transposed } from "#fovea/kernels/language/transpose.js";
import type { Lanes } from "#fovea/target/target.js";
import { AVX512 } from "#fovea/target/targets.js";
import { floatsOf, runKernel } from "../support/kernels.js";

test.each<Lanes>([4, 8, 16])("a square of %i x %i is transposed", (lanes) => {
  const kernel = buildKernel(
    {
      key: "transpose",
      name: "transpose",
      target: AVX512,
      operands: [
        ["x", "read"],
        ["y", "write"],
      ],
    },
    (k) => {
      const rows = Array.from({ length: lanes }, (_, i) => k.load(k.operand("x"), 4 * lanes * i, lanes));
      for (const [i, row] of transposed(k, rows).entries()) k.store(k.operand("y"), 4 * lanes * i, row);
    },
  );
  const x = Float32Array.from({ length: lanes * lanes }, (_, i) => i);
  const y = floatsOf(runKernel(kernel, "interpreter", [x, new Float32Array(x.length)])[1]!);
  expect(Array.from(y)).toEqual(Array.from(x, (_, i) => (i % lanes) * lanes + Math.floor(i / lanes)));
});
