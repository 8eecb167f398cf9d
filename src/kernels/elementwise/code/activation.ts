/** Smooth activations and their gradients as vector code. */
import { SCALED_TANH } from "../../../base/scaled-tanh.js";
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import type { Reg } from "../../../codegen/ir.js";
import type { EluAttributes, SoftplusAttributes } from "../../../graph/attributes.js";
import type { Attributes } from "../../../graph/graph.js";
import type { Lanes } from "../../../target/target.js";
import { exp, expm1OfNegative, gelu, geluSlope, log1pOfShare, scaledTanh, sigmoid, tanh } from "../../language/math.js";
import { binary, exponential, never, type PointwiseOp, unary } from "./code.js";

type Code = (k: KernelBuilder, x: Reg, c: (value: number) => Reg) => Reg;

/** The code of a function that is made of an exponential. */
const smooth = (code: Code, keepsZero?: () => boolean): PointwiseOp => ({
  ...unary((k, x, lanes) => code(k, x, (value) => k.splat(value, lanes)), keepsZero),
  registers: 6,
});

/** The code of dy times a slope in x. */
const smoothSlope = (slope: Code): PointwiseOp => ({
  ...binary((k, x, dy, lanes) =>
    k.fmul(
      dy,
      slope(k, x, (value) => k.splat(value, lanes)),
    ),
  ),
  registers: 7,
});

/** Mish's share of x is n / (n + 2), with n = e (e + 2) and e = e^x; from 20 on it is 1. */
function mishParts(k: KernelBuilder, x: Reg, c: (value: number) => Reg) {
  const e = exp(k, k.pmin(x, c(20)));
  const n = k.fmul(e, k.fadd(e, c(2)));
  return { e, n, d: k.fadd(n, c(2)) };
}

const ROOT = Math.sqrt(2 / Math.PI);
const CUBE = 0.044715;

/** 2 sqrt(2 / pi) (x + 0.044715 x^3). */
const twiceU: Code = (k, x, c) => k.fmul(x, k.fma(k.fmul(x, x), c(2 * ROOT * CUBE), c(2 * ROOT)));

const eluOf = (attributes: Attributes) => attributes as EluAttributes;
/** Below 0 a zero stays +0 unless its factor is negative. */
const eluKeepsZero = (attributes: Attributes) => eluOf(attributes).scale * eluOf(attributes).alpha >= 0;

function softplus(k: KernelBuilder, x: Reg, { beta, threshold }: SoftplusAttributes, lanes: Lanes): Reg {
  const c = (value: number) => k.splat(value, lanes);
  const scaled = k.fmul(x, c(beta));
  const share = exp(k, k.fmul(k.abs(scaled), c(-1)));
  const bent = k.fmul(k.fadd(k.pmax(scaled, c(0)), log1pOfShare(k, share)), c(1 / beta));
  return k.select(k.cmp("lt", c(threshold), scaled), x, bent);
}

export const ACTIVATIONS: Readonly<Record<string, PointwiseOp>> = {
  tanh: exponential(unary((k, x) => tanh(k, x))),
  scaledTanh: exponential(unary((k, x) => scaledTanh(k, x))),
  sigmoid: exponential(unary((k, x) => sigmoid(k, x), never)),
  gelu: exponential(unary((k, x) => gelu(k, x))),

  // Gradients from the output y: dy * f'(x), with f' written in y.
  // 1 - y^2
  tanhGrad: binary((k, y, dy, lanes) => k.fmul(dy, k.fnma(y, y, k.splat(1, lanes)))),
  // y = A tanh(S x): A S (1 - (y/A)^2) = A S - (S/A) y^2
  scaledTanhGrad: binary((k, y, dy, lanes) => {
    const { amplitude, slope } = SCALED_TANH;
    const steepest = k.splat(amplitude * slope, lanes);
    return k.fmul(dy, k.fnma(k.fmul(y, k.splat(slope / amplitude, lanes)), y, steepest));
  }),
  // y (1 - y)
  sigmoidGrad: binary((k, y, dy, lanes) => k.fmul(dy, k.fmul(y, k.fsub(k.splat(1, lanes), y)))),

  // From the input x: P(x) + x p(x)
  geluGrad: exponential(binary((k, x, dy) => k.fmul(dy, geluSlope(k, x)))),

  silu: smooth((k, x) => k.fmul(x, sigmoid(k, x))),
  // s (1 + x (1 - s))
  siluGrad: smoothSlope((k, x, c) => {
    const s = sigmoid(k, x);
    return k.fmul(s, k.fma(x, k.fsub(c(1), s), c(1)));
  }),

  elu: {
    emit(k, [x], attributes, lanes) {
      const { alpha, scale, rate } = eluOf(attributes);
      const c = (value: number) => k.splat(value, lanes);
      const below = k.fmul(expm1OfNegative(k, k.fmul(k.pmin(x!, c(0)), c(rate))), c(scale * alpha));
      return k.select(k.cmp("lt", c(0), x!), scale === 1 ? x! : k.fmul(x!, c(scale)), below);
    },
    keepsZero: eluKeepsZero,
    registers: 7,
  },
  eluGrad: {
    emit(k, [x, dy], attributes, lanes) {
      const { alpha, scale, rate } = eluOf(attributes);
      const c = (value: number) => k.splat(value, lanes);
      const below = k.fmul(exp(k, k.fmul(k.pmin(x!, c(0)), c(rate))), c(scale * alpha * rate));
      return k.fmul(dy!, k.select(k.cmp("lt", c(0), x!), c(scale), below));
    },
    keepsZero: eluKeepsZero,
    registers: 7,
  },

  softplus: {
    emit: (k, [x], attributes, lanes) => softplus(k, x!, attributes as SoftplusAttributes, lanes),
    keepsZero: never,
    registers: 8,
  },
  softplusGrad: {
    emit(k, [x, dy], attributes, lanes) {
      const { beta, threshold } = attributes as SoftplusAttributes;
      const scaled = k.fmul(x!, k.splat(beta, lanes));
      const bent = k.fmul(dy!, sigmoid(k, scaled));
      return k.select(k.cmp("lt", k.splat(threshold, lanes), scaled), dy!, bent);
    },
    keepsZero: () => true,
    registers: 7,
  },

  mish: smooth((k, x, c) => {
    const { n, d } = mishParts(k, x, c);
    return k.fmul(x, k.fdiv(n, d));
  }),
  // t + x s (1 - t^2), where t = n / d, s = e / (1 + e) and 1 - t^2 = 4 (n + 1) / d^2
  mishGrad: smoothSlope((k, x, c) => {
    const { e, n, d } = mishParts(k, x, c);
    const bend = k.fdiv(k.fmul(k.fadd(n, c(1)), c(4)), k.fmul(d, d));
    const s = k.fdiv(e, k.fadd(e, c(1)));
    return k.fma(k.fmul(x, s), bend, k.fdiv(n, d));
  }),

  geluTanh: smooth((k, x, c) => k.fmul(x, sigmoid(k, twiceU(k, x, c)))),
  // s + x s (1 - s) 2u'; beyond 10 s is 0 or 1 and the second term 0
  geluTanhGrad: smoothSlope((k, x, c) => {
    const s = sigmoid(k, twiceU(k, x, c));
    const near = k.pmax(k.pmin(x, c(10)), c(-10));
    const slope = k.fma(k.fmul(near, near), c(6 * ROOT * CUBE), c(2 * ROOT));
    return k.fma(k.fmul(k.fmul(near, s), k.fsub(c(1), s)), slope, s);
  }),
};
