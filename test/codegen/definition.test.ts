/** Kernels by definition and spec: what is part of their keys, and what can be no spec. */
import { describe, expect, expectTypeOf, it } from "vitest";
import { defineKernel, KernelCache, type KernelDefinition } from "#fovea/codegen/definition.js";
import { printKernel } from "#fovea/codegen/print.js";
import type { Value } from "#fovea/graph/graph.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, AVX512, WASM, WASM_RELAXED } from "#fovea/target/targets.js";

interface Fill {
  readonly value: number;
  readonly at?: number | undefined;
}

const fill = defineKernel<Fill>("fill one", {
  operands: [["y", "write"]],
  write: (k, { value, at = 0 }) => k.store(k.operand("y"), at, k.splat(value, k.target.lanes)),
});

describe("a kernel's key", () => {
  it("has its definition, its spec and all that code may depend on of its target", () => {
    expect(fill.key(AVX2, { value: -0, at: 4 })).toBe(
      'fill one {"value":-0,"at":4} for ["x64","avx2",8,[16,14,0],"fused",false,false,10,64,[32,16,192]]',
    );
    expect(fill.build(AVX2, { value: 1 }).key).toBe(fill.key(AVX2, { value: 1 }));
  });

  it("differs where any fact of the target does, and for no cache or cost, which no code is given", () => {
    const variants: Target[] = [
      AVX512,
      AVX2,
      WASM,
      WASM_RELAXED,
      { ...AVX2, name: "avx512" },
      { ...AVX2, lanes: 4 },
      { ...AVX2, isa: "arm64" },
      { ...AVX2, registers: { ...AVX2.registers, vector: 12 } },
      { ...AVX2, registers: { ...AVX2.registers, int: 10 } },
      { ...AVX2, registers: { ...AVX2.registers, mask: 7 } },
      { ...AVX2, fma: "separate" },
      { ...AVX2, foldsBroadcast: true },
      { ...AVX2, hoistsLoads: true },
      { ...AVX2, sumsInFlight: 8 },
      { ...AVX2, lineBytes: 128 },
      { ...AVX2, prefetching: { ...AVX2.prefetching, leastPerOutput: 64 } },
      { ...AVX2, prefetching: { ...AVX2.prefetching, leastPerPixel: 64 } },
      { ...AVX2, prefetching: { ...AVX2.prefetching, longestRun: 64 } },
    ];
    expect(Object.keys(AVX2)).toHaveLength(12); // a field of the target more needs a variant more
    const keys = new Set(variants.map((target) => fill.key(target, { value: 1 })));
    expect(keys.size).toBe(variants.length);
    const { vector, int, mask } = AVX2.registers;
    expect(fill.key({ ...AVX2, registers: { mask, int, vector } }, { value: 1 })).toBe(fill.key(AVX2, { value: 1 }));
    const slower: Target = { ...AVX2, caches: { ...AVX2.caches, l2: 2 ** 18 }, costs: { ...AVX2.costs, store: 3 } };
    expect(keys).toContain(fill.key(slower, { value: 1 }));
    const { target } = fill.build(slower, { value: 1 });
    expect(Object.keys(target)).not.toContain("caches");
    expect(Object.keys(target)).not.toContain("costs");
  });

  it("differs for numbers that JSON writes alike", () => {
    const specs = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((value) => ({ value }));
    expect(new Set(specs.map((spec) => fill.key(AVX2, spec))).size).toBe(5);
  });
});

it("a cache builds a kernel once for each spec and target", () => {
  const cache = new KernelCache();
  const first = cache.get(fill, AVX2, { value: 1 });
  expect(cache.get(fill, AVX2, { value: 1 })).toBe(first);
  expect(cache.get(fill, { ...AVX2 }, { value: 1 })).toBe(first);
  expect(cache.get(fill, { ...AVX2, registers: { ...AVX2.registers, vector: 15 } }, { value: 1 })).not.toBe(first);
  expect(printKernel(cache.get(fill, AVX2, { value: -0 }))).toContain("splat -0");
});

describe("what is no plain data", () => {
  const open = defineKernel<{ readonly x: object }>("open", { operands: [], write: () => {} });

  it.each([
    ["a function", () => 1],
    ["an instance of Map", new Map()],
    ["an instance of Set", new Set([1])],
  ])("is refused: %s", (what, x) => {
    const message = `kernel "open": what it is built from must be plain data: ${what} is no plain data`;
    expect(() => open.build(AVX2, { x })).toThrow(new TypeError(message));
    expect(() => new KernelCache().get(open, AVX2, { x })).toThrow(new TypeError(message));
  });

  it("is refused by its type, where that says so", () => {
    const code = { operands: [], write: () => {} };
    // @ts-expect-error a node of the graph has an op, which has functions
    defineKernel<{ readonly node: Value }>("of a node", code);
    // @ts-expect-error a function
    defineKernel<{ readonly f: () => number }>("of a function", code);
    // @ts-expect-error a function, further in
    defineKernel<{ readonly list: readonly { readonly f?: (x: number) => number }[] }>("of a list", code);
    expectTypeOf(defineKernel<Fill>("of a number", code)).toEqualTypeOf<KernelDefinition<Fill>>();
    // @ts-expect-error only defineKernel makes one
    const made: KernelDefinition<Fill> = {
      name: "made",
      key: () => "made",
      build: () => fill.build(AVX2, { value: 1 }),
    };
    expect(made.name).toBe("made");
  });
});
