/**
 * Copies between row-major numbers without padding, as callers have them, and the padded layout of a program's memory.
 * Callers have floats of any type as float32: halves are rounded as they go in, and widened as they come out.
 */

import { bytesOfElement } from "../../../base/element-type.js";
import { BackendError, OptionError } from "../../../base/errors.js";
import { bfloat16OfNumber, halfOfNumber, numberOfBfloat16, numberOfHalf } from "../../../base/half.js";
import { type DType, shapeText } from "../../../graph/shape.js";
import type { Layout } from "../../../kernels/contract/layout.js";
import type { Numbers } from "../../device.js";
import { checkNumbers } from "../../given-numbers.js";
import type { Segment } from "../backends/backend.js";

export type { Numbers } from "../../device.js";

/** How elements of a type lie in memory, and what callers have for them. */
interface Kind {
  readonly memory: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Numbers;
  readonly numbers: new (length: number) => Numbers;
  /** From a caller's number to memory's, and back, where they differ. */
  readonly narrow?: (x: number) => number;
  readonly widen?: (x: number) => number;
}

const KINDS: Readonly<Record<Exclude<DType, "i64">, Kind>> = {
  f32: { memory: Float32Array, numbers: Float32Array },
  f16: { memory: Uint16Array, numbers: Float32Array, narrow: halfOfNumber, widen: numberOfHalf },
  bf16: { memory: Uint16Array, numbers: Float32Array, narrow: bfloat16OfNumber, widen: numberOfBfloat16 },
  i32: { memory: Int32Array, numbers: Int32Array },
  i8: { memory: Int8Array, numbers: Int8Array },
  u8: { memory: Uint8Array, numbers: Uint8Array },
  bool: { memory: Uint8Array, numbers: Uint8Array },
};

function kindOf({ dtype }: Pick<Layout, "dtype">): Kind {
  if (dtype === "i64")
    throw new BackendError("a value of type i64 has no place in a program's memory; convert it to i32 first");
  return KINDS[dtype];
}

/** Elements of one sample (or of the whole, if it is not batched) without padding. */
export function logicalSize(layout: Layout): number {
  return layout.rows * layout.channels;
}

/** A value's elements in `bytes` of a segment, as they lie there. */
export function viewOf(segment: Segment, offset: number, bytes: number, layout: Pick<Layout, "dtype">): Numbers {
  const { memory } = kindOf(layout);
  const { buffer, byteOffset } = segment.u8(offset, bytes);
  return new memory(buffer, byteOffset, Math.floor(bytes / bytesOfElement(layout.dtype)));
}

/** `length` zeros of the type that callers have for the value. */
export function numbersFor(layout: Pick<Layout, "dtype">, length: number): Numbers {
  return new (kindOf(layout).numbers)(length);
}

/** Whether callers' numbers are what lies in memory, bit for bit. */
export function isAsInMemory(layout: Pick<Layout, "dtype">): boolean {
  return kindOf(layout).narrow === undefined;
}

/**
 * Writes `data` over the first samples; pad lanes are left as they are. Says what is wrong with `data` in terms of
 * `what`.
 */
export function pack(
  to: Numbers,
  layout: Layout,
  data: Numbers | readonly number[],
  maxBatch: number,
  what: string,
): number {
  checkNumbers(data, what);
  const size = logicalSize(layout);
  const samples = size === 0 ? 0 : data.length / size;
  const expected = layout.batched
    ? `a whole number of samples of ${size} (${shapeText(layout)}), at most ${maxBatch}`
    : `${size} numbers (${shapeText(layout)})`;
  if (!Number.isInteger(samples) || samples < 1 || samples > (layout.batched ? maxBatch : 1))
    throw new OptionError(`${what}: ${data.length} numbers given, expected ${expected}`);
  const { numbers, narrow } = kindOf(layout);
  if (ArrayBuffer.isView(data) && !(data instanceof numbers))
    throw new OptionError(`${what}: ${data.constructor.name} given, expected ${numbers.name}`);
  const { channels, channelStride, rows, sampleStride } = layout;
  if (
    narrow === undefined &&
    ArrayBuffer.isView(data) &&
    (sampleStride === size || samples === 1) &&
    channelStride === channels
  ) {
    to.set(data);
    return samples;
  }
  let from = 0;
  for (let n = 0; n < samples; n++) {
    for (let r = 0; r < rows; r++) {
      const at = n * sampleStride + r * channelStride;
      if (narrow === undefined) for (let c = 0; c < channels; c++) to[at + c] = data[from++]!;
      else for (let c = 0; c < channels; c++) to[at + c] = narrow(data[from++]!);
    }
  }
  return samples;
}

export function unpack(from: Numbers, layout: Layout, samples: number): Numbers {
  const size = logicalSize(layout);
  const count = layout.batched ? samples : 1;
  const { channels, channelStride, rows, sampleStride } = layout;
  const { widen } = kindOf(layout);
  if (widen === undefined && channelStride === channels && (sampleStride === size || count === 1))
    return from.slice(0, size * count);
  const out = numbersFor(layout, size * count);
  let at = 0;
  for (let n = 0; n < count; n++) {
    for (let r = 0; r < rows; r++) {
      const start = n * sampleStride + r * channelStride;
      if (widen === undefined) for (let c = 0; c < channels; c++) out[at++] = from[start + c]!;
      else for (let c = 0; c < channels; c++) out[at++] = widen(from[start + c]!);
    }
  }
  return out;
}

/** The first pad lane that is not +0, as an element's index, or -1. */
export function firstDirtyPad(from: Numbers, layout: Layout, samples: number): number {
  const bits = from instanceof Float32Array ? new Int32Array(from.buffer, from.byteOffset, from.length) : from;
  const { channels, channelStride, rows, sampleStride } = layout;
  const dirty = (begin: number, end: number) => {
    for (let at = begin; at < end; at++) if (bits[at] !== 0) return at;
    return -1;
  };
  for (let n = 0; n < (layout.batched ? samples : 1); n++) {
    const sample = n * sampleStride;
    for (let r = 0; r < rows; r++) {
      const row = sample + r * channelStride;
      const at = dirty(row + channels, row + channelStride);
      if (at >= 0) return at;
    }
    const at = dirty(sample + rows * channelStride, sample + sampleStride);
    if (at >= 0) return at;
  }
  return -1;
}
