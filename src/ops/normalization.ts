/**
 * What normalisation layers are made of. Channels are the last axis; whatever stands for a channel is an unbatched [C],
 * so that batch normalisation (Ioffe and Szegedy 2015) of an input x, over M = batch x height x width numbers a
 * channel, is
 *
 *     mean = the mean of x,  variance = squaredDeviations(x, mean) / M,  y = normalize(x, mean, weight / sqrt(variance
 * + eps), bias)
 *
 * Statistics are taken in two passes: in float32 a plain sum of squares loses what a large mean hides.
 *
 * The chain rule through these ops is the well-known gradient of three terms. With a = weight / sqrt(variance + eps),
 * x^ = (x - mean) / sqrt(variance + eps), s1 = sum(dy) and s2 = sum(dy (x - mean)):
 *
 *     normalize           sends  a dy  to x,  -a s1  to the mean,  s2  to a,  s1  to the bias
 *     a                   sends  -1/2 a s2 / (variance + eps)  to the variance
 *     squaredDeviations   sends  2 (x - mean) / M  times that to x, and nothing to the mean, where it is least
 *     the mean            sends  -a s1 / M  to every x
 *
 * which add up to dx = a (dy - s1 / M - x^ sum(dy x^) / M): two sums over dy, and one pass that writes dx.
 */
import type { SquaredDeviationsAttributes } from "../graph/attributes.js";
import type { Op, Value } from "../graph/graph.js";
import { type Signature, shapeText } from "../graph/shape.js";
import { multiply, scale, subtract } from "./elementwise/arithmetic.js";
import { makes } from "./makes.js";
import { mean, sum } from "./reduce.js";
import { bytesOf, costPerElement, costPerInput, emptyTensor, expectInputs, mapTensor, refuse } from "./support.js";

export type { SquaredDeviationsAttributes } from "../graph/attributes.js";

/** Checks x (with a batch and channels) and channel vectors beside it. */
function expectChannels(
  op: string,
  path: string,
  inputs: readonly Signature[],
  images: readonly string[],
  vectors: readonly string[],
): Signature {
  expectInputs(op, path, inputs, [
    ...images.map((name) => ({ name, batched: true })),
    ...vectors.map((name) => ({ name, rank: 1, batched: false })),
  ]);
  const x = inputs[0]!;
  const channels = x.shape.at(-1);
  if (channels === undefined) refuse(op, path, `input is ${shapeText(x)}, expected channels in the last axis`);
  for (const [i, name] of [...images, ...vectors].entries()) {
    const { shape } = inputs[i]!;
    const wanted = i < images.length ? x.shape : [channels];
    if (shape.join("x") !== wanted.join("x")) {
      refuse(op, path, `${name} is ${shapeText({ shape })}, expected ${shapeText({ shape: wanted })}`);
    }
  }
  return x;
}

/** All axes but the channels, and the batch. */
function overPixels(x: Value): { axes: number[]; batch: true } {
  return { axes: x.shape.slice(0, -1).map((_, axis) => axis), batch: true };
}

/** The sum of each channel over batch and pixels: [..., C] to [C], without a batch. */
export const channelSums = makes("channelSums", ["x"], (x: Value): Value => sum(x, overPixels(x)));

/** The mean of each channel over batch and pixels: [..., C] to [C], without a batch. */
export const channelMeans = makes("channelMeans", ["x"], (x: Value): Value => mean(x, overPixels(x)));

/** Inputs x, mean [C], factor [C], bias [C]: (x - mean) factor + bias. */
export const normalizeOp: Op = {
  name: "normalize",
  infer(inputs, _attributes, path) {
    const { shape } = expectChannels("normalize", path, inputs, ["input"], ["mean", "factor", "bias"]);
    return { shape, batched: true, dtype: "f32" };
  },
  gradient({ graph, inputs: [x, mean, factor], upstream, wanted }) {
    const total = channelSums(upstream);
    return [
      wanted[0] ? multiply(upstream, factor!) : undefined,
      wanted[1] ? scale(multiply(total, factor!), -1) : undefined,
      wanted[2] ? graph.add(centredProductsOp, {}, [upstream, x!, mean!]) : undefined,
      wanted[3] ? total : undefined,
    ];
  },
  reference([x, mean, factor, bias]) {
    const channels = mean!.data.length;
    return mapTensor(x!, (value, i) => {
      const c = i % channels;
      return (value - mean!.data[c]!) * factor!.data[c]! + bias!.data[c]!;
    });
  },
  cost: costPerElement(2),
  traits: { elementwise: true, recomputable: true },
};

