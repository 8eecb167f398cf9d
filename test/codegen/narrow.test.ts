/** Loads and stores of elements of 8 and 16 bits on every target: all patterns, tricky numbers, every way of masking. */
import { describe, expect, it } from "vitest";
import { bytesOfElement, type NarrowType } from "#fovea/base/element-type.js";
import { KernelError } from "#fovea/base/errors.js";
import { buildKernel, type KernelBuilder } from "#fovea/codegen/builder/builder.js";
import type { Access, Kernel } from "#fovea/codegen/ir.js";
import { printKernel } from "#fovea/codegen/print.js";
import { encodeWasm } from "#fovea/codegen/wasm/encode.js";
import { encodeX64 } from "#fovea/codegen/x64/encode.js";
import type { Lanes, Target } from "#fovea/target/target.js";
import { AVX2, AVX512, WASM } from "#fovea/target/targets.js";
import { type Half, isNaNHalf, narrowed, TRICKY_BITS, widened } from "../support/halves.js";
import { type Engine, nativeTargets, Random, runKernel, wasmFeatures } from "../support/kernels.js";
import { runNative } from "./x64-run.js";

const TYPES = ["f16", "bf16", "i8", "u8"] as const satisfies readonly NarrowType[];
const ENGINES: readonly (readonly [name: string, Engine, Target, runs: boolean])[] = [
  ["the interpreter", "interpreter", AVX512, true],
  ["avx512", "native", AVX512, nativeTargets.includes("avx512")],
  ["avx2", "native", AVX2, nativeTargets.includes("avx2")],
  ["wasm", "wasm", WASM, wasmFeatures.simd],
];
const widthsOf = (target: Target) => ([1, 4, 8, 16] as const).filter((lanes) => lanes <= target.lanes);

function kernelOf(target: Target, operands: Record<string, Access>, write: (k: KernelBuilder) => void): Kernel {
  return buildKernel({ key: "narrow", name: "narrow", target, operands: Object.entries(operands) }, write);
}

const isHalf = (type: NarrowType): type is Half => type === "f16" || type === "bf16";

/** The lane that an element of these bits becomes: a float, or an integer. */
function lane(type: NarrowType, bits: number): number {
  if (isHalf(type)) return widened(type, bits);
  return type === "i8" && bits > 127 ? bits - 256 : bits;
}

/** The element that a lane of these bits becomes; undefined for a NaN. */
function element(type: NarrowType, bits: number): number | undefined {
  if (isHalf(type)) return narrowed(type, bits);
  const [least, most] = type === "i8" ? [-128, 127] : [0, 255];
  return (bits < least ? least : bits > most ? most : bits) & 255;
}

const elementsOf = (type: NarrowType, bytes: Uint8Array): Uint16Array | Uint8Array =>
  bytesOfElement(type) === 2 ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2) : bytes;
const lanesOf = (type: NarrowType, { buffer, byteOffset, byteLength }: Uint8Array): Float32Array | Int32Array =>
  isHalf(type)
    ? new Float32Array(buffer, byteOffset, byteLength / 4)
    : new Int32Array(buffer, byteOffset, byteLength / 4);

function expectElement(type: NarrowType, found: number, bits: number): void {
  const expected = element(type, bits);
  if (expected === undefined ? !isNaNHalf(type as Half, found) : found !== expected)
    expect.fail(`${type} of lane 0x${(bits >>> 0).toString(16)} is 0x${found.toString(16)}, expected ${expected}`);
}

/** Numbers for the lanes: those with an edge nearby, for bytes also all around their range. */
function lanesToStore(type: NarrowType): Int32Array {
  const bytes = Array.from({ length: 800 }, (_, n) => n - 400);
  const all = [...TRICKY_BITS, ...(isHalf(type) ? [] : [...bytes, 0x7fffffff, -0x80000000, 40000, -40000, 65536])];
  return Int32Array.from({ length: Math.ceil(all.length / 16) * 16 }, (_, n) => all[n % all.length]!);
}

