/** Kernels with hand-worked results on both x86-64 instruction sets, operands against guard pages. */
import { describe, expect, it } from "vitest";
import { buildKernel, type KernelBuilder } from "#fovea/codegen/builder/builder.js";
import type { Access, Kernel } from "#fovea/codegen/ir.js";
import { encodeX64 } from "#fovea/codegen/x64/encode.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, AVX512, WASM } from "#fovea/target/targets.js";
import { random } from "../support/kernels.js";
import { available, bytesOf, listing, runNative } from "./x64-run.js";

const targets = [AVX512, AVX2].filter((t) => available.includes(t.name));
for (const { name } of [AVX512, AVX2]) {
  if (!available.includes(name)) it.skip(`x86-64 ${name}: this machine does not run it`, () => {});
}

function kernelOf(target: Target, operands: Record<string, Access>, write: (k: KernelBuilder) => void): Kernel {
  const header = { key: "test", name: "test", target, operands: Object.entries(operands) };
  return buildKernel(header, write);
}

/** Runs on float or int arrays in place. */
function run(kernel: Kernel, arrays: (Float32Array | Int32Array)[], begin = 0, end = 0, batch = 0): void {
  for (const where of ["start", "end"] as const) {
    const copies = arrays.map((a) => bytesOf(a).slice());
    runNative(kernel, copies, { begin, end, batch }, where);
    if (where === "end")
      arrays.forEach((a, n) => {
        bytesOf(a).set(copies[n]);
      });
  }
}

const floats = (length: number, f: (i: number) => number) => Float32Array.from({ length }, (_, i) => f(i));

