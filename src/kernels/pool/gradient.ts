/**
 * Gradients of max and average pooling: each output pixel's gradient goes back to the taps of its window.
 *
 * Windows that do not overlap (stride at least the span): one piece is the band of input rows that belongs to one
 * output row, and every element is stored once; where the windows tile the image exactly, without zeros being filled in
 * first. Windows that overlap: one piece is one sample and some vectors of channels; each element is added to in scan
 * order, so that sums do not depend on threads. Where the windows leave no gaps, the first that has a pixel stores it:
 * no zeros are filled in first.
 *
 * The maximum's place is found again from x, as the first tap with the maximum's bits: of equal maxima the first takes
 * the gradient (the maximum is the first of -0 and +0, too), and NaN is the maximum.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import { elementsNanoseconds } from "../contract/cost.js";
import { type RowLayout, rowLayout } from "../contract/layout.js";
import type { Strategy } from "../contract/strategy.js";
import { type Prologue, prologueOf, prologueOperands, readThrough } from "../fusion/prologue.js";
import {
  type ChannelVectors,
  channelVectors,
  eachGroup,
  loadChannels,
  storeChannels,
  storeTail,
  storeZeros,
  tailElements,
} from "../language/channels.js";
import { maxNaN } from "../language/math.js";
import { eachPiece, indicesOf } from "../language/pieces.js";
import { type Axis, allReal, type Bounds, eachTap, isUnrolled, type Run, runsOf, tapBounds } from "../language/taps.js";
import { F32, type View, view } from "../language/view.js";
import { type Divide, divideBy } from "./divisor.js";
import { type Windows, windowsOf } from "./pool.js";

export const poolGradientStrategy: Strategy = {
  name: "poolGradient",
  ops: ["maxPool2dGrad", "avgPool2dGrad"],
  fuses: false,
  readsThrough: true,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower(work, to) {
    const { root } = work;
    const pooled = root.inputs[root.inputs.length - 1]!;
    const windows = windowsOf(root, root.shape, pooled.shape);
    const { rows, columns } = windows;
    const image = to.layout(root);
    const scatter = overlaps(rows) || overlaps(columns);
    const chunks = chunksOf(channelVectors(image, to.target), to.maxBatch);
    const read = prologueOf(work, to);
    const kernel = to.kernel(poolGradientKernel, {
      ...windows,
      image: rowLayout(image),
      pooledSample: to.layout(pooled).sampleStride,
      vectors: channelVectors(image, to.target),
      prologue: read.prologue,
      scatter,
      chunks,
      tiles: covers(rows) && covers(columns),
    });
    const others = root.inputs.slice(1).map((v) => to.buffer(v));
    to.step(kernel, [read.image, ...others, ...read.buffers, to.buffer(root)], {
      count: scatter ? chunks : rows.outputs,
      samples: 1,
      isLocal: true,
    });
  },
};

/** Whether windows overlap along an axis, and whether they lie side by side from the first pixel on. */
const overlaps = (a: Axis) => a.outputs > 1 && a.stride < a.dilation * (a.kernel - 1) + 1;
const covers = (a: Axis) => a.stride === a.kernel && a.before === 0 && a.dilation === 1;

interface PoolGradient extends Windows {
  /** Of x and dx. */
  readonly image: RowLayout;
  /** Elements from one sample of dy to the next. */
  readonly pooledSample: number;
  readonly vectors: ChannelVectors;
  /** How x is read. */
  readonly prologue: Prologue;
  /** Whether windows overlap. */
  readonly scatter: boolean;
  /** Parts of the channels that are pieces of their own, where windows overlap. */
  readonly chunks: number;
  /** Whether windows touch every pixel but those right of and below the last. */
  readonly tiles: boolean;
}

const poolGradientKernel = defineKernel<PoolGradient>("poolGradient", {
  title: ({ divisor }) => (divisor === "max" ? "maxPool2dGrad" : "avgPool2dGrad"),
  operands: ({ divisor, prologue }) => [
    ...(divisor === "max" ? ["x", "dy"] : ["dy"]).map((name) => [name, "read"] as const),
    ...prologueOperands(prologue),
    ["dx", "readwrite"],
  ],
  write(k, p) {
    const body = (piece: Reg) => (p.scatter ? writeSample(k, p, piece) : writeBand(k, p, piece));
    eachPiece(k, body);
  },
});

type Image = View<"sample" | "row" | "pixel" | "channel">;

