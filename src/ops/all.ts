/** Every op of the package, in one list: what tests and the registry go through. */
import type { Op } from "../graph/graph.js";
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
import * as metric from "./metric.js";
import * as normalization from "./normalization.js";
import * as pool from "./pool.js";
import * as reduce from "./reduce.js";
import * as resizing from "./resize.js";
import * as shape from "./shape.js";

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
  arithmetic.stopGradientOp,
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
