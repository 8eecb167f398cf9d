/**
 * Maximum and average pooling of NHWC images, each channel by itself, and their gradients.
 *
 * Padding counts as minus infinity for the maximum and as zero for the sum, and may be as wide as one likes, as in ONNX
 * and TensorFlow (PyTorch stops at half the kernel): a window that meets no pixel has the maximum minus infinity, whose
 * gradient goes nowhere, and the mean 0; only a mean over its pixels alone it has not. Ceil mode keeps a last
 * incomplete window (see window.ts). NaN wins a maximum, so that a broken activation is never hidden.
 */

import { expecting, type Fields, flag, needed } from "../base/options.js";
import type { AvgPoolAttributes, AvgPoolGradAttributes, Divisor, MaxPoolAttributes } from "../graph/attributes.js";
import type { Op, Value } from "../graph/graph.js";
import { type Shape, type Signature, sameShape, shapeText, sizeOf } from "../graph/shape.js";
import { relu, reluOp } from "./elementwise/activation.js";
import { makes } from "./makes.js";
import { concat, slice } from "./shape.js";
import { bytesOf, emptyTensor, expectInputs, refuse } from "./support.js";
import {
  checkWindow,
  eachTap,
  type Pair,
  pair,
  pairOf,
  readsWindow,
  WINDOW,
  type Window,
  type WindowOptions,
  windowOf,
} from "./window.js";

export type { AvgPoolAttributes, AvgPoolGradAttributes, Divisor, MaxPoolAttributes } from "../graph/attributes.js";

function poolShape(op: string, path: string, attributes: MaxPoolAttributes, image: Shape): Shape {
  return [...checkWindow(op, path, attributes, image, attributes.ceil), image[2]!];
}

/** Along an axis, the first of `outputs` windows that meets no pixel; -1 where all do. */
function emptyWindow(
  { kernel, stride, padding, dilation }: Window,
  axis: 0 | 1,
  image: Shape,
  outputs: number,
): number {
  return Array.from({ length: outputs }, (_, o) => o * stride[axis] - padding[2 * axis]!).findIndex(
    (start) => tapsInside(start, kernel[axis], dilation[axis], 0, image[axis]!) === 0,
  );
}

function averagePoolShape(op: string, path: string, attributes: AvgPoolAttributes, image: Shape): Shape {
  const { kernel, dilation, divisor } = attributes;
  if (typeof divisor === "number" && !(Number.isFinite(divisor) && divisor !== 0)) {
    refuse(op, path, `divisor is ${divisor}, expected "window", "valid" or a number other than 0`);
  }
  const shape = poolShape(op, path, attributes, image);
  for (const axis of [0, 1] as const) {
    const empty = divisor === "valid" ? emptyWindow(attributes, axis, image, shape[axis]!) : -1;
    if (empty < 0) continue;
    refuse(
      op,
      path,
      `window ${empty} of kernel ${kernel[axis]} with dilation ${dilation[axis]} meets no pixel of its input ${image.join("x")}, ` +
        'so that its pixels have no mean; lower the padding or count it (divisor "window")',
    );
  }
  return shape;
}

/** How many taps from `start` fall into low..high-1. */
function tapsInside(start: number, kernel: number, dilation: number, low: number, high: number): number {
  let count = 0;
  for (let k = 0; k < kernel; k++) {
    const at = start + k * dilation;
    if (at >= low && at < high) count++;
  }
  return count;
}

/** Visits, for each channel of each tap, its position in x and in y. */
function eachPosition(
  window: Window,
  image: Shape,
  output: Shape,
  batch: number,
  visit: (x: number, y: number) => void,
): void {
  const [height, width, channels] = image as readonly [number, number, number];
  const [rows, columns] = output as readonly [number, number];
  for (let n = 0; n < batch; n++) {
    eachTap(window, image, output, (oy, ox, _ky, _kx, iy, ix) => {
      const x = ((n * height + iy) * width + ix) * channels;
      const y = ((n * rows + oy) * columns + ox) * channels;
      for (let c = 0; c < channels; c++) visit(x + c, y + c);
    });
  }
}

