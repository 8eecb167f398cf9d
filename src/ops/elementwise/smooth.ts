/** Smooth activations made of exponentials: ELU and its kin, softplus, SiLU, Mish, and GELU by tanh. */
import { type Fields, number } from "../../base/options.js";
import type { EluAttributes, SoftplusAttributes } from "../../graph/attributes.js";
import type { Op, Value } from "../../graph/graph.js";
import { makes } from "../makes.js";
import { refuse, TRANSCENDENTAL } from "../support.js";
import { expectFinite, slopeOp, unaryOp } from "./unary.js";

export type { EluAttributes, SoftplusAttributes } from "../../graph/attributes.js";

const sigmoidOf = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

// --- SiLU

/** d(x s(x))/dx = s (1 + x (1 - s)). */
export const siluGradOp: Op = slopeOp({
  name: "siluGrad",
  of: "input",
  f: (x, dy) => dy * sigmoidOf(x) * (1 + x * sigmoidOf(-x)),
  multiplyAdds: TRANSCENDENTAL + 3,
});
/** x s(x), with s the sigmoid. */
export const siluOp: Op = unaryOp({
  name: "silu",
  f: (x) => x * sigmoidOf(x),
  gradient: ({ graph, inputs: [x], upstream }) => [graph.add(siluGradOp, {}, [x!, upstream])],
  multiplyAdds: TRANSCENDENTAL + 1,
});

// --- ELU, SELU, CELU

/** Inputs x and dy. d/dx: scale above 0, and scale alpha rate e^(rate x) below. */
export const eluGradOp: Op<EluAttributes> = slopeOp<EluAttributes>({
  name: "eluGrad",
  of: "input",
  f: (x, dy, { alpha, scale, rate }) => (x > 0 ? dy * scale : dy * scale * alpha * rate * Math.exp(rate * x)),
  multiplyAdds: TRANSCENDENTAL + 2,
});
/** scale x above 0, and scale alpha (e^(rate x) - 1) below. */
export const eluOp: Op<EluAttributes> = unaryOp<EluAttributes>({
  name: "elu",
  f: (x, { alpha, scale, rate }) => (x > 0 ? scale * x : scale * alpha * Math.expm1(rate * x)),
  gradient: ({ graph, inputs: [x], attributes, upstream }) => [graph.add(eluGradOp, attributes, [x!, upstream])],
  multiplyAdds: TRANSCENDENTAL + 2,
  check: ({ alpha, scale, rate }, path) => {
    expectFinite("elu", path, { alpha, scale, rate });
    if (rate <= 0) refuse("elu", path, `rate is ${rate}, expected a number above 0`);
  },
});

// --- Softplus

/** Inputs x and dy. d/dx: the sigmoid of beta x, and 1 above the threshold. */
export const softplusGradOp: Op<SoftplusAttributes> = slopeOp<SoftplusAttributes>({
  name: "softplusGrad",
  of: "input",
  f: (x, dy, { beta, threshold }) => (beta * x > threshold ? dy : dy * sigmoidOf(beta * x)),
  multiplyAdds: TRANSCENDENTAL + 2,
});
/** log(1 + e^(beta x)) / beta. */
export const softplusOp: Op<SoftplusAttributes> = unaryOp<SoftplusAttributes>({
  name: "softplus",
  f(x, { beta, threshold }) {
    const scaled = beta * x;
    return scaled > threshold ? x : (Math.max(scaled, 0) + Math.log1p(Math.exp(-Math.abs(scaled)))) / beta;
  },
  gradient: ({ graph, inputs: [x], attributes, upstream }) => [graph.add(softplusGradOp, attributes, [x!, upstream])],
  multiplyAdds: 2 * TRANSCENDENTAL,
  check({ beta, threshold }, path) {
    expectFinite("softplus", path, { beta, threshold });
    if (beta <= 0) refuse("softplus", path, `beta is ${beta}, expected a number above 0`);
  },
});

// --- Mish

