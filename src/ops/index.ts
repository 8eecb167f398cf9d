/**
 * What networks are drawn with: `import { ops } from "fovea"`. Each function draws nodes into the graph of its inputs.
 * The definitions of ops are in the files below, and in one list in all.ts.
 */
import { differentiate as differentiateWith } from "../graph/differentiate.js";
import type { Value } from "../graph/graph.js";
import { add } from "./elementwise/arithmetic.js";
import { makes } from "./makes.js";

export { arrange } from "./arrange.js";
export { classWeight } from "./class-weight.js";
export { type ConvOptions, conv2d } from "./conv.js";
export { type ConvTransposeOptions, convTranspose2d } from "./conv-transpose.js";
export { squaredDistance } from "./distance.js";
export { type DropoutAttributes, dropout } from "./dropout.js";
export { relu, scaledTanh, sigmoid, tanh } from "./elementwise/activation.js";
export {
  add,
  batchCount,
  divide,
  multiply,
  power,
  scale,
  sqrt,
  square,
  stopGradient,
  subtract,
} from "./elementwise/arithmetic.js";
export {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  maximum,
  minimum,
  notEqual,
  where,
} from "./elementwise/comparison.js";
export { abs, exp, log, negative, reciprocal, sign } from "./elementwise/functions.js";
export { gelu } from "./elementwise/gelu.js";
export {
  type Bounds,
  clip,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu,
  prelu,
  relu6,
} from "./elementwise/rectifiers.js";
export { celu, elu, geluTanh, mish, type SoftplusOptions, selu, silu, softplus } from "./elementwise/smooth.js";
export { linear } from "./linear.js";
export {
  type ChannelWindowAttributes,
  channelWindowSum,
  type LocalResponseNormOptions,
  localResponseNorm,
} from "./local-response.js";
export { crossEntropy, meanSquaredError, softmax } from "./loss.js";
export { binaryCrossEntropy, diceLoss, type FocalLossOptions, focalLoss } from "./losses/binary.js";
export { klDivergence, logSoftmax, softCrossEntropy } from "./losses/distribution.js";
export { absoluteError, huberLoss, smoothL1Loss } from "./losses/regression.js";
export { argmax, correct } from "./metric.js";
export { affine, channelMeans, channelSums, normalize, squaredDeviations } from "./normalization.js";
export { IGNORED, type PixelLossOptions, pixelAccuracy, pixelCrossEntropy } from "./pixel-loss.js";
export {
  type AvgPoolOptions,
  adaptiveAvgPool2d,
  avgPool2d,
  type Divisor,
  type MaxPoolOptions,
  maxPool2d,
} from "./pool.js";
export { broadcastTo, expand, gather, maxReduce, mean, type SumAttributes, type SumOptions, sum } from "./reduce.js";
export { call } from "./registry.js";
export { type ResizeMode, type ResizeOptions, resize } from "./resize.js";
export { concat, flatten, pad, reshape, slice } from "./shape.js";
export type { Axis } from "./support.js";
export type { Padding, Pair, WindowOptions } from "./window.js";

/**
 * Draws the gradient d(loss)/d(w) of each of `wrt`, as new nodes of the same graph. PyTorch: `torch.autograd.grad`.
 *
 * @example
 * ```js
 * import { Graph, openDevice, ops } from "fovea";
 *
 * const graph = new Graph();
 * const x = graph.input("x", { shape: [], batched: false });
 * const [gradient] = ops.differentiate(ops.power(x, 3), [x]); // 3 x^2
 * const device = await openDevice();
 * const cube = await device.compile({ name: "cube", outputs: { gradient }, assigns: [] });
 * const result = await cube.run({ x: 2 });
 * await device.close();
 * console.log(Array.from(result.gradient)); // [ 12 ]
 * ```
 *
 * @param loss one number for the whole batch, f32 of shape []
 * @returns a value for each of `wrt`, of its shape; zero where the loss does not depend on it
 * @throws ShapeError if the loss has a batch or extents, or an op on the way has no gradient
 */
export const differentiate = makes(
  "differentiate",
  ["loss", "...wrt"],
  (loss: Value, wrt: readonly Value[]): readonly Value[] => differentiateWith(loss, wrt, add),
);
