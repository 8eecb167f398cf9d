/**
 * The channels of one row as vectors, for kernels that go row by row (a row is a pixel, or the last extent of
 * anything). Padded rows are whole vectors; up to four channels lie unpadded, and there one vector of 4 lanes (1 for
 * one channel) is masked to the row's own elements.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { CodeTarget, Lanes } from "../../target/target.js";
import { type RowLayout, rowBytes, vectorLanes } from "../contract/layout.js";
import { F32 } from "./view.js";

export interface ChannelVectors {
  readonly lanes: Lanes;
  /** Vectors a row. */
  readonly count: number;
  /** Lanes of a row's last vector that are channels. */
  readonly lastLanes: number;
  /** Whether what lies beyond the last channel is the next row, which loads and stores must leave alone. */
  readonly packed: boolean;
}

export function channelVectors(
  layout: Pick<RowLayout, "channels" | "channelStride">,
  target: CodeTarget,
): ChannelVectors {
  const { channels, channelStride } = layout;
  if (channels <= 4) return { lanes: channels === 1 ? 1 : 4, count: 1, lastLanes: channels, packed: true };
  const lanes = vectorLanes(layout, target);
  const count = channelStride / lanes;
  return { lanes, count, lastLanes: channels - (count - 1) * lanes, packed: false };
}

/**
 * The same vectors, all taken for whole: for code that makes +0 of pad lanes that hold +0, to which the last is like
 * any other.
 */
export function cleanVectors(vectors: ChannelVectors): ChannelVectors {
  return vectors.packed ? vectors : { ...vectors, lastLanes: vectors.lanes };
}

/** Whether vector `index` has lanes that are no channels. */
export function isPartial(vectors: ChannelVectors, index: number): boolean {
  return index === vectors.count - 1 && vectors.lastLanes < vectors.lanes;
}

/** Vector `index` of the row that starts at `ptr + offset` bytes. */
export function loadChannels(k: KernelBuilder, vectors: ChannelVectors, ptr: Reg, offset: number, index: number): Reg {
  const at = offset + F32 * index * vectors.lanes;
  if (vectors.packed && isPartial(vectors, index))
    return k.loadMasked(ptr, at, k.firstLanes(vectors.lastLanes, vectors.lanes));
  return k.load(ptr, at, vectors.lanes);
}

/** Stores vector `index` of a row. Unless `clean` says that pad lanes hold +0 already, they are made so. */
export function storeChannels(
  k: KernelBuilder,
  vectors: ChannelVectors,
  ptr: Reg,
  offset: number,
  index: number,
  value: Reg,
  clean: boolean,
): void {
  const at = offset + F32 * index * vectors.lanes;
  if (!isPartial(vectors, index)) k.store(ptr, at, value);
  else if (vectors.packed) k.storeMasked(ptr, at, value, k.firstLanes(vectors.lastLanes, vectors.lanes));
  else k.store(ptr, at, clean ? value : cleaned(k, value, vectors.lastLanes));
}

/** `value` with +0 in every lane from `count` on. */
export function cleaned(k: KernelBuilder, value: Reg, count: Reg | number): Reg {
  if (value.type.kind !== "f32") throw new TypeError("cleaned: expected a float vector");
  const { lanes } = value.type;
  return k.keep(k.firstLanes(count, lanes), value);
}

/** Writes `count` zeros (a constant) from `ptr + offset` bytes on. */
export function storeZeros(k: KernelBuilder, ptr: Reg, offset: number, count: number): void {
  let at = offset;
  let left = count;
  const widths: Lanes[] = [16, 8, 4, 1];
  const most = F32 * k.target.lanes;
  if (left > most) {
    const whole = left - (left % k.target.lanes);
    k.loop(0, F32 * whole, (i) => k.store(k.ptrAdd(ptr, i), at, k.splat(0, k.target.lanes)), {
      step: F32 * k.target.lanes,
    });
    at += F32 * whole;
    left -= whole;
  }
  for (const lanes of widths) {
    if (lanes > k.target.lanes) continue;
    for (; left >= lanes; left -= lanes, at += F32 * lanes) k.store(ptr, at, k.splat(0, lanes));
  }
}

/** Copies `count` elements (a constant). */
export function copyElements(k: KernelBuilder, from: Reg, to: Reg, count: number): void {
  const { lanes } = k.target;
  const whole = count - (count % lanes);
  const copy = (at: Reg) => k.store(k.ptrAdd(to, at), 0, k.load(k.ptrAdd(from, at), 0, lanes));
  k.loop(0, F32 * whole, copy, { step: F32 * lanes });
  let at = whole;
  for (const width of [8, 4, 1] as const) {
    for (; width < lanes && count - at >= width; at += width) k.store(to, F32 * at, k.load(from, F32 * at, width));
  }
}

/** Elements behind the last row of a sample, which must hold +0. */
export function tailElements({ sampleStride, rows, channelStride }: RowLayout): number {
  return sampleStride - rows * channelStride;
}

/** Zeros behind the last row of the sample that starts at `ptr`. */
export function storeTail(k: KernelBuilder, layout: RowLayout, ptr: Reg): void {
  storeZeros(k, ptr, layout.rows * rowBytes(layout), tailElements(layout));
}

/**
 * All vectors of a row, `group` at a time: `visit` gets the byte offset of a group's first vector as a register where
 * it is only known in a loop, and the vectors' indices from there on. A last, partial vector always has its true index.
 */
export function eachGroup(
  k: KernelBuilder,
  vectors: ChannelVectors,
  group: number,
  visit: (base: Reg | undefined, indices: readonly number[]) => void,
): void {
  const alike = isPartial(vectors, vectors.count - 1) ? vectors.count - 1 : vectors.count;
  const looped = vectors.count <= 2 * group ? 0 : Math.floor(alike / group) * group;
  const bytes = F32 * vectors.lanes;
  if (looped > 0) {
    const inner = Array.from({ length: group }, (_, i) => i);
    k.loop(0, looped * bytes, (base) => visit(base, inner), { step: group * bytes, frame: false, name: "channel" });
  }
  for (let first = looped; first < vectors.count; first += group) {
    const size = Math.min(group, vectors.count - first);
    visit(
      undefined,
      Array.from({ length: size }, (_, i) => first + i),
    );
  }
}
