/**
 * The order in which reshape and linear read a sample: images [H, W, C] as C, H, W, anything else row by row. As axes
 * of a layout, the outermost first, with byte distances.
 */
import type { Layout } from "../contract/layout.js";
import { axisStrides, type Dimension, merged } from "./nest.js";

export function readingDimensions(layout: Layout): Dimension[] {
  const strides = axisStrides(layout);
  const axes = layout.shape.map((extent, i): Dimension => ({ extent, strides: [strides[i]!] }));
  const [height, width, channels] = axes;
  return merged(axes.length === 3 ? [channels!, height!, width!] : axes);
}

/**
 * Rows of the weights from one channel to the next of a flattened image, in CHW order, and from one pixel to the next.
 */
export function weightRows(image: Layout): { readonly channel: number; readonly pixel: number } {
  return image.shape.length === 3 ? { channel: image.rows, pixel: 1 } : { channel: 1, pixel: image.channels };
}
