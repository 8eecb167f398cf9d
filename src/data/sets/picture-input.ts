/**
 * How a picture becomes the float32 input of a network, [height, width, channels], channels last: its bytes scaled by
 * channel, in the middle of a border of background where it is smaller (border.ts). Training, evaluation and prediction
 * all write pictures by it.
 */
import { type Shape, sizeOf } from "../../graph/shape.js";
import { type Border, borderOf, evenBorders } from "./border.js";
import { byteScaling } from "./byte-scaling.js";
import type { Scaling } from "./dataset.js";

/** Where the lines of a picture go in a field that may be larger. A picture that fills its field is one line. */
export interface Place {
  readonly lines: number;
  /** Numbers a line. */
  readonly line: number;
  /** Where the first line goes, and how far it is to the next, in numbers of the field. */
  readonly first: number;
  readonly stride: number;
  readonly isBordered: boolean;
}

/** The place of a picture of `shape` in `field` (both [height, width, channels]) with this border around it. */
export function placeOf(shape: Shape, field: Shape, [rows, columns]: Border): Place {
  const [height, width, channels] = shape as readonly [number, number, number];
  const stride = field[1]! * channels;
  const isBordered = rows > 0 || columns > 0;
  if (!isBordered) return { lines: 1, line: height * width * channels, first: 0, stride, isBordered };
  return { lines: height, line: width * channels, first: (rows * field[1]! + columns) * channels, stride, isBordered };
}

/**
 * Writes the bytes of a picture from `pixels[at]` on to its place in the field that begins at `to[offset]`, and nothing
 * else.
 */
export function placeBytes(
  pixels: Uint8Array,
  at: number,
  { lines, line, first, stride }: Place,
  scaling: Scaling,
  to: Float32Array,
  offset: number,
): void {
  const scaled = byteScaling(scaling);
  for (let y = 0; y < lines; y++) scaled.write(pixels, at + y * line, to, offset + first + y * stride, line);
}

export class PictureInput {
  readonly shape: Shape;
  /** Numbers a picture. */
  readonly size: number;
  readonly scaling: Scaling;
  #byLength: ReadonlyMap<number, Place> | undefined;

  /** @param shape of the network's input */
  constructor(shape: Shape, scaling: Scaling) {
    this.shape = shape;
    this.size = sizeOf(shape);
    this.scaling = scaling;
  }

  /** The place of pictures of `shape`; undefined where they do not fit. */
  place(shape: Shape): Place | undefined {
    const border = borderOf(shape, this.shape);
    return border && placeOf(shape, this.shape, border);
  }

  /**
   * The place of a picture of which only its length is known: it is as large as the input, or smaller by the same
   * number of pixels on all sides. Undefined where there is no such size.
   */
  placeByLength(length: number): Place | undefined {
    this.#byLength ??= new Map(
      evenBorders(this.shape).map(({ shape, border }) => [sizeOf(shape), placeOf(shape, this.shape, border)]),
    );
    return this.#byLength.get(length);
  }

  /** Writes a picture of bytes, which begins at `pixels[at]`, to `to[offset]` and what follows. */
  bytes(pixels: Uint8Array, at: number, place: Place, to: Float32Array, offset: number): void {
    if (place.isBordered) this.background(to, offset);
    placeBytes(pixels, at, place, this.scaling, to, offset);
  }

  /** Writes a picture of numbers as they are. Gives the first of them that is not finite in float32, or -1. */
  numbers(numbers: ArrayLike<number>, place: Place, to: Float32Array, offset: number): number {
    if (place.isBordered) this.background(to, offset);
    const { lines, line, first, stride } = place;
    for (let y = 0, from = 0; y < lines; y++, from += line) {
      const at = offset + first + y * stride;
      for (let i = 0; i < line; i++) to[at + i] = numbers[from + i]!;
      for (let i = 0; i < line; i++) if (!Number.isFinite(to[at + i]!)) return from + i;
    }
    return -1;
  }

  /** A picture of background alone. */
  background(to: Float32Array, offset: number): void {
    byteScaling(this.scaling).background(to, offset, this.size);
  }
}
