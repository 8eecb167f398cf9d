/**
 * Loops over some axes of values whose layouts differ: each axis has an extent and, for each value, a distance in
 * bytes. Neighbouring axes that every value walks as one are merged.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import { elementBytes, type Layout, rowBytes } from "../contract/layout.js";

export interface Dimension {
  readonly extent: number;
  /** Bytes from one index to the next, for each value. */
  readonly strides: readonly number[];
}

/** Byte distances of a layout's axes; of a scalar's, none. */
export function axisStrides(layout: Layout): number[] {
  const strides: number[] = [];
  let step = rowBytes(layout);
  for (let axis = layout.shape.length - 2; axis >= 0; axis--) {
    strides[axis] = step;
    step *= layout.shape[axis]!;
  }
  if (layout.shape.length > 0) strides[layout.shape.length - 1] = elementBytes(layout);
  return strides;
}

/** Without axes of one element, and with neighbours merged where the outer's distance is the whole inner axis. */
export function merged(dimensions: readonly Dimension[]): Dimension[] {
  const out: Dimension[] = [];
  for (const d of dimensions) {
    if (d.extent === 1) continue;
    const outer = out[out.length - 1];
    if (outer?.strides.every((s, i) => s === d.strides[i]! * d.extent))
      out[out.length - 1] = { extent: outer.extent * d.extent, strides: d.strides };
    else out.push(d);
  }
  return out;
}

/** A part of a sample's work, so that one sample keeps several threads busy. */
export interface Part {
  /** 0 to `parts` - 1; undefined where there is one. */
  readonly part: Reg | undefined;
  readonly parts: number;
}

/** Bytes that a part should move at least. */
const PART = 65536;

/** Into how many parts a sample of that many bytes is cut, whose first dimension is `extent`. */
export function partsOf(bytes: number, extent: number): number {
  return Math.max(1, Math.min(extent, 8, Math.floor(bytes / PART)));
}

/** The sample and the part of a piece. */
export function sampleAndPart(k: KernelBuilder, piece: Reg, parts: number): { sample: Reg; part: Part } {
  if (parts === 1) return { sample: piece, part: { part: undefined, parts } };
  const sample = k.var(k.div(piece, parts), "sample");
  return { sample, part: { part: k.var(k.mod(piece, parts), "part"), parts } };
}

/** The indices of `extent` that belong to a part. */
export function rangeOf(
  k: KernelBuilder,
  { part, parts }: Part,
  extent: number,
): { from: Reg | number; to: Reg | number } {
  if (part === undefined) return { from: 0, to: extent };
  const from = k.div(k.mul(part, extent), parts);
  return { from, to: k.div(k.mul(k.add(part, 1), extent), parts) };
}

/** Visits every index of `dimensions`, the last fastest; `places` are the byte offsets of its first element. */
export function nest(
  k: KernelBuilder,
  dimensions: readonly Dimension[],
  places: readonly Reg[],
  visit: (places: readonly Reg[]) => void,
  frames = true,
  part: Part = { part: undefined, parts: 1 },
): void {
  const [first, ...rest] = dimensions;
  if (first === undefined) {
    visit(places);
    return;
  }
  const body = (index: Reg) => {
    const moved = places.map((p, i) => (first.strides[i] === 0 ? p : k.add(p, k.mul(index, first.strides[i]!))));
    nest(k, rest, moved, visit, frames);
  };
  const { from, to } = rangeOf(k, part, first.extent);
  k.loop(from, to, body, { frame: frames && rest.length > 0 });
}
