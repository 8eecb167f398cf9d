/**
 * The attributes of ops that kernels read. They stand below both: ops give them their meaning and export them under the
 * same names, and strategies read them of the nodes that they accept.
 */
import type { Shape } from "./shape.js";

/** A sliding window in full: rows first, then columns. */
export interface Window {
  /** Taps. */
  readonly kernel: readonly [number, number];
  /** Pixels from one window to the next. */
  readonly stride: readonly [number, number];
  /** Pixels at the top, bottom, left and right. */
  readonly padding: readonly [number, number, number, number];
  /** Pixels from one tap to the next. */
  readonly dilation: readonly [number, number];
}

export interface ConvAttributes extends Window {
  readonly groups: number;
}

export interface ConvInputGradAttributes extends ConvAttributes {
  /** [H, W, C] of the convolution's input, which stride makes ambiguous. */
  readonly inputShape: Shape;
}

export interface MaxPoolAttributes extends Window {
  readonly ceil: boolean;
}

/**
 * The divisor of a window's sum: `"window"`, its taps on pixels and padding (PyTorch's count_include_pad); `"valid"`,
 * its taps on pixels; or a number (1 sums). Taps beyond the padding, in ceil mode, do not count.
 */
export type Divisor = "window" | "valid" | number;

export interface AvgPoolAttributes extends Window {
  readonly ceil: boolean;
  readonly divisor: Divisor;
}

export interface AvgPoolGradAttributes extends AvgPoolAttributes {
  /** [H, W, C] of the pooled input. */
  readonly inputShape: Shape;
}

/** Attributes of a sum. */
export interface SumAttributes {
  /** Axes of a sample, from 0. */
  readonly axes: readonly number[];
  /** Whether it sums over the batch, too. */
  readonly batch: boolean;
  /** Whether it divides by the number of terms; the batch counts as it is when a program runs. */
  readonly mean: boolean;
}

/** The shape and batch of the result; axes, batch and mean are those of the sum it reverses. */
export interface ExpandAttributes extends SumAttributes {
  readonly shape: Shape;
  readonly batched: boolean;
  /** Of the repeated axes the input has those behind its first, with one element each; else it has none of them. */
  readonly keepsAxes?: true;
}

export interface MaxReduceAttributes {
  readonly axes: readonly number[];
}

/** How pixels are found: the nearest one, or four interpolated. */
export type ResizeMode = "nearest" | "bilinear";

export interface ResizeAttributes {
  readonly mode: ResizeMode;
  /** 0 for rows, 1 for columns. */
  readonly axis: number;
  /** The number of them that there will be. */
  readonly extent: number;
  /** Input pixels an output pixel, as a fraction: of both extents unless said. */
  readonly ratio?: readonly [number, number];
  /** Nearest: the same in float32, where pixel o is that at floor(o step) with o step rounded to float32. */
  readonly step?: number;
}

export interface ResizeGradAttributes extends ResizeAttributes {
  /** The number of them that there were. */
  readonly from: number;
}

export interface ConcatAttributes {
  readonly axis: number;
}

export interface SliceAttributes {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
}

export interface PadAttributes {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly value: number;
}

export interface ArrangeAttributes {
  readonly table: readonly number[];
}

export interface ScaleAttributes {
  readonly factor: number;
  readonly offset: number;
}

export interface PowerAttributes {
  readonly exponent: number;
}

/** Attributes of dropout. */
export interface DropoutAttributes {
  /** Probability of dropping, 0 <= p < 1. */
  readonly p: number;
  /** Tells the dropout layers of one network apart: an unsigned 32-bit hash of the layer's path. */
  readonly salt: number;
}

export interface ClassWeightAttributes {
  /** One a class. */
  readonly weights: readonly number[];
  /** The label that counts for nothing, whether or not it is a class. */
  readonly ignore: number;
}

export interface CrossEntropyAttributes {
  /** Label smoothing; absent for none. */
  readonly smoothing?: number;
  /** A label whose rows have the loss 0 and no gradient; absent for none. */
  readonly ignore?: number;
}

export interface SquaredDeviationsAttributes {
  /** Whether `mean` is x's own mean: then nothing flows back to it, since the sum is least there. */
  readonly ownMean: boolean;
}

/** A window of channels. */
export interface ChannelWindowAttributes {
  /** Channels of the window before the one that it is for. */
  readonly before: number;
  /** Channels of the window after the one that it is for. */
  readonly after: number;
}

/** Of the op `clip` and its gradient. */
export interface ClipAttributes {
  /** No lower bound where it is left out. */
  readonly min?: number;
  /** No upper bound where it is left out. */
  readonly max?: number;
  /** Whether the slope at the bounds themselves is 0, as PyTorch's hardtanh has it, and not 1, as its clamp. */
  readonly flatAtBounds?: true;
}

/** Of the op `leakyRelu` and its gradient. */
export interface LeakyReluAttributes {
  /** Of negative numbers. */
  readonly slope: number;
}

/** Of the op `elu`, which ELU, SELU and CELU are made of, and of its gradient. */
export interface EluAttributes {
  /** Minus the limit far below 0, before it is scaled. */
  readonly alpha: number;
  /** Of everything. */
  readonly scale: number;
  /** Of x in the exponent. */
  readonly rate: number;
}

/** Of the op `softplus` and its gradient. */
export interface SoftplusAttributes {
  /** How fast it bends. */
  readonly beta: number;
  /** Where beta x is above it, the result is x. */
  readonly threshold: number;
}
