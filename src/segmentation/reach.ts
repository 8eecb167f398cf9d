/**
 * What a network reads: for an interval of rows or columns of its answer, the interval of the picture that it depends
 * on, found by walking the graph from the answer back, exactly as each op reads. It tells how far tiles must overlap;
 * and the coarsest grid that the network computes on, at whose steps tiles must begin so that they see what the whole
 * picture would.
 *
 * A network with an op that reads all of the picture at once has no such interval, and cannot be tiled.
 */
import { OptionError } from "../base/errors.js";
import { OWN_PLACE } from "../graph/axis-reads.js";
import type { Value } from "../graph/graph.js";
import { readsOf } from "../graph/reads.js";
import type { Module } from "../nn/module.js";
import { traceOne } from "../nn/trace.js";

/** How far a network's answer for a pixel sees: what decides how tiles overlap. */
export interface Reach {
  /** Rows and columns: pixels that an answer depends on before and behind its own place, at most. */
  readonly halo: readonly [rows: number, columns: number];
  /** Rows and columns of the picture from one number of the coarsest map to the next. */
  readonly stride: readonly [rows: number, columns: number];
}

type Interval = readonly [first: number, last: number];

/**
 * How far a network's answer for a pixel sees, found by walking its graph back.
 * @param channels channels of its pictures
 * @throws OptionError if the network has an op that reads the whole picture, naming it
 */
export function reachOf(module: Module, channels: number): Reach {
  const multiple = 64;
  const { input, output, graph } = traceOne(module, {
    input: [16 * multiple, 16 * multiple, channels],
    training: false,
  });
  const rows = along(input, output, graph.values, 0);
  const columns = along(input, output, graph.values, 1);
  return { halo: [rows.halo, columns.halo], stride: [rows.stride, columns.stride] };
}

function along(input: Value, output: Value, values: readonly Value[], axis: 0 | 1): { halo: number; stride: number } {
  const extent = input.shape[axis]!;
  const strides = [...new Set(values.filter(isMap).map((value) => extent / value.shape[axis]!))];
  const stride = Math.max(...strides.filter((s) => Number.isInteger(s)));
  let halo = 0;
  // Every place within one step of the coarsest grid reads otherwise; the middle is far from the edges.
  const middle = Math.floor(extent / 2 / stride) * stride;
  for (let place = middle; place < middle + stride; place++) {
    const [first, last] = needed(input, output, values, axis, [place, place]);
    halo = Math.max(halo, place - first, last - place);
  }
  return { halo, stride };
}

const isMap = (value: Value): boolean => value.batched && value.shape.length === 3;

/** Of the picture, by intervals handed from each value to those that it reads. */
function needed(input: Value, output: Value, values: readonly Value[], axis: 0 | 1, asked: Interval): Interval {
  const intervals = new Map<Value, Interval>([[output, asked]]);
  const depends = new Set<Value>([input]);
  for (const value of values) if (value.inputs.some((read) => depends.has(read))) depends.add(value);
  for (const value of [...values].reverse()) {
    const interval = intervals.get(value);
    if (interval === undefined || value === input) continue;
    for (const read of value.inputs) {
      if (!depends.has(read)) continue;
      const [first, last] = reads(value, read, axis, interval);
      const before = intervals.get(read);
      intervals.set(
        read,
        before === undefined ? [first, last] : [Math.min(before[0], first), Math.max(before[1], last)],
      );
    }
  }
  return intervals.get(input) ?? asked;
}

function reads(value: Value, read: Value, axis: 0 | 1, [first, last]: Interval): Interval {
  const how = readsOf(value, value.inputs.indexOf(read), axis);
  const sameGrid = isMap(read) && isMap(value) && read.shape[axis] === value.shape[axis];
  if (how?.kind === "window" && (how !== OWN_PLACE || sameGrid))
    return [Math.ceil((first * how.step + how.first) / how.per), Math.floor((last * how.step + how.last) / how.per)];
  if (how?.kind === "interpolation") {
    const place = (o: number) => Math.floor(((2 * o + 1) * how.from - how.to) / (2 * how.to));
    return [place(first), place(last) + 1];
  }
  throw new OptionError(
    `tiles: ${value.op.name}${value.path === "" ? "" : `(${value.path})`} reads the whole picture at once, so that a tile would not be labelled as the whole is; ` +
      "label pictures whole, by a tile as large as they are",
  );
}