/**
 * For each output element the position in x of its first maximum in scan order, -1 without one; NaN is above every
 * number.
 */
function maxima(x: Float64Array, window: Window, image: Shape, output: Shape, batch: number): Int32Array {
  const at = new Int32Array(batch * sizeOf(output)).fill(-1);
  eachPosition(window, image, output, batch, (xi, yi) => {
    const best = at[yi]!;
    if (best < 0 || x[xi]! > x[best]! || (Number.isNaN(x[xi]!) && !Number.isNaN(x[best]!))) at[yi] = xi;
  });
  return at;
}

/** A window takes `kernel` comparisons or additions an output. */
function tapsCost(window: Window, output: Shape): number {
  return sizeOf(output) * window.kernel[0] * window.kernel[1];
}

export const maxPool2dOp: Op<MaxPoolAttributes> = {
  name: "maxPool2d",
  infer(inputs, attributes, path) {
    expectInputs("maxPool2d", path, inputs, [{ name: "input", rank: 3, batched: true }]);
    return { shape: poolShape("maxPool2d", path, attributes, inputs[0]!.shape), batched: true, dtype: "f32" };
  },
  // y is x at the maximum, so dy goes there and nowhere else; of equal maxima, to the first.
  gradient({ graph, inputs, attributes, upstream }) {
    return [graph.add(maxPool2dGradOp, attributes, [inputs[0]!, upstream])];
  },
  reference([x], attributes, output, batch) {
    const y = emptyTensor(output, batch);
    maxima(x!.data, attributes, x!.shape.slice(1), output.shape, batch).forEach((at, i) => {
      y.data[i] = at < 0 ? Number.NEGATIVE_INFINITY : x!.data[at]!;
    });
    return y;
  },
  cost: (inputs, attributes, output) => ({
    multiplyAdds: tapsCost(attributes, output.shape),
    bytes: bytesOf(inputs, output),
  }),
  traits: { reads: readsWindow },
};

/** dx[i] = the sum of dy over the windows whose first maximum is x[i]; inputs x and dy. */
export const maxPool2dGradOp: Op<MaxPoolAttributes> = {
  name: "maxPool2dGrad",
  infer(inputs, attributes, path) {
    expectInputs("maxPool2dGrad", path, inputs, [
      { name: "input", rank: 3, batched: true },
      { name: "output gradient", rank: 3, batched: true },
    ]);
    const [x, dy] = inputs as readonly [Signature, Signature];
    checkOutput("maxPool2dGrad", path, dy, poolShape("maxPool2dGrad", path, attributes, x.shape));
    return { shape: x.shape, batched: true, dtype: "f32" };
  },
  reference([x, dy], attributes, output, batch) {
    const dx = emptyTensor(output, batch);
    maxima(x!.data, attributes, output.shape, dy!.shape.slice(1), batch).forEach((at, i) => {
      if (at >= 0) dx.data[at]! += dy!.data[i]!;
    });
    return dx;
  },
  cost: (inputs, attributes, output) => ({
    multiplyAdds: tapsCost(attributes, inputs[1]!.shape),
    bytes: bytesOf(inputs, output),
  }),
};

/** The divisor of each output pixel, row by row. */
export function divisorsOf(attributes: AvgPoolAttributes, image: Shape, output: Shape): Float64Array {
  const { kernel, stride, padding, dilation, divisor } = attributes;
  const along = (axis: 0 | 1): number[] => {
    const [before, after] = divisor === "window" ? [padding[2 * axis]!, padding[2 * axis + 1]!] : [0, 0];
    return Array.from({ length: output[axis]! }, (_, o) => {
      const start = o * stride[axis] - padding[2 * axis]!;
      return tapsInside(start, kernel[axis], dilation[axis], -before, image[axis]! + after);
    });
  };
  const columns = along(1);
  return Float64Array.from(
    along(0).flatMap((y) => columns.map((x) => (typeof divisor === "number" ? divisor : y * x))),
  );
}

