/**
 * Floating-point numbers of 16 bits, as bits: IEEE 754's half (`f16`: 5 bits of exponent, 10 of fraction) and bfloat16
 * (`bf16`: the upper half of a float32). Widening is exact. Narrowing rounds to the nearest, ties to even; what is too
 * large becomes infinity, denormals are kept, and a NaN stays one with its sign.
 */

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

const INFINITY = 0x7f800000;
/** 65536: what is not below it has no half but infinity. */
const ABOVE_HALVES = 0x47800000;
/** 2^-14: what is below it is a denormal as a half. */
const LEAST_NORMAL_HALF = 0x38800000;
/** From an exponent counted from -127 to one from -15. */
const BIAS = (127 - 15) << 23;
/** Added to a float64 and taken off again, it leaves the nearest integer. */
const ROUNDS = 2 ** 52;

/** The bits of the float32 that a half is. */
export function bitsOfHalf(half: number): number {
  const fraction = half & 0x3ff;
  const exponent = (half >>> 10) & 0x1f;
  const sign = (half & 0x8000) << 16;
  if (exponent === 0x1f) return sign | INFINITY | (fraction === 0 ? 0 : 0x400000 | (fraction << 13));
  if (exponent !== 0) return sign | ((((half & 0x7fff) << 13) + BIAS) | 0);
  FLOAT[0] = fraction * 2 ** -24;
  return sign | BITS[0]!;
}

/** The half nearest to the float32 of these bits. */
export function halfOfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > INFINITY) return sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff);
  if (magnitude >= ABOVE_HALVES) return sign | 0x7c00;
  if (magnitude >= LEAST_NORMAL_HALF) return sign | ((magnitude - BIAS + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  BITS[0] = magnitude;
  return sign | (FLOAT[0]! * 2 ** 24 + ROUNDS - ROUNDS);
}

/** The bits of the float32 that a bfloat16 is. */
export function bitsOfBfloat16(half: number): number {
  return half << 16;
}

/** The bfloat16 nearest to the float32 of these bits. */
export function bfloat16OfBits(bits: number): number {
  if ((bits & 0x7fffffff) > INFINITY) return (bits >>> 16) | 0x40;
  return ((bits >>> 0) + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** A half as a number. */
export function numberOfHalf(half: number): number {
  BITS[0] = bitsOfHalf(half);
  return FLOAT[0]!;
}

/** A bfloat16 as a number. */
export function numberOfBfloat16(half: number): number {
  BITS[0] = bitsOfBfloat16(half);
  return FLOAT[0]!;
}

/** The half nearest to a number's float32. */
export function halfOfNumber(x: number): number {
  FLOAT[0] = x;
  return halfOfBits(BITS[0]!);
}

/** The bfloat16 nearest to a number's float32. */
export function bfloat16OfNumber(x: number): number {
  FLOAT[0] = x;
  return bfloat16OfBits(BITS[0]!);
}
