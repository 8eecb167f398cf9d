/**
 * Elementwise arithmetic, with broadcasting as NumPy and PyTorch have it. **The batch is an axis of its own**: a value without one
 * is the same for every sample, and the axes of a sample line up from the last, where an extent of 1 or a missing axis is
 * repeated. So beside an image [N, H, W, C] there may stand a number a channel [C], one a sample and channel, [N, C] or [N, 1, 1, C],
 * one a pixel [N, H, W, 1] or [H, W, 1], one a sample [N], or a scalar. A value of [N, C] is never taken for [W, C], even
 * where N = W: which of the two it is, is said by whether it has a batch.
 *
 * The nodes themselves take less: the result has the signature of a, and b the same, or (but for axes of 1 that it begins with)
 *  - without a batch, the last axes of a's shape;
 *  - with a batch, no axes or the last one. The attribute `perSample` says so, because a tensor of [N] could else be read as [C].
 * Whatever else is asked for is repeated by `expand` first.
 */

import { shown } from "../base/options.js";
import type { PowerAttributes, ScaleAttributes } from "../graph/attributes.js";
import type { Graph, Op, Traits, Value } from "../graph/graph.js";
import { type Signature, sameShape, shapeText, sizeOf, withoutLeadingOnes } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { makes } from "./makes.js";
import { broadcastShape, broadcastTo, type ExpandAttributes, expandOp, gather, sum } from "./reduce.js";
import { costPerElement, expectInputs, FUSIBLE, mapTensor, refuse } from "./support.js";

export type { PowerAttributes, ScaleAttributes } from "../graph/attributes.js";

export interface BinaryAttributes {
  /** b has one number, or one a channel, for each sample, where a has more. Absent otherwise. */
  readonly perSample?: true;
}

function sameSignature(a: Signature, b: Signature): boolean {
  return a.batched === b.batched && sameShape(a.shape, b.shape);
}

function isPerSample(a: Signature, b: Signature): boolean {
  if (!a.batched || !b.batched || b.shape.length > a.shape.length || sameShape(a.shape, b.shape)) return false;
  const own = withoutLeadingOnes(b.shape);
  return own.length === 0 || (own.length === 1 && own[0] === a.shape.at(-1));
}

/** Whether b can be spread over a by the node itself. */
function spreads(a: Signature, b: Signature): boolean {
  if (sameSignature(a, b) || isPerSample(a, b)) return true;
  const own = withoutLeadingOnes(b.shape);
  return !b.batched && b.shape.length <= a.shape.length && sameShape(a.shape.slice(a.shape.length - own.length), own);
}

function binary(
  name: string,
  f: (a: number, b: number) => number,
  gradient: NonNullable<Op<BinaryAttributes>["gradient"]>,
  traits: Traits = FUSIBLE,
): Op<BinaryAttributes> {
  return {
    name,
    infer(inputs, attributes, path) {
      expectInputs(name, path, inputs, [{ name: "a" }, { name: "b" }]);
      const [a, b] = inputs as readonly [Signature, Signature];
      if (!spreads(a, b)) {
        refuse(
          name,
          path,
          `b is ${shapeText(b)}, which does not fit a of ${shapeText(a)}; expected extents that are the same or 1, ` +
            "from the last axis on (the batch N is an axis of its own)",
        );
      }
      if ((attributes.perSample ?? false) !== isPerSample(a, b)) {
        refuse(
          name,
          path,
          `perSample is ${attributes.perSample ?? false}, but b is ${shapeText(b)} and a ${shapeText(a)}`,
        );
      }
      return { shape: a.shape, batched: a.batched, dtype: "f32" };
    },
    gradient,
    reference([a, b], { perSample }, output, batch) {
      const each = sizeOf(output.shape);
      const size = perSample ? b!.data.length / batch : b!.data.length;
      const first = (i: number) => (perSample ? Math.floor(i / each) * size : 0);
      return mapTensor(a!, (x, i) => f(x, b!.data[first(i) + (i % size)]!));
    },
    cost: costPerElement(1),
    traits,
  };
}

