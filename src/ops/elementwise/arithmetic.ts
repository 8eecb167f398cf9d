/** Elementwise arithmetic, with broadcasting as NumPy and PyTorch have it (`binary.ts`). */

import { shown } from "../../base/options.js";
import type { PowerAttributes, ScaleAttributes } from "../../graph/attributes.js";
import { Graph, type Op, type Value } from "../../graph/graph.js";
import { sizeOf } from "../../graph/shape.js";
import { makes } from "../makes.js";
import { broadcastTo, type ExpandAttributes, expandOp, gather, sum } from "../reduce.js";
import { FUSIBLE, refuse } from "../support.js";
import { apply, type BinaryAttributes, binaryOp, broadcast, node, spreads } from "./binary.js";
import { unaryOp } from "./unary.js";

export type { PowerAttributes, ScaleAttributes } from "../../graph/attributes.js";

// d(a + b) = da + db
export const addOp = binaryOp(
  "add",
  (a, b) => a + b,
  ({ inputs, upstream, wanted }) => [upstream, wanted[1] ? gather(upstream, inputs[1]!) : undefined],
);
// d(a - b) = da - db
export const subtractOp = binaryOp(
  "subtract",
  (a, b) => a - b,
  ({ inputs, upstream, wanted }) => [upstream, wanted[1] ? scale(gather(upstream, inputs[1]!), -1) : undefined],
);
// d(a b) = b da + a db
export const multiplyOp = binaryOp(
  "multiply",
  (a, b) => a * b,
  ({ inputs: [a, b], upstream, wanted }) => [
    wanted[0] ? multiply(upstream, b!) : undefined,
    wanted[1] ? gather(multiply(upstream, a!), b!) : undefined,
  ],
);
// y = a / b: d(y) = da / b - (y / b) db
export const divideOp = binaryOp(
  "divide",
  (a, b) => a / b,
  ({ node, inputs: [, b], upstream, wanted }) => [
    wanted[0] ? divide(upstream, b!) : undefined,
    wanted[1] ? scale(gather(divide(multiply(upstream, node), b!), b!), -1) : undefined,
  ],
  { elementwise: true },
);

/** x factor + offset. */
export const scaleOp: Op<ScaleAttributes> = unaryOp<ScaleAttributes>({
  name: "scale",
  f: (x, { factor, offset }) => x * factor + offset,
  gradient: ({ attributes, upstream }) => [scale(upstream, attributes.factor)],
  traits: FUSIBLE,
  check(attributes, path) {
    for (const [name, value] of Object.entries(attributes))
      if (typeof value !== "number") refuse("scale", path, `${name} is ${shown(value)}, expected a number`);
  },
});
// d(sqrt x)/dx = 1 / (2 sqrt x)
export const sqrtOp: Op = unaryOp({
  name: "sqrt",
  f: Math.sqrt,
  gradient: ({ node, upstream }) => [divide(scale(upstream, 0.5), node)],
});
// d(x^2)/dx = 2 x
export const squareOp: Op = unaryOp({
  name: "square",
  f: (x) => x * x,
  gradient: ({ inputs, upstream }) => [multiply(upstream, scale(inputs[0]!, 2))],
});

/** x, for which no gradient is sent back. */
export const stopGradientOp: Op = unaryOp({
  name: "stopGradient",
  f: (x) => x,
  gradient: () => [undefined],
  traits: FUSIBLE,
});

/**
 * x^exponent by IEEE 754's pow: 1 for an exponent of 0 whatever x is, signs kept by whole exponents, NaN for a negative
 * x and an exponent that is not whole. One half is the square root, as in PyTorch. d(x^e)/dx = e x^(e - 1), which is 0
 * throughout for e = 0.
 */
export const powerOp: Op<PowerAttributes> = unaryOp<PowerAttributes>({
  name: "power",
  f(x, { exponent }) {
    if (Math.abs(exponent) !== 0.5) return x ** exponent;
    return exponent < 0 ? 1 / Math.sqrt(x) : Math.sqrt(x);
  },
  gradient: ({ inputs, attributes: { exponent }, upstream }) => {
    if (exponent === 0) return [undefined];
    return [exponent === 1 ? upstream : multiply(upstream, scale(power(inputs[0]!, exponent - 1), exponent))];
  },
  check({ exponent }, path) {
    if (!Number.isFinite(exponent)) refuse("power", path, `exponent is ${exponent}, expected a finite number`);
  },
});

const commuting = (op: Op<BinaryAttributes>, x: Value, y: Value): Value => apply(op, op, x, y);

