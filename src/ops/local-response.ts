/**
 * Local response normalisation across channels (Krizhevsky, Sutskever and Hinton 2012, section 3.3):
 *
 *     y[c] = x[c] / (k + a * sum over j from c - floor(size / 2) to c + floor((size - 1) / 2) of x[j]^2)^beta
 *
 * where the sum stops at the first and the last channel. The paper's a is alpha itself; Caffe and PyTorch divide alpha
 * by size, and the attribute says which. It is drawn with a sum over a window of channels, whose gradient is the same
 * sum with the window turned round, and a power.
 */

import { OptionError } from "../base/errors.js";
import { expecting, type Fields, flag, isRecord, needed, number } from "../base/options.js";
import type { ChannelWindowAttributes } from "../graph/attributes.js";
import { OWN_PLACE } from "../graph/axis-reads.js";
import type { Op, Value } from "../graph/graph.js";
import { shapeText } from "../graph/shape.js";
import { multiply, power, scale, square } from "./elementwise/arithmetic.js";
import { makes } from "./makes.js";
import { bytesOf, emptyTensor, expectInputs, refuse } from "./support.js";

export type { ChannelWindowAttributes } from "../graph/attributes.js";

export const channelWindowSumOp: Op<ChannelWindowAttributes> = {
  name: "channelWindowSum",
  infer(inputs, { before, after }, path) {
    expectInputs("channelWindowSum", path, inputs, [{ name: "input", batched: true }]);
    const { shape } = inputs[0]!;
    if (shape.length === 0) {
      refuse("channelWindowSum", path, `input is ${shapeText(inputs[0]!)}, expected channels in the last axis`);
    }
    for (const [name, count] of [
      ["before", before],
      ["after", after],
    ] as const) {
      if (!Number.isInteger(count) || count < 0) {
        refuse("channelWindowSum", path, `${name} is ${count}, expected a whole number from 0`);
      }
    }
    return { shape, batched: true, dtype: "f32" };
  },
  // x[j] is in the windows of the channels from j - after to j + before.
  gradient: ({ attributes: { before, after }, upstream }) => [
    channelWindowSum(upstream, { before: after, after: before }),
  ],
  reference([x], { before, after }, output, batch) {
    const y = emptyTensor(output, batch);
    const channels = output.shape.at(-1)!;
    y.data.forEach((_, i) => {
      const c = i % channels;
      const last = Math.min(channels - 1, c + after);
      for (let j = Math.max(0, c - before); j <= last; j++) y.data[i]! += x!.data[i - c + j]!;
    });
    return y;
  },
  cost: (inputs, { before, after }, output) => ({
    multiplyAdds: (before + after + 1) * output.shape.reduce((a, b) => a * b, 1),
    bytes: bytesOf(inputs, output),
  }),
  traits: { reads: () => OWN_PLACE },
};

/**
 * The sum of each number and its neighbours along the last axis: of `before` channels before it and `after` channels
 * after it.
 * @throws ShapeError if x has no axes or no batch, or the window is not of whole numbers from 0
 */
export const channelWindowSum = makes(
  "channelWindowSum",
  ["x"],
  (x: Value, window: ChannelWindowAttributes): Value => x.graph.add(channelWindowSumOp, window, [x]),
  { window: needed(expecting("{ before, after }", isRecord)) },
);

/** Options of local response normalisation. */
export interface LocalResponseNormOptions {
  /** Channels of a window. */
  readonly size: number;
  /**
   * Factor of the sum of squares.
   * @default 1e-4
   */
  readonly alpha?: number;
  /**
   * The exponent.
   * @default 0.75
   */
  readonly beta?: number;
  /**
   * Added to the sum, above 0; the paper has 2.
   * @default 1
   */
  readonly k?: number;
  /**
   * Whether alpha is divided by `size`, as in PyTorch and Caffe; false in the paper.
   * @default true
   */
  readonly alphaDivided?: boolean;
}

/** The options of local response normalisation. */
export const LOCAL_RESPONSE_NORM: Fields<LocalResponseNormOptions> = {
  size: needed(number()),
  alpha: number(),
  beta: number(),
  k: number(),
  alphaDivided: flag,
};

export function checkLocalResponseNorm(options: LocalResponseNormOptions): void {
  const { size, alpha = 1e-4, beta = 0.75, k = 1 } = options;
  if (!Number.isInteger(size) || size < 1) {
    throw new OptionError(`localResponseNorm: size is ${size}, expected a whole number from 1`);
  }
  if (!(k > 0)) throw new OptionError(`localResponseNorm: k is ${k}, expected more than 0`);
  if (!(alpha >= 0)) throw new OptionError(`localResponseNorm: alpha is ${alpha}, expected at least 0`);
  if (!Number.isFinite(beta)) throw new OptionError(`localResponseNorm: beta is ${beta}, expected a number`);
}

/**
 * Local response normalisation across channels (Krizhevsky, Sutskever and Hinton 2012, section 3.3): x / (k + alpha /
 * size x sum of squares in a window of channels)^beta. PyTorch: `F.local_response_norm`.
 * @throws OptionError on an option that is out of its range
 */
export const localResponseNorm = makes(
  "localResponseNorm",
  ["x"],
  (x: Value, options: LocalResponseNormOptions): Value => {
    checkLocalResponseNorm(options);
    const { size, alpha = 1e-4, beta = 0.75, k = 1, alphaDivided = true } = options;
    const window = { before: Math.floor(size / 2), after: Math.floor((size - 1) / 2) };
    const energy = channelWindowSum(square(x), window);
    return multiply(x, power(scale(energy, alphaDivided ? alpha / size : alpha, k), -beta));
  },
  {},
  LOCAL_RESPONSE_NORM,
);
