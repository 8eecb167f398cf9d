/**
 * The elementwise ops as vector code, one element a lane: what chains melted into a store and pointwise groups are made
 * of. Nothing here knows of memory; `epilogue.ts` and `pointwise-group.ts` do.
 */

import { SCALED_TANH } from "../../base/scaled-tanh.js";
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { PowerAttributes, ScaleAttributes } from "../../graph/attributes.js";
import type { Attributes, Value } from "../../graph/graph.js";
import { type Shape, type Signature, sameShape, withoutLeadingOnes } from "../../graph/shape.js";
import type { Lanes } from "../../target/target.js";
import { gelu, geluSlope, power, scaledTanh, sigmoid, tanh } from "../language/math.js";

export interface PointwiseOp {
  /** One vector of the result from one vector of each argument. */
  emit(k: KernelBuilder, args: readonly Reg[], attributes: Attributes, lanes: Lanes): Reg;
  /** Whether arguments that are all +0 give +0, so that pad lanes stay clean without a mask. */
  keepsZero(attributes: Attributes): boolean;
  /**
   * Vector registers that the code needs at once beside its arguments and its result.
   * @default 0
   */
  readonly registers?: number;
}

type Emit = PointwiseOp["emit"];
const always = () => true;
const never = () => false;

function unary(apply: (k: KernelBuilder, x: Reg, lanes: Lanes) => Reg, keepsZero = always): PointwiseOp {
  const emit: Emit = (k, [x], _attributes, lanes) => apply(k, x!, lanes);
  return { emit, keepsZero };
}

/** Ops made of exponentials (`math.ts`) need several registers. */
const exponential = (code: PointwiseOp): PointwiseOp => ({ ...code, registers: 4 });

function binary(apply: (k: KernelBuilder, a: Reg, b: Reg, lanes: Lanes) => Reg, keepsZero = always): PointwiseOp {
  const emit: Emit = (k, [a, b], _attributes, lanes) => apply(k, a!, b!, lanes);
  return { emit, keepsZero };
}

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

export const POINTWISE: Readonly<Record<string, PointwiseOp>> = {
  relu: unary((k, x, lanes) => k.pmax(x, k.splat(0, lanes))),
  tanh: exponential(unary((k, x) => tanh(k, x))),
  scaledTanh: exponential(unary((k, x) => scaledTanh(k, x))),
  sigmoid: exponential(unary((k, x) => sigmoid(k, x), never)),
  gelu: exponential(unary((k, x) => gelu(k, x))),
  scale,
  sqrt: unary((k, x) => k.sqrt(x)),
  square: unary((k, x) => k.fmul(x, x)),
  stopGradient: unary((_k, x) => x),

  power: exponential({
    emit: (k, [x], attributes) => power(k, x!, (attributes as PowerAttributes).exponent),
    keepsZero: never,
  }),

  // Gradients from the output y: dy * f'(x), with f' written in y.
  reluGrad: binary((k, y, dy, lanes) => {
    const zero = k.splat(0, lanes);
    return k.select(k.cmp("lt", zero, y), dy, zero);
  }),
  // 1 - y^2
  tanhGrad: binary((k, y, dy, lanes) => k.fmul(dy, k.fnma(y, y, k.splat(1, lanes)))),
  // y = A tanh(S x): A S (1 - (y/A)^2) = A S - (S/A) y^2
  scaledTanhGrad: binary((k, y, dy, lanes) => {
    const { amplitude, slope } = SCALED_TANH;
    const steepest = k.splat(amplitude * slope, lanes);
    return k.fmul(dy, k.fnma(k.fmul(y, k.splat(slope / amplitude, lanes)), y, steepest));
  }),
  // y (1 - y)
  sigmoidGrad: binary((k, y, dy, lanes) => k.fmul(dy, k.fmul(y, k.fsub(k.splat(1, lanes), y)))),

  // From the input x: P(x) + x p(x)
  geluGrad: exponential(binary((k, x, dy) => k.fmul(dy, geluSlope(k, x)))),

  add: binary((k, a, b) => k.fadd(a, b)),
  subtract: binary((k, a, b) => k.fsub(a, b)),
  multiply: binary((k, a, b) => k.fmul(a, b)),
  divide: binary((k, a, b) => k.fdiv(a, b), never),

  // (x - mean) factor + bias
  normalize: {
    emit: (k, [x, mean, factor, bias]) => k.fma(k.fsub(x!, mean!), factor!, bias!),
    keepsZero: always,
  },
  // x factor + shift
  affine: { emit: (k, [x, factor, shift]) => k.fma(x!, factor!, shift!), keepsZero: always },
};

