/** Activations made of straight pieces: clip, ReLU6, leaky and parametric ReLU, hard sigmoid and hard swish. */
import { expecting, type Fields } from "../../base/options.js";
import type { ClipAttributes, LeakyReluAttributes } from "../../graph/attributes.js";
import type { Op, Value } from "../../graph/graph.js";
import { makes } from "../makes.js";
import { FUSIBLE, refuse } from "../support.js";
import { relu } from "./activation.js";
import { add, multiply, scale } from "./arithmetic.js";
import { expectFinite, slopeOp, unaryOp } from "./unary.js";

export type { ClipAttributes, LeakyReluAttributes } from "../../graph/attributes.js";

const MOST = Number.POSITIVE_INFINITY;

const clipped = (x: number, { min = -MOST, max = MOST }: ClipAttributes): number =>
  Number.isNaN(x) ? x : Math.min(Math.max(x, min), max);

/**
 * Inputs x and dy. Where the bounds are flat, the output does in place of x: it is a bound wherever x is one or lies
 * beyond.
 */
export const clipGradOp: Op<ClipAttributes> = slopeOp<ClipAttributes>({
  name: "clipGrad",
  of: "input",
  f(x, dy, { min = -MOST, max = MOST, flatAtBounds }) {
    const inside = flatAtBounds ? x > min && x < max : x >= min && x <= max;
    return inside ? dy : 0;
  },
  traits: FUSIBLE,
});

/** min(max(x, min), max); NaN stays NaN. */
export const clipOp: Op<ClipAttributes> = unaryOp<ClipAttributes>({
  name: "clip",
  f: clipped,
  gradient: ({ graph, node, inputs: [x], attributes, upstream }) => [
    graph.add(clipGradOp, attributes, [attributes.flatAtBounds ? node : x!, upstream]),
  ],
  multiplyAdds: 2,
  traits: FUSIBLE,
  check({ min, max }, path) {
    expectFinite("clip", path, { ...(min !== undefined && { min }), ...(max !== undefined && { max }) });
    if (min === undefined && max === undefined) refuse("clip", path, "has no bounds, expected min, max or both");
    if (min !== undefined && max !== undefined && min > max)
      refuse("clip", path, `min is ${min} and max ${max}, expected min to be at most max`);
  },
});

/** Inputs x and dy; for slopes from 0 on, the output does in place of x. */
export const leakyReluGradOp: Op<LeakyReluAttributes> = slopeOp<LeakyReluAttributes>({
  name: "leakyReluGrad",
  of: "input",
  f: (x, dy, { slope }) => (x > 0 ? dy : dy * slope),
  traits: FUSIBLE,
});

/** x above 0, and slope x below; the slope at 0 is that of negative numbers. */
export const leakyReluOp: Op<LeakyReluAttributes> = unaryOp<LeakyReluAttributes>({
  name: "leakyRelu",
  f: (x, { slope }) => (x > 0 ? x : x * slope),
  gradient: ({ graph, node, inputs: [x], attributes, upstream }) => [
    graph.add(leakyReluGradOp, attributes, [attributes.slope >= 0 ? node : x!, upstream]),
  ],
  traits: FUSIBLE,
  check: ({ slope }, path) => expectFinite("leakyRelu", path, { slope }),
});

/** d/dx: 0 up to -3, x / 3 + 1/2 from there to 3, 1 from 3 on. */
export const hardSwishGradOp: Op = slopeOp({
  name: "hardSwishGrad",
  of: "input",
  f: (x, dy) => (x <= -3 ? 0 : x < 3 ? dy * (x / 3 + 0.5) : dy),
  multiplyAdds: 3,
  traits: FUSIBLE,
});

/** x clip(x / 6 + 1/2, 0, 1). */
export const hardSwishOp: Op = unaryOp({
  name: "hardSwish",
  f: (x) => x * clipped(x / 6 + 0.5, { min: 0, max: 1 }),
  gradient: ({ graph, inputs: [x], upstream }) => [graph.add(hardSwishGradOp, {}, [x!, upstream])],
  multiplyAdds: 4,
  traits: FUSIBLE,
});

/** Options of `ops.clip`. */
export interface Bounds {
  /** The lower bound. @default none */
  readonly min?: number | undefined;
  /** The upper bound. @default none */
  readonly max?: number | undefined;
}

const BOUND = expecting("a number", (value) => typeof value === "number");
const BOUNDS: Fields<Bounds> = { min: BOUND, max: BOUND };

/**
 * Every number brought into [min, max]; one of the two may be left out. The gradient is 1 at the bounds and 0 beyond:
 * PyTorch's `clamp`.
 * @throws ShapeError where there is no bound, and where min is more than max
 */
export const clip = makes(
  "clip",
  ["x"],
  (x: Value, { min, max }: Bounds = {}): Value =>
    x.graph.add(clipOp, { ...(min !== undefined && { min }), ...(max !== undefined && { max }) }, [x]),
  {},
  BOUNDS,
);
/** Every number brought into [min, max], with the gradient 0 at the bounds: PyTorch's `hardtanh`. */
export const hardTanh = makes(
  "hardTanh",
  ["x"],
  (x: Value, min = -1, max = 1): Value => x.graph.add(clipOp, { min, max, flatAtBounds: true }, [x]),
);
/** min(max(x, 0), 6) (Krizhevsky 2010), with the gradient 0 at both bounds. */
export const relu6 = makes("relu6", ["x"], (x: Value): Value => hardTanh(x, 0, 6));
/** clip(x / 6 + 1/2, 0, 1) (Howard et al. 2019), with the gradient 0 at both bounds. */
export const hardSigmoid = makes("hardSigmoid", ["x"], (x: Value): Value => hardTanh(scale(x, 1 / 6, 0.5), 0, 1));
/** x times the hard sigmoid of x (Howard et al. 2019). */
export const hardSwish = makes("hardSwish", ["x"], (x: Value): Value => x.graph.add(hardSwishOp, {}, [x]));
/** x above 0, and `slope` x below (Maas et al. 2013). The slope is 0.01 by default. */
export const leakyRelu = makes(
  "leakyRelu",
  ["x"],
  (x: Value, slope = 0.01): Value => x.graph.add(leakyReluOp, { slope }, [x]),
);
/** x above 0, and slope x below, the slopes learned (He et al. 2015): one number, or one a channel. */
export const prelu = makes(
  "prelu",
  ["x", "slope"],
  (x: Value, slope: Value): Value => add(relu(x), multiply(clip(x, { max: 0 }), slope)),
);
