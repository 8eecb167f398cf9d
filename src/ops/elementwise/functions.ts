/** Elementary functions of one number. */
import type { Op, Value } from "../../graph/graph.js";
import { makes } from "../makes.js";
import { FUSIBLE, TRANSCENDENTAL } from "../support.js";
import { divide, multiply, power, scale } from "./arithmetic.js";
import { unaryOp } from "./unary.js";

/** e^x, which is its own slope. */
export const expOp: Op = unaryOp({
  name: "exp",
  f: Math.exp,
  gradient: ({ node, upstream }) => [multiply(upstream, node)],
  multiplyAdds: TRANSCENDENTAL,
});
/** The natural logarithm: -infinity at 0, NaN below. Its slope is 1 / x. */
export const logOp: Op = unaryOp({
  name: "log",
  f: Math.log,
  gradient: ({ inputs: [x], upstream }) => [divide(upstream, x!)],
  multiplyAdds: TRANSCENDENTAL,
});
/** -1, 0 or 1; NaN of NaN. Its slope is 0. */
export const signOp: Op = unaryOp({
  name: "sign",
  f: (x) => (x > 0 ? 1 : x < 0 ? -1 : x),
  gradient: () => [undefined],
  traits: FUSIBLE,
});
/** |x|, with the slope 0 at 0. */
export const absOp: Op = unaryOp({
  name: "abs",
  f: Math.abs,
  gradient: ({ inputs: [x], upstream }) => [multiply(upstream, sign(x!))],
  traits: FUSIBLE,
});

/** e^x. */
export const exp = makes("exp", ["x"], (x: Value): Value => x.graph.add(expOp, {}, [x]));
/** The natural logarithm: -infinity at 0, NaN below. */
export const log = makes("log", ["x"], (x: Value): Value => x.graph.add(logOp, {}, [x]));
/** -1, 0 or 1. No gradient flows back. */
export const sign = makes("sign", ["x"], (x: Value): Value => x.graph.add(signOp, {}, [x]));
/** |x|. The gradient at 0 is 0. */
export const abs = makes("abs", ["x"], (x: Value): Value => x.graph.add(absOp, {}, [x]));
/** -x. */
export const negative = makes("negative", ["x"], (x: Value): Value => scale(x, -1));
/** 1 / x. */
export const reciprocal = makes("reciprocal", ["x"], (x: Value): Value => power(x, -1));
