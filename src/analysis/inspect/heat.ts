/** What in a picture an answer comes from, as a number a place: the arithmetic, apart from the runs of the network. */
import type { Shape } from "../../graph/shape.js";

/** A number for each place; row-major. */
export interface Heat {
  /** Rows of places. */
  readonly height: number;
  /** Columns of places. */
  readonly width: number;
  /** Its numbers, row by row. */
  readonly data: Float32Array;
}

/** relu(sum over k of a_k A_k), a_k being the mean over the map of the gradient. */
export function weightedMaps(shape: Shape, data: Float32Array, gradient: Float32Array): Heat {
  const [height, width, channels] = shape as [number, number, number];
  const places = height * width;
  const weights = new Float64Array(channels);
  gradient.forEach((value, i) => {
    weights[i % channels]! += value / places;
  });
  const heat = new Float32Array(places);
  for (let place = 0; place < places; place++) {
    let total = 0;
    for (let c = 0; c < channels; c++) total += weights[c]! * data[place * channels + c]!;
    heat[place] = Math.max(0, total);
  }
  return { height, width, data: heat };
}

/** Of a pixel's channels the largest gradient. */
export function saliencyOf(gradient: Float32Array, input: Shape): Heat {
  const [height, width, channels] = input as [number, number, number];
  const data = new Float32Array(height * width);
  gradient.forEach((value, i) => {
    const place = Math.floor(i / channels);
    data[place] = Math.max(data[place]!, Math.abs(value));
  });
  return { height, width, data };
}

export interface Squares {
  readonly patch: number;
  readonly stride: number;
  readonly rows: number;
  readonly columns: number;
  /** The picture with one square greyed, row by row; the same memory each time. */
  covered(): Generator<Float32Array>;
}

/** Squares of about a fifth of the picture, half of one from place to place. */
export function squaresOf(picture: Float32Array, input: Shape): Squares {
  const [height, width, channels] = input as [number, number, number];
  const patch = Math.max(1, Math.round(Math.min(height, width) / 5));
  const stride = Math.max(1, Math.round(patch / 2));
  const grey = meanOf(picture, channels);
  const places = (extent: number) => Math.max(1, Math.ceil((extent - patch) / stride) + 1);
  const [rows, columns] = [places(height), places(width)];
  const covered = new Float32Array(picture.length);
  return {
    patch,
    stride,
    rows,
    columns,
    *covered() {
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          covered.set(picture);
          const [top, left] = [Math.min(row * stride, height - patch), Math.min(column * stride, width - patch)];
          for (let y = top; y < top + patch; y++)
            for (let x = left; x < left + patch; x++) covered.set(grey, (y * width + x) * channels);
          yield covered;
        }
    },
  };
}

function meanOf(picture: Float32Array, channels: number): Float32Array {
  const sums = new Float64Array(channels);
  picture.forEach((value, i) => {
    sums[i % channels]! += value;
  });
  return Float32Array.from(sums, (sum) => (sum * channels) / picture.length);
}
