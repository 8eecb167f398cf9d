/**
 * Transposed convolution (Zeiler et al. 2010, "deconvolution"; PyTorch's ConvTranspose2d): the input gradient of a
 * convolution, taken as a layer of its own. Each input pixel stamps the kernel onto the output, stride pixels from its
 * neighbour's:
 *
 *     y[n, i, j, o] = sum over the p, q, c, ky, kx with p*sy - top + ky*dy = i and q*sx - left + kx*dx = j
 *                     of x[n, p, q, c] w[ky, kx, o, c]
 *
 * x is [H, W, C]; the weights are those of the convolution that goes the other way, [ky, kx, O / groups, C], which in a
 * file is PyTorch's [C, O / groups, ky, kx]. The output has (H - 1) s - top - bottom + span + outputPadding rows, and
 * columns alike.
 */
import { type Fields, whole } from "../base/options.js";
import type { Value } from "../graph/graph.js";
import { conv2dInputGradOp } from "./conv.js";
import { makes } from "./makes.js";
import { pad, slice } from "./shape.js";
import { refuse } from "./support.js";
import { type Pair, pair, pairOf, span, type Window, windowOf } from "./window.js";

/** Options of `ops.convTranspose2d`. All are optional. */
export interface ConvTransposeOptions {
  /**
   * Output pixels from one input pixel's window to the next: one number for both axes, or [y, x].
   * @default 1
   */
  readonly stride?: Pair;
  /**
   * Pixels that are cut off the output at each side: one number for all sides, or [y, x].
   * @default 0
   */
  readonly padding?: Pair;
  /**
   * Rows and columns that are added to the output below and at the right; less than the stride or less than the
   * dilation, as in PyTorch.
   * @default 0
   */
  readonly outputPadding?: Pair;
  /**
   * Pixels from one tap of a filter to the next: one number for both axes, or [y, x].
   * @default 1
   */
  readonly dilation?: Pair;
  /**
   * Groups into which the channels are divided.
   * @default 1
   */
  readonly groups?: number;
}

/** The options of a transposed convolution. */
export const CONV_TRANSPOSE: Fields<ConvTransposeOptions> = {
  stride: pairOf,
  padding: pairOf,
  outputPadding: pairOf,
  dilation: pairOf,
  groups: whole(1),
};

/**
 * Transposed convolution of an image x [H, W, C], with a batch, by filters w [kernel height, kernel width, O / groups,
 * C]: [H', W', O], with H' = (H - 1) x stride - 2 padding + dilation x (kernel - 1) + outputPadding + 1. PyTorch:
 * `F.conv_transpose2d`.
 * @throws ShapeError if the channels do not fit, or the output would have no pixels
 */
export const convTranspose2d = makes(
  "convTranspose2d",
  ["x", "w"],
  (x: Value, w: Value, options: ConvTransposeOptions = {}): Value => {
    const kernel: readonly [number, number] = [w.shape[0] ?? 0, w.shape[1] ?? 0];
    const { groups = 1, outputPadding = 0 } = options;
    const window = windowOf(kernel, options, x.shape);
    const [rows, columns] = ([0, 1] as const).map((axis) => {
      const more = pair(outputPadding)[axis];
      return { more, extent: outputExtent(x, window, axis, more) };
    }) as [OutputAxis, OutputAxis];
    const padding = [...window.padding] as [number, number, number, number];
    const cuts: { readonly axis: number; readonly before: number; readonly out: number; readonly zeros: number }[] = [];
    const inputShape = [rows.extent, columns.extent, (w.shape[2] ?? 0) * groups];
    for (const [axis, { more, extent }] of [rows, columns].entries()) {
      if (more < window.stride[axis]!) continue;
      // The convolution that goes the other way would make more of such an output than x: it gets the output without padding.
      const [before, behind] = padding.splice(2 * axis, 2, 0, 0) as [number, number];
      inputShape[axis] = extent - more + before + behind;
      cuts.push({ axis, before, out: extent, zeros: Math.max(0, more - behind) });
    }
    const y: Value = x.graph.add(conv2dInputGradOp, { ...window, padding, groups, inputShape }, [x, w]);
    return cuts.reduce((image, { axis, before, out, zeros }) => {
      const below = image.shape.map((_, a) => (a === axis ? zeros : 0));
      return slice(pad(image, [0, 0, 0], below), axis, before, before + out);
    }, y);
  },
  {},
  CONV_TRANSPOSE,
);

interface OutputAxis {
  /** Output padding. */
  readonly more: number;
  readonly extent: number;
}

function outputExtent(x: Value, window: Window, axis: 0 | 1, more: number): number {
  const { kernel, stride, dilation, padding } = window;
  const most = Math.max(stride[axis], dilation[axis]) - 1;
  if (!Number.isInteger(more) || more < 0 || more > most) {
    refuse("convTranspose2d", x.graph.path, `outputPadding is ${more}, expected a whole number from 0 to ${most}`);
  }
  const whole = ((x.shape[axis] ?? 1) - 1) * stride[axis] + span(kernel[axis], dilation[axis]);
  const out = whole - padding[2 * axis]! - padding[2 * axis + 1]! + more;
  if (out >= 1) return out;
  return refuse(
    "convTranspose2d",
    x.graph.path,
    `its output would have ${out} ${axis === 0 ? "rows" : "columns"}; lower the padding ${padding.join(", ")}`,
  );
}
