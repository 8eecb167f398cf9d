/** Sums, products, powers and elementary functions as vector code. */
import type { PowerAttributes, ScaleAttributes } from "../../../graph/attributes.js";
import { exp, log, power } from "../../language/math.js";
import { always, binary, exponential, never, type PointwiseOp, unary } from "./code.js";

const scale: PointwiseOp = {
  emit(k, [x], attributes, lanes) {
    const { factor, offset } = attributes as ScaleAttributes;
    if (factor === 1) return offset === 0 ? x! : k.fadd(x!, k.splat(offset, lanes));
    // A negative factor makes -0 of +0; adding +0 mends that.
    if (offset === 0 && factor > 0) return k.fmul(x!, k.splat(factor, lanes));
    return k.fma(x!, k.splat(factor, lanes), k.splat(offset, lanes));
  },
  keepsZero: (attributes) => {
    const { factor, offset } = attributes as ScaleAttributes;
    return Object.is(offset, 0) && Number.isFinite(Math.fround(factor));
  },
};

export const ARITHMETIC: Readonly<Record<string, PointwiseOp>> = {
  add: binary((k, a, b) => k.fadd(a, b)),
  subtract: binary((k, a, b) => k.fsub(a, b)),
  multiply: binary((k, a, b) => k.fmul(a, b)),
  divide: binary((k, a, b) => k.fdiv(a, b), never),
  scale,
  sqrt: unary((k, x) => k.sqrt(x)),
  square: unary((k, x) => k.fmul(x, x)),
  stopGradient: unary((_k, x) => x),
  power: exponential({
    emit: (k, [x], attributes) => power(k, x!, (attributes as PowerAttributes).exponent),
    keepsZero: never,
  }),
  exp: exponential(unary((k, x) => exp(k, x), never)),
  log: { ...unary((k, x) => log(k, x), never), registers: 6 },
  abs: unary((k, x) => k.abs(x)),
  sign: unary((k, x, lanes) => {
    const zero = k.splat(0, lanes);
    const below = k.select(k.cmp("lt", x, zero), k.splat(-1, lanes), x);
    return k.select(k.cmp("lt", zero, x), k.splat(1, lanes), below);
  }),
  // (x - mean) factor + bias
  normalize: {
    emit: (k, [x, mean, factor, bias]) => k.fma(k.fsub(x!, mean!), factor!, bias!),
    keepsZero: always,
  },
  // x factor + shift
  affine: { emit: (k, [x, factor, shift]) => k.fma(x!, factor!, shift!), keepsZero: always },
};
