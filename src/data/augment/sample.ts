/**
 * Takes a picture's bytes where a placement says and scales them: whole pixels are copied through the scaling table;
 * upright placements (crops, flips, resizing) go by rows and columns, with linear interpolation, or where they shrink
 * with the wider triangle that Pillow and torchvision call antialiasing; all others interpolate between four
 * neighbours. Outside the picture is background, bytes of 0, or the picture's reflection.
 */
import { type ByteScaling, byteScaling } from "../sets/byte-scaling.js";
import type { Scaling } from "../sets/dataset.js";
import type { Placement } from "./placement.js";

/** A picture in memory: height x width x channels bytes. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly pixels: Uint8Array;
  /** What errors call it; its number unless said. */
  readonly name?: string;
}

/** `edge`: nothing of the result lies outside, but its outermost pixels may be taken from half a pixel beyond. */
export type Outside = "edge" | "background" | "reflect";

export interface Scale {
  readonly channels: number;
  readonly bytes: ByteScaling;
  /** A byte times factor plus shift, by channel: the same, for values between bytes. */
  readonly factor: readonly number[];
  readonly shift: readonly number[];
}

export function scaleOf(scaling: Scaling): Scale {
  const { mean, std } = scaling;
  const factor = std.map((s) => 1 / (255 * s));
  const shift = mean.map((m, c) => -m / std[c]!);
  return { channels: mean.length, bytes: byteScaling(scaling), factor, shift };
}

export class Sampler {
  readonly #scale: Scale;
  readonly #columns = new Taps();
  readonly #rows = new Taps();
  #line = new Float32Array(0);

  constructor(scale: Scale) {
    this.#scale = scale;
  }

  /** Writes what `at` shows of a picture, at.height x at.width x channels numbers from out[offset] on. */
  sample(picture: Picture, at: Placement, outside: Outside, out: Float32Array, offset: number): void {
    if (at.isWhole) this.#copy(picture, at, outside, out, offset);
    else if (at.isUpright) this.#stretch(picture, at, outside, out, offset);
    else this.#turn(picture, at, outside, out, offset);
  }

