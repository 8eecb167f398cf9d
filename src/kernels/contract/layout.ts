/**
 * How a value lies in a program's memory. The last extent (the channels of an image, the outputs of a weight) is padded
 * to the vector width; everything else is row-major. **Pad lanes are +0 in every stored value**, whatever
 * the others hold: a sum over channels reads them too.
 *
 *     element (row r, channel c) of sample n  =  n * sampleStride + r * channelStride + c      (in elements:
 * `elementBytes`)
 *
 * Up to four channels stay unpadded: there the rows of a sample are one run of rows * channels elements, followed by
 * zeros up to sampleStride. A batched scalar (shape []) is one element a sample with nothing between, so a vector
 * over the batch may run past the last sample into slack that belongs to the buffer and means nothing.
 */

import { bytesOfElement } from "../../base/element-type.js";
import { type DType, type Shape, type Signature, sizeOf } from "../../graph/shape.js";
import type { CodeTarget, Lanes } from "../../target/target.js";

/**
 * How a value lies in memory: row-major, its last extent padded to the vector width with zeros. Element (row r, channel
 * c) of sample n lies at n x sampleStride + r x channelStride + c.
 */
export interface Layout {
  /** Extents without the batch. */
  readonly shape: Shape;
  /** Whether each sample has its own. */
  readonly batched: boolean;
  /** The type of its elements. */
  readonly dtype: DType;
  /** The last extent; 1 for a scalar. */
  readonly channels: number;
  /** Elements from one row to the next. */
  readonly channelStride: number;
  /** Product of all extents but the last (and the batch). */
  readonly rows: number;
  /**
   * Elements from one sample to the next; for unbatched values the whole size. A multiple of the target's lanes unless
   * the shape is [].
   */
  readonly sampleStride: number;
}

/**
 * A layout as far as code depends on it, which is what specs of kernels hold: shapes of as many rows share code, where
 * the axes themselves matter a spec says how (`nest.ts`).
 */
export type RowLayout = Omit<Layout, "shape" | "dtype"> & {
  /** Only where an element is not of 32 bits: floats and integers that are share code. */
  readonly dtype?: DType;
};

/** A layout as far as code depends on it, for specs of kernels. */
export function rowLayout({ batched, channels, channelStride, rows, sampleStride, dtype }: Layout): RowLayout {
  const layout = { batched, channels, channelStride, rows, sampleStride };
  return bytesOfElement(dtype) === WORD ? layout : { ...layout, dtype };
}

/** Bytes of 32 bits. */
const WORD = 4;

/** Bytes from one element to the next. */
export const elementBytes = ({ dtype }: { readonly dtype?: DType }): number =>
  dtype === undefined ? WORD : bytesOfElement(dtype);

/** Bytes of a row with its pads. */
export const rowBytes = (layout: RowLayout): number => layout.channelStride * elementBytes(layout);

/** Bytes from one sample to the next. */
export const sampleBytes = (layout: RowLayout): number => layout.sampleStride * elementBytes(layout);

/** Whether it is of one number a sample with nothing between: every other layout fills whole vectors. */
export const isScalar = ({ sampleStride }: Pick<Layout, "sampleStride">): boolean => sampleStride === 1;

/**
 * The stride of `channels`: unpadded up to 4; 8 where half a vector of 16 is enough; else the next multiple of the
 * lanes.
 */
export function channelStrideOf(channels: number, lanes: Lanes): number {
  if (channels <= 4) return channels;
  if (lanes === 16 && channels <= 8) return 8;
  return Math.ceil(channels / lanes) * lanes;
}

/** The layout of a value on a machine. */
export function layoutOf(s: Signature, target: CodeTarget): Layout {
  const { shape, batched, dtype } = s;
  const channels = shape.length === 0 ? 1 : shape[shape.length - 1]!;
  const channelStride = channelStrideOf(channels, target.lanes);
  const rows = shape.length === 0 ? 1 : sizeOf(shape.slice(0, -1));
  const exact = rows * channelStride;
  const sampleStride = shape.length === 0 ? 1 : Math.ceil(exact / target.lanes) * target.lanes;
  return { shape, batched, dtype, channels, channelStride, rows, sampleStride };
}

/** Elements that a value of this layout needs at a batch, slack for the last vector included. */
export function elementsOf(layout: RowLayout, batch: number): number {
  return Math.ceil((layout.sampleStride * (layout.batched ? batch : 1)) / 16) * 16;
}

/** A vector of 16 lanes over the batch may run so many elements past the last sample. */
const SLACK = 15;

/** Bytes of a value, slack included: so many, and so many more for each sample. */
export function valueBytes(layout: RowLayout): { readonly fixedBytes: number; readonly sampleBytes: number } {
  const element = elementBytes(layout);
  if (!layout.batched) return { fixedBytes: elementsOf(layout, 1) * element, sampleBytes: 0 };
  return { fixedBytes: SLACK * element, sampleBytes: sampleBytes(layout) };
}

/**
 * Vector width to walk this layout's channels with: full vectors, or 8 lanes where the stride is 8 on 16-lane machines.
 */
export function vectorLanes(layout: Pick<Layout, "channelStride">, target: CodeTarget): Lanes {
  return layout.channelStride % target.lanes === 0 ? target.lanes : layout.channelStride === 8 ? 8 : target.lanes;
}
