/**
 * Walks the elements of a value in vectors, for kernels whose every element depends on its place alone: elementwise
 * groups, dropout, broadcasting. Work is cut into pieces of about 4096 elements, whole samples where they are small. Of
 * an unbatched value every vector (or row) is a piece, so that the code does not depend on how many there are.
 *
 * flat    the whole memory of the samples, pads and all: the fastest, for what keeps +0 by itself
 * rows    row by row, the pad lanes of a row's last vector known: for padded channels
 * packed  the unpadded elements of up to four channels, whole vectors of a sample
 * single  packed, one element at a time: for operands whose place has no pattern in vectors
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { Lanes, Target } from "../../target/target.js";
import type { Pieces } from "../contract/emitter.js";
import {
  elementBytes,
  isScalar,
  type Layout,
  type RowLayout,
  rowBytes,
  rowLayout,
  sampleBytes,
} from "../contract/layout.js";
import { channelVectors, storeTail, tailElements } from "./channels.js";
import { eachPiece } from "./pieces.js";

/** How a value is walked: its whole memory, row by row, unpadded elements in vectors, or one by one. */
export type WalkMode = "flat" | "rows" | "packed" | "single";

/** One vector. Places are bytes: a register, plus `offset` that all of them share. */
export interface Site {
  /** Lanes of the vector. */
  readonly lanes: Lanes;
  /** From the start of the value. */
  readonly at: Reg;
  /** From the start of the sample. Not in flat mode unless asked for. */
  readonly inSample: Reg;
  /** The sample; undefined for unbatched values. */
  readonly sample: Reg | undefined;
  /** Bytes that are added to its places. */
  readonly offset: number;
  /** Rows mode: the row in the sample. */
  readonly row: Reg | undefined;
  /** Rows mode: bytes of its first channel from the row's start, without `offset`. */
  readonly channel: Reg | undefined;
  /** How many lanes are elements, where that may be fewer than all. */
  readonly real: Reg | number | undefined;
}

/** How a value is walked. Plain data, for the specs of kernels. */
export interface Walk {
  /** How the value is walked. */
  readonly mode: WalkMode;
  /** Its layout; that of one piece where an unbatched value has any number of pieces. */
  readonly layout: RowLayout;
  /** Lanes of a vector. */
  readonly lanes: Lanes;
  /** Elements (flat, packed, single) or rows (rows) that one piece has of each sample. */
  readonly chunk: number;
  /** Pieces of a sample; 1 where a piece has several samples. */
  readonly count: number;
  /** Samples of a piece; 1 where a sample has several pieces. */
  readonly samples: number;
  /** Whether sites know their sample: costs flat mode its run over several samples. */
  readonly perSample: boolean;
}

const PIECE = 4096;

/**
 * Plans how a value is walked, and the pieces of the step that walks it.
 * @param perSample whether sites know their sample, in flat mode
 */
export function planWalk(
  given: Layout,
  target: Target,
  mode: WalkMode,
  perSample: boolean,
): {
  /** How the value is walked. */
  readonly walk: Walk;
  /** The pieces of the step. */
  readonly pieces: Pieces;
} {
  const layout = rowLayout(given);
  const lanes = mode === "rows" ? channelVectors(layout, target).lanes : mode === "single" ? 1 : target.lanes;
  const extent = mode === "rows" ? layout.rows : layout.sampleStride;
  const step = mode === "rows" || isScalar(layout) ? 1 : target.lanes;
  if (!layout.batched) {
    const count = extent / step;
    const walk = { mode, lanes, chunk: step, samples: 1, perSample: false };
    const one = onePiece(layout, mode, step);
    return { walk: { ...walk, layout: one ?? layout, count: one === undefined ? count : 1 }, pieces: { count } };
  }
  const unit = mode === "rows" ? layout.channelStride : 1;
  const each = extent * unit;
  const parts = Math.max(1, Math.ceil(each / PIECE));
  const chunk = Math.ceil(extent / parts / step) * step;
  const count = Math.ceil(extent / chunk);
  const samples = count > 1 ? 1 : Math.max(1, Math.floor(PIECE / each));
  const walk = { mode, layout, lanes, chunk, count, samples, perSample: perSample && mode === "flat" };
  return { walk, pieces: { count, samples, isLocal: true } };
}

/** An unbatched value of one piece, where the code is the same for any number of them. */
function onePiece(layout: RowLayout, mode: WalkMode, step: number): RowLayout | undefined {
  if (mode === "flat") return { batched: false, rows: 1, channels: step, channelStride: step, sampleStride: step };
  if (mode !== "rows" || tailElements(layout) > 0) return undefined;
  return { ...layout, rows: 1, sampleStride: layout.channelStride };
}