/** The image, x or dx; and dy, which has a pixel a window. */
function imageOf(k: KernelBuilder, { columns, image }: PoolGradient): Image {
  const { channelStride: pixel, sampleStride: sample } = image;
  return view(k, "dx", { sample, row: columns.extent * pixel, pixel, channel: 1 });
}

function pooledOf(k: KernelBuilder, { columns, image, pooledSample: sample }: PoolGradient): Image {
  const pixel = image.channelStride;
  return view(k, "dy", { sample, row: columns.outputs * pixel, pixel, channel: 1 });
}

/** dx at the start of sample n. */
function sampleOf(k: KernelBuilder, p: PoolGradient, n: Reg): Image {
  return imageOf(k, p).at({ sample: n }).pointer();
}

/** Windows that do not overlap: the input rows from this output row's window to the next one's. */
function writeBand(k: KernelBuilder, p: PoolGradient, piece: Reg): void {
  const { rows, columns, image } = p;
  const rowElements = imageOf(k, p).strides.row;
  const index = indicesOf(k, piece, { n: k.batch, oy: rows.outputs });
  const n = k.var(index.n(), "n");
  const oy = k.var(index.oy(), "oy");
  if (!p.tiles) {
    const clamped = (row: Reg) => k.min(k.max(row, 0), rows.extent);
    const start = k.sub(k.mul(oy, rows.stride), rows.before);
    const from = rows.outputs === 1 ? k.int(0) : clamped(start);
    const to = k.var(rows.outputs === 1 ? rows.extent : clamped(k.add(start, rows.stride)));
    k.if(oy, "eq", rows.outputs - 1, () => k.set(to, rows.extent));
    const first = sampleOf(k, p, n);
    k.loop(from, to, (iy) => storeZeros(k, first.at({ row: iy }).address(), 0, rowElements), { frame: false });
  } else {
    const covered = columns.outputs * columns.stride;
    const below = rows.outputs * rows.stride;
    const first = sampleOf(k, p, n);
    if (covered < columns.extent) {
      const from = k.mul(oy, rows.stride);
      const right = (iy: Reg) => {
        const behind = first.at({ row: iy, pixel: covered }).place({});
        storeZeros(k, ...behind, (columns.extent - covered) * image.channelStride);
      };
      k.loop(from, k.min(k.add(from, rows.stride), rows.extent), right, { frame: false, name: "iy" });
    }
    if (below < rows.extent) {
      k.if(oy, "eq", rows.outputs - 1, () => {
        storeZeros(k, ...first.place({ row: below }), (rows.extent - below) * rowElements);
      });
    }
  }
  if (tailElements(image) > 0) {
    k.if(oy, "eq", rows.outputs - 1, () => storeTail(k, image, sampleOf(k, p, n).address()));
  }
  const bounds = allReal(rows) ? { lo: 0, hi: rows.kernel } : tapBounds(k, rows, oy);
  eachPixel(k, p, n, oy, bounds, runsOf(columns), (run, divide, at) => {
    eachGroup(k, p.vectors, 2, (channel, indices) => {
      for (const index of indices) writeWindow(k, p, { run, bounds, divide, at, channel, index }, "store");
    });
  });
}

/** Pieces wanted of windows that overlap. */
const WANTED_PIECES = 4;

/** Parts that the channels are cut into: few samples would be too few pieces, while memory likes whole pixels. */
function chunksOf({ count }: ChannelVectors, maxBatch: number): number {
  return Math.min(count, Math.ceil(WANTED_PIECES / maxBatch));
}

