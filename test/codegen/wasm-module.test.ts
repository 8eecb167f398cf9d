import { describe, expect, it } from "vitest";
import { buildKernel, type KernelBuilder } from "#fovea/codegen/builder/builder.js";
import type { Kernel } from "#fovea/codegen/ir.js";
import { ByteWriter } from "#fovea/codegen/wasm/bytes.js";
import { encodeWasm } from "#fovea/codegen/wasm/encode.js";
import { detectWasm } from "#fovea/codegen/wasm/features.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, WASM, WASM_RELAXED } from "#fovea/target/targets.js";
import { floatsOf, runKernel, wasmFeatures } from "../support/kernels.js";

const PAGES = { initialPages: 1, maximumPages: 65536, shared: false };

function kernel(write: (k: KernelBuilder) => void, target: Target = WASM): Kernel {
  return buildKernel(
    {
      key: "test",
      name: "test",
      target,
      operands: [
        ["x", "read"],
        ["y", "write"],
      ],
    },
    write,
  );
}

function instantiate(kernels: readonly Kernel[], memory: WebAssembly.Memory) {
  const module = new WebAssembly.Module(encodeWasm(kernels, PAGES));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return kernels.map((_, n) => exports[`k${n}`] as (table: number, begin: number, end: number, batch: number) => void);
}

describe("the module writer", () => {
  it("writes LEB128 as the specification's examples have it", () => {
    const unsigned = (n: number) => Array.from(new ByteWriter().u32(n).toUint8Array());
    const signed = (n: number) => Array.from(new ByteWriter().s32(n).toUint8Array());
    expect(unsigned(0)).toEqual([0]);
    expect(unsigned(127)).toEqual([0x7f]);
    expect(unsigned(128)).toEqual([0x80, 0x01]);
    expect(unsigned(624485)).toEqual([0xe5, 0x8e, 0x26]);
    expect(unsigned(0xffffffff)).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f]);
    expect(signed(63)).toEqual([0x3f]);
    expect(signed(64)).toEqual([0xc0, 0x00]);
    expect(signed(-64)).toEqual([0x40]);
    expect(signed(-65)).toEqual([0xbf, 0x7f]);
    expect(signed(-123456)).toEqual([0xc0, 0xbb, 0x78]);
    expect(signed(-0x80000000)).toEqual([0x80, 0x80, 0x80, 0x80, 0x78]);
    expect(() => unsigned(-1)).toThrow("-1 is not an unsigned 32-bit integer");
    expect(() => signed(0x80000000)).toThrow("2147483648 is not a signed 32-bit integer");
  });

  it("writes a whole module, byte for byte", () => {
    const bytes = encodeWasm([kernel((k) => k.storeInt(k.operand("y"), 8, k.batch))], {
      initialPages: 1,
      maximumPages: 2,
      shared: true,
    });
    const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(" ");
    expect(hex).toBe(
      [
        "00 61 73 6d 01 00 00 00",
        "01 08 01 60 04 7f 7f 7f 7f 00", // one type: four i32 to nothing
        "02 10 01 03 65 6e 76 06 6d 65 6d 6f 72 79 02 03 01 02", // env.memory, shared, 1 to 2 pages
        "03 02 01 00",
        "07 06 01 02 6b 30 00 00", // "k0"
        "0a 14 01 12 01 01 7f", // one function with one i32 local
        "20 00 28 02 04 21 04", // y = table[1]
        "20 04 20 03 36 02 08 0b", // y[8] = batch
      ].join(" "),
    );
  });
});

