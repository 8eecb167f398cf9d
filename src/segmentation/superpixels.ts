/**
 * Superpixels (Felzenszwalb, Huttenlocher, "Efficient graph-based image segmentation", IJCV 2004) and voting in them.
 *
 * Neighbours, of eight, are joined by edges that weigh the distance of their colours in the smoothed picture. From the lightest edge up, two
 * segments become one if the edge weighs no more than either's own largest edge plus k over its size; last, segments smaller than `least`
 * are joined to a neighbour. Weights are rounded to 1/64 of a grey level, so that they are sorted by counting.
 */
import { OptionError } from "../errors.js";

export interface SuperpixelOptions {
  /** How much evidence a border needs: the larger, the larger the segments. */
  readonly k?: number;
  /** Of the Gaussian that smooths the picture first, in pixels; 0 for none. */
  readonly sigma?: number;
  /** Pixels that a segment has at least. */
  readonly least?: number;
}

export interface Segments {
  readonly height: number;
  readonly width: number;
  readonly count: number;
  /** Of each pixel the number of its segment, from 0 in the order of their first pixels. */
  readonly of: Int32Array;
}

/**
 * Finer than the paper's own figures (k 300, sigma 0.8, least 20): a vote needs segments that lie within one object. On CamVid's scenes of
 * 240x180, voting with the true labels keeps 96.8% of the pixels with these, and 81% with the paper's.
 */
export const SUPERPIXEL_DEFAULTS = { k: 30, sigma: 0.5, least: 5 } as const;

const STEPS = 64;
/** Of black and white in a colour picture, 255 sqrt(3), in steps. */
const HEAVIEST = Math.ceil(442 * STEPS);

/** @param pixels height x width x 3 bytes */
export function superpixels(
  pixels: Uint8Array,
  height: number,
  width: number,
  options: SuperpixelOptions = {},
): Segments {
  const { k, sigma, least } = { ...SUPERPIXEL_DEFAULTS, ...options };
  if (pixels.length !== height * width * 3) {
    throw new OptionError(
      `superpixels: ${pixels.length} bytes for ${height}x${width}x3, expected ${height * width * 3}`,
    );
  }
  for (const [name, value] of Object.entries({ k, sigma, least })) {
    if (!(value >= 0 && Number.isFinite(value)))
      throw new OptionError(`superpixels: ${name} is ${value}, expected a number from 0`);
  }
  const forest = new Forest(height * width);
  const edges = edgesOf(smoothed(pixels, height, width, sigma), height, width);
  const tolerance = new Float64Array(height * width).fill(k);
  for (let i = 0; i < edges.count; i++) {
    const edge = edges.order[i]!;
    const a = forest.find(edges.from[edge]!);
    const b = forest.find(edges.to[edge]!);
    const weight = edges.weight[edge]! / STEPS;
    if (a === b || weight > tolerance[a]! || weight > tolerance[b]!) continue;
    const root = forest.join(a, b);
    tolerance[root] = weight + k / forest.size[root]!;
  }
  for (let i = 0; i < edges.count; i++) {
    const edge = edges.order[i]!;
    const a = forest.find(edges.from[edge]!);
    const b = forest.find(edges.to[edge]!);
    if (a !== b && (forest.size[a]! < least || forest.size[b]! < least)) forest.join(a, b);
  }
  return { height, width, ...forest.numbered() };
}

/** Disjoint sets, by size, with paths cut in half. */
class Forest {
  readonly size: Int32Array;
  readonly #parent: Int32Array;

  constructor(count: number) {
    this.size = new Int32Array(count).fill(1);
    this.#parent = Int32Array.from({ length: count }, (_, i) => i);
  }

  find(at: number): number {
    const parent = this.#parent;
    let i = at;
    while (parent[i] !== i) {
      parent[i] = parent[parent[i]!]!;
      i = parent[i]!;
    }
    return i;
  }

  /** Of two roots; gives the new one. */
  join(a: number, b: number): number {
    const [large, small] = this.size[a]! >= this.size[b]! ? [a, b] : [b, a];
    this.#parent[small] = large;
    this.size[large]! += this.size[small]!;
    return large;
  }