  #copy({ height, width, pixels }: Picture, at: Placement, outside: Outside, out: Float32Array, offset: number): void {
    const { channels, bytes } = this.#scale;
    const { table } = bytes;
    const reflect = outside === "reflect";
    const { x0, xx } = at;
    // Columns of the result that lie inside the picture.
    const [first, end] = reflect ? [0, at.width] : inside(x0, xx, at.width, width);
    const isRun = xx === 1 && x0 + first >= 0 && x0 + end <= width;
    const line = at.width * channels;
    for (let v = 0; v < at.height; v++) {
      const to = offset + v * line;
      const y = at.y0 + v;
      if (!reflect && (y < 0 || y >= height)) {
        this.#background(out, to, at.width);
        continue;
      }
      const row = (reflect ? reflected(y, height) : y) * width * channels;
      if (first > 0) this.#background(out, to, first);
      if (end < at.width) this.#background(out, to + end * channels, at.width - end);
      if (isRun)
        bytes.write(pixels, row + (x0 + first) * channels, out, to + first * channels, (end - first) * channels);
      else {
        for (let u = first, d = to + first * channels; u < end; u++, d += channels) {
          const x = x0 + xx * u;
          const s = row + (reflect ? reflected(x, width) : x) * channels;
          for (let c = 0; c < channels; c++) out[d + c] = table[256 * c + pixels[s + c]!]!;
        }
      }
    }
  }

  #background(out: Float32Array, at: number, pixels: number): void {
    const { channels, bytes } = this.#scale;
    bytes.background(out, at, pixels * channels);
  }

  /** Rows first, over the columns that are needed, then columns. */
  #stretch(
    { height, width, pixels }: Picture,
    at: Placement,
    outside: Outside,
    out: Float32Array,
    offset: number,
  ): void {
    const { channels, factor, shift } = this.#scale;
    const columns = this.#columns.set(at.x0, at.xx, at.width, width, outside);
    const rows = this.#rows.set(at.y0, at.yy, at.height, height, outside);
    const [low, high] = columns.extent();
    const span = (high - low + 1) * channels;
    if (this.#line.length < span) this.#line = new Float32Array(span);
    const line = this.#line;
    const taps = columns.taps;
    let to = offset;
    for (let v = 0; v < at.height; v++) {
      const firstRow = v * rows.taps;
      const start = low * channels;
      for (let t = 0; t < rows.taps; t += 2) {
        // Two rows at a time; the number of taps is even.
        const w0 = rows.weight[firstRow + t]!;
        const w1 = rows.weight[firstRow + t + 1]!;
        const r0 = rows.index[firstRow + t]! * width * channels + start;
        const r1 = rows.index[firstRow + t + 1]! * width * channels + start;
        if (t === 0) blend(pixels, r0, w0, r1, w1, line, span);
        else addBlend(pixels, r0, w0, r1, w1, line, span);
      }
      if (taps === 2 && channels === 3) to = this.#blendColours(line, columns, at.width, low, out, to);
      else {
        for (let u = 0; u < at.width; u++) {
          const first = u * taps;
          for (let c = 0; c < channels; c++) {
            let sum = 0;
            for (let t = first; t < first + taps; t++) {
              sum += columns.weight[t]! * line[(columns.index[t]! - low) * channels + c]!;
            }
            out[to++] = sum * factor[c]! + shift[c]!;
          }
        }
      }
    }
  }

  /** A line of RGB between two columns each: the commonest case, written out. */
  #blendColours(line: Float32Array, columns: Taps, width: number, low: number, out: Float32Array, at: number): number {
    const { index, weight } = columns;
    const [f0, f1, f2] = this.#scale.factor as [number, number, number];
    const [s0, s1, s2] = this.#scale.shift as [number, number, number];
    let to = at;
    for (let u = 0; u < 2 * width; u += 2) {
      const left = 3 * (index[u]! - low);
      const right = 3 * (index[u + 1]! - low);
      const w0 = weight[u]!;
      const w1 = weight[u + 1]!;
      out[to] = (w0 * line[left]! + w1 * line[right]!) * f0 + s0;
      out[to + 1] = (w0 * line[left + 1]! + w1 * line[right + 1]!) * f1 + s1;
      out[to + 2] = (w0 * line[left + 2]! + w1 * line[right + 2]!) * f2 + s2;
      to += 3;
    }
    return to;
  }

  /** Bilinear; a picture that is to shrink is averaged over blocks of whole pixels first. */
  #turn(picture: Picture, at: Placement, outside: Outside, out: Float32Array, offset: number): void {
    const [right, down] = at.stride;
    const block = Math.max(1, Math.round(Math.sqrt(right * down)));
    const { height, width, channels, pixels } = block > 1 ? averaged(picture, block) : picture;
    const { factor, shift } = this.#scale;
    const line = width * channels;
    // The map in pixels of the means: their centres lie between those of the pixels.
    const [xx, xy, yx, yy] = [at.xx / block, at.xy / block, at.yx / block, at.yy / block];
    const [x0, y0] = [(at.x0 + 0.5) / block - 0.5, (at.y0 + 0.5) / block - 0.5];
    let to = offset;
    for (let v = 0; v < at.height; v++) {
      for (let u = 0; u < at.width; u++) {
        const x = xx * u + xy * v + x0;
        const y = yx * u + yy * v + y0;
        const left = Math.floor(x);
        const top = Math.floor(y);
        const fx = x - left;
        const fy = y - top;
        const isInside = left >= 0 && top >= 0 && left < width - 1 && top < height - 1;
        const c0 = isInside ? left : place(left, width, outside);
        const c1 = isInside ? left + 1 : place(left + 1, width, outside);
        const r0 = isInside ? top : place(top, height, outside);
        const r1 = isInside ? top + 1 : place(top + 1, height, outside);
        // Background is 0, so that its weight may as well be.
        const upper = r0 < 0 ? 0 : 1 - fy;
        const lower = r1 < 0 ? 0 : fy;
        const before = c0 < 0 ? 0 : 1 - fx;
        const behind = c1 < 0 ? 0 : fx;
        const p0 = Math.max(0, c0) * channels;
        const p1 = Math.max(0, c1) * channels;
        const q0 = Math.max(0, r0) * line;
        const q1 = Math.max(0, r1) * line;
        for (let c = 0; c < channels; c++) {
          const above = before * pixels[q0 + p0 + c]! + behind * pixels[q0 + p1 + c]!;
          const below = before * pixels[q1 + p0 + c]! + behind * pixels[q1 + p1 + c]!;
          out[to++] = (upper * above + lower * below) * factor[c]! + shift[c]!;
        }
      }
    }
  }
}