/** Of ops of the user's, by their names. */
const own = new Map<string, PointwiseOp>();

export function registerPointwise(op: string, code: PointwiseOp): void {
  own.set(op, code);
}

/** The vector code of an op; undefined where it has none. */
export function pointwiseNamed(op: string): PointwiseOp | undefined {
  return Object.hasOwn(POINTWISE, op) ? POINTWISE[op] : own.get(op);
}

/** An elementwise node in the spec of a kernel. Whoever makes the spec gives arguments their names. */
export interface PointwiseStep {
  readonly op: string;
  readonly attributes: Attributes;
  readonly arguments: readonly string[];
}

export function stepOf({ op, attributes, inputs }: Value, nameOf: (input: Value, at: number) => string): PointwiseStep {
  return { op: op.name, attributes, arguments: inputs.map(nameOf) };
}

export function emitStep(k: KernelBuilder, step: PointwiseStep, argument: (name: string) => Reg, lanes: Lanes): Reg {
  return pointwiseNamed(step.op)!.emit(k, step.arguments.map(argument), step.attributes, lanes);
}

/** Whether arguments that are all +0 give +0. */
export function keepsZero({ op, attributes }: Pick<PointwiseStep, "op" | "attributes">): boolean {
  return pointwiseNamed(op)!.keepsZero(attributes);
}

/** Whether a node is one of the elementwise ops that have vector code, on floats. An op of the user's may take inputs that lie otherwise. */
export function isPointwise(node: Value): boolean {
  const { name } = node.op;
  if (pointwiseNamed(name) === undefined || node.dtype !== "f32") return false;
  return !own.has(name) || node.inputs.every((input) => operandKind(input, node) !== undefined);
}

/**
 * How an elementwise op's input lies beside its result.
 * full: the same layout; channel: one number a channel, unbatched; scalar: one number; sample: one number a sample;
 * sampleChannel: one a sample and channel; unbatchedFull: one tensor of the result's shape for all samples; suffix: of the
 * result's last extents, for everything. Axes of one element that an input begins with change nothing of how it lies.
 */
export type OperandKind = "full" | "channel" | "scalar" | "sample" | "sampleChannel" | "unbatchedFull" | "suffix";

export function operandKind(input: Signature, result: Signature): OperandKind | undefined {
  if (input.dtype !== "f32" || input.shape.length > result.shape.length) return undefined;
  const { shape } = input;
  if (input.batched) {
    if (!result.batched) return undefined;
    if (sameShape(shape, result.shape)) return "full";
    const own = withoutLeadingOnes(shape);
    if (own.length === 0) return "sample";
    return own.length === 1 && own[0] === result.shape.at(-1) ? "sampleChannel" : undefined;
  }
  if (!result.batched && sameShape(shape, result.shape)) return "full";
  return spreadKind(shape, result.shape) ?? spreadKind(withoutLeadingOnes(shape), result.shape);
}

/** Of an unbatched input. */
function spreadKind(shape: Shape, result: Shape): OperandKind | undefined {
  if (shape.length === 0) return "scalar";
  if (!sameShape(shape, result.slice(-shape.length))) return undefined;
  if (shape.length === 1) return "channel";
  return shape.length === result.length ? "unbatchedFull" : "suffix";
}