// d(a + b) = da + db
export const addOp = binary(
  "add",
  (a, b) => a + b,
  ({ inputs, upstream, wanted }) => [upstream, wanted[1] ? gather(upstream, inputs[1]!) : undefined],
);
// d(a - b) = da - db
export const subtractOp = binary(
  "subtract",
  (a, b) => a - b,
  ({ inputs, upstream, wanted }) => [upstream, wanted[1] ? scale(gather(upstream, inputs[1]!), -1) : undefined],
);
// d(a b) = b da + a db
export const multiplyOp = binary(
  "multiply",
  (a, b) => a * b,
  ({ inputs: [a, b], upstream, wanted }) => [
    wanted[0] ? multiply(upstream, b!) : undefined,
    wanted[1] ? gather(multiply(upstream, a!), b!) : undefined,
  ],
);
// y = a / b: d(y) = da / b - (y / b) db
export const divideOp = binary(
  "divide",
  (a, b) => a / b,
  ({ node, inputs: [, b], upstream, wanted }) => [
    wanted[0] ? divide(upstream, b!) : undefined,
    wanted[1] ? scale(gather(divide(multiply(upstream, node), b!), b!), -1) : undefined,
  ],
  { elementwise: true },
);

function unary<A extends object>(
  name: string,
  f: (x: number, attributes: A) => number,
  gradient: NonNullable<Op<A>["gradient"]>,
  traits: Traits = { elementwise: true },
): Op<A> {
  return {
    name,
    infer(inputs, _attributes, path) {
      expectInputs(name, path, inputs, [{ name: "input" }]);
      const { shape, batched } = inputs[0]!;
      return { shape, batched, dtype: "f32" };
    },
    gradient,
    reference: ([x], attributes): Tensor => mapTensor(x!, (value) => f(value, attributes)),
    cost: costPerElement(1),
    traits,
  };
}

/** x factor + offset. */
export const scaleOp: Op<ScaleAttributes> = {
  ...unary<ScaleAttributes>(
    "scale",
    (x, { factor, offset }) => x * factor + offset,
    ({ attributes, upstream }) => [scale(upstream, attributes.factor)],
    FUSIBLE,
  ),
  infer(inputs, attributes, path) {
    expectInputs("scale", path, inputs, [{ name: "input" }]);
    for (const [name, value] of Object.entries(attributes))
      if (typeof value !== "number") refuse("scale", path, `${name} is ${shown(value)}, expected a number`);
    const { shape, batched } = inputs[0]!;
    return { shape, batched, dtype: "f32" };
  },
};
// d(sqrt x)/dx = 1 / (2 sqrt x)
export const sqrtOp = unary("sqrt", Math.sqrt, ({ node, upstream }) => [divide(scale(upstream, 0.5), node)]);
// d(x^2)/dx = 2 x
export const squareOp = unary(
  "square",
  (x) => x * x,
  ({ inputs, upstream }) => [multiply(upstream, scale(inputs[0]!, 2))],
);

/** x, for which no gradient is sent back. */
export const stopGradientOp: Op = unary(
  "stopGradient",
  (x) => x,
  () => [undefined],
  FUSIBLE,
);

/**
 * x^exponent by IEEE 754's pow: 1 for an exponent of 0 whatever x is, signs kept by whole exponents, NaN for a negative x and an exponent
 * that is not whole. One half is the square root, as in PyTorch. d(x^e)/dx = e x^(e - 1), which is 0 throughout for e = 0.
 */
export const powerOp: Op<PowerAttributes> = {
  ...unary<PowerAttributes>(
    "power",
    (x, { exponent }) => {
      if (Math.abs(exponent) !== 0.5) return x ** exponent;
      return exponent < 0 ? 1 / Math.sqrt(x) : Math.sqrt(x);
    },
    ({ inputs, attributes: { exponent }, upstream }) => {
      if (exponent === 0) return [undefined];
      return [exponent === 1 ? upstream : multiply(upstream, scale(power(inputs[0]!, exponent - 1), exponent))];
    },
  ),
  infer(inputs, { exponent }, path) {
    expectInputs("power", path, inputs, [{ name: "input" }]);
    if (!Number.isFinite(exponent)) refuse("power", path, `exponent is ${exponent}, expected a finite number`);
    const { shape, batched } = inputs[0]!;
    return { shape, batched, dtype: "f32" };
  },
};

