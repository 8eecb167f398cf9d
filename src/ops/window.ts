/**
 * The sliding window that convolution and pooling share: kernel, stride, padding a side and dilation, and what they
 * make of an image's height and width.
 *
 * Output pixel o reads the input rows o * stride - top + k * dilation for k in 0..kernel-1, and likewise columns.
 */
import { type Check, expecting, type Fields, isRecord } from "../base/options.js";
import type { Window } from "../graph/attributes.js";
import type { AxisReads } from "../graph/axis-reads.js";
import type { Value } from "../graph/graph.js";
import type { Shape } from "../graph/shape.js";
import { refuse } from "./support.js";

export type { Window } from "../graph/attributes.js";

/** One number for both axes, or [y, x]. */
export type Pair = number | readonly [number, number];
/**
 * "same": as much as makes the output the input's extent over the stride, rounded up; an odd rest goes below and right.
 */
export type Padding =
  | Pair
  | {
      /** Rows above. @default 0 */
      readonly top?: number;
      /** Rows below. @default 0 */
      readonly bottom?: number;
      /** Columns at the left. @default 0 */
      readonly left?: number;
      /** Columns at the right. @default 0 */
      readonly right?: number;
    }
  | "same";

/** How a window moves over an image. */
export interface WindowOptions {
  /**
   * Pixels from one window to the next: one number for both axes, or [y, x].
   * @default 1
   */
  readonly stride?: Pair;
  /**
   * Pixels around the image: one number for all sides, [y, x], a record of sides, or `"same"`, which makes the output
   * the image's size over the stride, rounded up.
   * @default 0
   */
  readonly padding?: Padding;
  /**
   * Pixels from one tap of a window to the next: one number for both axes, or [y, x].
   * @default 1
   */
  readonly dilation?: Pair;
}

const isNumbers = (value: unknown) =>
  Array.isArray(value) ? value.length === 2 && value.every((n) => typeof n === "number") : typeof value === "number";
/** One number for both, or [height, width]. What they may be is held where a window meets its image. */
export const pairOf: Check = expecting("a number, or [height, width]", isNumbers);

const SIDES = ["top", "bottom", "left", "right"];
const isSides = (value: unknown) =>
  isRecord(value) && Object.entries(value).every(([side, n]) => SIDES.includes(side) && typeof n === "number");

/** The options of a window. */
export const WINDOW: Fields<WindowOptions> = {
  stride: pairOf,
  padding: expecting(
    'a number, [height, width], { top, bottom, left, right } or "same"',
    (value) => value === "same" || isNumbers(value) || isSides(value),
  ),
  dilation: pairOf,
};

export function pair(value: Pair): readonly [number, number] {
  return typeof value === "number" ? [value, value] : [value[0], value[1]];
}

/** The window in full, for an image of shape [height, width, ...]. */
export function windowOf(kernel: Pair, options: WindowOptions, image: Shape): Window {
  const k = pair(kernel);
  const stride = pair(options.stride ?? 1);
  const dilation = pair(options.dilation ?? 1);
  return { kernel: k, stride, padding: paddingOf(options.padding ?? 0, k, stride, dilation, image), dilation };
}

function paddingOf(
  padding: Padding,
  kernel: readonly [number, number],
  stride: readonly [number, number],
  dilation: readonly [number, number],
  image: Shape,
): Window["padding"] {
  if (padding === "same") {
    const side = (axis: 0 | 1): [number, number] => {
      const input = image[axis] ?? 1;
      const output = Math.ceil(input / stride[axis]);
      const total = Math.max(0, (output - 1) * stride[axis] + span(kernel[axis], dilation[axis]) - input);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    };
    return [...side(0), ...side(1)];
  }
  if (isPair(padding)) {
    const [y, x] = pair(padding);
    return [y, y, x, x];
  }
  const { top = 0, bottom = 0, left = 0, right = 0 } = padding;
  return [top, bottom, left, right];
}

function isPair(padding: Exclude<Padding, "same">): padding is Pair {
  return typeof padding === "number" || Array.isArray(padding);
}

/** Input pixels from a kernel's first tap to its last. */
export function span(kernel: number, dilation: number): number {
  return dilation * (kernel - 1) + 1;
}

/** The image, input 0, through its windows. */
export function readsWindow({ attributes }: Value<Window>, input: number, axis: 0 | 1): AxisReads | undefined {
  if (input !== 0) return undefined;
  const { kernel, stride, padding, dilation } = attributes;
  const first = -padding[2 * axis]!;
  return { kind: "window", step: stride[axis], per: 1, first, last: first + span(kernel[axis], dilation[axis]) - 1 };
}