describe("WebAssembly kernels", () => {
  it("are exported in order, over one memory, and share nothing else", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
    const kernels = [1, 2, 3].map((n) => kernel((k) => k.storeInt(k.operand("y"), 4 * n, k.int(10 * n))));
    const [, second, third] = instantiate(kernels, memory);
    const words = new Int32Array(memory.buffer);
    words[1] = 1024; // y, in the table at 0
    second!(0, 0, 1, 1);
    third!(0, 0, 1, 1);
    expect(Array.from(words.subarray(256, 260))).toEqual([0, 0, 20, 30]);
  });

  it("reach backwards from a pointer, and through pointers below their operand", () => {
    const built = kernel((k) => {
      const x = k.operand("x");
      k.store(k.operand("y"), 0, k.load(k.ptrAdd(x, 32), -16, 4));
      k.store(k.operand("y"), 16, k.load(k.ptrAdd(x, -48), 56, 1));
    });
    const x = Float32Array.from({ length: 8 }, (_, n) => n);
    const out = floatsOf(runKernel(built, "wasm", [x, new Float32Array(5)])[1]!);
    expect(Array.from(out)).toEqual([4, 5, 6, 7, 2]);
  });

  it("address memory above 2 GiB", () => {
    const base = 2 ** 31 + 65536;
    const memory = new WebAssembly.Memory({ initial: base / 65536 + 1, maximum: 65536 }); // pages are only touched as written
    const built = kernel((k) => {
      k.loop(k.begin, k.end, (i) => {
        const at = k.mul(i, 16);
        k.store(k.ptrAdd(k.operand("y"), at), -16, k.fadd(k.load(k.ptrAdd(k.operand("x"), at), 0, 4), k.splat(1, 4)));
      });
    });
    new Uint32Array(memory.buffer, 0, 2).set([base, base + 48]);
    const floats = new Float32Array(memory.buffer, base, 16);
    floats.set([1, 2, 3, 4, 5, 6, 7, 8]);
    instantiate([built], memory)[0]!(0, 0, 2, 1);
    expect(Array.from(floats.subarray(8))).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("never touch what a mask leaves out, at the very end of memory", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
    const built = kernel((k) => {
      const first = k.firstLanes(k.batch, 4);
      k.storeMasked(k.operand("y"), 0, k.loadMasked(k.operand("x"), 0, first), first);
      k.store(k.operand("y"), 8, k.load(k.operand("x"), 8, 1)); // and one lane is four bytes
    });
    const [run] = instantiate([built], memory);
    new Uint32Array(memory.buffer).set([65536 - 12, 65536 - 12]);
    const tail = new Float32Array(memory.buffer, 65536 - 12);
    tail.set([1, 2, 3]);
    run!(0, 0, 1, 3);
    expect(Array.from(tail)).toEqual([1, 2, 3]);
    expect(() => run!(0, 0, 1, 4)).toThrow(WebAssembly.RuntimeError);
  });

  it("are refused when written for another target", () => {
    const wide = buildKernel({ key: "", name: "wide", target: AVX2, operands: [] }, () => {});
    expect(() => encodeWasm([wide], PAGES)).toThrow('kernel "wide" is written for avx2, not for wasm');
    const eight = kernel((k) => k.splat(0, 8), { ...WASM, lanes: 8 });
    expect(() => encodeWasm([eight], PAGES)).toThrow("8 lanes: WebAssembly has vectors of 4, and of 1");
  });

  it("are checked before they are encoded", () => {
    const loop = kernel((k) => k.loop(0, 2, (i) => k.set(i, 0)));
    expect(() => encodeWasm([loop], PAGES)).toThrow("a loop's index is the loop's to change");
  });
});

describe("detectWasm", () => {
  it("finds what this engine has", () => {
    expect(detectWasm()).toEqual(wasmFeatures);
    expect(wasmFeatures.simd).toBe(true);
    expect(wasmFeatures.threads).toBe(true);
  });

  it("says fused only where a multiply-add rounds once", () => {
    if (!wasmFeatures.relaxed) return;
    const built = kernel((k) => {
      const a = k.splat(1 + 2 ** -12, 4);
      k.store(k.operand("y"), 0, k.fma(a, a, k.splat(-(1 + 2 ** -11), 4)));
    }, WASM_RELAXED);
    expect(floatsOf(runKernel(built, "wasm", [new Float32Array(1), new Float32Array(4)])[1]!)[0]).toBe(2 ** -24);
  });
});