/** Windows that overlap: one sample, some vectors of channels. */
function writeSample(k: KernelBuilder, p: PoolGradient, piece: Reg): void {
  const { image, vectors, chunks } = p;
  const { lanes, count } = vectors;
  const n = k.var(chunks === 1 ? piece : k.div(piece, chunks), "n");
  const chunk = k.var(chunks === 1 ? 0 : k.mod(piece, chunks), "chunk");
  const bytes = imageOf(k, p).bytes({ channel: lanes });
  const start = k.mul(chunk, count);
  const from = k.var(k.mul(k.div(start, chunks), bytes), "from");
  const to = k.var(k.mul(k.div(k.add(start, count), chunks), bytes), "to");
  if (tailElements(image) > 0) k.if(chunk, "eq", 0, () => storeTail(k, image, sampleOf(k, p, n).address()));
  // Only the last of several vectors can be partial, and padded layouts may treat it like the others: pads of x and dy are +0.
  const eachVector = (visit: (channel: Reg | undefined) => void) => {
    if (count === 1) return visit(undefined);
    if (chunks === 1) k.loop(0, count * bytes, visit, { step: bytes, frame: true, name: "channel" });
    else k.loop(from, to, visit, { step: bytes, frame: true, name: "channel" });
  };
  const rows = firstApart(p.rows);
  if (leavesNoGap(p) && rows.length <= 4) {
    eachVector((channel) => zeroRest(k, p, n, channel));
    for (const run of rows) {
      const row = (oy: Reg) => {
        eachPixel(k, p, n, oy, run, firstApart(p.columns), (column, divide, at) => {
          const place = { run: column, bounds: run, divide, at, index: 0 };
          eachVector((channel) => writeWindow(k, p, { ...place, channel }, "store first"));
        });
      };
      k.loop(run.from, run.to, row, { name: "oy" });
    }
    return;
  }
  eachVector((channel) => {
    zeroPixels(k, p, fromChannel(sampleOf(k, p, n), channel), 0, image.rows);
    // Few kinds of rows (top, middle, bottom) are each written out; many share code that counts its taps.
    const runs = runsOf(p.rows);
    const row = (oy: Reg, bounds: Bounds) => {
      eachPixel(k, p, n, oy, bounds, runsOf(p.columns), (run, divide, at) => {
        writeWindow(k, p, { run, bounds, divide, at, channel, index: 0 }, "add");
      });
    };
    const frame = { name: "oy" };
    if (runs.length <= 3) for (const run of runs) k.loop(run.from, run.to, (oy) => row(oy, run), frame);
    else k.loop(0, p.rows.outputs, (oy) => row(oy, tapBounds(k, p.rows, oy)), frame);
  });
}

/** Taps that a window shares with the one before it. */
function shared(a: Axis): number {
  return a.kernel - a.stride;
}

/** Whether windows follow each other without gaps, and all of their taps are written out. */
function leavesNoGap({ rows, columns }: PoolGradient): boolean {
  return [rows, columns].every((a) => a.dilation === 1 && shared(a) >= 0 && isUnrolled({ lo: 0, hi: a.kernel }));
}

/** Runs of outputs, the first output by itself where others of its kind share taps with the one before them. */
function firstApart(a: Axis): Run[] {
  const [first, ...others] = runsOf(a);
  if (first!.to === 1 || first!.lo >= shared(a)) return [first!, ...others];
  return [{ ...first!, to: 1 }, { ...first!, from: 1 }, ...others];
}

/** Zeros right of and below the last windows, in one vector of channels. */
function zeroRest(k: KernelBuilder, p: PoolGradient, n: Reg, channel: Reg | undefined): void {
  const { rows, columns } = p;
  const covered = (a: Axis) => Math.max(0, Math.min(a.extent, (a.outputs - 1) * a.stride - a.before + a.kernel));
  const [below, right] = [covered(rows), covered(columns)];
  const first = fromChannel(sampleOf(k, p, n), channel);
  if (right < columns.extent) {
    const one = (row: Image) => zeroPixels(k, p, row.pointer(), right, columns.extent);
    first.each("row", 0, below, one, { frame: true });
  }
  zeroPixels(k, p, first, below * columns.extent, rows.extent * columns.extent);
}

/** Zeros in pixels from..to-1 of a row, in the vector of channels at whose first pixel `row` is. */
function zeroPixels(k: KernelBuilder, { image, vectors }: PoolGradient, row: Image, from: number, to: number): void {
  if (vectors.packed) storeZeros(k, ...row.place({ pixel: from }), (to - from) * image.channelStride);
  else if (from < to) row.each("pixel", from, to, (pixel) => pixel.pointer().store(k.splat(0, vectors.lanes)));
}

/** The channels from `channel` bytes on. */
function fromChannel(row: Image, channel: Reg | undefined): Image {
  return channel === undefined ? row.moved({}) : row.plus(channel).pointer();
}

/**
 * How a window gives a tap its gradient: stored, added to what is there, or stored by the first window that has the
 * pixel.
 */
type Giving = "store" | "add" | "store first";

/** The rows of windows; of a run, where it is known which outputs have them. */
type WindowRows = Bounds | Run;

/** The first tap (which may be no real pixel) in x and dx, and the output pixel in dy. */
interface PixelPlace {
  readonly image: Image;
  readonly pooled: Image;
}

