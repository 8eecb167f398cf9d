/**
 * Exact float32 fused multiply-add in plain JavaScript: `a * b + c` rounded once.
 *
 * The product of two float32 values fits a float64 (48 bits of significand, exponents from -298 to 255), so only the
 * sum is rounded. Rounding it to float64 and then to float32 would round twice; instead the sum is rounded to odd
 * (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008):
 * where TwoSum (Knuth) shows that the float64 sum is inexact, its neighbour with an odd significand is taken. A float64
 * has 29 bits more than a float32, and two are enough for the second rounding to be the right one, in the denormal
 * range also.
 */
const f64 = new Float64Array(1);
const words = new Uint32Array(f64.buffer);
f64[0] = 1;
const LOW = words[0] === 0 ? 0 : 1;
const HIGH = 1 - LOW;

/** a * b + c for float32 values held in numbers, rounded once to float32. */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  const shadow = sum - product;
  const error = product - (sum - shadow) + (c - shadow);
  // Exact; or infinite or NaN, where `error` is NaN and the sum is right as it stands.
  if (error === 0 || Number.isNaN(error)) return Math.fround(sum);
  f64[0] = sum;
  const low = words[LOW]!;
  if ((low & 1) === 0) {
    // The exact sum lies between `sum` (even) and its neighbour toward `error` (odd).
    if (error > 0 === sum > 0) words[LOW] = low + 1;
    else {
      if (low === 0) words[HIGH] = words[HIGH]! - 1;
      words[LOW] = low - 1;
    }
  }
  return Math.fround(f64[0]!);
}

/** a * b + c with the product and the sum each rounded to float32: what a machine without fused multiply-add does. */
export function separateMultiplyAdd(a: number, b: number, c: number): number {
  return Math.fround(Math.fround(a * b) + c);
}