/** Inputs x, factor [C], shift [C]: x factor + shift. Batch normalisation with fixed statistics. */
export const affineOp: Op = {
  name: "affine",
  infer(inputs, _attributes, path) {
    const { shape } = expectChannels("affine", path, inputs, ["input"], ["factor", "shift"]);
    return { shape, batched: true, dtype: "f32" };
  },
  gradient({ inputs: [x, factor], upstream, wanted }) {
    return [
      wanted[0] ? multiply(upstream, factor!) : undefined,
      wanted[1] ? channelSums(multiply(upstream, x!)) : undefined,
      wanted[2] ? channelSums(upstream) : undefined,
    ];
  },
  reference([x, factor, shift]) {
    const channels = factor!.data.length;
    return mapTensor(x!, (value, i) => value * factor!.data[i % channels]! + shift!.data[i % channels]!);
  },
  cost: costPerElement(1),
  traits: { elementwise: true, fusible: true, recomputable: true },
};

/** Inputs x, mean [C]: the sum of (x - mean)^2 over batch and pixels, one number a channel. */
export const squaredDeviationsOp: Op<SquaredDeviationsAttributes> = {
  name: "squaredDeviations",
  infer(inputs, _attributes, path) {
    const { shape } = expectChannels("squaredDeviations", path, inputs, ["input"], ["mean"]);
    return { shape: shape.slice(-1), batched: false, dtype: "f32" };
  },
  gradient({ inputs: [x, mean], attributes: { ownMean }, upstream, wanted }) {
    const difference = subtract(x!, mean!);
    return [
      wanted[0] ? multiply(difference, scale(upstream, 2)) : undefined,
      wanted[1] && !ownMean ? scale(multiply(channelSums(difference), upstream), -2) : undefined,
    ];
  },
  reference([x, mean], _attributes, output, batch) {
    const y = emptyTensor(output, batch);
    const channels = mean!.data.length;
    x!.data.forEach((value, i) => {
      y.data[i % channels]! += (value - mean!.data[i % channels]!) ** 2;
    });
    return y;
  },
  cost: costPerInput(2),
};

/** Inputs d, x, mean [C]: the sum of d (x - mean) over batch and pixels, one number a channel. */
export const centredProductsOp: Op = {
  name: "centredProducts",
  infer(inputs, _attributes, path) {
    const { shape } = expectChannels("centredProducts", path, inputs, ["gradient", "input"], ["mean"]);
    return { shape: shape.slice(-1), batched: false, dtype: "f32" };
  },
  reference([d, x, mean], _attributes, output, batch) {
    const y = emptyTensor(output, batch);
    const channels = mean!.data.length;
    x!.data.forEach((value, i) => {
      y.data[i % channels]! += d!.data[i]! * (value - mean!.data[i % channels]!);
    });
    return y;
  },
  cost: (inputs, _attributes, output) => ({
    multiplyAdds: 2 * inputs[1]!.shape.reduce((a, b) => a * b, 1),
    bytes: bytesOf(inputs, output),
  }),
};

/**
 * (x - mean) factor + bias, with one mean, factor and bias a channel: [..., C] and [C].
 * @throws ShapeError if the channels do not fit
 */
export const normalize = makes(
  "normalize",
  ["x", "mean", "factor", "bias"],
  (x: Value, mean: Value, factor: Value, bias: Value): Value => x.graph.add(normalizeOp, {}, [x, mean, factor, bias]),
);
/**
 * x factor + shift, with one factor and shift a channel: [..., C] and [C]. It is batch normalisation with fixed
 * statistics.
 * @throws ShapeError if the channels do not fit
 */
export const affine = makes(
  "affine",
  ["x", "factor", "shift"],
  (x: Value, factor: Value, shift: Value): Value => x.graph.add(affineOp, {}, [x, factor, shift]),
);
/**
 * The sum of (x - mean)^2 of each channel over batch and pixels: [..., C] to [C]. `mean` must be the mean of x over
 * batch and pixels: no gradient flows back to it.
 * @throws ShapeError if the channels do not fit
 */
export const squaredDeviations = makes(
  "squaredDeviations",
  ["x", "mean"],
  (x: Value, mean: Value): Value => x.graph.add(squaredDeviationsOp, { ownMean: true }, [x, mean]),
);
