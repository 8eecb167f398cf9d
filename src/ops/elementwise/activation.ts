/** Elementwise nonlinearities. Each one's gradient is written in its own output y, so that x need not be kept. */
import { SCALED_TANH } from "../../base/scaled-tanh.js";
import type { Op, Value } from "../../graph/graph.js";
import { makes } from "../makes.js";
import { FUSIBLE, TRANSCENDENTAL } from "../support.js";
import { slopeOp, unaryOp } from "./unary.js";

/** An op whose gradient is written in its output. */
function activation(name: string, f: (x: number) => number, gradientOp: Op): Op {
  return unaryOp({
    name,
    f,
    gradient: ({ graph, node, upstream }) => [graph.add(gradientOp, {}, [node, upstream])],
    ...(gradientOp.traits?.fusible ? { traits: FUSIBLE } : { multiplyAdds: TRANSCENDENTAL }),
  });
}

/** y = x where x > 0, else 0, so y > 0 exactly where x > 0; the gradient at 0 is taken as 0. */
export const reluGradOp: Op = slopeOp({
  name: "reluGrad",
  of: "output",
  f: (y, dy) => (y > 0 ? dy : 0),
  traits: FUSIBLE,
});
/** d tanh(x)/dx = 1 - tanh(x)^2. */
export const tanhGradOp: Op = slopeOp({ name: "tanhGrad", of: "output", f: (y, dy) => dy * (1 - y * y) });
/** d A tanh(S x)/dx = A S (1 - (y/A)^2) = S (A - y^2 / A). */
export const scaledTanhGradOp: Op = slopeOp({
  name: "scaledTanhGrad",
  of: "output",
  f: (y, dy) => dy * SCALED_TANH.slope * (SCALED_TANH.amplitude - (y * y) / SCALED_TANH.amplitude),
});
/** d s(x)/dx = s(x) (1 - s(x)). */
export const sigmoidGradOp: Op = slopeOp({ name: "sigmoidGrad", of: "output", f: (y, dy) => dy * y * (1 - y) });

/** max(x, 0); NaN stays NaN. */
export const reluOp: Op = activation("relu", (x) => (x > 0 || Number.isNaN(x) ? x : 0), reluGradOp);
export const tanhOp: Op = activation("tanh", Math.tanh, tanhGradOp);
/** A tanh(S x). */
export const scaledTanhOp: Op = activation(
  "scaledTanh",
  (x) => SCALED_TANH.amplitude * Math.tanh(SCALED_TANH.slope * x),
  scaledTanhGradOp,
);
/** 1 / (1 + e^-x). */
export const sigmoidOp: Op = activation("sigmoid", (x) => 1 / (1 + Math.exp(-x)), sigmoidGradOp);

/** max(0, x) of each number; NaN stays NaN. PyTorch: `F.relu`. */
export const relu = makes("relu", ["x"], (x: Value): Value => x.graph.add(reluOp, {}, [x]));
/** The hyperbolic tangent of each number. PyTorch: `torch.tanh`. */
export const tanh = makes("tanh", ["x"], (x: Value): Value => x.graph.add(tanhOp, {}, [x]));
/** 1.7159 tanh(2x/3) of each number (LeCun et al. 1998, appendix A). */
export const scaledTanh = makes("scaledTanh", ["x"], (x: Value): Value => x.graph.add(scaledTanhOp, {}, [x]));
/** 1 / (1 + exp(-x)) of each number. PyTorch: `torch.sigmoid`. */
export const sigmoid = makes("sigmoid", ["x"], (x: Value): Value => x.graph.add(sigmoidOp, {}, [x]));
