import { describe, expect, it } from "vitest";
import { KernelError } from "#fovea/base/errors.js";
import { buildKernel, type KernelBuilder } from "#fovea/codegen/builder/builder.js";
import { interpret } from "#fovea/codegen/interpreter/interpreter.js";
import { multiplyHighUnsigned, roundToEven } from "#fovea/codegen/interpreter/vectors.js";
import type { Access, Kernel } from "#fovea/codegen/ir.js";
import type { Lanes } from "#fovea/target/target.js";
import { AVX512 } from "#fovea/target/targets.js";
import { ALL, floatsOf, intsOf, Random, runKernel } from "../support/kernels.js";

function kernel(operands: Record<string, Access>, write: (k: KernelBuilder) => void): Kernel {
  return buildKernel({ key: "test", name: "test", target: AVX512, operands: Object.entries(operands) }, write);
}

/** What a kernel over x (read) and y (write) stores to y. */
function run(x: readonly number[], length: number, write: (k: KernelBuilder) => void, range = ALL): number[] {
  const built = kernel({ x: "read", y: "write" }, write);
  return Array.from(
    floatsOf(runKernel(built, "interpreter", [Float32Array.from(x), new Float32Array(length)], range)[1]!),
  );
}
function runInts(x: readonly number[], length: number, write: (k: KernelBuilder) => void): number[] {
  const built = kernel({ x: "read", y: "write" }, write);
  return Array.from(intsOf(runKernel(built, "interpreter", [Int32Array.from(x), new Int32Array(length)])[1]!));
}