/** All pixels of output row oy. */
function eachPixel(
  k: KernelBuilder,
  p: PoolGradient,
  n: Reg,
  oy: Reg,
  bounds: Bounds,
  runs: readonly Run[],
  visit: (run: Run, divide: Divide | undefined, at: PixelPlace) => void,
): void {
  const { rows, columns, divisor } = p;
  const image = imageOf(k, p);
  const divide = divisor === "max" ? undefined : divideBy(k, divisor, rows, bounds, oy);
  const corner = image.at({ row: oy }, rows.stride).moved({ row: -rows.before, pixel: -columns.before });
  const from = image.at({ sample: n }).plus(corner.offset()).keep("image");
  const start = pooledOf(k, p).at({ sample: n, row: oy }).keep("pooled");
  for (const run of runs) {
    const body = (ox: Reg) => {
      visit(run, divide, {
        image: from.at({ pixel: ox }, columns.stride).here(),
        pooled: start.at({ pixel: ox }).here(),
      });
    };
    k.loop(run.from, run.to, body, { frame: false, name: "ox" });
  }
}

interface WindowPlace {
  readonly run: Run;
  readonly bounds: WindowRows;
  readonly divide: Divide | undefined;
  readonly at: PixelPlace;
  readonly channel: Reg | undefined;
  readonly index: number;
}

/**
 * Whether no output before those of the run has tap `tap` of theirs: along its own axis, and `firstApart` made the run.
 */
function hasNew(a: Axis, run: WindowRows, tap: number): boolean {
  return tap >= shared(a) || ("to" in run && run.to === 1);
}

/** The gradient of one output pixel, one vector of channels, to its taps. */
function writeWindow(k: KernelBuilder, p: PoolGradient, place: WindowPlace, giving: Giving): void {
  const { columns, rows, vectors } = p;
  const { run, bounds, at, channel, index } = place;
  if (run.hi === 0 || bounds.hi === 0) return;
  const { lanes } = vectors;
  const rowStep = at.image.bytes({ row: rows.dilation });
  const columnStep = at.image.bytes({ pixel: columns.dilation });
  const pointer = (operand: string, from: Image) => from.of(operand).plus(channel).address();
  const load = (ptr: Reg, offset: number) => loadChannels(k, vectors, ptr, offset, index);
  const isNew = (rowOffset: number, columnOffset: number) =>
    hasNew(rows, bounds, rowOffset / rowStep) && hasNew(columns, run, columnOffset / columnStep);
  const give = (ptr: Reg, rowOffset: number, columnOffset: number, gradient: Reg) => {
    const offset = rowOffset + columnOffset;
    const stores = giving === "store" || (giving === "store first" && isNew(rowOffset, columnOffset));
    storeChannels(k, vectors, ptr, offset, index, stores ? gradient : k.fadd(load(ptr, offset), gradient), true);
  };
  const dy = load(pointer("dy", at.pooled), 0);
  if (place.divide !== undefined) {
    const gradient = place.divide(run, dy, lanes);
    eachTap(k, bounds, [pointer("dx", at.image)], rowStep, (row, rowOffset) => {
      eachTap(k, run, row, columnStep, ([tap], offset) => give(tap!, rowOffset, offset, gradient));
    });
    return;
  }
  const through = readThrough(k, p.prologue, vectors, channel, index);
  const unrolled = isUnrolled(bounds) && isUnrolled(run);
  let most = unrolled ? undefined : k.acc(Number.NEGATIVE_INFINITY, lanes);
  eachTap(k, bounds, [pointer("x", at.image)], rowStep, (row, rowOffset) => {
    eachTap(k, run, row, columnStep, ([tap], offset) => {
      const x = through(load(tap!, rowOffset + offset));
      if (most === undefined) most = x;
      else if (unrolled) most = maxNaN(k, most, x);
      else k.set(most, maxNaN(k, most, x));
    });
  });
  const zero = k.splat(0, lanes);
  const bits = k.asInt(most!);
  // What has not found its maximum yet.
  const left = k.var(dy, "left");
  eachTap(k, bounds, [pointer("x", at.image), pointer("dx", at.image)], rowStep, (rowPointers, rowOffset) => {
    eachTap(k, run, rowPointers, columnStep, ([x, dx], offset) => {
      const at = rowOffset + offset;
      const asItLies = p.prologue === undefined && !vectors.packed;
      const value = asItLies ? k.loadI32(x!, at + F32 * index * lanes, lanes) : k.asInt(through(load(x!, at)));
      const hit = k.cmpI32("eq", value, bits);
      give(dx!, rowOffset, offset, k.select(hit, left, zero));
      k.set(left, k.select(hit, zero, left));
    });
  });
}
