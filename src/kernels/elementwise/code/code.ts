/** What the vector code of an elementwise op is, one element a lane. */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Attributes } from "../../../graph/graph.js";
import type { Lanes } from "../../../target/target.js";

/** The vector code of an elementwise op. */
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
export const always = () => true;
export const never = () => false;

export function unary(apply: (k: KernelBuilder, x: Reg, lanes: Lanes) => Reg, keepsZero = always): PointwiseOp {
  const emit: Emit = (k, [x], _attributes, lanes) => apply(k, x!, lanes);
  return { emit, keepsZero };
}

/** Ops made of exponentials (`math.ts`) need several registers. */
export const exponential = (code: PointwiseOp): PointwiseOp => ({ ...code, registers: 4 });

export function binary(
  apply: (k: KernelBuilder, a: Reg, b: Reg, lanes: Lanes) => Reg,
  keepsZero = always,
): PointwiseOp {
  const emit: Emit = (k, [a, b], _attributes, lanes) => apply(k, a!, b!, lanes);
  return { emit, keepsZero };
}