describe.each(ENGINES)("%s", (_, engine, target, runs) => {
  const cases = TYPES.flatMap((type) => widthsOf(target).map((lanes) => [type, lanes] as const));

  it.skipIf(!runs).each(cases)("widens every pattern: %s, %i lanes", (type, lanes) => {
    const size = bytesOfElement(type);
    const kernel = kernelOf(target, { x: "read", y: "write" }, (k) => {
      k.loop(k.begin, k.end, (i) => {
        const from = k.ptrAdd(k.operand("x"), k.mul(i, size * lanes));
        k.store(k.ptrAdd(k.operand("y"), k.mul(i, 4 * lanes)), 0, k.loadAs(type, from, 0, lanes));
      });
    });
    const count = 256 ** size;
    const x =
      size === 2 ? new Uint8Array(Uint16Array.from({ length: count }, (_, n) => n).buffer) : new Uint8Array(256);
    if (size === 1) for (let n = 0; n < count; n++) x[n] = n;
    const [, y] = runKernel(kernel, engine, [x, new Uint8Array(4 * count)], { begin: 0, end: count / lanes, batch: 1 });
    lanesOf(type, y!).forEach((found, bits) => {
      if (!Object.is(found, lane(type, bits))) expect.fail(`0x${bits.toString(16)} is ${found}`);
    });
  });

  it.skipIf(!runs).each(cases)("narrows tricky numbers: %s, %i lanes", (type, lanes) => {
    const size = bytesOfElement(type);
    const kernel = kernelOf(target, { x: "read", y: "write" }, (k) => {
      k.loop(k.begin, k.end, (i) => {
        const from = k.ptrAdd(k.operand("x"), k.mul(i, 4 * lanes));
        const value = isHalf(type) ? k.load(from, 0, lanes) : k.loadI32(from, 0, lanes);
        k.storeAs(type, k.ptrAdd(k.operand("y"), k.mul(i, size * lanes)), 0, value);
      });
    });
    const x = lanesToStore(type);
    const range = { begin: 0, end: x.length / lanes, batch: 1 };
    const [, y] = runKernel(kernel, engine, [x, new Uint8Array(size * x.length)], range);
    for (const [n, found] of elementsOf(type, y!).entries()) expectElement(type, found, x[n]!);
  });

  it.skipIf(!runs).each(cases)("touches nothing under lanes that are off: %s, %i lanes", (type, lanes) => {
    const size = bytesOfElement(type);
    // `begin`: the first lane that is on. The operands have the elements from there to the last that is on, and no more.
    const kernel = kernelOf(target, { on: "read", x: "read", y: "write", z: "read", into: "readwrite" }, (k) => {
      const mask = k.cmpI32("gt", k.loadI32(k.operand("on"), 0, lanes), k.splatI32(0, lanes));
      const back = k.mul(k.begin, -size);
      k.store(k.operand("y"), 0, k.loadMaskedAs(type, k.ptrAdd(k.operand("x"), back), 0, mask));
      const value = isHalf(type) ? k.load(k.operand("z"), 0, lanes) : k.loadI32(k.operand("z"), 0, lanes);
      k.storeMaskedAs(type, k.ptrAdd(k.operand("into"), back), 0, value, mask);
    });
    const random = new Random(lanes);
    const all = 2 ** lanes - 1;
    const masks = lanes <= 4 ? Array.from({ length: all + 1 }, (_, n) => n) : [0, all, 1, all - 1, all >> 1];
    while (masks.length < 16) masks.push(random.integer(all));
    for (const mask of masks) {
      const isOn = (l: number) => ((mask >> l) & 1) === 1;
      const first = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
      const count = mask === 0 ? 0 : 32 - Math.clz32(mask) - first;
      const on = Int32Array.from({ length: lanes }, (_, l) => (isOn(l) ? 1 : random.between(-3, 0)));
      const x = Uint8Array.from({ length: Math.max(count, 1) * size }, () => random.integer(256));
      const z = Int32Array.from({ length: lanes }, () => random.pick([...TRICKY_BITS]));
      const into = new Uint8Array(Math.max(count, 1) * size).fill(0xa5);
      const check = ([, , y, , written]: readonly Uint8Array[]) => {
        lanesOf(type, y!).forEach((found, l) => {
          const expected = isOn(l) ? lane(type, elementsOf(type, x)[l - first]!) : 0;
          if (!Object.is(found, expected)) expect.fail(`mask ${mask.toString(2)}, lane ${l}: ${found}`);
        });
        elementsOf(type, written!).forEach((found, n) => {
          if (n < count && isOn(n + first)) expectElement(type, found, z[n + first]!);
          else expect(found).toBe(size === 2 ? 0xa5a5 : 0xa5);
        });
      };
      const range = { begin: first, end: 0, batch: 1 };
      const operands = [on, x, new Float32Array(lanes), z, into].map((a) => new Uint8Array(a.buffer).slice());
      if (engine !== "native") check(runKernel(kernel, engine, operands, range));
      else
        for (const where of ["start", "end"] as const) {
          const copies = operands.map((o) => o.slice());
          runNative(kernel, copies, range, where);
          check(copies);
        }
    }
  });
});

