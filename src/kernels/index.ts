/** The kernel strategies, ties in cost going to the first. Elementwise groups are lowered by `lowerPointwise`. */

import { argmaxStrategy } from "./argmax.js";
import { arrangeStrategy } from "./arrange.js";
import { channelWindowStrategy } from "./channel-window.js";
import { classWeightStrategy } from "./class-weight.js";
import { deviationStrategy } from "./deviations.js";
import { direct } from "./direct.js";
import { squaredDistanceStrategy } from "./distance.js";
import { dropoutStrategy } from "./dropout.js";
import { expandStrategy } from "./expand.js";
import { generalConvolution } from "./general-convolution.js";
import { generalInputGradient } from "./general-input-gradient.js";
import { generalLinear, generalLinearInputGradient, generalLinearWeightGradient } from "./general-linear.js";
import { generalWeightGradient } from "./general-weight-gradient.js";
import { linearProduct } from "./linear.js";
import { linearWeightGradient } from "./linear-weight-gradient.js";
import { maxReduceStrategy } from "./max-reduce.js";
import { poolStrategy } from "./pool.js";
import { poolGradientStrategy } from "./pool-gradient.js";
import { resizeStrategy } from "./resize.js";
import { routedInputGradient } from "./routed-input-gradient.js";
import { routedWeightGradient } from "./routed-weight-gradient.js";
import { reshapeStrategy, shapeStrategy } from "./shape.js";
import { softmaxStrategy } from "./softmax.js";
import { squaredErrorStrategy } from "./squared-error.js";
import type { Strategy } from "./strategy.js";
import { sumStrategy } from "./sum.js";
import { weightGradient } from "./weight-gradient.js";
import { winograd } from "./winograd.js";
import { winogradWeightGradient } from "./winograd-weight-gradient.js";

/** Fewer multiplications for more rounding: what may be switched off. */
export const WINOGRAD_STRATEGIES: readonly Strategy[] = [winograd, winogradWeightGradient];

export const STRATEGIES: readonly Strategy[] = [
  ...WINOGRAD_STRATEGIES,
  routedInputGradient,
  routedWeightGradient,
  direct,
  linearProduct,
  weightGradient,
  linearWeightGradient,
  poolStrategy,
  poolGradientStrategy,
  resizeStrategy,
  sumStrategy,
  deviationStrategy,
  channelWindowStrategy,
  expandStrategy,
  maxReduceStrategy,
  shapeStrategy,
  reshapeStrategy,
  arrangeStrategy,
  squaredDistanceStrategy,
  dropoutStrategy,
  softmaxStrategy,
  argmaxStrategy,
  classWeightStrategy,
  squaredErrorStrategy,
  generalConvolution,
  generalInputGradient,
  generalWeightGradient,
  generalLinear,
  generalLinearInputGradient,
  generalLinearWeightGradient,
];
