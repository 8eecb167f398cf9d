/**
 * Two-dimensional convolution (cross-correlation, as the field does it) and its two gradients.
 *
 * x is NHWC [N, H, W, C], the weights HWIO [ky, kx, C/groups, O], y is [N, OH, OW, O]. The output channels fall into
 * `groups` equal blocks; block g reads input channels g*C/groups .. (g+1)*C/groups - 1 only.
 *
 *     y[n, p, q, o] = sum over i, j, c of x[n, p*sy - top + i*dy, q*sx - left + j*dx, g(o)*C/groups + c] w[i, j, c, o]
 *
 * There is no bias: it is an `add` of an [O] value, which the planner melts into the convolution's store.
 */

import { type Fields, whole } from "../base/options.js";
import type { ConvAttributes, ConvInputGradAttributes } from "../graph/attributes.js";
import type { Op, Value } from "../graph/graph.js";
import { type Shape, type Signature, sameShape, shapeText, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { makes } from "./makes.js";
import { bytesOf, emptyTensor, expectInputs, refuse } from "./support.js";
import { checkWindow, eachTap, readsTransposed, readsWindow, WINDOW, type WindowOptions, windowOf } from "./window.js";

export type { ConvAttributes, ConvInputGradAttributes } from "../graph/attributes.js";

function windowPart({ kernel, stride, padding, dilation, groups }: ConvAttributes): ConvAttributes {
  return { kernel, stride, padding, dilation, groups };
}

/** Checks image and weights against each other; the shape of the convolution's output. */
function convShape(op: string, path: string, attributes: ConvAttributes, image: Shape, weights: Shape): Shape {
  const { kernel, groups } = attributes;
  const [ky, kx, perGroup, outputs] = weights as readonly [number, number, number, number];
  const channels = image[2]!;
  if (!Number.isInteger(groups) || groups < 1) refuse(op, path, `groups is ${groups}, expected a whole number from 1`);
  if (channels % groups !== 0 || outputs % groups !== 0) {
    refuse(op, path, `groups ${groups} does not divide its ${channels} input and ${outputs} output channels`);
  }
  if (ky !== kernel[0] || kx !== kernel[1]) {
    refuse(op, path, `weights are ${ky}x${kx} (of ${weights.join("x")}), expected the kernel's ${kernel.join("x")}`);
  }
  if (perGroup !== channels / groups) {
    refuse(
      op,
      path,
      `weights ${weights.join("x")} read ${perGroup} channels${groups > 1 ? ` in each of ${groups} groups` : ""}, but ` +
        `its input ${image.join("x")} has ${channels}; make the input channels ${perGroup * groups} or the weights ` +
        `${ky}x${kx}x${channels / groups}x${outputs}`,
    );
  }
  return [...checkWindow(op, path, attributes, image), outputs];
}

interface Taps {
  readonly attributes: ConvAttributes;
  /** [H, W, C] and [OH, OW, O]. */
  readonly image: Shape;
  readonly output: Shape;
  readonly batch: number;
}

/** Visits every product of the sum above: positions in x, w and y. */
function eachProduct(
  { attributes, image, output, batch }: Taps,
  visit: (x: number, w: number, y: number) => void,
): void {
  const [height, width, channels] = image as readonly [number, number, number];
  const [rows, columns, outputs] = output as readonly [number, number, number];
  const perGroup = channels / attributes.groups;
  const outputsPerGroup = outputs / attributes.groups;
  for (let n = 0; n < batch; n++) {
    eachTap(attributes, image, output, (oy, ox, ky, kx, iy, ix) => {
      const x = ((n * height + iy) * width + ix) * channels;
      const w = (ky * attributes.kernel[1] + kx) * perGroup * outputs;
      const y = ((n * rows + oy) * columns + ox) * outputs;
      for (let o = 0; o < outputs; o++) {
        const first = x + Math.floor(o / outputsPerGroup) * perGroup;
        for (let c = 0; c < perGroup; c++) visit(first + c, w + c * outputs + o, y + o);
      }
    });
  }
}

function products(attributes: ConvAttributes, channels: number, output: Shape): number {
  return sizeOf(output) * attributes.kernel[0] * attributes.kernel[1] * (channels / attributes.groups);
}

export const conv2dOp: Op<ConvAttributes> = {
  name: "conv2d",
  infer(inputs, attributes, path) {
    expectInputs("conv2d", path, inputs, [
      { name: "input", rank: 3, batched: true },
      { name: "weights", rank: 4, batched: false },
    ]);
    const shape = convShape("conv2d", path, attributes, inputs[0]!.shape, inputs[1]!.shape);
    return { shape, batched: true, dtype: "f32" };
  },
  // y is linear in x and in w: each product x w of the sum sends dy w back to x and dy x back to w.
  gradient({ graph, inputs, attributes, upstream, wanted }) {
    const [x, w] = inputs as readonly [Value, Value];
    const attributesOfInputGrad = { ...windowPart(attributes), inputShape: x.shape };
    return [
      wanted[0] ? graph.add(conv2dInputGradOp, attributesOfInputGrad, [upstream, w]) : undefined,
      wanted[1] ? graph.add(conv2dWeightGradOp, windowPart(attributes), [x, upstream]) : undefined,
    ];
  },
  reference([x, w], attributes, output, batch) {
    const y = emptyTensor(output, batch);
    eachProduct({ attributes, image: x!.shape.slice(1), output: output.shape, batch }, (xi, wi, yi) => {
      y.data[yi]! += x!.data[xi]! * w!.data[wi]!;
    });
    return y;
  },
  cost: (inputs, attributes, output) => ({
    multiplyAdds: products(attributes, inputs[0]!.shape[2]!, output.shape),
    bytes: bytesOf(inputs, output),
  }),
  traits: { product: true, reads: readsWindow },
};

/**
 * dx[...] = the sum of dy w over all products in which x[...] takes part; inputs dy and w. By itself it is the
 * transposed convolution (conv-transpose.ts).
 */
export const conv2dInputGradOp: Op<ConvInputGradAttributes> = {
  name: "conv2dInputGrad",
  infer(inputs, attributes, path) {
    expectInputs("conv2dInputGrad", path, inputs, [
      { name: "output gradient", rank: 3, batched: true },
      { name: "weights", rank: 4, batched: false },
    ]);
    const { inputShape } = attributes;
    checkOutput(
      "conv2dInputGrad",
      path,
      inputs[0]!,
      convShape("conv2dInputGrad", path, attributes, inputShape, inputs[1]!.shape),
    );
    return { shape: inputShape, batched: true, dtype: "f32" };
  },
  // dx is linear in dy and in w, by the same products: what comes back to dx, u, goes on to dy as the convolution of u, and to
  // w as the weight gradient for the input u.
  gradient({ graph, inputs, attributes, upstream, wanted }) {
    const [dy, w] = inputs as readonly [Value, Value];
    return [
      wanted[0] ? graph.add(conv2dOp, windowPart(attributes), [upstream, w]) : undefined,
      wanted[1] ? graph.add(conv2dWeightGradOp, windowPart(attributes), [upstream, dy]) : undefined,
    ];
  },
  reference([dy, w], attributes, output, batch) {
    const dx = emptyTensor(output, batch);
    eachProduct({ attributes, image: attributes.inputShape, output: dy!.shape.slice(1), batch }, (xi, wi, yi) => {
      dx.data[xi]! += dy!.data[yi]! * w!.data[wi]!;
    });
    return dx;
  },
  cost: (inputs, attributes, output) => ({
    multiplyAdds: products(attributes, attributes.inputShape[2]!, inputs[0]!.shape),
    bytes: bytesOf(inputs, output),
  }),
  traits: { product: true, reads: readsTransposed },
};

/** dw[...] = the sum of x dy over the batch and all pixels; inputs x and dy. */
export const conv2dWeightGradOp: Op<ConvAttributes> = {
  name: "conv2dWeightGrad",
  infer(inputs, attributes, path) {
    expectInputs("conv2dWeightGrad", path, inputs, [
      { name: "input", rank: 3, batched: true },
      { name: "output gradient", rank: 3, batched: true },
    ]);
    const [x, dy] = inputs as readonly [Signature, Signature];
    const shape = [...attributes.kernel, x.shape[2]! / attributes.groups, dy.shape[2]!];
    checkOutput("conv2dWeightGrad", path, dy, convShape("conv2dWeightGrad", path, attributes, x.shape, shape));
    return { shape, batched: false, dtype: "f32" };
  },
  reference([x, dy], attributes, output, batch): Tensor {
    const dw = emptyTensor(output, batch);
    const taps = { attributes, image: x!.shape.slice(1), output: dy!.shape.slice(1), batch };
    eachProduct(taps, (xi, wi, yi) => {
      dw.data[wi]! += x!.data[xi]! * dy!.data[yi]!;
    });
    return dw;
  },
  cost: (inputs, attributes, output) => ({
    multiplyAdds: products(attributes, inputs[0]!.shape[2]!, inputs[1]!.shape),
    bytes: bytesOf(inputs, output),
  }),
  traits: { product: true },
};

function checkOutput(op: string, path: string, dy: Signature, expected: Shape): void {
  if (!sameShape(dy.shape, expected)) {
    refuse(
      op,
      path,
      `the output gradient is ${shapeText(dy)}, expected the convolution's output Nx${expected.join("x")}`,
    );
  }
}

/** Options of `ops.conv2d`. All are optional. */
export interface ConvOptions extends WindowOptions {
  /**
   * Groups into which the channels are divided; each group of outputs reads its own group of inputs.
   * @default 1
   */
  readonly groups?: number;
}

/** The options of a convolution. */
export const CONV: Fields<ConvOptions> = { ...WINDOW, groups: whole(1) };

/**
 * Convolution of an image x [H, W, C], with a batch, by filters w [kernel height, kernel width, C / groups, O]: [H',
 * W', O]. The filters are not mirrored. PyTorch: `F.conv2d`.
 *
 * @example
 * ```js
 * import { Graph, ops } from "fovea";
 *
 * const graph = new Graph();
 * const x = graph.input("x", { shape: [28, 28, 1] });
 * const w = graph.state("w", "parameter", [5, 5, 1, 6]);
 * console.log(ops.conv2d(x, w, { stride: 2, padding: 2 }).shape); // [ 14, 14, 6 ]
 * ```
 *
 * @throws ShapeError if the channels do not fit, or the kernel is larger than the padded image
 */
export const conv2d = makes(
  "conv2d",
  ["x", "w"],
  (x: Value, w: Value, options: ConvOptions = {}): Value => {
    const kernel: readonly [number, number] = [w.shape[0] ?? 0, w.shape[1] ?? 0];
    const attributes = { ...windowOf(kernel, options, x.shape), groups: options.groups ?? 1 };
    return x.graph.add(conv2dOp, attributes, [x, w]);
  },
  {},
  CONV,
);
