/**
 * Changes of colour as one matrix and one offset a picture, y = M x + o in pixels scaled to 0..1, applied in place to
 * pixels that are scaled for the network already. Brightness, contrast, saturation and hue (a turn about the grey axis
 * of YIQ) come in this order, as torchvision's do unless they are shuffled; values are held within 0..1 once, at the
 * end. Grey pictures have neither saturation nor hue.
 */
import type { Scaling } from "../sets/dataset.js";
import type { Draws } from "./draws.js";
import { cosineOfTurns, sineOfTurns } from "./numbers.js";
import type { TransformOf } from "./transform.js";

/** Of red, green and blue in grey (ITU-R 601). */
const LUMA = [0.299, 0.587, 0.114] as const;
/** RGB from YIQ, and YIQ from RGB. */
const YIQ = [0.299, 0.587, 0.114, 0.595716, -0.274453, -0.321263, 0.211456, -0.522591, 0.311135] as const;

/** ImageNet's eigenvalues and eigenvectors, as torch users have them from fb.resnet.torch. */
export const IMAGENET_COLORS = {
  eigenvalues: [0.2175, 0.0188, 0.0045],
  eigenvectors: [-0.5675, 0.7192, 0.4009, -0.5808, -0.0045, -0.814, -0.5836, -0.6948, 0.4203],
} as const;

export class ColorMap {
  readonly #channels: number;
  /** channels x channels. */
  #matrix: Float64Array;
  #scratch: Float64Array;
  readonly #offset: Float64Array;
  readonly #mean: Float64Array;
  #limited = false;

  constructor(channels: number) {
    this.#channels = channels;
    this.#matrix = new Float64Array(channels * channels);
    this.#scratch = new Float64Array(channels * channels);
    this.#offset = new Float64Array(channels);
    this.#mean = new Float64Array(channels);
  }

  /** The identity, for a picture whose channels have this mean. */
  start(mean: ArrayLike<number>): void {
    const n = this.#channels;
    this.#matrix.fill(0);
    for (let c = 0; c < n; c++) {
      this.#matrix[c * n + c] = 1;
      this.#offset[c] = 0;
      this.#mean[c] = mean[c]!;
    }
    this.#limited = false;
  }