/** line = w0 x one row + w1 x another. Functions of their own, which engines compile better than loops amid others. */
function blend(
  pixels: Uint8Array,
  r0: number,
  w0: number,
  r1: number,
  w1: number,
  line: Float32Array,
  span: number,
): void {
  for (let i = 0; i < span; i++) line[i] = w0 * pixels[r0 + i]! + w1 * pixels[r1 + i]!;
}

function addBlend(
  pixels: Uint8Array,
  r0: number,
  w0: number,
  r1: number,
  w1: number,
  line: Float32Array,
  span: number,
): void {
  for (let i = 0; i < span; i++) line[i] = line[i]! + w0 * pixels[r0 + i]! + w1 * pixels[r1 + i]!;
}

/** For each place of a line of the result, the same even number of places in the picture and their weights. */
class Taps {
  taps = 0;
  index = new Int32Array(0);
  weight = new Float32Array(0);
  #count = 0;

  /** Place n of `count` lies at origin + step n of a line of `length`. */
  set(origin: number, step: number, count: number, length: number, outside: Outside): this {
    const reach = Math.max(1, Math.abs(step));
    const taps = 2 * Math.ceil(reach);
    this.taps = taps;
    this.#count = count * taps;
    if (this.index.length < this.#count) {
      this.index = new Int32Array(this.#count);
      this.weight = new Float32Array(this.#count);
    }
    for (let n = 0, i = 0; n < count; n++) {
      const centre = origin + step * n;
      const first = Math.floor(centre - reach) + 1;
      let sum = 0;
      for (let p = first; p < first + taps; p++) {
        const counts = outside !== "edge" || (p >= 0 && p < length);
        if (counts) sum += Math.max(0, 1 - Math.abs(p - centre) / reach);
      }
      for (let p = first; p < first + taps; p++, i++) {
        const at = place(p, length, outside === "edge" ? "background" : outside);
        this.index[i] = Math.max(0, at);
        this.weight[i] = at < 0 ? 0 : Math.max(0, 1 - Math.abs(p - centre) / reach) / sum;
      }
    }
    return this;
  }

  /** The least and the largest place that is asked for. */
  extent(): readonly [number, number] {
    let low = Number.POSITIVE_INFINITY;
    let high = 0;
    for (let i = 0; i < this.#count; i++) {
      const at = this.index[i]!;
      if (at < low) low = at;
      if (at > high) high = at;
    }
    return [low, high];
  }
}

/** The place in a line of `length` that stands for place `at` of an endless one; -1 for background. */
function place(at: number, length: number, outside: Outside): number {
  if (at >= 0 && at < length) return at;
  if (outside === "edge") return at < 0 ? 0 : length - 1;
  return outside === "reflect" ? reflected(at, length) : -1;
}

/** Mirrored at the first and at the last, which are not repeated. */
export function reflected(at: number, length: number): number {
  if (at >= 0 && at < length) return at;
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = ((at % period) + period) % period;
  return within < length ? within : period - within;
}

/** From which to before which of `count` places origin + step n is inside a line of `length`; step is 1 or -1. */
function inside(origin: number, step: number, count: number, length: number): readonly [number, number] {
  const [low, high] = step > 0 ? [-origin, length - origin] : [origin - length + 1, origin + 1];
  const first = Math.min(count, Math.max(0, low));
  return [first, Math.min(count, Math.max(first, high))];
}

/** Means of blocks of block x block pixels; those at the right and below may be cut short. */
function averaged({ height, width, channels, pixels }: Picture, block: number): Picture {
  const [rows, columns] = [Math.ceil(height / block), Math.ceil(width / block)];
  const means = new Uint8Array(rows * columns * channels);
  for (let y = 0, to = 0; y < rows; y++) {
    const bottom = Math.min(height, (y + 1) * block);
    for (let x = 0; x < columns; x++) {
      const right = Math.min(width, (x + 1) * block);
      const count = (bottom - y * block) * (right - x * block);
      for (let c = 0; c < channels; c++, to++) {
        let sum = 0;
        for (let v = y * block; v < bottom; v++) {
          for (let u = x * block; u < right; u++) sum += pixels[(v * width + u) * channels + c]!;
        }
        means[to] = Math.round(sum / count);
      }
    }
  }
  return { height: rows, width: columns, channels, pixels: means };
}
