/** The kernel strategies, ties in cost going to the first. Elementwise groups are lowered by `lowerPointwise`. */

import type { Strategy } from "./contract/strategy.js";
import { depthwise } from "./convolution/depthwise/depthwise.js";
import { depthwiseWeightGradient } from "./convolution/depthwise/weight-gradient.js";
import { direct } from "./convolution/direct/direct.js";
import { generalConvolution } from "./convolution/general/convolution.js";
import { generalInputGradient } from "./convolution/general/input-gradient.js";
import { generalWeightGradient } from "./convolution/general/weight-gradient.js";
import { routedInputGradient } from "./convolution/through-pool/input-gradient.js";
import { routedWeightGradient } from "./convolution/through-pool/weight-gradient.js";
import { weightGradient } from "./convolution/weight-gradient/weight-gradient.js";
import { winogradWeightGradient } from "./convolution/winograd/weight-gradient.js";
import { winograd } from "./convolution/winograd/winograd.js";
import { dropoutStrategy } from "./elementwise/dropout.js";
import { generalLinear, generalLinearInputGradient, generalLinearWeightGradient } from "./linear/general.js";
import { linearProduct } from "./linear/linear.js";
import { linearWeightGradient } from "./linear/weight-gradient.js";
import { argmaxStrategy } from "./loss/argmax.js";
import { classWeightStrategy } from "./loss/class-weight.js";
import { squaredDistanceStrategy } from "./loss/distance.js";
import { softmaxStrategy } from "./loss/softmax.js";
import { squaredErrorStrategy } from "./loss/squared-error.js";
import { poolGradientStrategy } from "./pool/gradient.js";
import { poolStrategy } from "./pool/pool.js";
import { channelWindowStrategy } from "./reduce/channel-window.js";
import { deviationStrategy } from "./reduce/deviations.js";
import { maxReduceStrategy } from "./reduce/max-reduce.js";
import { sumStrategy } from "./reduce/sum.js";
import { arrangeStrategy } from "./shape/arrange.js";
import { expandStrategy } from "./shape/expand.js";
import { resizeStrategy } from "./shape/resize.js";
import { reshapeStrategy, shapeStrategy } from "./shape/shape.js";

/** Fewer multiplications for more rounding: what may be switched off. */
export const WINOGRAD_STRATEGIES: readonly Strategy[] = [winograd, winogradWeightGradient];

export const STRATEGIES: readonly Strategy[] = [
  ...WINOGRAD_STRATEGIES,
  routedInputGradient,
  routedWeightGradient,
  depthwise,
  depthwiseWeightGradient,
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