describe("the interpreter computes", () => {
  it("a loop over begin..end, with pointers, ints and the batch", () => {
    const doubled = run(
      [1, 2, 3, 4, 5],
      5,
      (k) => {
        k.loop(k.begin, k.end, (i) => {
          const at = k.mul(i, 4);
          k.store(k.ptrAdd(k.operand("y"), at), 0, k.fmul(k.load(k.ptrAdd(k.operand("x"), at), 0, 1), k.splat(2, 1)));
        });
        k.storeInt(k.operand("y"), 0, k.batch);
      },
      { begin: 1, end: 4, batch: 0 },
    );
    expect(doubled).toEqual([0, 4, 6, 8, 0]);
  });

  it("loops that step past their end, that run no times, and whose bound changes inside", () => {
    const out = runInts([], 3, (k) => {
      const y = k.operand("y");
      const count = k.var(0);
      k.loop(0, 10, () => k.advance(count, 1), { step: 4 });
      k.storeInt(y, 0, count);
      k.loop(5, 5, () => k.advance(count, 100));
      k.storeInt(y, 4, count);
      const bound = k.var(3);
      k.loop(0, bound, () => k.set(bound, 100)); // read once: three rounds
      k.loop(0, 1, () => k.advance(count, bound));
      k.storeInt(y, 8, count);
    });
    expect(out).toEqual([3, 3, 103]);
  });

  it("shuffles of two vectors", () => {
    const y = run([1, 2, 3, 4, 5, 6, 7, 8], 4, (k) => {
      const x = k.operand("x");
      k.store(k.operand("y"), 0, k.shuffle(k.load(x, 0, 4), k.load(x, 16, 4), [7, 0, 4, 0]));
    });
    expect(y).toEqual([8, 1, 5, 1]);
    const shuffle = (indices: readonly number[]) => () =>
      run([], 4, (k) => k.store(k.operand("y"), 0, k.shuffle(k.splat(0, 4), k.splat(0, 4), indices)));
    expect(shuffle([0, 1, 2])).toThrow("shuffle of 4 lanes by [0, 1, 2]: expected 4 places from 0 to 7");
    expect(shuffle([0, 1, 2, 8])).toThrow(TypeError);
  });

  it("ifs of every kind", () => {
    const kinds = ["lt", "le", "eq", "ne", "gt", "ge"] as const;
    const out = runInts([], 18, (k) => {
      [-1, 0, 1].forEach((a, row) => {
        kinds.forEach((kind, column) => {
          const held = k.var(0);
          k.if(
            k.int(a),
            kind,
            0,
            () => k.set(held, 1),
            () => k.set(held, 2),
          );
          k.storeInt(k.operand("y"), 4 * (6 * row + column), held);
        });
      });
    });
    expect(out).toEqual([1, 1, 2, 1, 2, 2, 2, 1, 1, 2, 2, 1, 2, 2, 2, 1, 1, 1]);
  });

  it("integers", () => {
    const out = runInts([-7], 8, (k) => {
      const y = k.operand("y");
      const seven = k.loadInt(k.operand("x"), 0);
      k.storeInt(y, 0, k.add(seven, 3));
      k.storeInt(y, 4, k.sub(1, seven));
      k.storeInt(y, 8, k.mul(seven, -3));
      k.storeInt(y, 12, k.min(seven, -8));
      k.storeInt(y, 16, k.max(seven, -8));
      k.storeInt(y, 20, k.div(k.mul(seven, -3), 4));
      k.storeInt(y, 24, k.mod(k.mul(seven, -3), 4));
      k.storeInt(y, 28, seven);
    });
    expect(out).toEqual([-4, 8, 21, -8, -7, 5, 1, -7]);
  });

  it("float arithmetic with one rounding each, and orders that tell minimum from pmin", () => {
    const binary = (kind: "fadd" | "fsub" | "fmul" | "fdiv" | "pmin" | "pmax", a: number, b: number) =>
      run([a, b], 1, (k) => {
        const x = k.operand("x");
        k.store(k.operand("y"), 0, k[kind](k.load(x, 0, 1), k.load(x, 4, 1)));
      })[0];
    expect(binary("fadd", 1, 2 ** -24)).toBe(1); // a tie, to even
    expect(binary("fadd", 1 + 2 ** -23, 2 ** -24)).toBe(1 + 2 ** -22);
    expect(binary("fsub", 2 ** -126, 2 ** -149)).toBe(2 ** -126 - 2 ** -149); // denormals are kept
    expect(binary("fmul", 2 ** -100, 2 ** -49)).toBe(2 ** -149);
    expect(binary("fmul", 2 ** -100, 2 ** -50)).toBe(0); // half the least denormal, to even
    expect(binary("fdiv", 1, 3)).toBe(Math.fround(1 / 3));
    expect(binary("fdiv", -1, 0)).toBe(-Infinity);
    expect(binary("pmax", Number.NaN, 1)).toBeNaN();
    expect(binary("pmax", 1, Number.NaN)).toBe(1);
    expect(binary("pmax", -0, 0)).toBe(-0);
    expect(binary("pmax", 2, 3)).toBe(3);
    expect(binary("pmin", Number.NaN, 1)).toBeNaN();
    expect(binary("pmin", 1, Number.NaN)).toBe(1);
    expect(binary("pmin", 0, -0)).toBe(0);
    expect(binary("pmin", 2, 3)).toBe(2);
  });

  it("unary operations, the sign bit of NaN and zero included", () => {
    const x = [-2.5, 2.5, 0.5, -0, Infinity, 3.7, -3.2, 1e10, 4, Number.NaN, -0.4, 1.5, 9, 16, 0.25, 2];
    const unary = (kind: "sqrt" | "abs" | "neg" | "round" | "floor") =>
      run(x, 16, (k) => k.store(k.operand("y"), 0, k[kind](k.load(k.operand("x"), 0, 16))));
    expect(unary("round").slice(0, 12)).toEqual([-2, 2, 0, -0, Infinity, 4, -3, 1e10, 4, NaN, -0, 2]);
    expect(unary("floor").slice(0, 12)).toEqual([-3, 2, 0, -0, Infinity, 3, -4, 1e10, 4, NaN, -1, 1]);
    expect(unary("abs")[3]).toBe(0);
    expect(unary("neg").slice(0, 4)).toEqual([2.5, -2.5, -0.5, 0]);
    expect(unary("sqrt").slice(12)).toEqual([3, 4, 0.5, Math.fround(Math.SQRT2)]);
    expect(unary("sqrt")[3]).toBe(-0);
  });

  it("reductions by halves, in the stated order", () => {
    // 1e8 + 1 + -1e8 + 1: lower plus upper half gives (1e8 - 1e8) + (1 + 1) = 2; from left to right it would be 1.
    const sum = (lanes: Lanes, x: number[]) =>
      run(x, 1, (k) => k.store(k.operand("y"), 0, k.reduceAdd(k.load(k.operand("x"), 0, lanes))));
    expect(sum(4, [1e8, 1, -1e8, 1])).toEqual([2]);
    expect(sum(4, [1e8, -1e8, 1, 1])).toEqual([0]); // (1e8 + 1) + (-1e8 + 1), each rounded to what it was
    expect(
      sum(
        16,
        Array.from({ length: 16 }, (_, n) => n),
      ),
    ).toEqual([120]);
    expect(sum(1, [7])).toEqual([7]);
    const most = run([3, Number.NaN, 1, 9], 1, (k) =>
      k.store(k.operand("y"), 0, k.reduceMax(k.load(k.operand("x"), 0, 4))),
    );
    expect(most).toEqual([3]); // max(3, 1) = 3; pmax(NaN, 9) = NaN; pmax(3, NaN) = 3: NaN must be looked for apart
  });

  it("integer vectors modulo 2^32", () => {
    const out = runInts([-1, 3, 0x40000000, -0x80000000], 40, (k) => {
      const y = k.operand("y");
      const x = k.loadI32(k.operand("x"), 0, 4);
      const put = (row: number, v: ReturnType<typeof k.vadd>) => k.store(y, 16 * row, v);
      put(0, k.vadd(x, x));
      put(1, k.vsub(k.splatI32(0, 4), x));
      put(2, k.vmul(x, x));
      put(3, k.umulhi(x, x));
      put(4, k.vshl(x, 1));
      put(5, k.vshr(x, 1));
      put(6, k.vxor(x, k.splatI32(-1, 4)));
      put(7, k.vand(x, k.iota(4)));
      put(8, k.vor(k.splatInt(k.int(8), 4), k.iota(4)));
      put(9, k.splatLane0(k.loadI32(k.operand("x"), 4, 1), 4));
    });
    const rows = Array.from({ length: 10 }, (_, n) => out.slice(4 * n, 4 * n + 4));
    expect(rows[0]).toEqual([-2, 6, -0x80000000, 0]);
    expect(rows[1]).toEqual([1, -3, -0x40000000, -0x80000000]);
    expect(rows[2]).toEqual([1, 9, 0, 0]);
    expect(rows[3]).toEqual([-2, 0, 0x10000000, 0x40000000]);
    expect(rows[4]).toEqual([-2, 6, -0x80000000, 0]);
    expect(rows[5]).toEqual([0x7fffffff, 1, 0x20000000, 0x40000000]);
    expect(rows[6]).toEqual([0, -4, -0x40000001, 0x7fffffff]);
    expect(rows[7]).toEqual([0, 1, 0, 0]);
    expect(rows[8]).toEqual([8, 9, 10, 11]);
    expect(rows[9]).toEqual([3, 3, 3, 3]);
  });

  it("conversions and bits", () => {
    const out = runInts([], 12, (k) => {
      const y = k.operand("y");
      k.store(y, 0, k.toInt(k.splat(2.5, 4)));
      k.store(y, 16, k.asInt(k.splat(-1.5, 4)));
      k.store(y, 32, k.asInt(k.toFloat(k.splatI32(0x1000001, 4)))); // 2^24 + 1: a tie
    });
    expect([out[0], out[4], out[8]]).toEqual([2, 0xbfc00000 | 0, 0x4b800000]);
    const back = run([], 4, (k) => k.store(k.operand("y"), 0, k.asFloat(k.splatI32(0x3f800000, 4))));
    expect(back).toEqual([1, 1, 1, 1]);
  });

  it("comparisons, masks and masked memory", () => {
    const x = [1, 2, Number.NaN, 2];
    const masked = (mask: (k: KernelBuilder) => ReturnType<KernelBuilder["cmp"]>) =>
      run(x, 4, (k) => k.store(k.operand("y"), 0, k.select(mask(k), k.splat(1, 4), k.splat(0, 4)))).join("");
    const load = (k: KernelBuilder) => k.load(k.operand("x"), 0, 4);
    const two = (k: KernelBuilder) => k.splat(2, 4);
    expect(masked((k) => k.cmp("lt", load(k), two(k)))).toBe("1000");
    expect(masked((k) => k.cmp("le", load(k), two(k)))).toBe("1101");
    expect(masked((k) => k.cmp("eq", load(k), two(k)))).toBe("0101");
    expect(masked((k) => k.cmp("ne", load(k), two(k)))).toBe("1010");
    expect(masked((k) => k.cmp("unordered", load(k), two(k)))).toBe("0010");
    expect(masked((k) => k.cmpI32("gt", k.iota(4), k.splatI32(1, 4)))).toBe("0011");
    expect(masked((k) => k.cmpI32("eq", k.iota(4), k.splatI32(1, 4)))).toBe("0100");
    expect(masked((k) => k.firstLanes(3, 4))).toBe("1110");
    expect(masked((k) => k.firstLanes(k.int(-2), 4))).toBe("0000");
    expect(masked((k) => k.firstLanes(k.int(9), 4))).toBe("1111");
    expect(masked((k) => k.maskAndNot(k.firstLanes(3, 4), k.firstLanes(1, 4)))).toBe("0110");
    expect(masked((k) => k.maskAnd(k.firstLanes(3, 4), k.firstLanes(1, 4)))).toBe("1000");
    expect(masked((k) => k.maskOr(k.firstLanes(3, 4), k.firstLanes(1, 4)))).toBe("1110");
    expect(run(x, 4, (k) => k.store(k.operand("y"), 0, k.keep(k.firstLanes(3, 4), load(k))))).toEqual([1, 2, NaN, 0]);
    // Three floats and room for three: lanes that are off touch nothing, and load as 0.
    const tail = run([5, 6, 7], 3, (k) => {
      const first = k.firstLanes(3, 4);
      const loaded = k.loadMasked(k.operand("x"), 0, first);
      k.storeMasked(k.operand("y"), 0, k.fadd(loaded, k.splatLane0(k.reduceAdd(loaded), 4)), first);
    });
    expect(tail).toEqual([23, 24, 25]);
  });

  it("fma by the mode of the target, or as asked", () => {
    const built = kernel({ y: "write" }, (k) => {
      const a = k.splat(1 + 2 ** -12, 1);
      k.store(k.operand("y"), 0, k.fma(a, a, k.splat(-(1 + 2 ** -11), 1)));
      k.store(k.operand("y"), 4, k.fnma(a, a, k.splat(1 + 2 ** -11, 1)));
    });
    const y = [new Float32Array(2)];
    expect(Array.from(floatsOf(runKernel(built, "interpreter", y)[0]!))).toEqual([2 ** -24, -(2 ** -24)]);
    expect(Array.from(floatsOf(runKernel(built, "interpreter", y, ALL, { fma: "separate" })[0]!))).toEqual([0, 0]);
  });

  it("high products like BigInt, and ties like IEEE", () => {
    const random = new Random(9);
    for (let n = 0; n < 5000; n++) {
      const [a, b] = [random.bits(), random.chance(0.1) ? -1 : random.bits()];
      const exact = Number(BigInt.asIntN(32, (BigInt(a >>> 0) * BigInt(b >>> 0)) >> 32n));
      expect(multiplyHighUnsigned(a, b)).toBe(exact);
    }
    expect([-1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997, 8388609].map(roundToEven)).toEqual([-2, -0, 0, 2, 2, 0, 8388609]);
  });
});

