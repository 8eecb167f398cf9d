import { describe, expect, it } from "vitest";
import { fusedMultiplyAdd, separateMultiplyAdd } from "#fovea/codegen/interpreter/fma.js";
import { Random } from "../support/kernels.js";

const word = new Int32Array(1);
const float = new Float32Array(word.buffer);
const fromBits = (bits: number): number => {
  word[0] = bits;
  return float[0]!;
};

/** A finite float32 as significand * 2^exponent. */
function split(x: number): { significand: bigint; exponent: number } {
  float[0] = x;
  const bits = word[0]! >>> 0;
  const biased = (bits >>> 23) & 0xff;
  const fraction = BigInt(bits & 0x7fffff);
  const significand = biased === 0 ? fraction : fraction | 0x800000n;
  return { significand: bits >>> 31 ? -significand : significand, exponent: Math.max(biased, 1) - 150 };
}

/** significand * 2^exponent to the nearest float32, ties to even, in integers only. */
function round(significand: bigint, exponent: number): number {
  const negative = significand < 0n;
  let magnitude = negative ? -significand : significand;
  const bits = magnitude.toString(2).length;
  const last = Math.max(exponent + bits - 24, -149); // exponent of the last bit kept
  const drop = last - exponent;
  if (drop > 0) {
    const half = 1n << BigInt(drop - 1);
    const rest = magnitude & ((1n << BigInt(drop)) - 1n);
    magnitude >>= BigInt(drop);
    if (rest > half || (rest === half && (magnitude & 1n) === 1n)) magnitude += 1n;
  } else magnitude <<= BigInt(-drop);
  const value = Number(magnitude) * 2 ** Math.max(last, -149);
  return (negative ? -1 : 1) * (value >= 2 ** 128 ? Infinity : value);
}

function exactFma(a: number, b: number, c: number): number {
  const [x, y, z] = [split(a), split(b), split(c)];
  const exponent = Math.min(x.exponent + y.exponent, z.exponent);
  const sum =
    ((x.significand * y.significand) << BigInt(x.exponent + y.exponent - exponent)) +
    (z.significand << BigInt(z.exponent - exponent));
  if (sum === 0n) return a * b + c; // only the sign of zero is left to know
  return round(sum, exponent);
}

