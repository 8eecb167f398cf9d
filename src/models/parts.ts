/**
 * What several networks of the zoo share: initial values, the scaling of ImageNet's pictures, the check of an option.
 */
import { OptionError } from "../base/errors.js";
import type { Initializer } from "../nn/index.js";
import type { PixelScaling } from "./definition.js";

export const constant = (value: number): Initializer => ({ kind: "constant", value });

export const gaussian = (standardDeviation: number): Initializer => ({ kind: "normal", mean: 0, standardDeviation });

/**
 * He et al. 2015: variance 2 / fan. The fan-in keeps the variance of activations through rectified layers; torchvision
 * takes the fan-out, kernel^2 times the output channels, which keeps that of gradients.
 */
export const heNormal = (fan: number): Initializer => ({ kind: "kaimingNormal", fanIn: fan, negativeSlope: 0 });

/** Of the published weights: the mean and deviation of ImageNet's red, green and blue. */
export const IMAGENET_SCALING: PixelScaling = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Of the networks published by way of TensorFlow: a byte becomes a number from -1 to 1. */
export const HALF_SCALING: PixelScaling = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** @throws OptionError where an option is no whole number from `least` to `most`. */
export function checkWholeOption(
  network: string,
  option: string,
  value: number,
  least = 1,
  most = Number.POSITIVE_INFINITY,
): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const range = Number.isFinite(most) ? `from ${least} to ${most}` : `of at least ${least}`;
  throw new OptionError(`${network}: option ${option} is ${value}, expected a whole number ${range}`);
}

/** @throws OptionError where pictures of this size have nothing left to give to the last layers. */
export function checkSize(network: string, size: number, least: number): void {
  if (!Number.isInteger(size) || size < least) {
    throw new OptionError(
      `${network}: option size is ${size}, expected a whole number from ${least}; make the pictures larger`,
    );
  }
}
