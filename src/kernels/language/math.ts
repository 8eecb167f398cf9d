/**
 * Elementary functions as vector code: exp, log, tanh and sigmoid from + - x / and integer operations only, so that
 * every machine and engine gives the same bits (engines' Math.exp and the like differ).
 *
 * Largest errors found in units in the last place of the exact float32 result, with fused multiply-add or without it:
 * exp 1.1 (denormal results included), log 0.9 (denormal arguments included), sigmoid 2.3, tanh 2.6 (odd to the bit and
 * never above 1), scaledTanh 3.7 (its argument and its result are scaled by rounded constants).
 * gelu errs by at most 2.1e-7 of x, and below 0, where it is small, by 4e-7 + 8e-8 x^2 of itself; its slope by 2.5e-7.
 *
 * Beside the argument's own register three are needed at once, by gelu four and by log six: so many fewer accumulators
 * may wait.
 *
 * NaN gives NaN; infinities and signed zeros give the limits. Coefficients are minimax fits of our own (weighted least
 * squares driven to equal ripple, each rounded to float32 before the next was fitted). Reductions after Cody and Waite,
 * "Software Manual for the Elementary Functions" (1980).
 */
import { SCALED_TANH } from "../../base/scaled-tanh.js";
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { Lanes } from "../../target/target.js";

const LOG2E = Math.LOG2E;
/** ln 2 in two parts: the first has ten bits, so that a multiple up to 2^14 of it is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444005469057e-4;
/** Adding this to |v| < 2^21 leaves round(v) in the lowest bits of the sum. */
const ROUNDER = 1.5 * 2 ** 23;
/** (e^w - 1 - w) / w^2 for |w| <= ln(2) / 2, from the constant term upward; e^w is then good to 0.25 * 2^-24. */
const EXP = [0.5, 0.1666654795408249, 0.04166685789823532, 0.008366165682673454, 0.0013898101169615984];
/** (log(1 + f) - 2s) / s^3 in z = s^2, s = f / (2 + f), for 1 + f from sqrt(1/2) to sqrt(2). */
const LOG = [0.6666677594184875, 0.399775892496109, 0.2987057566642761];

/**
 * (1 - P(t)) e^(t^2 / 2) / u in u = 1 / (1 + 0.4 t / sqrt 2), for the normal distribution P and t from 0 to 14: halves
 * of the coefficients of erfc(t) e^(t^2) / u, good to 7e-8.
 */
const NORMAL_TAIL = [
  0.22563423216342926, 0.2264430671930313, 0.20188796520233154, 0.19339169561862946, 0.07976017892360687,
  0.08795884251594543, 0.08399221301078796, -0.14032167196273804, 0.04125354811549187,
].map((coefficient) => coefficient / 2);

/** e^x. Overflows to infinity above 88.72 and goes through the denormals to 0 below -103.97. */
export function exp(k: KernelBuilder, x: Reg): Reg {
  return expUpTo(k, x, 89);
}

/** e^x for x up to `most` (at most 89), e^most above it. */
function expUpTo(k: KernelBuilder, x: Reg, most: number): Reg {
  const c = constants(k, x);
  // pmin and pmax give their first argument where it is NaN. e^-104 < 2^-150 rounds to 0.
  const clamped = k.pmax(k.pmin(x, c(most)), c(-104));
  // x = n ln 2 + r, and the low bits of `biased` are n + 254, which is positive.
  const biased = k.fma(clamped, c(LOG2E), c(ROUNDER + 254));
  const n = k.fsub(biased, c(ROUNDER + 254));
  const r = k.fnma(n, c(LN2_LOW), k.fnma(n, c(LN2_HIGH), clamped));
  // e^r = 1 + (r + (r p) r)
  const p = horner(k, r, EXP);
  const e = k.fadd(k.fma(k.fmul(r, p), r, r), c(1));
  // 2^n in two factors, as n + 127 itself may be no exponent; only the second product rounds.
  const bits = k.asInt(biased);
  const half = k.vshr(bits, 1);
  const first = k.asFloat(k.vshl(half, 23));
  const second = k.asFloat(k.vshl(k.vsub(bits, half), 23));
  return k.fmul(k.fmul(e, first), second);
}

