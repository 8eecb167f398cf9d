/**
 * Receptive fields: which pixels of the picture a number of a layer can depend on (Araujo, Norris, Sim, "Computing receptive
 * fields of convolutional neural networks", 2019).
 *
 * Along an axis, number o of a layer sees pixels offset + o stride to offset + o stride + size - 1 of the picture; those below 0
 * or beyond its edge lie in padding. A window of span k and stride s with p pixels of padding in front makes
 *
 *     size' = size + (k - 1) stride,   stride' = s stride,   offset' = offset - p stride
 *
 * and where branches meet, the field is the smallest that holds those of all of them. Behind transposed convolutions and where images are
 * made larger, strides are parts of a pixel, and the field of a number may be a pixel to the side of where it is said to be.
 */
import type { Value } from "../graph/graph.js";
import { span, type Window } from "../ops/window.js";

export interface AxisField {
  readonly size: number;
  readonly stride: number;
  readonly offset: number;
}

export interface ReceptiveField {
  /** Whether every number sees the whole picture, as behind a fully connected layer; stride and offset then are 0. */
  readonly whole: boolean;
  readonly rows: AxisField;
  readonly columns: AxisField;
}

/** Of each value that depends on the picture `input`, [height, width, channels]; `values` in the order of their making. */
export function receptiveFields(input: Value, values: readonly Value[]): Map<Value, ReceptiveField> {
  const pixel: AxisField = { size: 1, stride: 1, offset: 0 };
  const all = (axis: number): AxisField => ({ size: input.shape[axis] ?? 1, stride: 0, offset: 0 });
  const whole: ReceptiveField = { whole: true, rows: all(0), columns: all(1) };
  const isPicture = input.shape.length === 3;
  const fields = new Map<Value, ReceptiveField>([
    [input, isPicture ? { whole: false, rows: pixel, columns: pixel } : whole],
  ]);
  for (const value of values) {
    const seen = value.inputs.filter((read) => fields.has(read));
    if (value === input || seen.length === 0) continue;
    fields.set(value, fieldOf(value, seen, fields, whole));
  }
  return fields;
}

function fieldOf(
  value: Value,
  seen: readonly Value[],
  fields: ReadonlyMap<Value, ReceptiveField>,
  whole: ReceptiveField,
): ReceptiveField {
  const before = seen.map((read) => fields.get(read)!);
  if (before.some((field) => field.whole) || mixesPixels(value, seen)) return whole;
  const axis = (a: 0 | 1) =>
    axisOf(
      value,
      a,
      seen,
      before.map((field) => (a === 0 ? field.rows : field.columns)),
    );
  return { whole: false, rows: axis(0), columns: axis(1) };
}

/** Whether the places of the result are not places of an image any more. */
function mixesPixels(value: Value, seen: readonly Value[]): boolean {
  const { axes } = value.attributes as { readonly axes?: readonly number[] };
  if (axes !== undefined) return axes.includes(0) || axes.includes(1);
  return value.shape.length < 2 || value.op.name === "reshape" || seen.some(({ shape }) => shape.length < 2);
}

function axisOf(value: Value, axis: 0 | 1, seen: readonly Value[], before: readonly AxisField[]): AxisField {
  const { attributes } = value;
  const [first] = before as [AxisField];
  if (isWindow(attributes)) {
    const { kernel, stride, padding, dilation } = attributes;
    // A transposed convolution: pixel i reads those of (i + p - (k - 1) d) / s to (i + p) / s that are whole.
    if (value.op.name === "conv2dInputGrad") {
      const reach = span(kernel[axis], dilation[axis]) - 1;
      const nearest = Math.ceil((padding[2 * axis]! - reach) / stride[axis]);
      return {
        size: first.size + Math.floor(reach / stride[axis]) * first.stride,
        stride: first.stride / stride[axis],
        offset: first.offset + nearest * first.stride,
      };
    }
    return {
      size: first.size + (span(kernel[axis], dilation[axis]) - 1) * first.stride,
      stride: first.stride * stride[axis],
      offset: first.offset - padding[2 * axis]! * first.stride,
    };
  }
  const moved = attributes as { readonly axis?: number; readonly start?: number; readonly before?: readonly number[] };
  if (value.op.name === "slice")
    return moved.axis === axis ? { ...first, offset: first.offset + moved.start! * first.stride } : first;
  if (value.op.name === "pad") return { ...first, offset: first.offset - moved.before![axis]! * first.stride };
  if (value.op.name === "concat" && moved.axis === axis) return inARow(before, seen[0]!.shape[axis]!);
  const [from, to] = [seen[0]!.shape[axis]!, value.shape[axis]!];
  // Made larger or smaller by interpolation, each place reading its neighbour too.
  if (from !== to && seen.length === 1)
    return { size: first.size + first.stride, stride: (first.stride * from) / to, offset: first.offset };
  return union(before);
}

/** Parts of an image one behind the other, as uneven bins are made: the largest field, and the distance from part to part. */
function inARow(parts: readonly AxisField[], extent: number): AxisField {
  const [first, second] = parts as [AxisField, AxisField];
  return {
    size: Math.max(...parts.map(({ size }) => size)),
    stride: (second.offset - first.offset) / extent,
    offset: first.offset,
  };
}

function union(parts: readonly AxisField[]): AxisField {
  const offset = Math.min(...parts.map((part) => part.offset));
  const end = Math.max(...parts.map((part) => part.offset + part.size));
  return { size: end - offset, stride: Math.max(...parts.map(({ stride }) => stride)), offset };
}

function isWindow(attributes: object): attributes is Window {
  return ["kernel", "stride", "padding", "dilation"].every((name) => name in attributes);
}
