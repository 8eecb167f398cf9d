/** Copies between row-major numbers without padding, as callers have them, and the padded layout of a program's memory. */

import { OptionError } from "../../../base/errors.js";
import { shapeText } from "../../../graph/shape.js";
import type { Layout } from "../../../kernels/contract/layout.js";
import type { Segment } from "../backends/backend.js";

export type Numbers = Float32Array | Int32Array;

/** Elements of one sample (or of the whole, if it is not batched) without padding. */
export function logicalSize(layout: Layout): number {
  return layout.rows * layout.channels;
}

export function viewOf(segment: Segment, offset: number, length: number, layout: Layout): Numbers {
  return layout.dtype === "f32" ? segment.f32(offset, length) : segment.i32(offset, length);
}

/** Writes `data` over the first samples; pad lanes are left as they are. Says what is wrong with `data` in terms of `what`. */
export function pack(
  to: Numbers,
  layout: Layout,
  data: Numbers | readonly number[],
  maxBatch: number,
  what: string,
): number {
  const size = logicalSize(layout);
  const samples = size === 0 ? 0 : data.length / size;
  const expected = layout.batched
    ? `a whole number of samples of ${size} (${shapeText(layout)}), at most ${maxBatch}`
    : `${size} numbers (${shapeText(layout)})`;
  if (!Number.isInteger(samples) || samples < 1 || samples > (layout.batched ? maxBatch : 1))
    throw new OptionError(`${what}: ${data.length} numbers given, expected ${expected}`);
  if (ArrayBuffer.isView(data) && data instanceof Float32Array !== (layout.dtype === "f32"))
    throw new OptionError(
      `${what}: ${data.constructor.name} given, expected ${layout.dtype === "f32" ? "Float32Array" : "Int32Array"}`,
    );
  const { channels, channelStride, rows, sampleStride } = layout;
  if (ArrayBuffer.isView(data) && (sampleStride === size || samples === 1) && channelStride === channels) {
    to.set(data);
    return samples;
  }
  let from = 0;
  for (let n = 0; n < samples; n++) {
    for (let r = 0; r < rows; r++) {
      const at = n * sampleStride + r * channelStride;
      for (let c = 0; c < channels; c++) to[at + c] = data[from++]!;
    }
  }
  return samples;
}

export function unpack(from: Numbers, layout: Layout, samples: number): Numbers {
  const size = logicalSize(layout);
  const count = layout.batched ? samples : 1;
  const { channels, channelStride, rows, sampleStride } = layout;
  if (channelStride === channels && (sampleStride === size || count === 1)) return from.slice(0, size * count);
  const out = layout.dtype === "f32" ? new Float32Array(size * count) : new Int32Array(size * count);
  let at = 0;
  for (let n = 0; n < count; n++) {
    for (let r = 0; r < rows; r++) {
      const start = n * sampleStride + r * channelStride;
      for (let c = 0; c < channels; c++) out[at++] = from[start + c]!;
    }
  }
  return out;
}

/** The first pad lane that is not +0, as an element's index, or -1. */
export function firstDirtyPad(from: Numbers, layout: Layout, samples: number): number {
  const bits = new Int32Array(from.buffer, from.byteOffset, from.length);
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
