/** Every op: the functions that make nodes, the definitions, and the list that tests and planner go through. */
import { differentiate as differentiateWith } from "../graph/differentiate.js";
import type { Op, Value } from "../graph/graph.js";
import * as activation from "./activation.js";
import * as arithmetic from "./arithmetic.js";
import * as arranging from "./arrange.js";
import * as classWeights from "./class-weight.js";
import * as conv from "./conv.js";
import * as distance from "./distance.js";
import * as dropouts from "./dropout.js";
import * as gelus from "./gelu.js";
import * as linears from "./linear.js";
import * as localResponse from "./local-response.js";
import * as loss from "./loss.js";
import { makes } from "./makes.js";
import * as metric from "./metric.js";
import * as normalization from "./normalization.js";
import * as pool from "./pool.js";
import * as reduce from "./reduce.js";
import * as resizing from "./resize.js";
import * as shape from "./shape.js";

export * from "./activation.js";
export * from "./arithmetic.js";
export * from "./arrange.js";
export * from "./class-weight.js";
export * from "./conv.js";
export * from "./conv-transpose.js";
export * from "./distance.js";
export * from "./dropout.js";
export { gelu, geluGradOp, geluOp } from "./gelu.js";
export * from "./linear.js";
export * from "./local-response.js";
export * from "./loss.js";
export * from "./metric.js";
export * from "./normalization.js";
export * from "./pixel-loss.js";
export * from "./pool.js";
export * from "./reduce.js";
export { type ResizeMode, resize, resizeGradOp, resizeOp } from "./resize.js";
export * from "./shape.js";
export type { Padding, Pair, Window, WindowOptions } from "./window.js";

export const ALL_OPS: readonly Op[] = [
  conv.conv2dOp,
  conv.conv2dInputGradOp,
  conv.conv2dWeightGradOp,
  pool.maxPool2dOp,
  pool.maxPool2dGradOp,
  pool.avgPool2dOp,
  pool.avgPool2dGradOp,
  linears.linearOp,
  linears.linearInputGradOp,
  linears.linearWeightGradOp,
  activation.reluOp,
  activation.reluGradOp,
  activation.tanhOp,
  activation.tanhGradOp,
  activation.scaledTanhOp,
  activation.scaledTanhGradOp,
  activation.sigmoidOp,
  activation.sigmoidGradOp,
  gelus.geluOp,
  gelus.geluGradOp,
  arithmetic.addOp,
  arithmetic.subtractOp,
  arithmetic.multiplyOp,
  arithmetic.divideOp,
  arithmetic.scaleOp,
  arithmetic.sqrtOp,
  arithmetic.squareOp,
  arithmetic.powerOp,
  normalization.normalizeOp,
  normalization.affineOp,
  normalization.squaredDeviationsOp,
  normalization.centredProductsOp,
  localResponse.channelWindowSumOp,
  reduce.sumOp,
  reduce.expandOp,
  reduce.maxReduceOp,
  reduce.maxReduceGradOp,
  resizing.resizeOp,
  resizing.resizeGradOp,
  shape.reshapeOp,
  shape.concatOp,
  shape.sliceOp,
  shape.padOp,
  arranging.arrangeOp,
  distance.squaredDistanceOp,
  dropouts.dropoutOp,
  loss.softmaxOp,
  loss.softmaxGradOp,
  loss.crossEntropyOp,
  loss.crossEntropyGradOp,
  loss.meanSquaredErrorOp,
  classWeights.classWeightOp,
  metric.argmaxOp,
  metric.correctOp,
] as readonly Op[];

/** d(loss)/d(w) for each of `wrt`, as new nodes of the same graph (see graph/differentiate.ts). */
export const differentiate = makes(
  "differentiate",
  ["loss", "...wrt"],
  (lossValue: Value, wrt: readonly Value[]): readonly Value[] => differentiateWith(lossValue, wrt, arithmetic.add),
);
