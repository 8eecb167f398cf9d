/** Losses, metrics, dropout and its random numbers by hand. */
import { describe, expect, it } from "vitest";
import { philoxReference as philox4x32 } from "#fovea/base/random.js";
import { Graph } from "#fovea/graph/graph.js";
import { keepScale, saltOf } from "#fovea/ops/dropout.js";
import * as ops from "#fovea/ops/index.js";
import { type Given, labels, numbers, rows, run, runWithGradients } from "../support/run-op.js";

const LN = Math.log;

describe("cross-entropy", () => {
  it("of equal logits is log K, and its gradient the softmax less one at the label", () => {
    const { y, gradients } = runWithGradients([rows([0, 0, 0, 0], [LN(3), 0, 0, 0]), labels(2, 0)], [1, 6], (x, t) =>
      ops.crossEntropy(x!, t!),
    );
    expect(y.data[0]).toBeCloseTo(LN(4), 12);
    expect(y.data[1]).toBeCloseTo(LN(2), 12);
    const expected = [0.25, 0.25, -0.75, 0.25, -3, 1, 1, 1];
    for (const [i, g] of expected.entries()) expect(gradients[0]!.data[i]).toBeCloseTo(g, 12);
  });
  it("does not overflow", () => {
    const y = run([rows([1000, 0], [-1000, -1000]), labels(1, 0)], (x, t) => ops.crossEntropy(x!, t!));
    expect(y.data[0]).toBe(1000);
    expect(y.data[1]).toBeCloseTo(LN(2), 12);
  });
  it("has a loss for each position of a sample", () => {
    const x = { shape: [1, 2, 2], data: [0, 0, LN(3), 0] };
    const t: Given = { shape: [1, 2], data: [0, 1], dtype: "i32" };
    const y = run([x, t], (v, u) => ops.crossEntropy(v!, u!));
    expect(y.shape).toEqual([1, 2]);
    expect(y.data[1]).toBeCloseTo(LN(4), 12);
  });
  it("is NaN for a label that is no class, in loss and gradient", () => {
    for (const bad of [-1, 3]) {
      const { y, gradients } = runWithGradients([rows([1, 2, 3], [0, 0, 0]), labels(bad, 1)], [1, 1], (x, t) =>
        ops.crossEntropy(x!, t!),
      );
      expect(y.data[0]).toBeNaN();
      expect(y.data[1]).toBeCloseTo(LN(3), 12);
      expect(numbers(gradients[0]!).map(Number.isNaN)).toEqual([true, true, true, false, false, false]);
    }
  });
  it("says what does not fit", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [10] });
    const t = graph.input("t", { shape: [10], dtype: "i32" });
    expect(() => ops.crossEntropy(x, t)).toThrow("labels are Nx10, expected N for logits of Nx10");
    expect(() => ops.crossEntropy(x, x)).toThrow("labels is of type f32, expected i32");
  });
});

describe("softmax", () => {
  it("by hand, with its gradient", () => {
    const { y, gradients } = runWithGradients([rows([LN(1), LN(3)], [700, 700])], [1, 0, 0, 1], (x) => ops.softmax(x!));
    for (const [i, p] of [0.25, 0.75, 0.5, 0.5].entries()) expect(y.data[i]).toBeCloseTo(p, 12);
    for (const [i, g] of [0.1875, -0.1875, -0.25, 0.25].entries()) expect(gradients[0]!.data[i]).toBeCloseTo(g, 12);
  });
});

describe("mean squared error", () => {
  it("by hand, with both gradients", () => {
    const { y, gradients } = runWithGradients([rows([1, 2], [3, 4]), rows([0, 0], [3, 6])], [1, 10], (p, t) =>
      ops.meanSquaredError(p!, t!),
    );
    expect(numbers(y)).toEqual([2.5, 2]);
    expect(numbers(gradients[0]!)).toEqual([1, 2, 0, -20]);
    expect(numbers(gradients[1]!).map((g) => g + 0)).toEqual([-1, -2, 0, 20]);
  });
});

