/**
 * The arithmetic of a sliding window along one axis: how many places it has, how that was rounded, and which pixels no
 * window reads (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016).
 */
import type { Shape } from "../../graph/shape.js";
import { outputExtents, span, type Window } from "../../ops/window.js";

/** How many windows fit along one axis, in numbers and as a formula. */
export interface AxisArithmetic {
  /** Pixels of the image. */
  readonly input: number;
  /** Pixels of padding before it. */
  readonly before: number;
  /** Pixels of padding behind it. */
  readonly after: number;
  /** Taps of the kernel. */
  readonly kernel: number;
  /** Pixels from one tap to the next. */
  readonly dilation: number;
  /** Pixels from the kernel's first tap to its last. */
  readonly span: number;
  /** Pixels from one window to the next. */
  readonly stride: number;
  /** Windows: pixels of the output. */
  readonly output: number;
  /** (input + padding - span) / stride + 1, which need not be whole. */
  readonly places: number;
  /** Whether `places` was rounded, and how. */
  readonly rounded: "no" | "down" | "up";
  /** Behind the last window, read by none. */
  readonly lost: {
    /** Pixels of the image. */
    readonly input: number;
    /** Pixels of the padding. */
    readonly padding: number;
  };
  /** Where the count is rounded up: what the last window reaches beyond the padding. */
  readonly beyond: number;
  /** Pixels of the image before the last window's end that fall between taps and are read by no window. */
  readonly skipped: number;
  /** `floor((6 + 0 + 0 - 3) / 2) + 1 = 2` */
  readonly formula: string;
}

/** Rows and columns of a window that was checked, on an image [height, width, ...]. */
export function axesOf(window: Window, image: Shape, ceil = false): { rows: AxisArithmetic; columns: AxisArithmetic } {
  const output = outputExtents(window, image, ceil);
  const along = (axis: 0 | 1) => axisOf(window, axis, image[axis]!, output[axis], ceil);
  return { rows: along(0), columns: along(1) };
}

function axisOf(window: Window, axis: 0 | 1, input: number, output: number, ceil: boolean): AxisArithmetic {
  const [kernel, stride, dilation] = [window.kernel[axis], window.stride[axis], window.dilation[axis]];
  const [before, after] = [window.padding[2 * axis]!, window.padding[2 * axis + 1]!];
  const reach = span(kernel, dilation);
  const room = input + before + after - reach;
  const places = room / stride + 1;
  const end = (output - 1) * stride + reach;
  const left = Math.max(0, input + before + after - end);
  const padding = Math.min(after, left);
  const exact = `(${input} + ${before} + ${after} - ${reach}) / ${stride}`;
  const limited = ceil && Math.ceil(places) > output;
  return {
    input,
    before,
    after,
    kernel,
    dilation,
    span: reach,
    stride,
    output,
    places,
    rounded: output === places ? "no" : output < places ? "down" : "up",
    lost: { input: left - padding, padding },
    beyond: Math.max(0, end - input - before - after),
    skipped: unread(input, before, output, { kernel, stride, dilation }) - (left - padding),
    formula: `${ceil ? "ceil" : "floor"}(${exact}) + 1 = ${limited ? `${output + 1}, less one that would start in the padding behind = ` : ""}${output}`,
  };
}

function unread(
  input: number,
  before: number,
  output: number,
  { kernel, stride, dilation }: { kernel: number; stride: number; dilation: number },
): number {
  const read = new Set<number>();
  for (let o = 0; o < output; o++)
    for (let k = 0; k < kernel; k++) {
      const at = o * stride - before + k * dilation;
      if (at >= 0 && at < input) read.add(at);
    }
  return input - read.size;
}

/** Taps that fall on pixels of the image, over all windows along the axis. */
export function tapsOnImage({ input, before, output, kernel, stride, dilation }: AxisArithmetic): number {
  let count = 0;
  for (let o = 0; o < output; o++)
    for (let k = 0; k < kernel; k++) {
      const at = o * stride - before + k * dilation;
      if (at >= 0 && at < input) count++;
    }
  return count;
}
