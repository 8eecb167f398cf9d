/**
 * Receptive fields: which pixels of the picture a number of a layer can depend on (Araujo, Norris, Sim, "Computing
 * receptive fields of convolutional neural networks", 2019).
 *
 * Along an axis, number o of a layer sees pixels offset + o stride to offset + o stride + size - 1 of the picture;
 * those below 0 or beyond its edge lie in padding. A window of span k and stride s with p pixels of padding in front
 * makes
 *
 *     size' = size + (k - 1) stride,   stride' = s stride,   offset' = offset - p stride
 *
 * and where branches meet, the field is the smallest that holds those of all of them. Behind transposed convolutions
 * and where images are made larger, strides are parts of a pixel, and the field of a number may be a pixel to the side
 * of where it is said to be.
 */
import type { AxisReads } from "../graph/axis-reads.js";
import type { Value } from "../graph/graph.js";
import { readsOf } from "../graph/reads.js";

/** The pixels that one number depends on, along one axis. */
export interface AxisField {
  /** Pixels that it sees. */
  readonly size: number;
  /** Pixels from what it sees to what its neighbour sees. */
  readonly stride: number;
  /** The first pixel that the first number sees; below 0 in the padding. */
  readonly offset: number;
}

/** The pixels that one number of a layer depends on. */
export interface ReceptiveField {
  /**
   * Whether every number depends on the whole picture, as behind a fully connected layer. Stride and offset then are 0.
   */
  readonly whole: boolean;
  /** Along the picture's height. */
  readonly rows: AxisField;
  /** Along the picture's width. */
  readonly columns: AxisField;
}

/**
 * The receptive field of each value that depends on the picture `input`, [height, width, channels]. `values` are in the
 * order in which they were drawn.
 */
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
  // Of fewer axes: its places are not those of an image any more.
  if ([value, ...seen].some(({ shape }) => shape.length < 2) || before.some((field) => field.whole)) return whole;
  const along = (axis: 0 | 1) =>
    axisOf(
      value,
      axis,
      seen,
      before.map((field) => (axis === 0 ? field.rows : field.columns)),
    );
  const [rows, columns] = [along(0), along(1)];
  return rows === undefined || columns === undefined ? whole : { whole: false, rows, columns };
}

/** Undefined where it may depend on all places. */
function axisOf(
  value: Value,
  axis: 0 | 1,
  seen: readonly Value[],
  before: readonly AxisField[],
): AxisField | undefined {
  const parts: AxisField[] = [];
  for (const [i, read] of seen.entries()) {
    const how = readsOf(value, value.inputs.indexOf(read), axis);
    if (how === undefined) return undefined;
    if (how.kind === "inARow") return inARow(before, read.shape[axis]!);
    parts.push(
      how.kind === "window" ? through(how, before[i]!) : between(read.shape[axis]!, value.shape[axis]!, before[i]!),
    );
  }
  return parts.length === 1 ? parts[0] : union(parts);
}

function through({ step, per, first, last }: AxisReads & { readonly kind: "window" }, field: AxisField): AxisField {
  return {
    size: field.size + Math.floor((last - first) / per) * field.stride,
    stride: (field.stride * step) / per,
    offset: field.offset + Math.ceil(first / per) * field.stride,
  };
}

/** Made larger or smaller by interpolation, each place reading its neighbour too. */
function between(from: number, to: number, field: AxisField): AxisField {
  if (from === to) return field;
  return { size: field.size + field.stride, stride: (field.stride * from) / to, offset: field.offset };
}

/**
 * Parts of an image one behind the other, as uneven bins are made: the largest field, and the distance from part to
 * part.
 */
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
