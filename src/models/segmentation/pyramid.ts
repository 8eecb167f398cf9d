/**
 * The multi-scale input of Farabet et al. (2013): the picture in YUV, taken apart into a Laplacian pyramid (Burt,
 * Adelson 1983), each level locally normalised. It is a fixed part of the network, drawn with ordinary ops, so that
 * training, prediction and other languages compute the same from a picture in RGB.
 */
import type { Value } from "../../graph/graph.js";
import { Module } from "../../nn/module.js";
import { avgPool2d, conv2d, divide, resize, scale, sqrt, square, subtract } from "../../ops/index.js";

/** Rows: what red, green and blue give to Y, U and V. */
const YUV_OF_RGB = [0.299, -0.14713, 0.615, 0.587, -0.28886, -0.51499, 0.114, 0.436, -0.10001] as const;
/** Burt and Adelson's five taps, with a = 3/8: the binomial ones. */
const TAPS = [1, 4, 6, 4, 1] as const;

/** RGB [H, W, 3], values 0 to 1. */
export function yuv(x: Value): Value {
  return conv2d(x, x.graph.table([...YUV_OF_RGB], [1, 1, 3, 3]));
}

/** Half as high and wide, every second pixel of the blurred image; what lies outside the picture counts for nothing. */
function reduced(x: Value): Value {
  const channels = x.shape[2]!;
  const values = TAPS.flatMap((a) =>
    TAPS.flatMap((b) =>
      Array.from({ length: channels ** 2 }, (_, i) => (i % (channels + 1) === 0 ? (a * b) / 256 : 0)),
    ),
  );
  return conv2d(x, x.graph.table(values, [5, 5, channels, channels]), { stride: 2, padding: 2 });
}

/**
 * The differences between each size and the next one made large again, from fine to coarse; last what is left. Extents
 * are even.
 */
export function laplacianPyramid(x: Value, levels: number): Value[] {
  if (levels === 1) return [x];
  const smaller = reduced(x);
  const [height, width] = x.shape as readonly [number, number, number];
  return [subtract(x, resize(smaller, [height, width], "bilinear")), ...laplacianPyramid(smaller, levels - 1)];
}

/** Keeps what is flat from being blown up: a deviation of 1/100 of the range counts as little. */
const EPSILON = 1e-4;

/**
 * Each channel minus its mean, over its deviation, both over the window of `size` x `size` pixels around, as far as
 * they lie inside.
 */
export function locallyNormalised(x: Value, size = 15): Value {
  const half = (size - 1) / 2;
  const around = (value: Value) =>
    avgPool2d(avgPool2d(value, [size, 1], { stride: 1, padding: [half, 0], divisor: "valid" }), [1, size], {
      stride: 1,
      padding: [0, half],
      divisor: "valid",
    });
  const centred = subtract(x, around(x));
  const deviation = sqrt(scale(around(square(centred)), 1, EPSILON));
  return divide(centred, deviation);
}

/** As a layer, so that summaries and profiles name it. */
export class LocalNormalisation extends Module {
  override forward(x: Value): Value {
    return locallyNormalised(x);
  }
}
