/**
 * The Gaussian error linear unit (Hendrycks and Gimpel 2016) in its exact form, as PyTorch has it unless told
 * otherwise: x P(x), where P(x) = (1 + erf(x / sqrt 2)) / 2 is the normal distribution's share below x. Not the tanh
 * approximation.
 */
import type { Op, Value } from "../../graph/graph.js";
import { makes } from "../makes.js";
import { TRANSCENDENTAL } from "../support.js";
import { slopeOp, unaryOp } from "./unary.js";

/** P(x) in float64, to about 1e-15 of the larger of it and its complement; the lower tail to 1e-14 of itself. */
export function normalDistribution(x: number): number {
  if (Number.isNaN(x)) return x;
  const t = Math.abs(x);
  const density = normalDensity(x);
  if (t < 4) {
    // P(t) = 1/2 + density (t + t^3 / 3 + t^5 / (3 5) + ...), all terms of one sign.
    let term = t;
    let sum = t;
    for (let n = 3; term > sum * 1e-17; n += 2) {
      term *= (t * t) / n;
      sum += term;
    }
    return x < 0 ? 0.5 - density * sum : 0.5 + density * sum;
  }
  // 1 - P(t) = density / (t + 1 / (t + 2 / (t + 3 / ...))), Laplace's continued fraction.
  let below = t;
  for (let n = 80; n >= 1; n--) below = t + n / below;
  const tail = t === Infinity ? 0 : density / below;
  return x < 0 ? tail : 1 - tail;
}

/** e^(-x^2 / 2) / sqrt(2 pi). */
const normalDensity = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** d(x P(x))/dx = P(x) + x p(x), with P' = p the density. */
export const geluGradOp: Op = slopeOp({
  name: "geluGrad",
  of: "input",
  f: (x, dy) => dy * (normalDistribution(x) + x * normalDensity(x)),
  multiplyAdds: 2 * TRANSCENDENTAL + 2,
});

export const geluOp: Op = unaryOp({
  name: "gelu",
  f: (x) => x * normalDistribution(x),
  gradient: ({ graph, inputs, upstream }) => [graph.add(geluGradOp, {}, [inputs[0]!, upstream])],
  multiplyAdds: 2 * TRANSCENDENTAL,
});

/**
 * x times the share of the standard normal distribution below x, for each number: the exact form, with erf. PyTorch:
 * `F.gelu`.
 */
export const gelu = makes("gelu", ["x"], (x: Value): Value => x.graph.add(geluOp, {}, [x]));
