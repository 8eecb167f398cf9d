/**
 * The nodes of a graph. A `Value` is the one result of one op: immutable, with a static shape, a dtype, and the path of
 * the layer that made it. The batch is not part of `shape`: a batched value has one tensor of `shape` for each sample,
 * and how many samples there are is known only when a program runs. Images are `[height, width, channels]`.
 */
import type { Graph } from "./graph.js";
import type { Tensor } from "./tensor.js";

export type Shape = readonly number[];
export type DType = "f32" | "i32";

export interface Signature {
  /** Extents without the batch. */
  readonly shape: Shape;
  readonly batched: boolean;
  readonly dtype: DType;
}

/** Attributes are plain data (numbers, strings, booleans, arrays and objects of them): equal text (`plainText`) means equal meaning. */
// biome-ignore lint/complexity/noBannedTypes: an op without attributes has {}
export type Attributes = {};

export interface Value<A extends Attributes = Attributes> extends Signature {
  readonly graph: Graph;
  /** Position in the graph: every input has a smaller id. */
  readonly id: number;
  readonly op: Op<A>;
  readonly attributes: A;
  readonly inputs: readonly Value[];
  /** The layer that made it, such as `layer1.0.conv1`; gradient nodes carry the path of the layer they belong to. */
  readonly path: string;
}

export interface Cost {
  /** Multiply-adds a sample for batched outputs (or per batched input sample), else for one call. */
  readonly multiplyAdds: number;
  /** Bytes read and written a sample, each value once. */
  readonly bytes: number;
}

export interface GradientContext<A extends Attributes> {
  readonly graph: Graph;
  readonly node: Value<A>;
  readonly inputs: readonly Value[];
  readonly attributes: A;
  /** d(loss)/d(node): same shape, batched and dtype as the node. */
  readonly upstream: Value;
  /** Which inputs need a gradient: nodes for the others need not be made. */
  readonly wanted: readonly boolean[];
}

/** One kind of node. The whole of an op's meaning is here; kernels are elsewhere and are tested against `reference`. */
export interface Op<A extends Attributes = Attributes> {
  readonly name: string;
  /** Shape rule. Throws ShapeError naming the path, the parameter, its value, what was expected and the cure. */
  infer(inputs: readonly Signature[], attributes: A, path: string): Signature;
  /** Gradient for each input, undefined where there is none (labels, indices). Absent: the op has no gradient. */
  gradient?(context: GradientContext<A>): readonly (Value | undefined)[];
  /** The meaning, in plain float64. Batched tensors have the batch as first extent. */
  reference(inputs: readonly Tensor[], attributes: A, output: Signature, batch: number): Tensor;
  cost(inputs: readonly Signature[], attributes: A, output: Signature): Cost;
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** Without the axes of one element that it begins with: what broadcasting lines up with the last axes of another shape. */
export function withoutLeadingOnes(shape: Shape): Shape {
  const first = shape.findIndex((n) => n !== 1);
  return first < 0 ? [] : shape.slice(first);
}

/** `Nx28x28x1`, `5x5x1x6`, `scalar`. */
export function shapeText(s: { readonly shape: Shape; readonly batched?: boolean }): string {
  const dims = [...(s.batched ? ["N"] : []), ...s.shape];
  return dims.length === 0 ? "scalar" : dims.join("x");
}