  numbered(): { readonly count: number; readonly of: Int32Array } {
    const numbers = new Int32Array(this.size.length).fill(-1);
    const of = new Int32Array(this.size.length);
    let count = 0;
    for (let i = 0; i < of.length; i++) {
      const root = this.find(i);
      if (numbers[root]! < 0) numbers[root] = count++;
      of[i] = numbers[root]!;
    }
    return { count, of };
  }
}

interface Edges {
  readonly count: number;
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly weight: Int32Array;
  /** Edges by weight; of the same weight in scan order. */
  readonly order: Int32Array;
}

function edgesOf(image: Float32Array, height: number, width: number): Edges {
  const most = 4 * height * width;
  const [from, to, weight] = [new Int32Array(most), new Int32Array(most), new Int32Array(most)];
  const starts = new Int32Array(HEAVIEST + 2);
  let count = 0;
  const add = (a: number, b: number) => {
    const red = image[3 * a]! - image[3 * b]!;
    const green = image[3 * a + 1]! - image[3 * b + 1]!;
    const blue = image[3 * a + 2]! - image[3 * b + 2]!;
    const steps = Math.round(STEPS * Math.sqrt(red * red + green * green + blue * blue));
    from[count] = a;
    to[count] = b;
    weight[count++] = steps;
    starts[steps + 1]!++;
  };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const below = y + 1 < height;
      if (x + 1 < width) add(i, i + 1);
      if (below) add(i, i + width);
      if (below && x + 1 < width) add(i, i + width + 1);
      if (below && x > 0) add(i, i + width - 1);
    }
  }
  for (let s = 1; s < starts.length; s++) starts[s]! += starts[s - 1]!;
  const order = new Int32Array(count);
  for (let e = 0; e < count; e++) order[starts[weight[e]!]!++] = e;
  return { count, from, to, weight, order };
}

/** e^-x for x from 0 to 32, by halving: engines may differ in Math.exp. */
function decay(x: number): number {
  const t = x / 64;
  let value = 1 / (1 + t * (1 + (t / 2) * (1 + (t / 3) * (1 + (t / 4) * (1 + t / 5)))));
  for (let i = 0; i < 6; i++) value *= value;
  return value;
}

/** Rows, then columns, edges repeated. */
function smoothed(pixels: Uint8Array, height: number, width: number, sigma: number): Float32Array {
  const image = Float32Array.from(pixels);
  if (sigma === 0) return image;
  const reach = Math.ceil(4 * sigma);
  const taps = Array.from({ length: reach + 1 }, (_, i) => decay((i * i) / (2 * sigma * sigma)));
  const total = taps.reduce((sum, tap, i) => sum + (i === 0 ? tap : 2 * tap), 0);
  const weights = taps.map((tap) => tap / total);
  const pass = (source: Float32Array, lines: number, length: number, line: number, step: number) => {
    const target = new Float32Array(source.length);
    for (let l = 0; l < lines; l++) {
      for (let p = 0; p < length; p++) {
        const at = l * line + p * step;
        for (let c = 0; c < 3; c++) {
          let sum = weights[0]! * source[at + c]!;
          for (let i = 1; i <= reach; i++) {
            const before = l * line + Math.max(0, p - i) * step;
            const behind = l * line + Math.min(length - 1, p + i) * step;
            sum += weights[i]! * (source[before + c]! + source[behind + c]!);
          }
          target[at + c] = sum;
        }
      }
    }
    return target;
  };
  const across = pass(image, height, width, 3 * width, 3);
  return pass(across, width, height, 3, 3 * width);
}

/** Each pixel gets the label that most pixels of its segment have; of equals the lowest. */
export function majorityVote({ count, of }: Segments, labels: ArrayLike<number>, classes: number): Uint8Array {
  const votes = new Int32Array(count * classes);
  for (let i = 0; i < of.length; i++) votes[of[i]! * classes + labels[i]!]!++;
  const winner = Uint8Array.from({ length: count }, (_, segment) => {
    let best = 0;
    for (let c = 1; c < classes; c++) if (votes[segment * classes + c]! > votes[segment * classes + best]!) best = c;
    return best;
  });
  return Uint8Array.from(of, (segment) => winner[segment]!);
}
