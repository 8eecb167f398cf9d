/**
 * What every op family needs: refusals that name op and layer, checks of its inputs, axes by name, and room for
 * results.
 */

import { ShapeError } from "../base/errors.js";
import { expecting } from "../base/options.js";
import type { Cost, Traits, Value } from "../graph/graph.js";
import { type DType, type Shape, type Signature, shapeText, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";

/** Of an elementwise op of an instruction or two. */
export const FUSIBLE: Traits = { elementwise: true, fusible: true };

/** Throws `op(path): message`. */
export function refuse(op: string, path: string, message: string): never {
  throw new ShapeError(`${path === "" ? op : `${op}(${path})`}: ${message}`);
}

/** What one input must be; absent parts are free. */
export interface Expected {
  readonly name: string;
  readonly rank?: number;
  readonly batched?: boolean;
  readonly dtype?: DType;
}

/** Checks number, dtype, rank and batch of the inputs. */
export function expectInputs(
  op: string,
  path: string,
  inputs: readonly Signature[],
  expected: readonly Expected[],
): void {
  if (inputs.length !== expected.length) {
    refuse(
      op,
      path,
      `has ${inputs.length} inputs, expected ${expected.length} (${expected.map((e) => e.name).join(", ")})`,
    );
  }
  for (const [i, { name, rank, batched, dtype = "f32" }] of expected.entries()) {
    const input = inputs[i]!;
    if (input.dtype !== dtype) refuse(op, path, `${name} is of type ${input.dtype}, expected ${dtype}`);
    if (batched !== undefined && input.batched !== batched) {
      const is = input.batched ? "has" : "has no";
      refuse(op, path, `${name} (${shapeText(input)}) ${is} batch, expected one ${batched ? "with" : "without"}`);
    }
    if (rank !== undefined && input.shape.length !== rank) {
      const image = rank === 3 ? " (an image [height, width, channels])" : "";
      refuse(
        op,
        path,
        `${name} is ${shapeText(input)}, expected rank ${rank}${image}${input.batched ? " a sample" : ""}`,
      );
    }
  }
}

const NAMES = ["height", "width", "channels"] as const;

/**
 * An axis of a sample: a number from 0 on, one below 0 from the last axis on, or an axis of an image [height, width,
 * channels] by its name. `"channels"` is the last axis of any other shape, too.
 */
export type Axis = number | (typeof NAMES)[number];

/** An axis as it may be given; whether a value has it is held by `axisOf`. */
export const AXIS = expecting(
  'an axis: a number, or a name such as "channels"',
  (value) => typeof value === "number" || typeof value === "string",
);
/** A list of numbers. */
export const NUMBERS = expecting(
  "a list of numbers",
  (value) => Array.isArray(value) && value.every((n) => typeof n === "number"),
);

/** @throws ShapeError where x has no axis of that name; numbers are held to its shape by the op. */
export function axisOf(op: string, x: Value, axis: Axis): number {
  const rank = x.shape.length;
  if (typeof axis === "number") return axis < 0 ? axis + rank : axis;
  const place = NAMES.indexOf(axis);
  if (rank === 3 && place >= 0) return place;
  if (rank > 0 && axis === "channels") return rank - 1;
  const expected =
    place < 0 ? `a number, or ${NAMES.join(", ")}` : "a number, since only an image [height, width, channels] has it";
  return refuse(op, x.graph.path, `axis ${JSON.stringify(axis)} of ${shapeText(x)}: expected ${expected}`);
}

/** Ascending; all axes where none are named. */
export function axesOf(op: string, x: Value, axes?: readonly Axis[]): number[] {
  if (axes === undefined) return x.shape.map((_, i) => i);
  if (!Array.isArray(axes)) refuse(op, x.graph.path, `axes is ${JSON.stringify(axes)}, expected a list such as [0, 1]`);
  return axes.map((axis) => axisOf(op, x, axis)).sort((a, b) => a - b);
}

/** A zeroed tensor for `output`. */
export function emptyTensor(output: Signature, batch: number): Tensor {
  const shape = output.batched ? [batch, ...output.shape] : output.shape;
  return { shape, data: new Float64Array(sizeOf(shape)) };
}

/** One number from each of the input's, in the same place. */
export function mapTensor(input: Tensor, f: (x: number, i: number) => number): Tensor {
  return { shape: input.shape, data: input.data.map(f) };
}

/** Each value read or written once. */
export function bytesOf(inputs: readonly Signature[], output: Signature): number {
  return 4 * [...inputs, output].reduce((sum, s) => sum + sizeOf(s.shape), 0);
}

/** The cost of an op that does `each` multiply-adds an output element. */
export function costPerElement(
  each: number,
): (inputs: readonly Signature[], attributes: unknown, output: Signature) => Cost {
  return (inputs, _attributes, output) => ({
    multiplyAdds: each * sizeOf(output.shape),
    bytes: bytesOf(inputs, output),
  });
}

/** The cost of an op that does `each` multiply-adds an element of its first input. */
export function costPerInput(
  each: number,
): (inputs: readonly Signature[], attributes: unknown, output: Signature) => Cost {
  return (inputs, _attributes, output) => ({
    multiplyAdds: each * sizeOf(inputs[0]!.shape),
    bytes: bytesOf(inputs, output),
  });
}

/** Multiply-adds that an exponential or tanh of one number counts for: the length of a polynomial. */
export const TRANSCENDENTAL = 10;

/** Row-major strides of `shape`. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}
