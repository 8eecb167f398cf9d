/**
 * The principal axes of the colours of a data set, which pcaColor moves pictures along (Krizhevsky, Sutskever and
 * Hinton 2012, section 4.1): eigenvalues and eigenvectors of the covariance of all pixels, scaled to 0..1. The sums are
 * exact, so that the order of pictures does not matter.
 */
import type { Dataset } from "../sets/dataset.js";
import { openBytes } from "../sets/open-pictures.js";
import type { Transform } from "./transform.js";

export interface PrincipalColors {
  /** The largest first. */
  readonly eigenvalues: readonly number[];
  /** channels x channels: a row a channel, a column an eigenvalue; of each column the largest entry is positive. */
  readonly eigenvectors: readonly number[];
}

/** Gathers pixels; give it as many pictures as one likes. */
export class ColorCovariance {
  readonly #channels: number;
  readonly #sums: Float64Array;
  /** The upper triangle counts. */
  readonly #products: Float64Array;
  #pixels = 0;

  constructor(channels: number) {
    this.#channels = channels;
    this.#sums = new Float64Array(channels);
    this.#products = new Float64Array(channels * channels);
  }

  /** NHWC bytes, of any number of pixels. */
  add(pixels: Uint8Array): void {
    const n = this.#channels;
    for (let i = 0; i < pixels.length; i += n) {
      for (let a = 0; a < n; a++) {
        const value = pixels[i + a]!;
        this.#sums[a]! += value;
        for (let b = a; b < n; b++) this.#products[a * n + b]! += value * pixels[i + b]!;
      }
    }
    this.#pixels += pixels.length / n;
  }

  /** channels x channels, of pixels scaled to 0..1. */
  covariance(): Float64Array {
    const n = this.#channels;
    const count = Math.max(1, this.#pixels);
    return Float64Array.from({ length: n * n }, (_, i) => {
      const [a, b] = [Math.min(Math.floor(i / n), i % n), Math.max(Math.floor(i / n), i % n)];
      return (this.#products[a * n + b]! / count - (this.#sums[a]! / count) * (this.#sums[b]! / count)) / 255 ** 2;
    });
  }

  principal(): PrincipalColors {
    return principalOf(this.covariance(), this.#channels);
  }
}

/** Eigenvalues and eigenvectors of a symmetric matrix n x n, by Jacobi's rotations. */
export function principalOf(symmetric: ArrayLike<number>, n: number): PrincipalColors {
  const m = Float64Array.from(symmetric);
  const vectors = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  for (let sweep = 0; sweep < 32; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const off = m[p * n + q]!;
        if (off === 0) continue;
        const theta = (m[q * n + q]! - m[p * n + p]!) / (2 * off);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < n; k++) rotate(m, k * n + p, k * n + q, c, s);
        for (let k = 0; k < n; k++) rotate(m, p * n + k, q * n + k, c, s);
        for (let k = 0; k < n; k++) rotate(vectors, k * n + p, k * n + q, c, s);
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => m[b * n + b]! - m[a * n + a]!);
  const eigenvectors = new Array<number>(n * n).fill(0);
  order.forEach((column, to) => {
    const entries = Array.from({ length: n }, (_, row) => vectors[row * n + column]!);
    const largest = entries.reduce((best, e) => (Math.abs(e) > Math.abs(best) ? e : best), 0);
    entries.forEach((e, row) => {
      eigenvectors[row * n + to] = largest < 0 ? -e : e;
    });
  });
  return { eigenvalues: order.map((i) => Math.max(0, m[i * n + i]!)), eigenvectors };
}

function rotate(m: Float64Array, a: number, b: number, c: number, s: number): void {
  const [x, y] = [m[a]!, m[b]!];
  m[a] = c * x - s * y;
  m[b] = s * x + c * y;
}

/** Whether a list has what must be measured on the training pictures before it can be compiled. */
export function needsColors(transforms: readonly Transform[]): boolean {
  return transforms.some((t) => t.kind === "pcaColor" && t.colors === "measured" && t.eigenvalues === undefined);
}

/** The same list with these colours where they are missing. */
export function withColors(transforms: readonly Transform[], colors: PrincipalColors): readonly Transform[] {
  return transforms.map((t) =>
    t.kind === "pcaColor" && t.colors === "measured" && t.eigenvalues === undefined ? { ...t, ...colors } : t,
  );
}

/** Bytes that are measured at most, of large sets every so manieth picture. */
const MOST_BYTES = 2 ** 27;
/** Pictures that are measured of a set on disk. */
const MOST_READ = 2048;
const READ_AT_ONCE = 64;

/** The list with the colours of a data set, where it needs them. */
export async function measuredOn(transforms: readonly Transform[], data: Dataset): Promise<readonly Transform[]> {
  if (!needsColors(transforms)) return transforms;
  return withColors(transforms, (await covarianceOf(data)).principal());
}

/**
 * Pictures evenly spread over the set: of one in memory as many as have so many bytes, of one on disk fewer, as they
 * are decoded for it.
 */
async function covarianceOf(data: Dataset): Promise<ColorCovariance> {
  const { images, shape, length, stream } = data;
  const size = shape[0] * shape[1] * shape[2];
  const step = Math.max(1, Math.ceil(stream === undefined ? images.length / MOST_BYTES : length / MOST_READ));
  const indices = Uint32Array.from({ length: Math.ceil(length / step) }, (_, n) => n * step);
  const covariance = new ColorCovariance(shape[2]);
  const some = new Uint8Array(READ_AT_ONCE * size);
  const labels = new Int32Array(READ_AT_ONCE);
  const reader = openBytes(data);
  try {
    for (let n = 0; n < indices.length; n += READ_AT_ONCE) {
      const read = indices.subarray(n, n + READ_AT_ONCE);
      await reader.bytes(read, some, labels);
      covariance.add(some.subarray(0, read.length * size));
    }
  } finally {
    await reader.close();
  }
  return covariance;
}