export const avgPool2dOp: Op<AvgPoolAttributes> = {
  name: "avgPool2d",
  infer(inputs, attributes, path) {
    expectInputs("avgPool2d", path, inputs, [{ name: "input", rank: 3, batched: true }]);
    return { shape: averagePoolShape("avgPool2d", path, attributes, inputs[0]!.shape), batched: true, dtype: "f32" };
  },
  // y = sum x / d, so each pixel of the window receives dy / d.
  gradient({ graph, inputs, attributes, upstream }) {
    const { kernel, stride, padding, dilation, ceil, divisor } = attributes;
    const inputShape = inputs[0]!.shape;
    return [graph.add(avgPool2dGradOp, { kernel, stride, padding, dilation, ceil, divisor, inputShape }, [upstream])];
  },
  reference([x], attributes, output, batch) {
    const y = emptyTensor(output, batch);
    const image = x!.shape.slice(1);
    const divisors = divisorsOf(attributes, image, output.shape);
    eachPosition(attributes, image, output.shape, batch, (xi, yi) => {
      y.data[yi]! += x!.data[xi]!;
    });
    const channels = output.shape[2]!;
    y.data.forEach((sum, i) => {
      y.data[i] = sum / divisors[Math.floor(i / channels) % divisors.length]!;
    });
    return y;
  },
  cost: (inputs, attributes, output) => ({
    multiplyAdds: tapsCost(attributes, output.shape),
    bytes: bytesOf(inputs, output),
  }),
  traits: { reads: readsWindow },
};

/** dx[i] = the sum of dy / divisor over the windows that hold x[i]; input dy. */
export const avgPool2dGradOp: Op<AvgPoolGradAttributes> = {
  name: "avgPool2dGrad",
  infer(inputs, attributes, path) {
    expectInputs("avgPool2dGrad", path, inputs, [{ name: "output gradient", rank: 3, batched: true }]);
    const expected = averagePoolShape("avgPool2dGrad", path, attributes, attributes.inputShape);
    checkOutput("avgPool2dGrad", path, inputs[0]!, expected);
    return { shape: attributes.inputShape, batched: true, dtype: "f32" };
  },
  reference([dy], attributes, output, batch) {
    const dx = emptyTensor(output, batch);
    const pooled = dy!.shape.slice(1);
    const divisors = divisorsOf(attributes, output.shape, pooled);
    eachPosition(attributes, output.shape, pooled, batch, (xi, yi) => {
      dx.data[xi]! += dy!.data[yi]! / divisors[Math.floor(yi / pooled[2]!) % divisors.length]!;
    });
    return dx;
  },
  cost: (inputs, attributes, output) => ({
    multiplyAdds: tapsCost(attributes, inputs[0]!.shape),
    bytes: bytesOf(inputs, output),
  }),
};

function checkOutput(op: string, path: string, dy: Signature, expected: Shape): void {
  if (!sameShape(dy.shape, expected)) {
    refuse(op, path, `the output gradient is ${shapeText(dy)}, expected the pool's output Nx${expected.join("x")}`);
  }
}

/** Options of maximum pooling. All are optional. */
export interface MaxPoolOptions extends WindowOptions {
  /**
   * Pixels from one window to the next: one number for both axes, or [y, x].
   * @default the kernel
   */
  readonly stride?: Pair;
  /**
   * Keeps a last, incomplete window if it begins inside the image or the padding before it. PyTorch: `ceil_mode`.
   * @default false
   */
  readonly ceil?: boolean;
}

/** Options of average pooling. All are optional. */
export interface AvgPoolOptions extends WindowOptions {
  /**
   * Pixels from one window to the next: one number for both axes, or [y, x].
   * @default the kernel
   */
  readonly stride?: Pair;
  /**
   * Keeps a last, incomplete window if it begins inside the image or the padding before it. PyTorch: `ceil_mode`.
   * @default false
   */
  readonly ceil?: boolean;
  /**
   * The divisor of a window's sum: `"window"`, its taps on pixels and padding; `"valid"`, its taps on pixels; or a
   * number. PyTorch: `count_include_pad`, `divisor_override`.
   * @default "window"
   */
  readonly divisor?: Divisor;
}