/** tanh(log(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2). From 20 on it is 1. */
function mishShare(x: number): { readonly share: number; readonly n: number } {
  const e = Math.exp(Math.min(x, 20));
  const n = e * (e + 2);
  return { share: n / (n + 2), n };
}
/** With t the share and s the sigmoid: t + x s (1 - t^2), where 1 - t^2 = 4 (n + 1) / (n + 2)^2. */
export const mishGradOp: Op = slopeOp({
  name: "mishGrad",
  of: "input",
  f(x, dy) {
    const { share, n } = mishShare(x);
    return dy * (share + (x * sigmoidOf(x) * 4 * (n + 1)) / (n + 2) ** 2);
  },
  multiplyAdds: TRANSCENDENTAL + 8,
});
/** x tanh(softplus(x)). */
export const mishOp: Op = unaryOp({
  name: "mish",
  f: (x) => x * mishShare(x).share,
  gradient: ({ graph, inputs: [x], upstream }) => [graph.add(mishGradOp, {}, [x!, upstream])],
  multiplyAdds: TRANSCENDENTAL + 4,
});

// --- GELU by tanh

const ROOT = Math.sqrt(2 / Math.PI);
const CUBE = 0.044715;

/** d(x s(2u))/dx = s + x s (1 - s) 2u', with u = sqrt(2 / pi) (x + 0.044715 x^3). */
export const geluTanhGradOp: Op = slopeOp({
  name: "geluTanhGrad",
  of: "input",
  f(x, dy) {
    const twice = 2 * ROOT * (x + CUBE * x ** 3);
    const bend = sigmoidOf(twice) * sigmoidOf(-twice);
    // Far out the bend is 0 and the slope of u infinite.
    return dy * (sigmoidOf(twice) + (bend === 0 ? 0 : x * bend * 2 * ROOT * (1 + 3 * CUBE * x * x)));
  },
  multiplyAdds: TRANSCENDENTAL + 6,
});
/** x (1 + tanh u) / 2 = x s(2u). */
export const geluTanhOp: Op = unaryOp({
  name: "geluTanh",
  f: (x) => x * sigmoidOf(2 * ROOT * (x + CUBE * x ** 3)),
  gradient: ({ graph, inputs: [x], upstream }) => [graph.add(geluTanhGradOp, {}, [x!, upstream])],
  multiplyAdds: TRANSCENDENTAL + 4,
});

// --- The functions that make nodes

/** x times its sigmoid (Elfwing et al. 2017), also called swish: PyTorch's `SiLU`. */
export const silu = makes("silu", ["x"], (x: Value): Value => x.graph.add(siluOp, {}, [x]));
/** x above 0, and `alpha` (e^x - 1) below (Clevert et al. 2015). Alpha is 1 by default. */
export const elu = makes(
  "elu",
  ["x"],
  (x: Value, alpha = 1): Value => x.graph.add(eluOp, { alpha, scale: 1, rate: 1 }, [x]),
);
/** ELU with the constants that keep mean 0 and variance 1 (Klambauer et al. 2017). */
export const selu = makes(
  "selu",
  ["x"],
  (x: Value): Value => x.graph.add(eluOp, { alpha: 1.6732632423543772, scale: 1.0507009873554805, rate: 1 }, [x]),
);
/** x above 0, and `alpha` (e^(x / alpha) - 1) below (Barron 2017). Alpha is 1 by default. */
export const celu = makes(
  "celu",
  ["x"],
  (x: Value, alpha = 1): Value => x.graph.add(eluOp, { alpha, scale: 1, rate: 1 / alpha }, [x]),
);

/** Options of `ops.softplus`. */
export interface SoftplusOptions {
  /** How fast it bends. @default 1 */
  readonly beta?: number | undefined;
  /** Where beta x is above it, the result is x. @default 20 */
  readonly threshold?: number | undefined;
}

const SOFTPLUS: Fields<SoftplusOptions> = { beta: number(), threshold: number() };

/** log(1 + e^(beta x)) / beta. */
export const softplus = makes(
  "softplus",
  ["x"],
  (x: Value, options: SoftplusOptions = {}): Value => {
    const { beta = 1, threshold = 20 } = options;
    return x.graph.add(softplusOp, { beta, threshold }, [x]);
  },
  {},
  SOFTPLUS,
);
/** x tanh(softplus(x)) (Misra 2019). */
export const mish = makes("mish", ["x"], (x: Value): Value => x.graph.add(mishOp, {}, [x]));
/** GELU by its approximation with tanh (Hendrycks and Gimpel 2016): PyTorch's `GELU(approximate="tanh")`. */
export const geluTanh = makes("geluTanh", ["x"], (x: Value): Value => x.graph.add(geluTanhOp, {}, [x]));
