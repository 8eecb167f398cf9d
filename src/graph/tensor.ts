/** A plain float64 tensor in row-major order: what ops compute in their `reference`, and nothing faster. */
export interface Tensor {
  /** All extents, the batch first where there is one. */
  readonly shape: readonly number[];
  /** Its numbers, row-major. */
  readonly data: Float64Array;
}

export function tensor(shape: readonly number[], data?: ArrayLike<number>): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  if (data !== undefined && data.length !== size) {
    throw new RangeError(`tensor: ${data.length} numbers for shape ${shape.join("x")} of ${size}`);
  }
  return { shape, data: data === undefined ? new Float64Array(size) : Float64Array.from(data) };
}
