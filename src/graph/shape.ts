/**
 * Static shapes: extents without the batch, which is known only when a program runs. Images are [height, width,
 * channels].
 */

import { bytesOfElement, type DType } from "../base/element-type.js";

export type { DType } from "../base/element-type.js";

/** Extents without the batch: [height, width, channels] for images, [] for one number. */
export type Shape = readonly number[];

/** Shape, batch and type of a value. */
export interface Signature {
  /** Extents without the batch. */
  readonly shape: Shape;
  /** Whether each sample has its own. The batch is not among the extents. */
  readonly batched: boolean;
  /** The type of its numbers. */
  readonly dtype: DType;
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Bytes of a value without padding: of a sample where it is batched. */
export function bytesOfValue({ shape, dtype }: Signature): number {
  return bytesOfElement(dtype) * sizeOf(shape);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/**
 * Without the axes of one element that it begins with: what broadcasting lines up with the last axes of another shape.
 */
export function withoutLeadingOnes(shape: Shape): Shape {
  const first = shape.findIndex((n) => n !== 1);
  return first < 0 ? [] : shape.slice(first);
}

/** `Nx28x28x1`, `5x5x1x6`, `scalar`. */
export function shapeText(s: { readonly shape: Shape; readonly batched?: boolean }): string {
  const dims = [...(s.batched ? ["N"] : []), ...s.shape];
  return dims.length === 0 ? "scalar" : dims.join("x");
}