/**
 * The reverse, as a transposed convolution reads its image: pixel i reads those of (i + p - (k - 1) d) / s to (i + p) /
 * s that are whole.
 */
export function readsTransposed({ attributes }: Value<Window>, input: number, axis: 0 | 1): AxisReads | undefined {
  if (input !== 0) return undefined;
  const { kernel, stride, padding, dilation } = attributes;
  const last = padding[2 * axis]!;
  return { kind: "window", step: 1, per: stride[axis], first: last - span(kernel[axis], dilation[axis]) + 1, last };
}

/**
 * Number of window positions along one axis. In ceil mode a last, incomplete window counts too, but only if it starts
 * inside the input or the padding before it (PyTorch's rule).
 */
export function outputExtent(
  input: number,
  kernel: number,
  stride: number,
  before: number,
  after: number,
  dilation: number,
  ceil = false,
): number {
  const room = input + before + after - span(kernel, dilation);
  if (!ceil) return Math.floor(room / stride) + 1;
  const windows = Math.ceil(room / stride) + 1;
  return (windows - 1) * stride >= input + before ? windows - 1 : windows;
}

/** [rows, columns] of the output, unchecked. */
export function outputExtents(window: Window, image: Shape, ceil = false): [number, number] {
  const { kernel, stride, padding, dilation } = window;
  return [
    outputExtent(image[0]!, kernel[0], stride[0], padding[0], padding[1], dilation[0], ceil),
    outputExtent(image[1]!, kernel[1], stride[1], padding[2], padding[3], dilation[1], ceil),
  ];
}

/** @throws ShapeError where a number is not whole, or less than the least that it may be. */
export function checkCounts(
  op: string,
  path: string,
  counts: readonly (readonly [name: string, numbers: readonly number[], least: number])[],
): void {
  for (const [name, numbers, least] of counts) {
    if (!numbers.every((n) => Number.isInteger(n) && n >= least)) {
      refuse(op, path, `${name} is ${numbers.join("x")}, expected whole numbers of at least ${least}`);
    }
  }
}

/** [rows, columns] of the output; throws ShapeError where a number is out of range or the kernel does not fit. */
export function checkWindow(op: string, path: string, window: Window, image: Shape, ceil = false): [number, number] {
  const { kernel, stride, padding, dilation } = window;
  checkCounts(op, path, [
    ["kernel", kernel, 1],
    ["stride", stride, 1],
    ["padding", padding, 0],
    ["dilation", dilation, 1],
  ]);
  const output = outputExtents(window, image, ceil);
  if (output[0] < 1 || output[1] < 1) {
    const padded = `${image[0]! + padding[0] + padding[1]}x${image[1]! + padding[2] + padding[3]}`;
    refuse(
      op,
      path,
      `${kernelText(window)} is larger than its padded input ${padded}; add padding or lower the kernel`,
    );
  }
  return output;
}

function kernelText({ kernel, dilation }: Window): string {
  const plain = kernel[0] === kernel[1] ? `kernel ${kernel[0]} (=${kernel.join("x")})` : `kernel ${kernel.join("x")}`;
  if (dilation[0] === 1 && dilation[1] === 1) return plain;
  const spans = `${span(kernel[0], dilation[0])}x${span(kernel[1], dilation[1])}`;
  return `${plain} with dilation ${dilation.join("x")}, spanning ${spans},`;
}

/** Visits every tap that falls on a real pixel, in scan order: output rows, columns, then kernel rows, columns. */
export function eachTap(
  { kernel, stride, padding, dilation }: Window,
  image: Shape,
  output: Shape,
  visit: (oy: number, ox: number, ky: number, kx: number, iy: number, ix: number) => void,
): void {
  for (let oy = 0; oy < output[0]!; oy++) {
    for (let ox = 0; ox < output[1]!; ox++) {
      for (let ky = 0; ky < kernel[0]; ky++) {
        const iy = oy * stride[0] - padding[0] + ky * dilation[0];
        if (iy < 0 || iy >= image[0]!) continue;
        for (let kx = 0; kx < kernel[1]; kx++) {
          const ix = ox * stride[1] - padding[2] + kx * dilation[1];
          if (ix >= 0 && ix < image[1]!) visit(oy, ox, ky, kx, iy, ix);
        }
      }
    }
  }
}