describe("metrics", () => {
  it("take the first maximum, and NaN for one", () => {
    const x = rows([1, 3, 3], [0, Number.NaN, 9], [5, 5, 5]);
    expect(numbers(run([x], (v) => ops.argmax(v!)))).toEqual([1, 1, 0]);
    expect(numbers(run([x, labels(1, 2, 0)], (v, t) => ops.correct(v!, t!)))).toEqual([1, 0, 1]);
  });
  it("have no gradient", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [3] });
    const t = graph.input("t", { shape: [], dtype: "i32" });
    const accuracy = graph.scope("head", () => ops.mean(ops.correct(x, t), { batch: true }));
    expect(() => ops.differentiate(accuracy, [x])).toThrow("correct(head): has no gradient");
  });
});

describe("Philox4x32-10", () => {
  it("gives the known answers of Random123", () => {
    const hex = (words: readonly number[]) => words.map((w) => w.toString(16).padStart(8, "0")).join(" ");
    expect(hex(philox4x32([0, 0, 0, 0], [0, 0]))).toBe("6627e8d5 e169c58d bc57ac4c 9b00dbd8");
    expect(hex(philox4x32([-1, -1, -1, -1], [-1, -1]))).toBe("408f276d 41c83b0e a20bc7c6 6d5451fd");
    expect(hex(philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]))).toBe(
      "d16cfe09 94fdcceb 5001e420 24126ea1",
    );
  });
});

describe("dropout", () => {
  const key: Given = { shape: [3], data: [1, 2, 3], batched: false, dtype: "i32" };
  const ones: Given = { shape: [4, 5000], data: new Float64Array(20_000).fill(1) };
  it("keeps 1 - p of the elements and scales them, the gradient with the same mask", () => {
    const dy = new Float64Array(20_000).fill(2);
    const { y, gradients } = runWithGradients([ones, key], dy, (x, k) => ops.dropout(x!, k!, { p: 0.25, salt: 7 }));
    const kept = y.data.filter((v) => v !== 0);
    // Four standard deviations of a binomial.
    expect(Math.abs(kept.length - 15_000)).toBeLessThan(4 * Math.sqrt(20_000 * 0.25 * 0.75));
    expect(new Set(kept)).toEqual(new Set([keepScale(0.25)]));
    expect(keepScale(0.25)).toBe(Math.fround(4 / 3));
    expect(numbers(gradients[0]!)).toEqual(numbers(y).map((v) => 2 * v));
  });
  it("is Philox at counter (element, sample, step, 0) and key (seed ^ salt, seed)", () => {
    const x: Given = { shape: [2, 3], data: [1, 1, 1, 1, 1, 1] };
    const y = run([x, key], (v, k) => ops.dropout(v!, k!, { p: 0.5, salt: 0x80000001 }));
    const words = [0, 1].flatMap((n) => [0, 1, 2].map((e) => philox4x32([e, n, 3, 0], [(1 ^ 0x80000001) >>> 0, 2])[0]));
    expect(numbers(y)).toEqual(words.map((w) => ((w >>> 8) / 2 ** 24 >= 0.5 ? 2 : 0)));
  });
  it("changes with step, seed, salt and sample", () => {
    const masks = [
      { data: [1, 2, 3], salt: 7 },
      { data: [1, 2, 4], salt: 7 },
      { data: [9, 2, 3], salt: 7 },
      { data: [1, 9, 3], salt: 7 },
      { data: [1, 2, 3], salt: saltOf("conv1") },
    ].map(({ data, salt }) => run([ones, { ...key, data }], (x, k) => ops.dropout(x!, k!, { p: 0.5, salt })));
    expect(new Set(masks.map((m) => m.data.slice(0, 64).join(""))).size).toBe(5);
    expect(masks[0]!.data.slice(0, 64)).not.toEqual(masks[0]!.data.slice(5000, 5064));
  });
});