describe("the interpreter refuses", () => {
  const xy = { x: "read", y: "write" } as const;
  const attempt =
    (
      operands: Record<string, Access>,
      write: (k: KernelBuilder) => void,
      bytes: readonly Uint8Array[] = Object.keys(operands).map(() => new Uint8Array(16)),
      range = ALL,
    ) =>
    () =>
      interpret(kernel(operands, write), bytes, range);

  it("accesses outside their operand, even where another operand lies", () => {
    expect(attempt(xy, (k) => k.store(k.operand("y"), 4, k.splat(0, 4)))).toThrowErrorMatchingInlineSnapshot(
      `[KernelError: kernel "test", line 4: store [%y.3 + 4], %k.4: writes bytes 4..20 of operand "y", which has 16]`,
    );
    expect(attempt(xy, (k) => k.load(k.operand("x"), -4, 1))).toThrowErrorMatchingInlineSnapshot(
      `[KernelError: kernel "test", line 3: %loaded.4:f32x1 = load [%x.3 - 4]: reads bytes -4..0 of operand "x", which has 16]`,
    );
    const block = new Uint8Array(32);
    const neighbours = [block.subarray(0, 16), block.subarray(16)];
    expect(attempt(xy, (k) => k.load(k.ptrAdd(k.operand("x"), 16), 0, 1), neighbours)).toThrow(
      'reads bytes 16..20 of operand "x", which has 16',
    );
    expect(attempt(xy, (k) => k.loadMasked(k.operand("x"), 4, k.firstLanes(4, 4)))).toThrow("reads bytes 16..20");
    expect(attempt(xy, (k) => k.storeMasked(k.operand("y"), -4, k.splat(0, 4), k.firstLanes(1, 4)))).toThrow(
      "writes bytes -4..0",
    );
  });

  it("unaligned accesses, and operands that do not start on four bytes", () => {
    expect(attempt(xy, (k) => k.load(k.operand("x"), 2, 1))).toThrowErrorMatchingInlineSnapshot(
      `[KernelError: kernel "test", line 3: %loaded.4:f32x1 = load [%x.3 + 2]: byte 2 of operand "x" is not aligned to 4: every access must be]`,
    );
    expect(attempt(xy, () => {}, [new Uint8Array(16), new Uint8Array(17).subarray(1)])).toThrow(
      'operand "y" does not start on a 4-byte boundary',
    );
  });

  it("writes to what is declared read", () => {
    expect(attempt(xy, (k) => k.store(k.operand("x"), 0, k.splat(0, 1)))).toThrowErrorMatchingInlineSnapshot(
      `[KernelError: kernel "test", line 4: store [%x.3], %k.4: writes to operand "x", which is declared "read"]`,
    );
  });

  it("reads of what nothing has written", () => {
    const readBack = (k: KernelBuilder) => {
      k.store(k.operand("y"), 0, k.splat(1, 1));
      k.load(k.operand("y"), 0, 1);
      k.load(k.operand("y"), 4, 1);
    };
    expect(attempt(xy, readBack)).toThrowErrorMatchingInlineSnapshot(
      `[KernelError: kernel "test", line 8: %loaded.8:f32x1 = load [%y.7 + 4]: reads byte 4 of operand "y", which nothing has written]`,
    );
    expect(attempt({ x: "read", y: "readwrite" }, readBack)).not.toThrow();
    // A mask that is passed in outlives the run.
    const written = new Uint8Array(4);
    const built = kernel(xy, (k) => {
      k.store(k.operand("y"), 8, k.splat(1, 1));
      k.storeAs("f16", k.operand("y"), 6, k.splat(1, 1));
      k.storeAs("u8", k.operand("y"), 12, k.splatI32(1, 1));
    });
    interpret(built, [new Uint8Array(16), new Uint8Array(16)], ALL, { initialised: [undefined, written] });
    // A bit a byte.
    expect(Array.from(written)).toEqual([0, 0b1100, 0b1111, 0b0001]);
  });

  it("integers beyond 32 bits and divisions of negative ones", () => {
    const big = { begin: 0x7fffffff, end: 1, batch: -5 };
    const over = (write: (k: KernelBuilder) => void) => attempt(xy, write, undefined, big);
    expect(over((k) => k.add(k.begin, 1))).toThrowErrorMatchingInlineSnapshot(
      `[KernelError: kernel "test", line 2: %t.3:int = add %begin.0, 1: 2147483648 does not fit 32 bits]`,
    );
    expect(over((k) => k.sub(-2, k.begin))).toThrow("-2147483649 does not fit 32 bits");
    expect(over((k) => k.mul(k.begin, 2))).toThrow("4294967294 does not fit 32 bits");
    expect(over((k) => k.div(k.batch, 2))).toThrowErrorMatchingInlineSnapshot(
      `[KernelError: kernel "test", line 2: %t.3:int = div %batch.2, 2: -5 is negative: division is of non-negative integers only]`,
    );
    expect(over((k) => k.mod(k.batch, 2))).toThrow("-5 is negative");
    expect(over((k) => k.loop(0x7ffffffe, k.begin, () => {}, { step: 2 }))).toThrow("past 32 bits");
    expect(attempt(xy, () => {}, undefined, { begin: 0.5, end: 1, batch: 1 })).toThrow(
      "begin 0.5 is no 32-bit integer",
    );
  });

  it("conversions of what is no 32-bit integer", () => {
    expect(attempt(xy, (k) => k.toInt(k.splat(2 ** 31, 4)))).toThrowErrorMatchingInlineSnapshot(
      `[KernelError: kernel "test", line 3: %k.4:i32x4 = toInt %k.3: lane 0 is 2147483648: toInt needs a number between -2^31 and 2^31]`,
    );
    expect(attempt(xy, (k) => k.toInt(k.splat(Number.NaN, 1)))).toThrow("lane 0 is NaN");
  });

  it("another number of operands than declared", () => {
    expect(attempt(xy, () => {}, [new Uint8Array(4)])).toThrow("1 operands given, 2 declared");
  });

  it("registers that may not have been assigned, or are assigned where they must not be", () => {
    let leaked = kernel({}, () => {}).begin;
    const refused = (write: (k: KernelBuilder) => void) => expect(attempt(xy, write));
    refused((k) => {
      k.loop(0, k.end, () => {
        leaked = k.int(1);
      });
      k.add(leaked, 1);
    }).toThrowErrorMatchingInlineSnapshot(
      `[KernelError: kernel "test", line 5: %t.5:int = add %c.4, 1: "c" (%4) is read where it may not have been assigned]`,
    );
    refused((k) => {
      k.if(k.begin, "eq", 0, () => {
        leaked = k.int(1);
      });
      k.add(leaked, 1);
    }).toThrow("is read where it may not have been assigned");
    refused((k) => k.loop(0, 3, (i) => k.set(i, 5))).toThrowErrorMatchingInlineSnapshot(
      `[KernelError: kernel "test", line 3: %i.3:int = 5: a loop's index is the loop's to change; copy it with var()]`,
    );
    const twice: Kernel = kernel({}, (k) => k.int(1));
    const again = { ...twice, body: [...twice.body, ...twice.body] };
    expect(() => interpret(again, [], ALL)).toThrow("is assigned twice but is not mutable");
    expect(() => interpret({ ...twice, registerCount: 3 }, [], ALL)).toThrow(KernelError);
  });

  it("vectors wider than the target, as they are written", () => {
    expect(() =>
      buildKernel({ key: "", name: "wide", target: { ...AVX512, lanes: 8 }, operands: [] }, (k) => k.splat(0, 16)),
    ).toThrow("kernel wide: f32x16 is wider than avx512's 8 lanes");
  });
});
