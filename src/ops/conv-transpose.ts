/**
 * Transposed convolution (Zeiler et al. 2010, "deconvolution"; PyTorch's ConvTranspose2d): the input gradient of a convolution, taken
 * as a layer of its own. Each input pixel stamps the kernel onto the output, stride pixels from its neighbour's:
 *
 *     y[n, i, j, o] = sum over the p, q, c, ky, kx with p*sy - top + ky*dy = i and q*sx - left + kx*dx = j
 *                     of x[n, p, q, c] w[ky, kx, o, c]
 *
 * x is [H, W, C]; the weights are those of the convolution that goes the other way, [ky, kx, O / groups, C], which in a file is
 * PyTorch's [C, O / groups, ky, kx]. The output has (H - 1) s - top - bottom + span + outputPadding rows, and columns alike.
 */
import type { Value } from "../graph/value.js";
import { conv2dInputGradOp } from "./conv.js";
import { refuse } from "./support.js";
import { type Pair, pair, span, windowOf } from "./window.js";

export interface ConvTransposeOptions {
  readonly stride?: Pair;
  /** Rows and columns that the output is without, on all sides. */
  readonly padding?: Pair;
  /** Rows below and columns to the right that stride leaves open; less than the stride. */
  readonly outputPadding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
}

export function convTranspose2d(x: Value, w: Value, options: ConvTransposeOptions = {}): Value {
  const kernel: readonly [number, number] = [w.shape[0] ?? 0, w.shape[1] ?? 0];
  const { groups = 1, outputPadding = 0 } = options;
  const window = windowOf(kernel, options, x.shape);
  const more = pair(outputPadding);
  const extent = (axis: 0 | 1): number => {
    const { stride, dilation, padding } = window;
    const extra = more[axis];
    if (!Number.isInteger(extra) || extra < 0 || extra >= Math.max(stride[axis], dilation[axis])) {
      const most = Math.max(stride[axis], dilation[axis]) - 1;
      refuse("convTranspose2d", x.graph.path, `outputPadding is ${extra}, expected a whole number from 0 to ${most}`);
    }
    const out =
      ((x.shape[axis] ?? 1) - 1) * stride[axis] -
      padding[2 * axis]! -
      padding[2 * axis + 1]! +
      span(kernel[axis], dilation[axis]) +
      extra;
    if (out >= 1) return out;
    return refuse(
      "convTranspose2d",
      x.graph.path,
      `its output would have ${out} ${axis === 0 ? "rows" : "columns"}; lower the padding ${padding.join(", ")}`,
    );
  };
  const inputShape = [extent(0), extent(1), (w.shape[2] ?? 0) * groups];
  return x.graph.add(conv2dInputGradOp, { ...window, groups, inputShape }, [x, w]);
}