/** The options of maximum pooling. */
export const MAX_POOL: Fields<MaxPoolOptions> = { ...WINDOW, ceil: flag };
/** The options of average pooling. */
export const AVG_POOL: Fields<AvgPoolOptions> = {
  stride: pairOf,
  padding: WINDOW.padding,
  ceil: flag,
  divisor: expecting(
    '"window", "valid" or a number',
    (value) => value === "window" || value === "valid" || typeof value === "number",
  ),
  dilation: pairOf,
};

/**
 * The maximum of each window of each channel: x [H, W, C], with a batch, to [H', W', C]. Padding counts as minus
 * infinity; NaN wins. A relu before the pool is drawn after it, where the two commute. PyTorch: `F.max_pool2d`.
 *
 * @example
 * ```js
 * import { Graph, ops } from "fovea";
 *
 * const x = new Graph().input("x", { shape: [28, 28, 6] });
 * console.log(ops.maxPool2d(x, 3, { stride: 2 }).shape); // [ 13, 13, 6 ]
 * ```
 *
 * @param kernel height and width of a window: one number for both, or [height, width]
 * @throws ShapeError if x is no image, or the kernel is larger than the padded image
 */
export const maxPool2d = makes(
  "maxPool2d",
  ["x"],
  (x: Value, kernel: Pair, options: MaxPoolOptions = {}): Value => {
    const window = windowOf(kernel, { ...options, stride: options.stride ?? kernel }, x.shape);
    const pooled = (image: Value) => image.graph.add(maxPool2dOp, { ...window, ceil: options.ceil ?? false }, [image]);
    if (x.op !== (reluOp as unknown)) return pooled(x);
    const y = pooled(x.inputs[0]!);
    const hasEmpty = ([0, 1] as const).some((axis) => emptyWindow(window, axis, x.shape, y.shape[axis]!) >= 0);
    return hasEmpty ? pooled(x) : x.graph.scope(x.path, () => relu(y));
  },
  { kernel: needed(pairOf) },
  MAX_POOL,
);

/**
 * Pools an image x [H, W, C], with a batch, to `output` pixels: pixel i of n is the mean from floor(i H / n) to ceil((i
 * + 1) H / n), and likewise across. PyTorch: `F.adaptive_avg_pool2d`.
 * @param output one number for both sides, or [height, width]
 * @throws ShapeError if x is no image
 */
export const adaptiveAvgPool2d = makes(
  "adaptiveAvgPool2d",
  ["x"],
  (x: Value, output: Pair): Value => {
    return ([0, 1] as const).reduce((image: Value, axis) => {
      const pixels = image.shape[axis] ?? 1;
      const bins = pair(output)[axis];
      if (bins === pixels) return image;
      const kernelOf = (size: number): Pair => (axis === 0 ? [size, 1] : [1, size]);
      if (pixels % bins === 0) return avgPool2d(image, kernelOf(pixels / bins));
      const parts = Array.from({ length: bins }, (_, i) => {
        const [start, end] = [Math.floor((i * pixels) / bins), Math.ceil(((i + 1) * pixels) / bins)];
        return avgPool2d(slice(image, axis, start, end), kernelOf(end - start));
      });
      return concat(parts, axis);
    }, x);
  },
  { output: needed(pairOf) },
);

/**
 * The mean of each window of each channel: x [H, W, C], with a batch, to [H', W', C]. Padding counts as zeros, unless
 * `divisor` is `"valid"`. PyTorch: `F.avg_pool2d`.
 * @param kernel height and width of a window: one number for both, or [height, width]
 * @throws ShapeError if x is no image, or the kernel is larger than the padded image
 */
export const avgPool2d = makes(
  "avgPool2d",
  ["x"],
  (x: Value, kernel: Pair, options: AvgPoolOptions = {}): Value => {
    const window = windowOf(kernel, { ...options, stride: options.stride ?? kernel }, x.shape);
    const attributes = { ...window, ceil: options.ceil ?? false, divisor: options.divisor ?? ("window" as const) };
    return x.graph.add(avgPool2dOp, attributes, [x]);
  },
  { kernel: needed(pairOf) },
  AVG_POOL,
);
