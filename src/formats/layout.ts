/**
 * Reorders the axes of weights between fovea's memory and the files of the field: convolutions are HWIO in memory and
 * OIHW in files, linear layers [in, out] in memory and [out, in] in files.
 */
import { ShapeError } from "../base/errors.js";

/**
 * The row-major array whose axis i is axis order[i] of `data`, as NumPy's transpose. Always a copy.
 * @throws ShapeError where the shape does not fit the data or `order` is not a permutation of its axes.
 */
export function permute(data: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const rank = shape.length;
  if (shape.reduce((a, b) => a * b, 1) !== data.length) {
    throw new ShapeError(`permute: shape [${shape.join(", ")}] does not fit ${data.length} numbers`);
  }
  if (order.length !== rank || shape.some((_, axis) => !order.includes(axis))) {
    throw new ShapeError(`permute: order [${order.join(", ")}] is not a permutation of the ${rank} axes`);
  }
  const strides = new Array<number>(rank).fill(1);
  for (let axis = rank - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  const extents = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const result = new Float32Array(data.length);
  const index = new Array<number>(rank).fill(0);
  for (let to = 0, from = 0; to < data.length; to++) {
    result[to] = data[from]!;
    // Count up like an odometer: the last axis runs fastest.
    for (let axis = rank - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < extents[axis]!) break;
      from -= steps[axis]! * extents[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

/**
 * Convolution weights from memory, [kernel height, kernel width, in / groups, out], to files, [out, in / groups,
 * height, width].
 */
export function hwioToOihw(data: Float32Array, hwio: readonly [number, number, number, number]): Float32Array {
  return permute(data, hwio, [3, 2, 0, 1]);
}

/** Convolution weights from files, [out, in / groups, height, width], to memory, [height, width, in / groups, out]. */
export function oihwToHwio(data: Float32Array, oihw: readonly [number, number, number, number]): Float32Array {
  return permute(data, oihw, [2, 3, 1, 0]);
}

/** A matrix with its two axes swapped: linear weights, between [in, out] and [out, in]. */
export function transpose(data: Float32Array, shape: readonly [rows: number, columns: number]): Float32Array {
  return permute(data, shape, [1, 0]);
}