/** Natural logarithm: -infinity at +-0, NaN below. */
export function log(k: KernelBuilder, x: Reg): Reg {
  const c = constants(k, x);
  const lanes = lanesOf(x);
  const int = (value: number) => k.splatI32(value, lanes);
  // Denormals are scaled up by 2^24 first.
  const tiny = k.cmp("lt", x, c(2 ** -126));
  const normal = k.select(tiny, k.fmul(x, c(2 ** 24)), x);
  const bias = k.select(tiny, c(128 + 24), c(128));
  // x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2): e is counted from the bits of sqrt(1/2).
  const root = int(0x3f3504f3);
  const above = k.vsub(k.asInt(normal), root);
  const e = k.fsub(k.toFloat(k.vshr(k.vadd(above, int(0x40000000)), 23)), bias);
  const f = k.fsub(k.asFloat(k.vadd(k.vand(above, int(0x007fffff)), root)), c(1));
  // log(1 + f) = f - (f^2/2 - s (f^2/2 + z L(z))), the correction being small beside f.
  const s = k.fdiv(f, k.fadd(f, c(2)));
  const z = k.fmul(s, s);
  const halfSquare = k.fmul(k.fmul(f, f), c(0.5));
  const tail = k.fma(z, horner(k, z, LOG), halfSquare);
  const low = k.fsub(halfSquare, k.fma(s, tail, k.fmul(e, c(LN2_LOW))));
  const finite = k.fma(e, c(LN2_HIGH), k.fsub(f, low));
  const below = k.select(k.cmp("eq", x, c(0)), c(-Infinity), c(Number.NaN));
  return k.select(k.cmp("eq", x, c(Infinity)), x, k.select(k.cmp("lt", c(0), x), finite, below));
}

/** Hyperbolic tangent, exact near 0 where it is x. */
export function tanh(k: KernelBuilder, x: Reg): Reg {
  const c = constants(k, x);
  const lanes = lanesOf(x);
  // With h = (e^2t - 1) / 2 for t = |x|, tanh t = h / (h + 1): no cancellation, and 1 from t = 9.02 on.
  const t = k.pmin(k.abs(x), c(10));
  // 2t = n ln 2 + 2r, and the low bits of `biased` are n + 127.
  const biased = k.fma(t, c(2 * LOG2E), c(ROUNDER + 127));
  const n = k.fsub(biased, c(ROUNDER + 127));
  // float32's ln 2 is good to 2^-29, and what n makes of its error is divided by h.
  const r = k.fnma(n, c(Math.LN2 / 2), t);
  // u = (e^2r - 1) / 2 = r + (r p) r, p being EXP's polynomial at 2r, doubled.
  const doubled = EXP.map((value, power) => value * 2 ** (power + 1));
  const p = horner(k, r, doubled);
  const u = k.fma(k.fmul(r, p), r, r);
  const scale = k.asFloat(k.vshl(k.asInt(biased), 23));
  const h = k.fma(scale, u, k.fma(scale, c(0.5), c(-0.5)));
  const y = k.fdiv(h, k.fadd(h, c(1)));
  const sign = k.vand(k.asInt(x), k.splatI32(-0x80000000, lanes));
  return k.asFloat(k.vor(k.asInt(y), sign));
}

/** LeCun's A tanh(S x). */
export function scaledTanh(k: KernelBuilder, x: Reg): Reg {
  const c = constants(k, x);
  return k.fmul(tanh(k, k.fmul(x, c(SCALED_TANH.slope))), c(SCALED_TANH.amplitude));
}

/** 1 / (1 + e^-x), as e^x / (1 + e^x), which keeps its precision down to the denormals. */
export function sigmoid(k: KernelBuilder, x: Reg): Reg {
  const c = constants(k, x);
  const e = expUpTo(k, x, 20); // e^20 / (1 + e^20) rounds to 1
  return k.fdiv(e, k.fadd(e, c(1)));
}

/**
 * The largest whole exponent whose power is made by multiplications: beyond it their rounding is that of exp and log.
 */
const MULTIPLIED = 16;