/** One load and one store of each type, with and without a mask. */
function everything(target: Target, lanes: Lanes): Kernel {
  return kernelOf(target, { x: "read", y: "readwrite" }, (k) => {
    const [x, y] = [k.operand("x"), k.operand("y")];
    const mask = k.firstLanes(k.end, lanes);
    for (const type of TYPES) {
      k.storeAs(type, y, 0, k.loadAs(type, x, 0, lanes));
      k.storeMaskedAs(type, y, 64, k.loadMaskedAs(type, x, 64, mask), mask);
    }
  });
}

describe("on every machine", () => {
  it.each([AVX512, AVX2])("is encoded: $name", (target) => {
    for (const lanes of widthsOf(target)) {
      const code = encodeX64(everything(target, lanes));
      expect(code.length).toBeGreaterThan(100);
    }
  });
  it("is encoded, and valid WebAssembly", () => {
    const kernels = widthsOf(WASM).map((lanes) => everything(WASM, lanes));
    const module = encodeWasm(kernels, { initialPages: 1, maximumPages: 1, shared: false });
    expect(WebAssembly.validate(module)).toBe(true);
  });
  it("is printed", () => {
    expect(printKernel(everything(WASM, 4)).split("\n").slice(3, 8)).toMatchInlineSnapshot(`
      [
        "  %first.5:maskx4 = firstlanes %end.1",
        "  %loaded.6:f32x4 = loadas f16 [%x.3]",
        "  storeas f16 [%y.4], %loaded.6",
        "  %loaded.7:f32x4 = loadas f16 [%x.3 + 64] where %first.5",
        "  storeas f16 [%y.4 + 64], %loaded.7 where %first.5",
      ]
    `);
  });
  it("is refused where types, alignment or bounds are wrong", () => {
    const attempt = (write: (k: KernelBuilder) => void, bytes = 16) => {
      return () =>
        runKernel(kernelOf(WASM, { x: "read", y: "write" }, write), "interpreter", [
          new Uint8Array(bytes),
          new Uint8Array(bytes),
        ]);
    };
    expect(attempt((k) => k.storeAs("f16", k.operand("y"), 0, k.splatI32(1, 4)))).toThrow(
      'expected f32, got i32x4 "k"',
    );
    expect(attempt((k) => k.storeAs("u8", k.operand("y"), 0, k.splat(1, 4)))).toThrow('expected i32, got f32x4 "k"');
    const odd = attempt((k) => k.loadAs("bf16", k.operand("x"), 3, 4));
    expect(odd).toThrow(KernelError);
    expect(odd).toThrow('byte 3 of operand "x" is not aligned to 2: every access of 2 bytes must be');
    expect(attempt((k) => k.loadAs("i8", k.operand("x"), 3, 4))).not.toThrow();
    expect(attempt((k) => k.loadAs("f16", k.operand("x"), 10, 4))).toThrow(
      'reads bytes 16..18 of operand "x", which has 16',
    );
    expect(attempt((k) => k.storeAs("f16", k.operand("x"), 0, k.splat(0, 4)))).toThrow(
      'writes to operand "x", which is declared "read"',
    );
    const half = attempt((k) => {
      k.storeAs("f16", k.operand("y"), 0, k.splat(1, 1));
      k.loadAs("f16", k.operand("y"), 0, 1);
      k.load(k.operand("y"), 0, 1);
    });
    expect(half).toThrow('load [%y.7]: reads byte 0 of operand "y", which nothing has written');
  });
});