/**
 * What was repeated over all but its last axes for the sake of an addition, which spreads it anyway; of the gradient of
 * a mean over the batch, what each element gets.
 */
function repeated(x: Value): Value {
  if (x.op !== (expandOp as unknown)) return x;
  const { axes, batch, batched, mean, keepsAxes, shape } = x.attributes as ExpandAttributes;
  if (keepsAxes || batch !== batched || !axes.every((axis, i) => axis === i)) return x;
  const [one] = x.inputs as [Value];
  if (!mean) return one;
  return batch ? divide(one, batchCount(x.graph, sizeOf(shape.slice(0, axes.length)))) : x;
}

/** The number of samples of a run, times `each`: one number, which is known when a program runs. */
export function batchCount(graph: Graph, each: number): Value {
  if (!(graph instanceof Graph))
    refuse("batchCount", "", `graph is ${shown(graph)}, expected a graph, such as x.graph`);
  return scale(sum(graph.constant(1, { batched: true }), { batch: true }), each);
}

/**
 * a + b, number by number. Shapes are broadcast as in NumPy and PyTorch: an image [H, W, C] and a vector [C] give an
 * image. The batch is an axis of its own. PyTorch: `torch.add`.
 *
 * @example
 * ```js
 * import { Graph, ops } from "fovea";
 *
 * const graph = new Graph();
 * const image = graph.input("image", { shape: [4, 4, 3] });
 * const bias = graph.state("bias", "parameter", [3]);
 * console.log(ops.add(image, bias).shape); // [ 4, 4, 3 ]
 * ```
 *
 * @throws ShapeError if the shapes cannot be broadcast
 */
export const add = makes("add", ["a", "b"], (a: Value, b: Value): Value => {
  const [less, more] = [repeated(a), repeated(b)];
  if (more !== b && spreads(a, more)) return node(addOp, a, more);
  if (less !== a && spreads(b, less)) return node(addOp, b, less);
  return commuting(addOp, a, b);
});
/**
 * a b, number by number, broadcast as `ops.add` does. PyTorch: `torch.mul`.
 * @throws ShapeError if the shapes cannot be broadcast
 */
export const multiply = makes("multiply", ["a", "b"], (a: Value, b: Value): Value => commuting(multiplyOp, a, b));
/**
 * x / y, number by number, broadcast as `ops.add` does. PyTorch: `torch.div`.
 * @throws ShapeError if the shapes cannot be broadcast
 */
export const divide = makes("divide", ["x", "y"], (x: Value, y: Value): Value => {
  const [a, b] = broadcast(x, y);
  return node(divideOp, spreads(a, b) || !spreads(b, a) ? a : broadcastTo(a, b), b);
});
/**
 * x - y, number by number, broadcast as `ops.add` does. PyTorch: `torch.sub`.
 * @throws ShapeError if the shapes cannot be broadcast
 */
export const subtract = makes("subtract", ["x", "y"], (x: Value, y: Value): Value => {
  const [a, b] = broadcast(x, y);
  return spreads(a, b) || !spreads(b, a) ? node(subtractOp, a, b) : add(scale(b, -1), a);
});
/**
 * x factor + offset, with numbers that are known when the network is drawn; x itself for a factor of 1 and an offset of
 * 0.
 * @throws ShapeError if factor or offset is no number
 */
export const scale = makes("scale", ["x"], (x: Value, factor: number, offset = 0): Value => {
  return factor === 1 && offset === 0 ? x : x.graph.add(scaleOp, { factor, offset }, [x]);
});
/** The square root of each number; NaN below 0. PyTorch: `torch.sqrt`. */
export const sqrt = makes("sqrt", ["x"], (x: Value): Value => x.graph.add(sqrtOp, {}, [x]));
/**
 * x^exponent of each number, with an exponent that is known when the network is drawn. x may be negative if it is
 * whole. PyTorch: `torch.pow`.
 */
export const power = makes(
  "power",
  ["x"],
  (x: Value, exponent: number): Value => (exponent === 1 ? x : x.graph.add(powerOp, { exponent }, [x])),
);
/** x^2 of each number. PyTorch: `torch.square`. */
export const square = makes("square", ["x"], (x: Value): Value => x.graph.add(squareOp, {}, [x]));

/**
 * x as a number that is given: gradients end here, and nothing in front of it learns by what is behind it (PyTorch's
 * `detach`). So a discriminator learns from the pictures of a generator without changing it.
 */
export const stopGradient = makes(
  "stopGradient",
  ["x"],
  (x: Value): Value => (x.dtype === "f32" ? x.graph.add(stopGradientOp, {}, [x]) : x),
);
