/** Every op: the functions that make nodes, the definitions, and the list that tests and planner go through. */
import { differentiate as differentiateWith } from "../graph/differentiate.js";
import type { Value } from "../graph/graph.js";
import { add } from "./elementwise/arithmetic.js";
import { makes } from "./makes.js";

export { ALL_OPS } from "./all.js";
export * from "./arrange.js";
export * from "./class-weight.js";
export * from "./conv.js";
export * from "./conv-transpose.js";
export * from "./distance.js";
export * from "./dropout.js";
export * from "./elementwise/activation.js";
export * from "./elementwise/arithmetic.js";
export type { BinaryAttributes } from "./elementwise/binary.js";
export * from "./elementwise/comparison.js";
export * from "./elementwise/functions.js";
export { gelu, geluGradOp, geluOp } from "./elementwise/gelu.js";
export * from "./elementwise/rectifiers.js";
export * from "./elementwise/smooth.js";
export * from "./linear.js";
export * from "./local-response.js";
export * from "./loss.js";
export * from "./metric.js";
export * from "./normalization.js";
export * from "./pixel-loss.js";
export * from "./pool.js";
export * from "./reduce.js";
export { call } from "./registry.js";
export { type ResizeMode, resize, resizeGradOp, resizeOp } from "./resize.js";
export * from "./shape.js";
export type { Axis } from "./support.js";
export type { Padding, Pair, Window, WindowOptions } from "./window.js";

/** d(loss)/d(w) for each of `wrt`, as new nodes of the same graph (see graph/differentiate.ts). */
export const differentiate = makes(
  "differentiate",
  ["loss", "...wrt"],
  (lossValue: Value, wrt: readonly Value[]): readonly Value[] => differentiateWith(lossValue, wrt, add),
);