describe.each(targets)("x86-64 $name", (target) => {
  const { lanes } = target;

  it("multiplies and adds a vector, in place", () => {
    const saxpy = kernelOf(target, { x: "read", y: "readwrite" }, (k) => {
      const [x, y] = [k.operand("x"), k.operand("y")];
      const a = k.splat(2, lanes);
      k.loop(k.begin, k.end, (i) => {
        const at = k.mul(i, 4 * lanes);
        const [px, py] = [k.ptrAdd(x, at), k.ptrAdd(y, at)];
        k.store(py, 0, k.fma(a, k.load(px, 0, lanes), k.load(py, 0, lanes)));
      });
    });
    const y = floats(3 * lanes, () => 0.5);
    run(saxpy, [floats(3 * lanes, (i) => i), y], 1, 3);
    expect([...y]).toEqual([...floats(3 * lanes, (i) => (i < lanes ? 0.5 : 2 * i + 0.5))]);
  });

  it("multiplies small matrices with the tile in registers", () => {
    // c[2][2 * lanes] = a[2][3] times b[3][2 * lanes], with b[k][j] = 10^k (j + 1)
    const matmul = kernelOf(target, { a: "read", b: "read", c: "write" }, (k) => {
      const pa = k.var(k.operand("a"), "a");
      const pb = k.var(k.operand("b"), "b");
      const tile = [0, 1].map(() => [k.acc(0, lanes), k.acc(0, lanes)]);
      k.loop(0, 3, () => {
        const right = [k.load(pb, 0, lanes), k.load(pb, 4 * lanes, lanes)];
        tile.forEach((row, i) => {
          const left = k.broadcast(pa, 12 * i, lanes);
          row.forEach((acc, j) => {
            k.fmaTo(acc, left, right[j]);
          });
        });
        k.advance(pa, 4);
        k.advance(pb, 8 * lanes);
      });
      const c = k.operand("c");
      tile.flat().forEach((acc, n) => {
        k.store(c, 4 * lanes * n, acc);
      });
    });
    const c = new Float32Array(4 * lanes);
    run(matmul, [
      Float32Array.of(1, 2, 3, 4, 5, 6),
      floats(6 * lanes, (n) => 10 ** Math.floor(n / (2 * lanes)) * ((n % (2 * lanes)) + 1)),
      c,
    ]);
    expect([...c]).toEqual([...floats(4 * lanes, (n) => (n < 2 * lanes ? 321 : 654) * ((n % (2 * lanes)) + 1))]);
  });

  it.each([1, 4, 8, 16] as const)("reduces %i lanes by halves", (n) => {
    if (n > lanes) return;
    const reduce = kernelOf(target, { x: "read", out: "write" }, (k) => {
      const [x, out] = [k.load(k.operand("x"), 0, n), k.operand("out")];
      k.store(out, 0, k.reduceAdd(x));
      k.store(out, 4, k.reduceMax(x));
      k.store(out, 8, k.reduceAdd(x));
    });
    const out = new Float32Array(3);
    const x = floats(n, (i) => (i % 3) * 10 + i);
    run(reduce, [x, out]);
    const sum = x.reduce((a, b) => a + b, 0);
    expect([...out]).toEqual([sum, Math.max(...x), sum]);
    // The order of the sum is part of its meaning: 2^24 swallows a 1 that meets it first.
    if (n >= 4) {
      const y = new Float32Array(n);
      y[0] = 2 ** 24;
      y[n / 2] = 1;
      y[1] = 1;
      y[n / 2 + 1] = 1;
      run(reduce, [y, out]);
      expect(out[0]).toBe(2 ** 24 + 2);
    }
  });

  it("max and min keep the first where the two are equal or unordered", () => {
    const kernel = kernelOf(target, { a: "read", b: "read", out: "write" }, (k) => {
      const [a, b, out] = [k.operand("a"), k.operand("b"), k.operand("out")];
      k.store(out, 0, k.pmax(k.load(a, 0, 4), k.load(b, 0, 4)));
      k.store(out, 16, k.pmin(k.load(a, 0, 4), k.load(b, 0, 4)));
    });
    const out = new Float32Array(8);
    run(kernel, [Float32Array.of(Number.NaN, 1, -0, 5), Float32Array.of(1, Number.NaN, 0, 7), out]);
    expect([...out]).toEqual([Number.NaN, 1, -0, 7, Number.NaN, 1, -0, 5]);
  });

  it.each([1, 4, 8, 16] as const)("masks %i lanes without touching what is masked out", (n) => {
    if (n > lanes) return;
    for (const count of [-(2 ** 31), -5, 0, 1, n - 1, n, n + 1, 100, 256, 257, 2 ** 31 - 1]) {
      const kept = Math.min(Math.max(count, 0), n);
      const kernel = kernelOf(target, { x: "read", y: "readwrite", all: "write", kept: "write" }, (k) => {
        for (const mask of [k.firstLanes(count, n), k.firstLanes(k.batch, n)]) {
          k.storeMasked(k.operand("y"), 0, k.fadd(k.loadMasked(k.operand("x"), 0, mask), k.splat(1, n)), mask);
          const beyond = k.maskAndNot(k.firstLanes(n, n), mask);
          k.store(k.operand("all"), 0, k.select(beyond, k.splat(7, n), k.loadMasked(k.operand("x"), 0, mask)));
          k.store(k.operand("kept"), 0, k.keep(mask, k.splat(Number.NaN, n)));
        }
      });
      const y = new Float32Array(kept);
      const all = new Float32Array(n);
      const zeroed = new Float32Array(n).fill(1);
      run(kernel, [floats(kept, (i) => i * 10), y, all, zeroed], 0, 0, count);
      expect([...y]).toEqual([...floats(kept, (i) => i * 10 + 1)]);
      expect([...all]).toEqual([...floats(n, (i) => (i < kept ? i * 10 : 7))]);
      expect([...zeroed]).toEqual([...floats(n, (i) => (i < kept ? Number.NaN : 0))]);
    }
  });

  it("divides every kind of integer by every kind of constant", () => {
    const numbers = random(3);
    const divisors = [1, 2, 3, 5, 7, 10, 64, 641, 65535, 65536, 65537, 2 ** 30, 2 ** 30 + 1, 2 ** 31 - 2, 2 ** 31 - 1];
    for (let n = 0; n < 20; n++) divisors.push(1 + numbers.integer(2 ** (1 + numbers.integer(31)) - 1));
    const values = [0, 1, 2, 3, 6, 7, 640, 641, 2 ** 30 - 1, 2 ** 30, 2 ** 31 - 2, 2 ** 31 - 1];
    for (let n = 0; n < 50; n++) values.push(numbers.integer(2 ** 31));
    for (const d of divisors) for (const q of [1, 2, 1000]) if (q * d < 2 ** 31) values.push(q * d - 1, q * d);
    const kernel = kernelOf(target, { x: "read", out: "write" }, (k) => {
      const x = k.var(k.operand("x"), "x");
      const out = k.var(k.operand("out"), "out");
      k.loop(k.begin, k.end, () => {
        const v = k.loadInt(x, 0);
        divisors.forEach((d, n) => {
          k.storeInt(out, 8 * n, k.div(v, d));
          k.storeInt(out, 8 * n + 4, k.mod(v, d));
        });
        k.advance(x, 4);
        k.advance(out, 8 * divisors.length);
      });
    });
    const out = new Int32Array(2 * divisors.length * values.length);
    run(kernel, [Int32Array.from(values), out], 0, values.length);
    const expected = values.flatMap((v) => divisors.flatMap((d) => [Math.floor(v / d), v % d]));
    expect([...out]).toEqual(expected);
  });

  it.each([
    ["registers", false],
    ["the frame", true],
  ])("computes with integers in %s", (_, frame) => {
    const kernel = kernelOf(target, { x: "read", out: "write" }, (k) => {
      const results: ReturnType<KernelBuilder["int"]>[] = [];
      const a = k.var(k.begin, "a", { frame });
      const b = k.var(k.end, "b", { frame });
      const into = (compute: () => ReturnType<KernelBuilder["int"]>) => {
        const v = k.var(0, "result", { frame: true });
        k.set(v, compute());
        results.push(v);
      };
      into(() => k.add(a, b));
      into(() => k.sub(a, b));
      into(() => k.mul(a, b));
      into(() => k.min(a, b));
      into(() => k.max(a, b));
      into(() => k.sub(100, a));
      into(() => k.add(-7, a));
      into(() => k.sub(a, -0x80000000));
      into(() => k.mul(a, -3));
      into(() => k.mul(a, 8));
      into(() => k.min(a, -1));
      into(() => k.max(a, -1));
      into(() => k.div(b, 7));
      into(() => k.mod(b, 7));
      into(() => k.mod(b, 1));
      into(() => k.sub(a, a));
      // In place, each time on the left and on the right.
      const c = k.var(a, "c", { frame });
      k.set(c, k.sub(b, c));
      k.set(c, k.add(c, c));
      k.set(c, k.mul(b, c));
      k.advance(c, b);
      k.advance(c, -1);
      results.push(c);
      const out = k.var(k.operand("out"), "out", { frame });
      const x = k.var(k.operand("x"), "x", { frame });
      const loaded = k.var(k.loadInt(x, 4), "loaded", { frame });
      results.push(loaded);
      results.forEach((r, n) => {
        k.storeInt(out, 4 * n, r);
      });
    });
    const out = new Int32Array(18);
    run(kernel, [Int32Array.of(1, -123456789), out], -20, 1000);
    const c = 1000 * 2 * (1000 + 20) + 1000 - 1;
    expect([...out]).toEqual([
      980,
      -1020,
      -20000,
      -20,
      1000,
      120,
      -27,
      2147483628,
      60,
      -160,
      -20,
      -1,
      142,
      6,
      0,
      0,
      c,
      -123456789,
    ]);
  });

  it.each([
    ["registers", false],
    ["the frame", true],
  ])("runs loops with their counters in %s", (_, frame) => {
    const kernel = kernelOf(target, { out: "write" }, (k) => {
      const out = k.operand("out");
      const count = k.var(0, "count", { frame });
      const report = (slot: number, loop: () => void) => {
        k.set(count, 0);
        loop();
        k.storeInt(out, 4 * slot, count);
      };
      const one = () => k.advance(count, 1);
      report(0, () => k.loop(0, 10, one, { step: 3, frame }));
      report(1, () => k.loop(k.begin, k.end, one, { step: 3, frame }));
      report(2, () => k.loop(k.end, k.begin, one, { frame }));
      report(3, () => k.loop(5, 5, one, { frame }));
      report(4, () => k.loop(5, 6, one, { frame }));
      report(5, () => k.loop(k.begin, k.end, (i) => k.advance(count, i), { step: 2, frame }));
      report(6, () => k.loop(-3, 3, (i) => k.loop(i, 3, one, { frame }), { frame }));
      // The bound is read once, whatever the body does to it.
      const bound = k.var(4, "bound", { frame });
      report(7, () =>
        k.loop(
          0,
          bound,
          (i) => {
            k.advance(bound, 5);
            k.advance(count, i);
          },
          { frame },
        ),
      );
      report(8, () => k.advance(count, bound));
      report(9, () =>
        k.loop(
          k.begin,
          k.end,
          (i) => {
            k.if(
              i,
              "gt",
              4,
              () =>
                k.if(
                  i,
                  "eq",
                  k.batch,
                  () => k.advance(count, 100),
                  () => k.advance(count, 1),
                ),
              () => k.advance(count, 10000),
            );
          },
          { frame },
        ),
      );
    });
    const out = new Int32Array(10);
    run(kernel, [out], 2, 9, 7);
    expect([...out]).toEqual([4, 3, 0, 0, 1, 2 + 4 + 6 + 8, 6 + 5 + 4 + 3 + 2 + 1, 6, 24, 3 * 10000 + 3 + 100]);
  });

  it("does not move a load past a store or past a change of its pointer", () => {
    const kernel = kernelOf(target, { x: "readwrite", out: "write" }, (k) => {
      const x = k.operand("x");
      const zero = k.splat(0, 4);
      const before = k.load(x, 0, 4);
      k.store(x, 0, zero);
      k.store(k.operand("out"), 0, k.fadd(k.splat(1, 4), before));
      const walker = k.var(x, "walker");
      const first = k.load(walker, 16, 4);
      k.advance(walker, 16);
      k.store(k.operand("out"), 16, k.fmul(first, k.var(k.load(walker, 16, 4))));
      const inLoop = k.load(x, 16, 4);
      k.loop(0, 1, () => k.store(x, 16, zero));
      k.store(k.operand("out"), 32, k.fsub(k.splat(0, 4), inLoop));
    });
    const out = new Float32Array(12);
    run(kernel, [floats(12, (i) => i + 1), out]);
    expect([...out]).toEqual([2, 3, 4, 5, 5 * 9, 6 * 10, 7 * 11, 8 * 12, -5, -6, -7, -8]);
  });

  it("does not assign a mutable register before a loop or branch that uses it", () => {
    const kernel = kernelOf(target, { out: "write" }, (k) => {
      const v = k.var(1, "v");
      const seen = k.var(0, "seen");
      const t = k.add(v, 10);
      k.loop(0, 3, () => {
        k.advance(seen, v);
        k.advance(v, 1);
      });
      k.set(v, t);
      k.storeInt(k.operand("out"), 0, v);
      k.storeInt(k.operand("out"), 4, seen);
      const w = k.acc(1, 4);
      const u = k.fadd(w, w);
      k.store(k.operand("out"), 16, w);
      k.set(w, u);
      k.store(k.operand("out"), 32, w);
    });
    const out = new Float32Array(12);
    run(kernel, [out]);
    expect([...new Int32Array(out.buffer, 0, 2)]).toEqual([11, 1 + 2 + 3]);
    expect([...out.slice(4)]).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
  });

  it("follows a pointer in the frame as it moves", () => {
    const kernel = kernelOf(target, { x: "read", out: "write" }, (k) => {
      const x = k.var(k.operand("x"), "x", { frame: true });
      const out = k.var(k.operand("out"), "out", { frame: true });
      const step = k.var(16, "step", { frame: true });
      for (let n = 0; n < 3; n++) {
        k.store(out, 0, k.load(x, 0, 4));
        k.advance(x, 16);
        k.store(out, 16, k.load(x, 0, 4));
        k.advance(x, step);
        k.set(out, k.ptrAdd(out, 32));
      }
      k.set(x, k.operand("x"));
      k.store(out, 0, k.broadcast(x, 4, 4));
      k.set(x, k.ptrAdd(x, k.begin));
      k.store(out, 16, k.load(x, 0, 4));
    });
    const out = new Float32Array(32);
    run(kernel, [floats(24, (i) => i), out], 16);
    expect([...out]).toEqual([...floats(24, (i) => i), 1, 1, 1, 1, 4, 5, 6, 7]);
  });

  it("carries mutable values round a loop, and swaps them", () => {
    const kernel = kernelOf(target, { out: "write" }, (k) => {
      // Fibonacci in vectors and in integers: (a, b) becomes (b, a + b).
      const [a, b] = [k.acc(0, 4), k.acc(1, 4)];
      const [m, n] = [k.var(0, "m"), k.var(1, "n")];
      k.loop(0, 10, () => {
        const sum = k.fadd(a, b);
        k.set(a, b);
        k.set(b, sum);
        const t = k.add(m, n);
        k.set(m, n);
        k.set(n, t);
      });
      k.store(k.operand("out"), 0, a);
      k.storeInt(k.operand("out"), 16, m);
    });
    const out = new Float32Array(5);
    run(kernel, [out]);
    expect([...out.slice(0, 4)]).toEqual([55, 55, 55, 55]);
    expect(new Int32Array(out.buffer)[4]).toBe(55);
  });

  it("chooses the right multiply-add for every pattern of live arguments and memory", () => {
    const kernel = kernelOf(target, { x: "read", out: "write" }, (k) => {
      const [x, out] = [k.operand("x"), k.operand("out")];
      let slot = 0;
      const keep = (v: ReturnType<KernelBuilder["splat"]>) => k.store(out, 16 * slot++, v);
      const load = (n: number) => k.load(x, 16 * n, 4);
      for (const negate of [false, true]) {
        const f = (a: typeof k.begin, b: typeof k.begin, c: typeof k.begin) =>
          negate ? k.fnma(a, b, c) : k.fma(a, b, c);
        // which of a, b, c are read again afterwards
        for (let again = 0; again < 8; again++) {
          const held = [0, 1, 2].map((n) => k.var(load(n)));
          keep(f(held[0], held[1], held[2]));
          held.forEach((h, n) => {
            if (again & (1 << n)) keep(h);
          });
        }
        for (let memory = 0; memory < 3; memory++) {
          for (const again of [0, 1, 2, 3]) {
            const held = [0, 1, 2].map((n) => (n === memory ? load(n) : k.var(load(n))));
            keep(f(held[0], held[1], held[2]));
            held
              .filter((_, n) => n !== memory)
              .forEach((h, n) => {
                if (again & (1 << n)) keep(h);
              });
          }
        }
        const v = k.var(load(1));
        keep(f(v, v, v));
        const w = k.var(load(1));
        keep(f(w, load(2), w));
      }
    });
    const stores = encodedStores(kernel);
    const out = new Float32Array(4 * stores);
    run(kernel, [Float32Array.of(2, 2, 2, 2, 3, 3, 3, 3, 100, 100, 100, 100), out]);
    const expected: number[] = [];
    for (const sign of [1, -1]) {
      const values = [2, 3, 100];
      for (let again = 0; again < 8; again++)
        expected.push(100 + sign * 6, ...values.filter((_, n) => again & (1 << n)));
      for (let memory = 0; memory < 3; memory++)
        for (const again of [0, 1, 2, 3])
          expected.push(100 + sign * 6, ...values.filter((_, n) => n !== memory).filter((_, n) => again & (1 << n)));
      expected.push(3 + sign * 9, 3 + sign * 300);
    }
    expect([...out].filter((_, n) => n % 4 === 0)).toEqual(expected);
  });

  it("restores the callee-saved registers and the stack", () => {
    // 13 integers alive at once need all callee-saved registers; a thousand calls would not survive a lost one.
    const kernel = kernelOf(target, { out: "write" }, (k) => {
      const values = Array.from({ length: 13 }, (_, n) => k.add(k.begin, n * n));
      let sum = values[0];
      for (const v of values.slice(1)) sum = k.add(sum, v);
      k.storeInt(k.operand("out"), 0, sum);
    });
    const out = new Int32Array(1);
    for (let n = 0; n < 50; n++) {
      run(kernel, [out], n);
      expect(out[0]).toBe(13 * n + 650);
    }
  });

  it("refuses displacements that no instruction can hold", () => {
    const far = kernelOf(target, { x: "write" }, (k) => k.store(k.operand("x"), 2 ** 31 - 1, k.splat(0, 4)));
    expect(() => encodeX64(far)).not.toThrow();
    const body = far.body.map((i) => (i.op === "store" ? { ...i, at: { ...i.at, offset: 2 ** 31 } } : i));
    expect(() => encodeX64({ ...far, body })).toThrow(/displacement 2147483648 does not fit 32 signed bits/);
  });
});