describe("fused multiply-add", () => {
  it("rounds once where two roundings would differ", () => {
    const e = 2 ** -12;
    // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24: the last term is lost by a rounded product, not by a fused one.
    expect(fusedMultiplyAdd(1 + e, 1 + e, -(1 + 2 * e))).toBe(2 ** -24);
    expect(separateMultiplyAdd(1 + e, 1 + e, -(1 + 2 * e))).toBe(0);
  });

  it("breaks a tie of the float64 sum with what float64 could not hold", () => {
    // (1 + 2^-11)(1 + 2^-13) = 1 + 2^-11 + 2^-13 + 2^-24 lies half way between two float32 values.
    const [x, y] = [1 + 2 ** -11, 1 + 2 ** -13];
    const below = 1 + 2 ** -11 + 2 ** -13;
    expect(fusedMultiplyAdd(x, y, 0)).toBe(below); // to even
    expect(fusedMultiplyAdd(x, y, 2 ** -80)).toBe(below + 2 ** -23);
    expect(fusedMultiplyAdd(x, y, -(2 ** -80))).toBe(below);
    expect(fusedMultiplyAdd(-x, y, -(2 ** -80))).toBe(-(below + 2 ** -23));
    expect(Math.fround(x * y + 2 ** -80)).toBe(below); // what rounding twice would give
  });

  it("keeps infinities, NaN and the signs of zero", () => {
    expect(fusedMultiplyAdd(2 ** 127, 2, -Infinity)).toBe(-Infinity);
    expect(fusedMultiplyAdd(Infinity, 0, 1)).toBeNaN();
    expect(fusedMultiplyAdd(Infinity, 1, -Infinity)).toBeNaN();
    expect(fusedMultiplyAdd(1, NaN, 1)).toBeNaN();
    expect(fusedMultiplyAdd(2 ** 127, 2, -(2 ** 127))).toBe(2 ** 127); // the product alone would overflow
    expect(fusedMultiplyAdd(2 ** 127, 2 ** 127, -1)).toBe(Infinity);
    expect(fusedMultiplyAdd(0, -1, 0)).toBe(0);
    expect(fusedMultiplyAdd(0, -1, -0)).toBe(-0);
    expect(fusedMultiplyAdd(2 ** -149, 2 ** -149, -0)).toBe(0);
    expect(fusedMultiplyAdd(-(2 ** -149), 2 ** -149, 0)).toBe(-0);
    expect(fusedMultiplyAdd(-(2 ** -149), 2 ** -149, 2 ** -149)).toBe(2 ** -149);
    expect(fusedMultiplyAdd(1, 1, -1)).toBe(0);
  });

  it("equals exact rational arithmetic on random numbers of every size, and on near-cancellations", () => {
    const random = new Random(1);
    let inexact = 0;
    for (let n = 0; n < 60_000; n++) {
      const a = fromBits(random.bits());
      const b = fromBits(random.bits());
      let c = fromBits(random.bits());
      // Half of the time an addend near the product, or near a tie beside it.
      if (n % 4 === 1) c = Math.fround(-a * b);
      if (n % 4 === 2) c = Math.fround(-a * b * (1 + random.uniform() * 2 ** -20));
      if (n % 4 === 3) c = Math.fround(a * b * 2 ** (random.integer(100) - 50));
      if (!Number.isFinite(a) || !Number.isFinite(b) || !Number.isFinite(c)) continue;
      const expected = exactFma(a, b, c);
      if (!Object.is(expected, separateMultiplyAdd(a, b, c))) inexact++;
      if (!Object.is(fusedMultiplyAdd(a, b, c), expected)) throw new Error(`fma(${a}, ${b}, ${c})`);
    }
    expect(inexact).toBeGreaterThan(1000);
  });

  it("equals exact arithmetic on few-bit numbers, where ties are common, down to denormals", () => {
    const random = new Random(2);
    let ties = 0;
    for (let n = 0; n < 60_000; n++) {
      const small = (range: number) =>
        Math.fround((random.integer(2) ? 1 : -1) * (1 + random.integer(64) * 2 ** -random.integer(23)) * 2 ** range);
      const scale = random.integer(3) === 0 ? -75 : 0;
      const a = small(scale - random.integer(30));
      const b = small(scale - random.integer(30));
      const c = small(2 * scale - random.integer(60));
      const expected = exactFma(a, b, c);
      if (fusedMultiplyAdd(a, b, c) !== expected) throw new Error(`fma(${a}, ${b}, ${c})`);
      if (Math.fround(a * b + c) !== expected) ties++;
    }
    // Some must be cases that rounding through float64 gets wrong, or this test shows nothing.
    expect(ties).toBeGreaterThan(0);
  });
});

describe("float64 arithmetic rounded to float32", () => {
  it("is correctly rounded for quotients, denormal ones included", () => {
    const random = new Random(3);
    for (let n = 0; n < 20_000; n++) {
      const a = fromBits(random.bits() & (n % 2 ? 0x80ffffff : -1));
      const b = fromBits(random.bits());
      const q = Math.fround(a / b);
      if (!Number.isFinite(a) || !Number.isFinite(b) || b === 0 || !Number.isFinite(q)) continue;
      // Round a quotient of integers carried to 80 bits more, with a sticky bit for the remainder.
      const [x, y] = [split(a), split(b)];
      const shifted = (x.significand < 0n ? -x.significand : x.significand) << 80n;
      const divisor = y.significand < 0n ? -y.significand : y.significand;
      const sticky = (shifted / divisor) * 2n + (shifted % divisor === 0n ? 0n : 1n);
      if (sticky === 0n) continue;
      const expected = round(sticky, x.exponent - y.exponent - 81);
      if (Math.abs(q) !== expected) throw new Error(`${a} / ${b}: ${q}, expected ${expected}`);
    }
  });
});