  jitter(transform: TransformOf<"colorJitter">, draws: Draws): void {
    const { brightness, contrast, saturation, hue } = transform;
    const factors = [brightness, contrast, saturation].map((most) => 1 + draws.symmetric(most));
    const turn = draws.symmetric(hue);
    this.blend(factors[0]!, 0);
    this.blend(factors[1]!, this.#meanGrey());
    this.saturate(factors[2]!);
    this.turnHue(turn);
    this.#limited = true;
  }

  /** Towards or away from one grey level. */
  blend(factor: number, level: number): void {
    if (factor === 1) return;
    for (let i = 0; i < this.#matrix.length; i++) this.#matrix[i]! *= factor;
    for (let c = 0; c < this.#channels; c++) this.#offset[c] = this.#offset[c]! * factor + (1 - factor) * level;
  }

  /** Towards or away from the picture's own grey version. */
  saturate(factor: number): void {
    if (factor === 1 || this.#channels !== 3) return;
    this.#apply((row, column) => (1 - factor) * LUMA[column]! + (row === column ? factor : 0));
  }

  turnHue(turns: number): void {
    if (turns === 0 || this.#channels !== 3) return;
    const [cosine, sine] = [cosineOfTurns(turns), sineOfTurns(turns)];
    const turned = Float64Array.from({ length: 9 }, (_, i) => {
      const column = i % 3;
      const [y, first, second] = [YIQ[column]!, YIQ[3 + column]!, YIQ[6 + column]!];
      const row = Math.floor(i / 3);
      return row === 0 ? y : row === 1 ? cosine * first - sine * second : sine * first + cosine * second;
    });
    this.#apply((row, column) => {
      let sum = 0;
      for (let k = 0; k < 3; k++) sum += RGB[3 * row + k]! * turned[3 * k + column]!;
      return sum;
    });
  }

  /** Adds a colour. */
  shift(by: ArrayLike<number>): void {
    for (let c = 0; c < this.#channels; c++) this.#offset[c]! += by[c]!;
  }

  /**
   * AlexNet's: p1 a1 l1 + p2 a2 l2 + p3 a3 l3, with eigenvectors p, eigenvalues l and normal a of the given strength.
   */
  shiftAlong(eigenvalues: readonly number[], eigenvectors: readonly number[], strength: number, draws: Draws): void {
    const n = this.#channels;
    const along = eigenvalues.map((value) => strength * draws.normal() * value);
    this.shift(
      Array.from({ length: n }, (_, row) => along.reduce((sum, a, k) => sum + a * eigenvectors[row * n + k]!, 0)),
    );
  }

  #apply(entry: (row: number, column: number) => number): void {
    const n = this.#channels;
    const offset = Float64Array.from(this.#offset);
    for (let row = 0; row < n; row++) {
      const of = Array.from({ length: n }, (_, k) => entry(row, k));
      for (let column = 0; column < n; column++) {
        this.#scratch[row * n + column] = of.reduce((sum, e, k) => sum + e * this.#matrix[k * n + column]!, 0);
      }
      this.#offset[row] = of.reduce((sum, e, k) => sum + e * offset[k]!, 0);
    }
    [this.#matrix, this.#scratch] = [this.#scratch, this.#matrix];
  }

  /** Of the picture as it is by now: the mean goes through the map as every pixel does. */
  #meanGrey(): number {
    const n = this.#channels;
    let grey = 0;
    for (let row = 0; row < n; row++) {
      let value = this.#offset[row]!;
      for (let k = 0; k < n; k++) value += this.#matrix[row * n + k]! * this.#mean[k]!;
      grey += (n === 3 ? LUMA[row]! : 1 / n) * value;
    }
    return grey;
  }

  /** Maps `pixels` pixels from numbers[at] on, which are (x - mean) / std. */
  run(numbers: Float32Array, at: number, pixels: number, { mean, std }: Scaling): void {
    const n = this.#channels;
    const matrix = this.#matrix.map((m, i) => (m * std[i % n]!) / std[Math.floor(i / n)]!);
    const offset = this.#offset.map((o, row) => {
      let sum = o - mean[row]!;
      for (let k = 0; k < n; k++) sum += this.#matrix[row * n + k]! * mean[k]!;
      return sum / std[row]!;
    });
    if (n === 1) mapGrey(numbers, at, pixels, matrix[0]!, offset[0]!);
    else mapColour(numbers, at, pixels, matrix, offset);
    if (this.#limited) for (let c = 0; c < n; c++) limit(numbers, at + c, pixels, n, mean[c]!, std[c]!);
  }
}

/** The inverse of YIQ, by Cramer's rule, so that turning by nothing changes nothing. */
const RGB = inverse(YIQ);

function inverse(m: readonly number[]): Float64Array {
  const minor = (row: number, column: number) => {
    const at = (r: number, c: number) => m[3 * ((row + r) % 3) + ((column + c) % 3)]!;
    return at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1);
  };
  const determinant = m[0]! * minor(0, 0) + m[1]! * minor(0, 1) + m[2]! * minor(0, 2);
  return Float64Array.from({ length: 9 }, (_, i) => minor(i % 3, Math.floor(i / 3)) / determinant);
}

function mapGrey(numbers: Float32Array, at: number, pixels: number, factor: number, offset: number): void {
  for (let i = at; i < at + pixels; i++) numbers[i] = factor * numbers[i]! + offset;
}

function mapColour(numbers: Float32Array, at: number, pixels: number, m: Float64Array, offset: Float64Array): void {
  const [m0, m1, m2] = [m[0]!, m[1]!, m[2]!];
  const [m3, m4, m5] = [m[3]!, m[4]!, m[5]!];
  const [m6, m7, m8] = [m[6]!, m[7]!, m[8]!];
  const [o0, o1, o2] = [offset[0]!, offset[1]!, offset[2]!];
  for (let i = at; i < at + 3 * pixels; i += 3) {
    const r = numbers[i]!;
    const g = numbers[i + 1]!;
    const b = numbers[i + 2]!;
    numbers[i] = m0 * r + m1 * g + m2 * b + o0;
    numbers[i + 1] = m3 * r + m4 * g + m5 * b + o1;
    numbers[i + 2] = m6 * r + m7 * g + m8 * b + o2;
  }
}

/** Holds one channel within what a pixel of 0 and one of 1 are scaled to. */
function limit(numbers: Float32Array, at: number, pixels: number, step: number, mean: number, std: number): void {
  const [low, high] = [(0 - mean) / std, (1 - mean) / std];
  for (let i = at, end = at + pixels * step; i < end; i += step) {
    const value = numbers[i]!;
    if (value < low) numbers[i] = low;
    else if (value > high) numbers[i] = high;
  }
}
