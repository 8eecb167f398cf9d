/**
 * The taps of a sliding window that fall on real pixels, along one axis. Output o reads input o * stride - before +
 * k * dilation for tap k; the real taps of an output are always one range lo..hi-1.
 *
 * Columns are known while the code is written: neighbours with equal taps make one run, so that left border, middle and
 * right border become loops of their own without a test inside. Rows belong to the piece of work, so their bounds are
 * computed by the kernel.
 */

import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { Window } from "../../graph/attributes.js";

/** One axis of a window. */
export interface Axis {
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  readonly after: number;
  readonly dilation: number;
  /** Of the input. */
  readonly extent: number;
  readonly outputs: number;
}

/** Axis 0 (rows) or 1 (columns) of a window over an image of `input` that gives `output`. */
export function axisOf(w: Window, axis: 0 | 1, input: readonly number[], output: readonly number[]): Axis {
  return {
    kernel: w.kernel[axis],
    stride: w.stride[axis],
    before: w.padding[2 * axis]!,
    after: w.padding[2 * axis + 1]!,
    dilation: w.dilation[axis],
    extent: input[axis]!,
    outputs: output[axis]!,
  };
}

export interface Taps {
  readonly lo: number;
  readonly hi: number;
  /** Taps that fall on pixels or padding: fewer than the kernel's only for a last window in ceil mode. */
  readonly padded: number;
}

/** The real taps of output o; lo = hi = 0 where there is none. */
export function tapsOf(a: Axis, o: number): Taps {
  const start = o * a.stride - a.before;
  const lo = Math.max(0, Math.ceil(-start / a.dilation));
  const hi = Math.min(a.kernel, Math.ceil((a.extent - start) / a.dilation));
  const padded = Math.min(a.kernel, Math.ceil((a.extent + a.after - start) / a.dilation));
  return lo < hi ? { lo, hi, padded } : { lo: 0, hi: 0, padded };
}

/** Whether an output has no real tap. */
export function hasEmpty(a: Axis): boolean {
  for (let o = 0; o < a.outputs; o++) if (tapsOf(a, o).hi === 0) return true;
  return false;
}

/** Whether every tap of every output falls on a real pixel. */
export function allReal(a: Axis): boolean {
  return a.before === 0 && (a.outputs - 1) * a.stride + (a.kernel - 1) * a.dilation < a.extent;
}

/** Outputs from..to-1, whose taps are the same. */
export interface Run extends Taps {
  readonly from: number;
  readonly to: number;
}

export function runsOf(a: Axis): Run[] {
  const runs: Run[] = [];
  for (let o = 0; o < a.outputs; o++) {
    const taps = tapsOf(a, o);
    const last = runs[runs.length - 1];
    if (last !== undefined && last.lo === taps.lo && last.hi === taps.hi && last.padded === taps.padded)
      runs[runs.length - 1] = { ...last, to: o + 1 };
    else runs.push({ ...taps, from: o, to: o + 1 });
  }
  return runs;
}

/** The real taps of the output `o` that is known only when the kernel runs; kept in the frame. */
export function tapBounds(k: KernelBuilder, a: Axis, o: Reg): { lo: Reg; hi: Reg } {
  const start = k.mul(o, a.stride);
  const divide = (n: Reg) => (a.dilation === 1 ? n : k.div(k.add(n, a.dilation - 1), a.dilation));
  const hi = k.min(divide(k.max(k.sub(a.extent + a.before, start), 0)), a.kernel);
  const lo = k.min(divide(k.max(k.sub(a.before, start), 0)), hi);
  return { lo: k.var(lo, "lo"), hi: k.var(hi, "hi") };
}

export interface Bounds {
  readonly lo: Reg | number;
  readonly hi: Reg | number;
}

/** The most taps along one axis that are written out. */
const UNROLLED = 7;

export function isUnrolled({ lo, hi }: Bounds): boolean {
  return typeof lo === "number" && typeof hi === "number" && hi - lo <= UNROLLED;
}

/**
 * Visits the taps lo..hi-1, `bytes` apart in every operand: written out where they are constants and few, else a loop.
 */
export function eachTap(
  k: KernelBuilder,
  bounds: Bounds,
  pointers: readonly Reg[],
  bytes: number,
  visit: (pointers: readonly Reg[], offset: number) => void,
): void {
  const { lo, hi } = bounds;
  if (typeof lo === "number" && typeof hi === "number" && isUnrolled(bounds)) {
    for (let tap = lo; tap < hi; tap++) visit(pointers, bytes * tap);
    return;
  }
  const body = (tap: Reg) => {
    const step = k.mul(tap, bytes);
    const moved = pointers.map((p) => k.ptrAdd(p, step));
    visit(moved, 0);
  };
  k.loop(lo, hi, body, { name: "tap" });
}
