/** Numbers as colours, and heat laid over a picture. Bytes are RGB, row-major. */
import type { Heat } from "./heat.js";
import { type Ramp, VIRIDIS } from "./ramps.js";

/** From `low` (the first colour) to `high` (the last). */
export function coloured(values: ArrayLike<number>, colours: Ramp, low: number, high: number): Uint8Array {
  const bytes = new Uint8Array(values.length * 3);
  for (let i = 0; i < values.length; i++) {
    const part = high > low ? (values[i]! - low) / (high - low) : 0;
    bytes.set(colours[Math.max(0, Math.min(255, Math.round(255 * part)))]!, 3 * i);
  }
  return bytes;
}

/** Of a heat, bilinearly, its outermost numbers being at the middle of its outermost places. */
export function enlarged({ height, width, data }: Heat, toHeight: number, toWidth: number): Float32Array {
  const at = (to: number, from: number, i: number) => Math.max(0, Math.min(from - 1, ((i + 0.5) * from) / to - 0.5));
  return Float32Array.from({ length: toHeight * toWidth }, (_, i) => {
    const [y, x] = [at(toHeight, height, Math.floor(i / toWidth)), at(toWidth, width, i % toWidth)];
    const [y0, x0] = [Math.floor(y), Math.floor(x)];
    const [y1, x1] = [Math.min(height - 1, y0 + 1), Math.min(width - 1, x0 + 1)];
    const [fy, fx] = [y - y0, x - x0];
    const row = (r: number) => data[r * width + x0]! * (1 - fx) + data[r * width + x1]! * fx;
    return row(y0) * (1 - fy) + row(y1) * fy;
  });
}

/** The upper left of numbers that are `from` wide. */
function cropped(data: Float32Array, from: number, height: number, width: number): Float32Array {
  if (from === width && data.length === height * width) return data;
  const kept = new Float32Array(height * width);
  for (let y = 0; y < height; y++) kept.set(data.subarray(y * from, y * from + width), y * width);
  return kept;
}

/** No larger than `most` on a side: the mean of the numbers that become one. */
export function reduced({ height, width, data }: Heat, most: number): Heat {
  const step = Math.ceil(Math.max(height, width) / most);
  if (step <= 1) return { height, width, data };
  const [rows, columns] = [Math.ceil(height / step), Math.ceil(width / step)];
  const sums = new Float32Array(rows * columns);
  const counts = new Float32Array(rows * columns);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const to = Math.floor(y / step) * columns + Math.floor(x / step);
      sums[to]! += data[y * width + x]!;
      counts[to]! += 1;
    }
  return { height: rows, width: columns, data: sums.map((sum, i) => sum / counts[i]!) };
}

/**
 * Colours laid over a grey form of a picture of bytes, [height, width, 1 or 3], each `zoom` times as large.
 * @param extent rows and columns that the heat is spread over, of which those beyond the picture are cut off
 */
export function overlaid(
  picture: Uint8Array,
  [height, width, channels]: readonly [number, number, number],
  heat: Heat,
  zoom: number,
  extent: readonly [number, number] = [height, width],
): { readonly height: number; readonly width: number; readonly bytes: Uint8Array } {
  const [toHeight, toWidth] = [height * zoom, width * zoom];
  const hot = cropped(enlarged(heat, extent[0] * zoom, extent[1] * zoom), extent[1] * zoom, toHeight, toWidth);
  const most = heat.data.reduce((a, b) => Math.max(a, b), 0);
  const bytes = coloured(hot, VIRIDIS, 0, most);
  for (let y = 0; y < toHeight; y++)
    for (let x = 0; x < toWidth; x++) {
      const from = (Math.floor(y / zoom) * width + Math.floor(x / zoom)) * channels;
      const grey =
        channels === 3
          ? 0.299 * picture[from]! + 0.587 * picture[from + 1]! + 0.114 * picture[from + 2]!
          : picture[from]!;
      const to = 3 * (y * toWidth + x);
      for (let c = 0; c < 3; c++) bytes[to + c] = Math.round(0.6 * bytes[to + c]! + 0.4 * grey);
    }
  return { height: toHeight, width: toWidth, bytes };
}
