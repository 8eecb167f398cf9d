import { describe, expect, it } from "vitest";
import { buildKernel, type KernelBuilder } from "#fovea/codegen/builder/builder.js";
import type { Kernel, Reg } from "#fovea/codegen/ir.js";
import { encodeX64 } from "#fovea/codegen/x64/encode.js";
import { exp, gelu, geluSlope, log, maxNaN, scaledTanh, sigmoid, tanh } from "#fovea/kernels/language/math.js";
import { normalDistribution } from "#fovea/ops/elementwise/gelu.js";
import type { FmaMode, Lanes } from "#fovea/target/target.js";
import { AVX2, AVX512, WASM, WASM_RELAXED } from "#fovea/target/targets.js";
import { equalBits, floatsOf, nativeTargets, Random, runKernel, wasmFeatures } from "../support/kernels.js";

type Emit = (k: KernelBuilder, x: Reg) => Reg;

/** y[i] = f(x[i]) for `count` values, a multiple of 16. */
function kernelOf(f: Emit, target = WASM, lanes: Lanes = 4): Kernel {
  return buildKernel(
    {
      key: `${f.name} ${target.name} ${target.fma} ${lanes}`,
      name: f.name,
      target,
      operands: [
        ["x", "read"],
        ["y", "write"],
      ],
    },
    (k) => {
      const [x, y] = [k.operand("x"), k.operand("y")];
      k.loop(k.begin, k.end, (i) => {
        const at = k.mul(i, 4 * lanes);
        k.store(k.ptrAdd(y, at), 0, f(k, k.load(k.ptrAdd(x, at), 0, lanes)));
      });
    },
  );
}

const modes: readonly FmaMode[] = wasmFeatures.relaxed ? ["fused", "separate"] : ["separate"];
const targets = { fused: WASM_RELAXED, separate: WASM };

function apply(f: Emit, values: Float32Array, mode: FmaMode): Float32Array {
  const padded = new Float32Array(Math.ceil(values.length / 4) * 4);
  padded.set(values);
  const range = { begin: 0, end: padded.length / 4, batch: 1 };
  const out = runKernel(kernelOf(f, targets[mode]), "wasm", [padded, new Float32Array(padded.length)], range);
  return floatsOf(out[1]!).subarray(0, values.length);
}

/** The distance of `actual` from `exact` in units in the last place of a float32 of exact's size. */
function ulps(actual: number, exact: number): number {
  const rounded = Math.fround(exact);
  if (Object.is(actual, rounded)) return 0;
  if (!Number.isFinite(rounded)) return actual === rounded ? 0 : Infinity;
  const exponent = exact === 0 ? -126 : Math.max(-126, Math.floor(Math.log2(Math.abs(exact))));
  return Math.abs(actual - exact) / 2 ** (exponent - 23);
}

function worst(f: Emit, exact: (x: number) => number, values: Float32Array, mode: FmaMode): [ulps: number, at: number] {
  const results = apply(f, values, mode);
  let most = 0;
  let at = 0;
  values.forEach((x, n) => {
    const error = ulps(results[n]!, exact(x));
    if (!(error <= most)) [most, at] = [error, x];
  });
  return [most, at];
}

/** Evenly spaced values, and values evenly spaced in bits (so in logarithm), of both signs. */
function sweep(least: number, most: number, count: number): Float32Array {
  const even = Float32Array.from({ length: count }, (_, n) => least + ((most - least) * n) / (count - 1));
  const stride = Math.floor(0x7f800000 / count);
  const bits = Int32Array.from({ length: 2 * count }, (_, n) => stride * (n >> 1) + (n & 1 ? -0x80000000 : 0));
  const every = Array.from(new Float32Array(bits.buffer)).filter((x) => x >= least && x <= most);
  return Float32Array.from([...even, ...every]);
}

const sigmoidOf = (x: number) => Math.exp(x) / (1 + Math.exp(x));

