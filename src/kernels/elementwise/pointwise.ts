/**
 * The elementwise ops as vector code, one element a lane: what chains melted into a store and pointwise groups are made
 * of. Nothing here knows of memory; `epilogue.ts` and `pointwise-group.ts` do.
 */

import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { Attributes, Value } from "../../graph/graph.js";
import { type Shape, type Signature, sameShape, withoutLeadingOnes } from "../../graph/shape.js";
import type { Lanes } from "../../target/target.js";
import { ACTIVATIONS } from "./code/activation.js";
import { ARITHMETIC } from "./code/arithmetic.js";
import type { PointwiseOp } from "./code/code.js";
import { COMPARISONS } from "./code/comparison.js";
import { RECTIFIERS } from "./code/rectifiers.js";

export type { PointwiseOp } from "./code/code.js";

export const POINTWISE: Readonly<Record<string, PointwiseOp>> = {
  ...ARITHMETIC,
  ...ACTIVATIONS,
  ...RECTIFIERS,
  ...COMPARISONS,
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

/**
 * Whether a node is one of the elementwise ops that have vector code, on floats. An op of the user's may take inputs
 * that lie otherwise.
 */
export function isPointwise(node: Value): boolean {
  const { name } = node.op;
  if (pointwiseNamed(name) === undefined || node.dtype !== "f32") return false;
  return !own.has(name) || node.inputs.every((input) => operandKind(input, node) !== undefined);
}

/**
 * How an elementwise op's input lies beside its result. full: the same layout; channel: one number a channel,
 * unbatched; scalar: one number; sample: one number a sample; sampleChannel: one a sample and channel; unbatchedFull:
 * one tensor of the result's shape for all samples; suffix: of the result's last extents, for everything. Axes of one
 * element that an input begins with change nothing of how it lies.
 */
export type OperandKind = "full" | "channel" | "scalar" | "sample" | "sampleChannel" | "unbatchedFull" | "suffix";

/**
 * How an operand of an elementwise node is read beside the result: number by number, a number a channel, a number a
 * sample, or one number.
 */
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