/** x^exponent as IEEE 754's pow has it, the exponent a constant; of one half the square root. */
export function power(k: KernelBuilder, x: Reg, exponent: number): Reg {
  const c = constants(k, x);
  const size = Math.abs(exponent);
  if (exponent === 0) return c(1);
  if (size === 0.5 || (Number.isInteger(size) && size <= MULTIPLIED)) {
    const y = size === 0.5 ? k.sqrt(x) : repeatedly(k, x, size);
    return exponent < 0 ? k.fdiv(c(1), y) : y;
  }
  const of = (base: Reg) => exp(k, k.fmul(log(k, base), c(exponent)));
  // An infinity has no other numbers beside it: what its sign is does not matter to a power that is not whole.
  if (!Number.isInteger(size)) return of(k.select(k.cmp("eq", x, c(-Infinity)), c(Infinity), x));
  const y = of(k.abs(x));
  if (size % 2 === 0) return y;
  const sign = k.vand(k.asInt(x), k.splatI32(-0x80000000, lanesOf(x)));
  return k.asFloat(k.vor(k.asInt(y), sign));
}

/** x^exponent for a whole exponent from 1: the squares x, x^2, x^4, ... that its bits name. */
function repeatedly(k: KernelBuilder, x: Reg, exponent: number): Reg {
  let product: Reg | undefined;
  let square = x;
  for (let bits = exponent; ; ) {
    if (bits % 2 === 1) product = product === undefined ? square : k.fmul(product, square);
    bits = Math.floor(bits / 2);
    if (bits === 0) return product!;
    square = k.fmul(square, square);
  }
}

/** The normal distribution's share below x, and e^(-x^2 / 2). The smaller tail is never the rest of a subtraction. */
function normal(k: KernelBuilder, x: Reg): { readonly share: Reg; readonly bell: Reg } {
  const c = constants(k, x);
  const bell = exp(k, k.fmul(k.fmul(x, c(-0.5)), x));
  const u = k.fdiv(c(1), k.fma(k.abs(x), c(0.4 * Math.SQRT1_2), c(1)));
  const tail = k.fmul(k.fmul(u, horner(k, u, NORMAL_TAIL)), bell);
  return { share: k.select(k.cmp("lt", x, c(0)), tail, k.fsub(c(1), tail)), bell };
}

/** x P(x), with P the normal distribution. */
export function gelu(k: KernelBuilder, x: Reg): Reg {
  return k.fmul(x, normal(k, x).share);
}

/** The derivative of gelu: P(x) + x e^(-x^2 / 2) / sqrt(2 pi). */
export function geluSlope(k: KernelBuilder, x: Reg): Reg {
  const { share, bell } = normal(k, x);
  return k.fma(k.fmul(x, constants(k, x)(1 / Math.sqrt(2 * Math.PI))), bell, share);
}

/** The larger of two, NaN where either is NaN. */
export function maxNaN(k: KernelBuilder, a: Reg, b: Reg): Reg {
  return k.select(k.cmp("unordered", b, b), b, k.pmax(a, b));
}

/** The smaller of two, NaN where either is NaN. */
export function minNaN(k: KernelBuilder, a: Reg, b: Reg): Reg {
  return k.select(k.cmp("unordered", b, b), b, k.pmin(a, b));
}

/** e^x - 1 for x up to 0, without cancellation: 2t / (1 - t) with t = tanh(x / 2). */
export function expm1OfNegative(k: KernelBuilder, x: Reg): Reg {
  const c = constants(k, x);
  const t = tanh(k, k.fmul(x, c(0.5)));
  return k.fdiv(k.fadd(t, t), k.fsub(c(1), t));
}

/** log(1 + u) for u from 0 to 1: what 1 + u rounds away is mended by the factor u / ((1 + u) - 1). */
export function log1pOfShare(k: KernelBuilder, u: Reg): Reg {
  const c = constants(k, u);
  const w = k.fadd(u, c(1));
  const rounded = k.fsub(w, c(1));
  const mended = k.fmul(log(k, w), k.fdiv(u, rounded));
  return k.select(k.cmp("eq", rounded, c(0)), u, mended);
}

/** The sum of coefficients[i] x^i. */
function horner(k: KernelBuilder, x: Reg, coefficients: readonly number[]): Reg {
  return coefficients.map(constants(k, x)).reduceRight((sum, coefficient) => k.fma(sum, x, coefficient));
}

/** Constants as wide as `like`, a new one for each use: read once, it can be a memory operand and costs no register. */
function constants(k: KernelBuilder, like: Reg): (value: number) => Reg {
  const lanes = lanesOf(like);
  return (value) => k.splat(value, lanes);
}

function lanesOf(r: Reg): Lanes {
  if (!("lanes" in r.type)) throw new TypeError(`a vector is needed, not "${r.name}"`);
  return r.type.lanes;
}