describe.each(modes)("vector math, %s multiply-add", (mode) => {
  it.each([
    { f: exp, exact: Math.exp, least: -105, most: 88.8, limit: 1.1 },
    { f: log, exact: Math.log, least: 2 ** -149, most: 3.4e38, limit: 0.9 },
    { f: tanh, exact: Math.tanh, least: -12, most: 12, limit: 2.6 },
    { f: sigmoid, exact: sigmoidOf, least: -104, most: 30, limit: 2.3 },
    { f: scaledTanh, exact: (x: number) => 1.7159 * Math.tanh((2 * x) / 3), least: -15, most: 15, limit: 3.7 },
  ])("$f.name errs by at most $limit ulp", ({ f, exact, least, most, limit }) => {
    const [wide, at] = worst(f, exact, sweep(least, most, 150_000), mode);
    const [near, nearAt] = worst(f, exact, sweep(f === log ? 0.5 : -1.5, 2, 100_000), mode);
    expect(wide, `at ${at}`).toBeLessThanOrEqual(limit);
    expect(near, `at ${nearAt}`).toBeLessThanOrEqual(limit);
    // And not by nothing: a sweep that compares a thing with itself would pass also.
    expect(wide).toBeGreaterThan(0.5);
  });

  it("gives exact values and limits", () => {
    const at = (f: Emit, ...values: number[]) => Array.from(apply(f, Float32Array.from(values), mode));
    const tiny = 2 ** -149;
    expect(at(exp, 0, -0, 1, -Infinity, Infinity, Number.NaN)).toEqual([1, 1, Math.fround(Math.E), 0, Infinity, NaN]);
    expect(at(exp, 88.73, 1e30, -103.97, -104.5, -1e30, tiny)).toEqual([Infinity, Infinity, tiny, 0, 0, 1]);
    expect(at(exp, -90)[0]).toBeCloseTo(Math.exp(-90), 44); // 8.2e-40, a denormal
    expect(at(log, 1, 2, 0, -0, -1, Infinity)).toEqual([0, Math.fround(Math.LN2), -Infinity, -Infinity, NaN, Infinity]);
    expect(at(log, Number.NaN, -Infinity, tiny)).toEqual([NaN, NaN, Math.fround(-149 * Math.LN2)]);
    expect(at(tanh, 0, -0, tiny, -tiny, 1e-20)).toEqual([0, -0, tiny, -tiny, Math.fround(1e-20)]);
    expect(at(tanh, 9.1, -9.1, Infinity, -Infinity, 3e38, Number.NaN)).toEqual([1, -1, 1, -1, 1, NaN]);
    expect(at(sigmoid, 0, -0, Infinity, -Infinity, 40, -110)).toEqual([0.5, 0.5, 1, 0, 1, 0]);
    expect(at(sigmoid, Number.NaN, 3e38, -3e38)).toEqual([NaN, 1, 0]);
    // LeCun's function passes through 1 at 1, to four places.
    expect(at(scaledTanh, 1)[0]).toBeCloseTo(1, 4);
    expect(at(scaledTanh, -0, Infinity, -Infinity)).toEqual([-0, Math.fround(1.7159), -Math.fround(1.7159)]);
  });

  it("errs in gelu by at most 2.1e-7 of x, and in its lower tail by 4e-7 + 8e-8 x^2 of itself", () => {
    const values = Float32Array.from({ length: 100_000 }, (_, n) => -12 + (24 * n) / 99_999);
    const results = apply(gelu, values, mode);
    const slopes = apply(geluSlope, values, mode);
    let [share, tail, slope] = [0, 0, 0];
    values.forEach((x, n) => {
      const exact = normalDistribution(x);
      share = Math.max(share, Math.abs(results[n]! / x - exact));
      if (x < 0) tail = Math.max(tail, Math.abs(results[n]! / (x * exact) - 1) / (4e-7 + 8e-8 * x * x));
      const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
      slope = Math.max(slope, Math.abs(slopes[n]! - exact - x * density));
    });
    expect(share).toBeLessThan(2.1e-7);
    expect(tail).toBeLessThan(1);
    expect(slope).toBeLessThan(2.5e-7);
    const at = (...x: number[]) => Array.from(apply(gelu, Float32Array.from(x), mode));
    expect(at(0, 20, -20, Infinity, Number.NaN)).toEqual([0, 20, -0, Infinity, NaN]);
  });

  it("has an odd tanh that stays within 1", () => {
    const values = sweep(0, 12, 100_000).map(Math.abs);
    for (const f of [tanh, scaledTanh]) {
      const plus = apply(f, values, mode);
      const minus = apply(
        f,
        values.map((x) => -x),
        mode,
      );
      expect(plus.findIndex((y, n) => !Object.is(y, -minus[n]!))).toBe(-1);
      const bound = f === tanh ? 1 : Math.fround(1.7159);
      expect(plus.findIndex((y) => !(y <= bound))).toBe(-1);
    }
  });

  it("gives the same bits in any lane width, in the interpreter as in WebAssembly and machine code", () => {
    const values = new Random(5).oddFloats(512);
    const range = (lanes: number) => ({ begin: 0, end: values.length / lanes, batch: 1 });
    for (const f of [exp, log, tanh, sigmoid, scaledTanh, gelu, geluSlope]) {
      const operands = [values, new Float32Array(values.length)];
      const target = { ...AVX512, fma: mode };
      const wide = runKernel(kernelOf(f, target, 16), "interpreter", operands, range(16))[1]!;
      expect(equalBits(wide, runKernel(kernelOf(f, targets[mode], 4), "wasm", operands, range(4))[1]!)).toBe(true);
      expect(equalBits(wide, runKernel(kernelOf(f, targets[mode], 1), "wasm", operands, range(1))[1]!)).toBe(true);
      if (mode === "separate") continue;
      for (const native of [AVX512, AVX2].filter((t) => nativeTargets.includes(t.name)))
        for (const lanes of [1, 4, 8, 16] as const) {
          if (lanes > native.lanes) continue;
          const out = runKernel(kernelOf(f, native, lanes), "native", operands, range(lanes))[1]!;
          expect(equalBits(wide, out), `${f.name} on ${native.name}, ${lanes} lanes`).toBe(true);
        }
    }
  });
});