function encodedStores(kernel: Kernel): number {
  return kernel.body.filter((i) => i.op === "store").length;
}

describe("x86-64 code", () => {
  it("refuses kernels written for another machine", () => {
    expect(() => encodeX64(kernelOf(WASM, {}, () => {}))).toThrow(/was written for wasm, not for x86-64/);
  });

  const convolution = (target: Target) =>
    kernelOf(target, { x: "read", w: "read", y: "write" }, (k) => {
      const x = k.var(k.operand("x"), "x");
      const w = k.var(k.operand("w"), "w");
      const acc = [0, 1].map(() => k.acc(0, target.lanes));
      k.loop(0, 9, () => {
        const weights = k.load(w, 0, target.lanes);
        acc.forEach((a, n) => {
          k.fmaTo(a, k.broadcast(x, 256 * n, target.lanes), weights);
        });
        k.advance(x, 4);
        k.advance(w, 4 * target.lanes);
      });
      acc.forEach((a, n) => {
        k.store(k.operand("y"), 4 * target.lanes * n, a);
      });
    });

  it.skipIf(listing(new Uint8Array([0xc3])) === undefined)("reads like hand-written code (needs objdump)", () => {
    expect(listing(encodeX64(convolution(AVX512)))).toMatchInlineSnapshot(`
      "0: mov rcx,QWORD PTR [rdi]
      3: mov rdx,QWORD PTR [rdi+0x8]
      7: vxorps zmm0,zmm0,zmm0
      d: vxorps zmm1,zmm1,zmm1
      13: mov esi,0x9
      18: nop DWORD PTR [rax+rax*1+0x0]
      20: vmovups zmm2,ZMMWORD PTR [rdx]
      26: vfmadd231ps zmm0,zmm2,DWORD BCST [rcx]
      2c: vfmadd231ps zmm1,zmm2,DWORD BCST [rcx+0x100]
      33: add rcx,0x4
      37: add rdx,0x40
      3b: sub rsi,0x1
      3f: jg 0x20
      41: mov rcx,QWORD PTR [rdi+0x10]
      45: vmovups ZMMWORD PTR [rcx],zmm0
      4b: mov rdi,QWORD PTR [rdi+0x10]
      4f: vmovups ZMMWORD PTR [rdi+0x40],zmm1
      56: vzeroupper
      59: ret"
    `);
    expect(listing(encodeX64(convolution(AVX2)))).toMatchInlineSnapshot(`
      "0: mov rcx,QWORD PTR [rdi]
      3: mov rdx,QWORD PTR [rdi+0x8]
      7: vxorps ymm0,ymm0,ymm0
      b: vxorps ymm1,ymm1,ymm1
      f: mov esi,0x9
      14: nop WORD PTR [rax+rax*1+0x0]
      1d: nop DWORD PTR [rax]
      20: vmovups ymm2,YMMWORD PTR [rdx]
      24: vbroadcastss ymm3,DWORD PTR [rcx]
      29: vfmadd231ps ymm0,ymm3,ymm2
      2e: vbroadcastss ymm3,DWORD PTR [rcx+0x100]
      37: vfmadd231ps ymm1,ymm3,ymm2
      3c: add rcx,0x4
      40: add rdx,0x20
      44: sub rsi,0x1
      48: jg 0x20
      4a: mov rcx,QWORD PTR [rdi+0x10]
      4e: vmovups YMMWORD PTR [rcx],ymm0
      52: mov rdi,QWORD PTR [rdi+0x10]
      56: vmovups YMMWORD PTR [rdi+0x20],ymm1
      5b: vzeroupper
      5e: ret"
    `);
  });

  it("encodes the same bytes every time", () => {
    const hex = Buffer.from(
      encodeX64(kernelOf(AVX2, { y: "write" }, (k) => k.store(k.operand("y"), 4, k.splat(0, 8)))),
    );
    expect(hex.toString("hex")).toMatchInlineSnapshot(`"488b3fc5fc57c0c5fc114704c5f877c3"`);
  });
});
