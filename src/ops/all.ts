/** Every op of the package, in one list: what tests and the registry go through. */
import type { Op } from "../graph/graph.js";
import * as arranging from "./arrange.js";
import * as classWeights from "./class-weight.js";
import * as conv from "./conv.js";
import * as distance from "./distance.js";
import * as dropouts from "./dropout.js";
import * as activation from "./elementwise/activation.js";
import * as arithmetic from "./elementwise/arithmetic.js";
import * as comparison from "./elementwise/comparison.js";
import * as functions from "./elementwise/functions.js";
import * as gelus from "./elementwise/gelu.js";
import * as rectifiers from "./elementwise/rectifiers.js";
import * as smooth from "./elementwise/smooth.js";
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
  smooth.geluTanhOp,
  smooth.geluTanhGradOp,
  smooth.siluOp,
  smooth.siluGradOp,
  smooth.eluOp,
  smooth.eluGradOp,
  smooth.softplusOp,
  smooth.softplusGradOp,
  smooth.mishOp,
  smooth.mishGradOp,
  rectifiers.clipOp,
  rectifiers.clipGradOp,
  rectifiers.leakyReluOp,
  rectifiers.leakyReluGradOp,
  rectifiers.hardSwishOp,
  rectifiers.hardSwishGradOp,
  functions.expOp,
  functions.logOp,
  functions.absOp,
  functions.signOp,
  comparison.greaterOp,
  comparison.greaterEqualOp,
  comparison.lessOp,
  comparison.lessEqualOp,
  comparison.equalOp,
  comparison.notEqualOp,
  comparison.maximumOp,
  comparison.minimumOp,
  comparison.whereOp,
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