describe("registers", () => {
  it.each([
    { f: exp, needs: 3 },
    { f: log, needs: 6 },
    { f: tanh, needs: 3 },
    { f: sigmoid, needs: 3 },
    { f: scaledTanh, needs: 3 },
    { f: gelu, needs: 4 },
    { f: geluSlope, needs: 4 },
  ])("$f.name leaves all but $needs to accumulators", ({ f, needs }) => {
    for (const target of [AVX512, AVX2]) {
      const { lanes, registers } = target;
      const kernel = buildKernel({ key: "", name: "waiting", target, operands: [["x", "readwrite"]] }, (k) => {
        const x = k.operand("x");
        const waiting = Array.from({ length: registers.vector - needs }, (_, n) => k.load(x, 64 * n, lanes));
        waiting.forEach((v, n) => {
          k.store(x, 64 * n, f(k, v));
        });
      });
      expect(() => encodeX64(kernel)).not.toThrow();
    }
  });
});

describe("maxNaN", () => {
  it("is the larger value, or NaN where either is", () => {
    const a = Float32Array.of(1, 2, Number.NaN, 3, -Infinity, -1, 0, 5);
    const b = Float32Array.of(2, 1, 3, Number.NaN, -5, -2, -0, Infinity);
    const against = (k: KernelBuilder, x: Reg) => maxNaN(k, x, k.load(k.operand("b"), 0, 16));
    const kernel = buildKernel(
      {
        key: "max",
        name: "max",
        target: AVX512,
        operands: [
          ["a", "read"],
          ["b", "read"],
          ["y", "write"],
        ],
      },
      (k) => k.store(k.operand("y"), 0, against(k, k.load(k.operand("a"), 0, 16))),
    );
    const pad = (v: Float32Array) => Float32Array.from([...v, ...v]);
    const out = runKernel(kernel, "interpreter", [pad(a), pad(b), new Float32Array(16)]);
    expect(Array.from(floatsOf(out[2]!).subarray(0, 8))).toEqual([2, 2, NaN, NaN, -5, -1, 0, Infinity]);
  });
});
