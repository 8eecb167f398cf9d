/**
 * Loops over some axes of values whose layouts differ: each axis has an extent and, for each value, a distance in bytes.
 * Neighbouring axes that every value walks as one are merged.
 */
import type { KernelBuilder } from "../codegen/builder.js";
import type { Reg } from "../codegen/ir.js";
import type { Layout } from "./layout.js";

export interface Dimension {
  readonly extent: number;
  /** Bytes from one index to the next, for each value. */
  readonly strides: readonly number[];
}

/** Byte distances of a layout's axes; of a scalar's, none. */
export function axisStrides(layout: Layout): number[] {
  const strides: number[] = [];
  let step = 4 * layout.channelStride;
  for (let axis = layout.shape.length - 2; axis >= 0; axis--) {
    strides[axis] = step;
    step *= layout.shape[axis]!;
  }
  if (layout.shape.length > 0) strides[layout.shape.length - 1] = 4;
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

export function dimensionsKey(dimensions: readonly Dimension[]): string {
  return `[${dimensions.map((d) => `${d.extent}:${d.strides.join("/")}`).join(" ")}]`;
}

/** Visits every index of `dimensions`, the last fastest; `places` are the byte offsets of its first element. */
export function nest(
  k: KernelBuilder,
  dimensions: readonly Dimension[],
  places: readonly Reg[],
  visit: (places: readonly Reg[]) => void,
  frames = true,
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
  k.loop(0, first.extent, body, { frame: frames && rest.length > 0 });
}