/** Emits the loops; `visit` writes the code of a few vectors that lie behind one another. */
export function writeWalk(k: KernelBuilder, walk: Walk, unroll: number, visit: (sites: readonly Site[]) => void): void {
  const { layout, chunk, mode, count, samples } = walk;
  const writer: Writer = { k, walk, unroll, visit };
  if (!layout.batched) {
    const place = (piece: Reg) => (chunk === 1 ? piece : k.mul(piece, chunk));
    inside(writer, undefined, place(k.begin), place(k.end));
    return;
  }
  const extent = mode === "rows" ? layout.rows : layout.sampleStride;
  const body = (piece: Reg) => {
    if (count > 1) {
      const sample = k.div(piece, count);
      const from = k.mul(k.mod(piece, count), chunk);
      inside(writer, sample, from, k.min(k.add(from, chunk), extent));
    } else {
      const first = samples === 1 ? piece : k.mul(piece, samples);
      const last = k.min(k.add(first, samples), k.batch);
      if (mode === "flat" && !walk.perSample) {
        vectors(writer, undefined, undefined, k.mul(first, extent), k.mul(last, extent));
      } else {
        const one = (sample: Reg) => inside(writer, sample, k.int(0), k.int(extent));
        k.loop(first, last, one, { name: "n" });
      }
    }
  };
  eachPiece(k, body);
}

interface Writer {
  readonly k: KernelBuilder;
  readonly walk: Walk;
  readonly unroll: number;
  readonly visit: (sites: readonly Site[]) => void;
}

/** One part of one sample: elements or rows from..to. */
function inside(writer: Writer, sample: Reg | undefined, from: Reg, to: Reg): void {
  const { k, walk } = writer;
  const start = sample === undefined ? undefined : k.mul(sample, sampleBytes(walk.layout));
  if (walk.mode === "rows") rows(writer, sample, start, from, to);
  else vectors(writer, sample, start, from, to);
}

/** Vectors of elements from..to, `start` bytes from the value's start. */
function vectors(writer: Writer, sample: Reg | undefined, start: Reg | undefined, from: Reg, to: Reg): void {
  const { k, walk, unroll, visit } = writer;
  const { lanes, layout, mode } = walk;
  const masked = (mode === "packed" || mode === "single") && tailElements(layout) > 0;
  const block = (element: Reg, count: number) => {
    const inSample = k.mul(element, elementBytes(layout));
    const at = start === undefined ? inSample : k.add(inSample, start);
    const sites = Array.from({ length: count }, (_, u) => {
      const real = masked ? k.sub(layout.rows * layout.channelStride - u * lanes, element) : undefined;
      return {
        lanes,
        at,
        inSample,
        sample,
        offset: elementBytes(layout) * u * lanes,
        row: undefined,
        channel: undefined,
        real,
      };
    });
    visit(sites);
  };
  let rest = from;
  if (unroll > 1) {
    const step = unroll * lanes;
    rest = k.add(from, k.mul(k.div(k.sub(to, from), step), step));
    k.loop(from, rest, (i) => block(i, unroll), { step, name: "element" });
  }
  k.loop(rest, to, (i) => block(i, 1), { step: lanes, name: "element" });
}

/** Rows from..to of a sample that starts at `start` bytes; zeros behind the last row are writeWalkTail's. */
function rows(writer: Writer, sample: Reg | undefined, start: Reg | undefined, from: Reg, to: Reg): void {
  const { k, walk, unroll, visit } = writer;
  const { lanes, layout } = walk;
  const { count, lastLanes } = channelVectors(layout, k.target);
  const body = (row: Reg) => {
    const inSample = k.mul(row, rowBytes(layout));
    const at = start === undefined ? inSample : k.add(inSample, start);
    const site = (vector: number, base?: Reg): Site => ({
      lanes,
      at: base === undefined ? at : k.add(at, base),
      inSample: base === undefined ? inSample : k.add(inSample, base),
      sample,
      offset: elementBytes(layout) * vector * lanes,
      row,
      channel: base,
      real: undefined,
    });
    const whole = lastLanes < lanes ? count - 1 : count;
    const looped = whole > 2 * unroll ? whole - (whole % unroll) : 0;
    if (looped > 0) {
      const several = (base: Reg) => {
        const first = site(0, base);
        visit(Array.from({ length: unroll }, (_, u) => ({ ...first, offset: elementBytes(layout) * u * lanes })));
      };
      k.loop(0, elementBytes(layout) * looped * lanes, several, {
        step: elementBytes(layout) * unroll * lanes,
        name: "channel",
      });
    }
    if (looped < whole) visit(Array.from({ length: whole - looped }, (_, u) => site(looped + u)));
    if (whole < count) visit([{ ...site(whole), real: lastLanes }]);
  };
  k.loop(from, to, body, { frame: false, name: "row" });
}

/** Zeros behind the last row of every sample of rows mode, for one operand; a loop over the same pieces. */
export function writeWalkTail(k: KernelBuilder, walk: Walk, operand: string): void {
  const { mode, layout, count, samples } = walk;
  if (mode !== "rows" || tailElements(layout) === 0) return;
  if (!layout.batched) {
    k.if(k.end, "eq", count, () => storeTail(k, layout, k.operand(operand)));
    return;
  }
  const one = (sample: Reg) => storeTail(k, layout, k.ptrAdd(k.operand(operand), k.mul(sample, sampleBytes(layout))));
  eachPiece(k, (piece) => {
    if (count > 1) k.if(k.mod(piece, count), "eq", count - 1, () => one(k.div(piece, count)));
    else {
      const first = k.mul(piece, samples);
      k.loop(first, k.min(k.add(first, samples), k.batch), one, { frame: true, name: "n" });
    }
  });
}