function apply(op: Op<BinaryAttributes>, a: Value, b: Value): Value {
  return a.graph.add(op, isPerSample(a, b) ? { perSample: true } : {}, [a, b]);
}

/** Both, with what the node cannot spread over the other repeated; as they are where they do not fit at all. */
function broadcast(a: Value, b: Value): readonly [Value, Value] {
  if (spreads(a, b) || spreads(b, a)) return [a, b];
  const shape = broadcastShape(a.shape, b.shape);
  if (shape === undefined || a.dtype !== "f32" || b.dtype !== "f32") return [a, b];
  const result: Signature = { shape, batched: a.batched || b.batched, dtype: "f32" };
  const other = spreads(result, b) ? b : broadcastTo(b, result);
  const isWhole = sameSignature(result, other);
  return [isWhole && spreads(result, a) ? a : broadcastTo(a, result), other];
}

function commuting(op: Op<BinaryAttributes>, x: Value, y: Value): Value {
  const [a, b] = broadcast(x, y);
  return spreads(a, b) || !spreads(b, a) ? apply(op, a, b) : apply(op, b, a);
}

/**
 * What was repeated over all but its last axes for the sake of an addition, which spreads it anyway; of the gradient of a mean over
 * the batch, what each element gets.
 */
function repeated(x: Value): Value {
  if (x.op !== (expandOp as unknown)) return x;
  const { axes, batch, batched, mean, keepsAxes, shape } = x.attributes as ExpandAttributes;
  if (keepsAxes || batch !== batched || !axes.every((axis, i) => axis === i)) return x;
  const [one] = x.inputs as [Value];
  if (!mean) return one;
  return batch ? divide(one, batchCount(x.graph, sizeOf(shape.slice(0, axes.length)))) : x;
}

/** The number of samples, times `each`: known when a program runs. */
export function batchCount(graph: Graph, each: number): Value {
  return scale(sum(graph.constant(1, { batched: true }), { batch: true }), each);
}

export const add = makes("add", ["a", "b"], (a: Value, b: Value): Value => {
  const [less, more] = [repeated(a), repeated(b)];
  if (more !== b && spreads(a, more)) return apply(addOp, a, more);
  if (less !== a && spreads(b, less)) return apply(addOp, b, less);
  return commuting(addOp, a, b);
});
export const multiply = makes("multiply", ["a", "b"], (a: Value, b: Value): Value => commuting(multiplyOp, a, b));
export const divide = makes("divide", ["x", "y"], (x: Value, y: Value): Value => {
  const [a, b] = broadcast(x, y);
  return apply(divideOp, spreads(a, b) || !spreads(b, a) ? a : broadcastTo(a, b), b);
});
export const subtract = makes("subtract", ["x", "y"], (x: Value, y: Value): Value => {
  const [a, b] = broadcast(x, y);
  return spreads(a, b) || !spreads(b, a) ? apply(subtractOp, a, b) : add(scale(b, -1), a);
});
/** x factor + offset; x itself for x * 1 + 0. */
export const scale = makes("scale", ["x"], (x: Value, factor: number, offset = 0): Value => {
  return factor === 1 && offset === 0 ? x : x.graph.add(scaleOp, { factor, offset }, [x]);
});
export const sqrt = makes("sqrt", ["x"], (x: Value): Value => x.graph.add(sqrtOp, {}, [x]));
/** x^exponent, the exponent a constant; x may be negative where it is whole. */
export const power = makes(
  "power",
  ["x"],
  (x: Value, exponent: number): Value => (exponent === 1 ? x : x.graph.add(powerOp, { exponent }, [x])),
);
export const square = makes("square", ["x"], (x: Value): Value => x.graph.add(squareOp, {}, [x]));

/**
 * x as a number that is given: gradients end here, and nothing in front of it learns by what is behind it (PyTorch's `detach`). So a
 * discriminator learns from the pictures of a generator without changing it.
 */
export const stopGradient = makes(
  "stopGradient",
  ["x"],
  (x: Value): Value => (x.dtype === "f32" ? x.graph.add(stopGradientOp, {}, [x]) : x),
);
