/** What a network is written with: `import { nn } from "fovea"`. */
export {
  Activation,
  type AlphaOptions,
  celu,
  elu,
  flatten,
  type GeluOptions,
  gelu,
  type HardTanhOptions,
  hardSigmoid,
  hardSwish,
  hardTanh,
  identity,
  type LeakyReluOptions,
  lambda,
  leakyRelu,
  mish,
  relu,
  relu6,
  scaledTanh,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
} from "./activation.js";
export { Conv2d, type Conv2dOptions, conv2d } from "./conv.js";
export { ConvTranspose2d, type ConvTranspose2dOptions, convTranspose2d } from "./conv-transpose.js";
export { Dropout, Dropout2d, dropout, dropout2d, StochasticDepth, stochasticDepth } from "./dropout.js";
export { type Generator, type Initializer, initialize } from "./initializer.js";
export type { AnyInputs, InputSpec, InputsOf } from "./inputs.js";
export { Linear, type LinearOptions, linear } from "./linear.js";
export { accuracyOf, CROSS_ENTROPY, decisionOf, type Loss, lossOf, type Metric } from "./loss.js";
export {
  type AnyModule,
  Module,
  modulesOf,
  Parameter,
  type Part,
  parameterCount,
  parametersOf,
  RunningStatistic,
  savedOf,
  statisticsOf,
} from "./module.js";
export { BatchNorm2d, type BatchNorm2dOptions, batchNorm2d } from "./norms/batch-norm.js";
export {
  GroupNorm,
  type GroupNormOptions,
  groupNorm,
  InstanceNorm2d,
  type InstanceNorm2dOptions,
  instanceNorm2d,
} from "./norms/group-norm.js";
export {
  LayerNorm,
  type LayerNormOptions,
  layerNorm,
  RmsNorm,
  type RmsNormOptions,
  rmsNorm,
} from "./norms/layer-norm.js";
export { LocalResponseNorm, localResponseNorm } from "./norms/local-response.js";
export { PartialConv2d, type PartialConv2dOptions, partialConv2d } from "./partial-conv.js";
export { pick } from "./pick.js";
export {
  AdaptiveAvgPool2d,
  AvgPool2d,
  adaptiveAvgPool2d,
  avgPool2d,
  GlobalAvgPool2d,
  globalAvgPool2d,
  MaxPool2d,
  maxPool2d,
  type PoolMaker,
  Subsample2d,
  type Subsample2dOptions,
  subsample2d,
} from "./pool.js";
export { Prelu, type PreluOptions, prelu } from "./prelu.js";
export { RadialBasis, type RadialBasisOptions, radialBasis } from "./radial-basis.js";
export { type Layer, Sequential, sequential } from "./sequential.js";
export { SqueezeExcitation, type SqueezeExcitationOptions, squeezeExcitation } from "./squeeze-excitation.js";
export { RANDOM_INPUT, type Traced, type TracedParameter, type TraceOptions, trace } from "./trace.js";
export { Upsample, type UpsampleOptions, upsample } from "./upsample.js";
export type { Values } from "./values.js";
export { WhiteningConv2d, type WhiteningConv2dOptions, whiteningConv2d } from "./whitening-conv.js";
