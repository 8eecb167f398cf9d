/**
 * Comparisons, which give 1 where they hold and 0 elsewhere, choice by them, and the larger or smaller of two. Inputs
 * are broadcast as those of `add`. No gradient flows back through a comparison.
 */
import type { Op, Value } from "../../graph/graph.js";
import { type Signature, sameShape, shapeText, sizeOf } from "../../graph/shape.js";
import { makes } from "../makes.js";
import { broadcastTo, gather } from "../reduce.js";
import { costPerElement, expectInputs, FUSIBLE, mapTensor, refuse } from "../support.js";
import { add, multiply, scale } from "./arithmetic.js";
import { apply, type BinaryAttributes, binaryOp, broadcastBoth } from "./binary.js";

const NO_GRADIENT = () => [undefined, undefined];

const comparisonOp = (name: string, holds: (a: number, b: number) => boolean): Op<BinaryAttributes> =>
  binaryOp(name, (a, b) => (holds(a, b) ? 1 : 0), NO_GRADIENT);

/** 1 where a > b, else 0. */
export const greaterOp = comparisonOp("greater", (a, b) => a > b);
/** 1 where a >= b, else 0. */
export const greaterEqualOp = comparisonOp("greaterEqual", (a, b) => a >= b);
/** 1 where a < b, else 0. */
export const lessOp = comparisonOp("less", (a, b) => a < b);
/** 1 where a <= b, else 0. */
export const lessEqualOp = comparisonOp("lessEqual", (a, b) => a <= b);
/** 1 where a = b, else 0. */
export const equalOp = comparisonOp("equal", (a, b) => a === b);
/** 1 where a and b differ, else 0. */
export const notEqualOp = comparisonOp("notEqual", (a, b) => a !== b);

/** The part of a gradient that goes to a: 1 where it is chosen, half at ties. */
const shareOf = (a: Value, b: Value, wins: typeof greater, ties: typeof greater): Value =>
  scale(add(wins(a, b), ties(a, b)), 0.5);

const extremeGradient =
  (wins: () => typeof greater, ties: () => typeof greater): NonNullable<Op<BinaryAttributes>["gradient"]> =>
  ({ inputs: [a, b], upstream, wanted }) => {
    const share = shareOf(a!, b!, wins(), ties());
    return [
      wanted[0] ? multiply(upstream, share) : undefined,
      wanted[1] ? gather(multiply(upstream, scale(share, -1, 1)), b!) : undefined,
    ];
  };

const extreme = (a: number, b: number, of: (a: number, b: number) => number) =>
  Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : of(a, b);

/** The larger of two, NaN where either is. Of equal ones each gets half of the gradient, as in PyTorch. */
export const maximumOp: Op<BinaryAttributes> = binaryOp(
  "maximum",
  (a, b) => extreme(a, b, Math.max),
  extremeGradient(
    () => greater,
    () => greaterEqual,
  ),
);
/** The smaller of two, likewise. */
export const minimumOp: Op<BinaryAttributes> = binaryOp(
  "minimum",
  (a, b) => extreme(a, b, Math.min),
  extremeGradient(
    () => less,
    () => lessEqual,
  ),
);

const sameSignature = (a: Signature, b: Signature) => a.batched === b.batched && sameShape(a.shape, b.shape);

/** Inputs condition, a and b of one signature, or a and b with one number each, unbatched. */
export const whereOp: Op = {
  name: "where",
  infer(inputs, _attributes, path) {
    expectInputs("where", path, inputs, [{ name: "condition" }, { name: "a" }, { name: "b" }]);
    const [condition, ...others] = inputs as readonly [Signature, Signature, Signature];
    for (const [i, other] of others.entries()) {
      const isNumber = !other.batched && sizeOf(other.shape) === 1 && other.shape.length === 0;
      if (!isNumber && !sameSignature(condition, other))
        refuse("where", path, `${"ab"[i]} is ${shapeText(other)}, expected the condition's ${shapeText(condition)}`);
    }
    return { shape: condition.shape, batched: condition.batched, dtype: "f32" };
  },
  gradient: ({ graph, inputs: [condition, a, b], upstream, wanted }) => {
    const zero = graph.constant(0);
    return [
      undefined,
      wanted[1] ? gather(graph.add(whereOp, {}, [condition!, upstream, zero]), a!) : undefined,
      wanted[2] ? gather(graph.add(whereOp, {}, [condition!, zero, upstream]), b!) : undefined,
    ];
  },
  reference: ([condition, a, b]) => {
    const at = ({ data }: { readonly data: Float64Array }, i: number) => data[data.length === 1 ? 0 : i]!;
    return mapTensor(condition!, (c, i) => at(c !== 0 ? a! : b!, i));
  },
  cost: costPerElement(1),
  traits: FUSIBLE,
};

/** 1 where a > b, else 0. */
export const greater = makes("greater", ["a", "b"], (a: Value, b: Value): Value => apply(greaterOp, lessOp, a, b));
/** 1 where a >= b, else 0. */
export const greaterEqual = makes(
  "greaterEqual",
  ["a", "b"],
  (a: Value, b: Value): Value => apply(greaterEqualOp, lessEqualOp, a, b),
);
/** 1 where a < b, else 0. */
export const less = makes("less", ["a", "b"], (a: Value, b: Value): Value => apply(lessOp, greaterOp, a, b));
/** 1 where a <= b, else 0. */
export const lessEqual = makes(
  "lessEqual",
  ["a", "b"],
  (a: Value, b: Value): Value => apply(lessEqualOp, greaterEqualOp, a, b),
);
/** 1 where a = b, else 0. NaN equals nothing. */
export const equal = makes("equal", ["a", "b"], (a: Value, b: Value): Value => apply(equalOp, equalOp, a, b));
/** 1 where a and b differ, else 0. */
export const notEqual = makes(
  "notEqual",
  ["a", "b"],
  (a: Value, b: Value): Value => apply(notEqualOp, notEqualOp, a, b),
);
/** The larger of two; NaN where either is. Of equal ones each gets half of the gradient: PyTorch's `maximum`. */
export const maximum = makes("maximum", ["a", "b"], (a: Value, b: Value): Value => apply(maximumOp, maximumOp, a, b));
/** The smaller of two; NaN where either is. Of equal ones each gets half of the gradient: PyTorch's `minimum`. */
export const minimum = makes("minimum", ["a", "b"], (a: Value, b: Value): Value => apply(minimumOp, minimumOp, a, b));

/** a where the condition is not 0, and b elsewhere. What is not chosen has no gradient, and its NaN does not show. */
export const where = makes("where", ["condition", "a", "b"], (condition: Value, a: Value, b: Value): Value => {
  const like = [a, b].reduce((result: Signature, other) => broadcastBoth(result, other) ?? result, condition);
  const full = (value: Value) => (value.shape.length === 0 && !value.batched ? value : broadcastTo(value, like));
  return condition.graph.add(whereOp, {}, [broadcastTo(condition, like), full(a), full(b)]);
});
