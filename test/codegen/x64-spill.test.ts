/** Kernels that hold more than any machine has registers give the interpreter's bits all the same. */
import { describe, expect, it } from "vitest";
import { buildKernel, type KernelBuilder } from "#fovea/codegen/builder/builder.js";
import type { Reg } from "#fovea/codegen/ir.js";
import { encodeX64, spillsOnX64 } from "#fovea/codegen/x64/encode.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, AVX512 } from "#fovea/target/targets.js";
import { floatsOf, runKernel } from "../support/kernels.js";
import { available, bytesOf, runNative } from "./x64-run.js";

const COUNT = 40;

const KERNELS: Readonly<Record<string, (k: KernelBuilder, target: Target) => void>> = {
  accumulators(k, { lanes }) {
    const [x, y] = [k.operand("x"), k.operand("y")];
    const sums = Array.from({ length: COUNT }, (_, n) => k.acc(n, lanes));
    k.loop(0, 7, (i) => {
      const from = k.ptrAdd(x, k.mul(i, 4));
      const factor = k.broadcast(from, 0, lanes);
      for (const [n, sum] of sums.entries()) k.fmaTo(sum, k.load(from, 4 * n, lanes), factor);
    });
    for (const [n, sum] of sums.entries()) k.store(y, 64 * n, sum);
  },
  constants(k, { lanes }) {
    const [x, y] = [k.operand("x"), k.operand("y")];
    const constants = Array.from({ length: COUNT }, (_, n) => k.splat(n + 0.5, lanes));
    k.loop(0, 3, (i) => {
      const into = k.ptrAdd(y, k.mul(i, 64 * COUNT));
      for (const [n, c] of constants.entries()) k.store(into, 64 * n, k.fma(c, k.load(x, 4 * n, lanes), c));
    });
  },
  masks(k, { lanes }) {
    const [x, y] = [k.operand("x"), k.operand("y")];
    const limit = k.load(x, 0, lanes);
    const masks = Array.from({ length: COUNT }, (_, n) => k.cmp("lt", k.load(x, 4 * n, lanes), limit));
    const zero = k.splat(0, lanes);
    k.loop(0, 2, (i) => {
      const into = k.ptrAdd(y, k.mul(i, 64 * COUNT));
      for (const [n, mask] of masks.entries()) k.store(into, 64 * n, k.select(mask, limit, zero));
    });
  },
  scalarMasks(k) {
    const [x, y] = [k.operand("x"), k.operand("y")];
    const limit = k.load(x, 0, 1);
    const masks = Array.from({ length: COUNT }, (_, n) => k.cmp("lt", k.load(x, 4 * n, 1), limit));
    for (const [n, mask] of masks.entries()) k.storeMasked(y, 4 * n, limit, mask);
  },
  ints(k) {
    const [x, y] = [k.operand("x"), k.operand("y")];
    const values: Reg[] = [k.begin, k.end, k.batch];
    for (let n = 0; n < COUNT; n++) values.push(k.add(k.mul(k.batch, n + 1), k.loadInt(x, 4 * n)));
    k.loop(k.begin, k.end, (i) => {
      let sum: Reg = i;
      for (const v of values) sum = k.max(k.add(sum, v), k.sub(v, sum));
      k.storeInt(k.ptrAdd(y, k.mul(i, 4)), 0, sum);
    });
    for (const [n, v] of values.entries()) k.storeInt(y, 64 + 4 * n, v);
  },
};

describe("kernels of more values than registers", () => {
  for (const target of [AVX512, AVX2]) {
    for (const [name, write] of Object.entries(KERNELS)) {
      const operands = [
        ["x", "read"],
        ["y", "readwrite"],
      ] as const;
      const kernel = buildKernel({ key: name, name, target, operands }, (k) => write(k, target));
      it(`keeps ${name} in the frame: ${target.name}`, () => {
        expect(spillsOnX64(kernel)).toBe(true);
        expect(encodeX64(kernel).length).toBeGreaterThan(0);
      });
      it.skipIf(!available.includes(target.name))(`gives the interpreter's bits for ${name}: ${target.name}`, () => {
        const x =
          name === "ints"
            ? bytesOf(Int32Array.from({ length: 64 }, (_, n) => n * 7 - 50))
            : bytesOf(Float32Array.from({ length: 64 }, (_, n) => ((n * 37) % 61) / 7 - 3));
        const memory = [x, bytesOf(new Float32Array(3 * 16 * COUNT))];
        const range = { begin: 2, end: 9, batch: 5 };
        const expected = runKernel(kernel, "interpreter", memory, range);
        runNative(kernel, memory, range);
        expect(floatsOf(memory[1]!)).toEqual(floatsOf(expected[1]!));
      });
    }
  }
});
