/**
 * Gradients of max and average pooling: each output pixel's gradient goes back to the taps of its window.
 *
 * Windows that do not overlap (stride at least the span): one piece is the band of input rows that belongs to one output
 * row, and every element is stored once; where the windows tile the image exactly, without zeros being filled in first.
 * Windows that overlap: one piece is one sample and one vector of channels; zeros, then added to in scan order, so that
 * sums do not depend on threads.
 *
 * The maximum's place is found again from x, as the first tap with the maximum's bits: of equal maxima the first takes the
 * gradient (the maximum is the first of -0 and +0, too), and NaN is the maximum.
 */
import { buildKernel, type KernelBuilder } from "../codegen/builder.js";
import type { Kernel, Reg } from "../codegen/ir.js";
import type { Value } from "../graph/value.js";
import {
  type ChannelVectors,
  channelVectors,
  eachGroup,
  layoutKey,
  loadChannels,
  storeChannels,
  storeTail,
  storeZeros,
  tailElements,
} from "./channels.js";
import type { Layout } from "./layout.js";
import { maxNaN } from "./math.js";
import type { PoolAttributes } from "./pool.js";
import { type Divide, type Divisor, divideBy } from "./pool-divisor.js";
import type { Lowering, Strategy } from "./strategy.js";
import {
  type Axis,
  allReal,
  axisKey,
  axisOf,
  type Bounds,
  eachTap,
  isUnrolled,
  type Run,
  runsOf,
  tapBounds,
} from "./taps.js";

export const poolGradientStrategy: Strategy = {
  name: "poolGradient",
  ops: ["maxPool2dGrad", "avgPool2dGrad"],
  fuses: false,
  accepts: () => true,
  cost: (node) => node.op.cost(node.inputs, node.attributes, node).multiplyAdds / 2,
  lower({ root }, to) {
    const p = poolGradient(root, to);
    const { rows, columns, divisor, scatter } = p;
    const layouts = `${layoutKey(p.image)} ${layoutKey(p.pooled)}`;
    const key = `poolGradient ${divisor} ${axisKey(rows)} ${axisKey(columns)} ${layouts}`;
    const kernel = to.kernel(key, () => writePoolGradient(key, root, p, to));
    const operands = [...root.inputs.map((v) => to.buffer(v)), to.buffer(root)];
    to.step(kernel, operands, { count: scatter ? p.vectors.count : rows.outputs, samples: 1 });
  },
};

interface PoolGradient {
  readonly rows: Axis;
  readonly columns: Axis;
  readonly divisor: Divisor | "max";
  /** Of x and dx; of dy. */
  readonly image: Layout;
  readonly pooled: Layout;
  readonly vectors: ChannelVectors;
  /** Whether windows overlap. */
  readonly scatter: boolean;
  /** Whether windows touch every pixel but those right of and below the last. */
  readonly tiles: boolean;
}

function poolGradient(root: Value, to: Lowering): PoolGradient {
  const window = root.attributes as PoolAttributes;
  const pooled = root.inputs[root.inputs.length - 1]!;
  const rows = axisOf(window, 0, root.shape, pooled.shape);
  const columns = axisOf(window, 1, root.shape, pooled.shape);
  const overlaps = (a: Axis) => a.outputs > 1 && a.stride < a.dilation * (a.kernel - 1) + 1;
  const covers = (a: Axis) => a.stride === a.kernel && a.before === 0 && a.dilation === 1;
  return {
    rows,
    columns,
    divisor: root.op.name === "maxPool2dGrad" ? "max" : (window.divisor ?? "window"),
    image: to.layout(root),
    pooled: to.layout(pooled),
    vectors: channelVectors(to.layout(root), to.target),
    scatter: overlaps(rows) || overlaps(columns),
    tiles: covers(rows) && covers(columns),
  };
}

function writePoolGradient(key: string, root: Value, p: PoolGradient, to: Lowering): Kernel {
  const inputs = p.divisor === "max" ? ["x", "dy"] : ["dy"];
  const operands = [...inputs.map((name) => [name, "read"] as const), ["dx", "readwrite"] as const];
  return buildKernel({ key, name: root.op.name, target: to.target, operands }, (k) => {
    const body = (piece: Reg) => (p.scatter ? writeSample(k, p, piece) : writeBand(k, p, piece));
    k.loop(k.begin, k.end, body, { frame: true, name: "piece" });
  });
}

/** dx at the start of sample n. */
function sampleOf(k: KernelBuilder, p: PoolGradient, n: Reg): Reg {
  return k.ptrAdd(k.operand("dx"), k.mul(n, 4 * p.image.sampleStride));
}

/** Windows that do not overlap: the input rows from this output row's window to the next one's. */
function writeBand(k: KernelBuilder, p: PoolGradient, piece: Reg): void {
  const { rows, columns, image } = p;
  const rowElements = columns.extent * image.channelStride;
  const n = k.var(k.div(piece, rows.outputs), "n", { frame: true });
  const oy = k.var(k.mod(piece, rows.outputs), "oy", { frame: true });
  if (!p.tiles) {
    const from = k.max(k.sub(k.mul(oy, rows.stride), rows.before), 0);
    const to = k.var(k.add(from, rows.outputs === 1 ? rows.extent : rows.stride));
    k.if(oy, "eq", 0, () => k.set(to, rows.outputs === 1 ? rows.extent : rows.stride - rows.before));
    k.if(oy, "eq", rows.outputs - 1, () => k.set(to, rows.extent));
    const first = sampleOf(k, p, n);
    k.loop(from, to, (iy) => storeZeros(k, k.ptrAdd(first, k.mul(iy, 4 * rowElements)), 0, rowElements));
  } else {
    const covered = columns.outputs * columns.stride;
    const below = rows.outputs * rows.stride;
    const first = sampleOf(k, p, n);
    if (covered < columns.extent) {
      const from = k.mul(oy, rows.stride);
      k.loop(from, k.min(k.add(from, rows.stride), rows.extent), (iy) => {
        const row = k.ptrAdd(first, k.mul(iy, 4 * rowElements));
        storeZeros(k, row, 4 * covered * image.channelStride, (columns.extent - covered) * image.channelStride);
      });
    }
    if (below < rows.extent) {
      k.if(oy, "eq", rows.outputs - 1, () => {
        storeZeros(k, first, 4 * below * rowElements, (rows.extent - below) * rowElements);
      });
    }
  }
  if (tailElements(image) > 0) {
    k.if(oy, "eq", rows.outputs - 1, () => storeTail(k, image, sampleOf(k, p, n)));
  }
  const bounds = allReal(rows) ? { lo: 0, hi: rows.kernel } : tapBounds(k, rows, oy);
  eachPixel(k, p, n, oy, bounds, (run, divide, at) => {
    eachGroup(k, p.vectors, 2, (channel, indices) => {
      for (const index of indices) writeWindow(k, p, { run, bounds, divide, at, channel, index }, false);
    });
  });
}

/** Windows that overlap: one sample, one vector of channels. */
function writeSample(k: KernelBuilder, p: PoolGradient, piece: Reg): void {
  const { rows, image, vectors } = p;
  const { lanes, count } = vectors;
  const n = k.var(k.div(piece, count), "n", { frame: true });
  // Only the last of several vectors can be partial, and padded layouts may treat it like the others: pads of x and dy are +0.
  const channel = count === 1 ? undefined : k.var(k.mul(k.mod(piece, count), 4 * lanes), "channel", { frame: true });
  const first = sampleOf(k, p, n);
  if (vectors.packed) storeZeros(k, first, 0, image.sampleStride);
  else {
    const column = channel === undefined ? first : k.ptrAdd(first, channel);
    const pixel = 4 * image.channelStride;
    k.loop(0, image.rows * pixel, (at) => k.store(k.ptrAdd(column, at), 0, k.splat(0, lanes)), { step: pixel });
    storeTail(k, image, first);
  }
  const row = (oy: Reg, bounds: Bounds) => {
    eachPixel(k, p, n, oy, bounds, (run, divide, at) => {
      writeWindow(k, p, { run, bounds, divide, at, channel, index: 0 }, true);
    });
  };
  // Few kinds of rows (top, middle, bottom) are each written out; many share code that counts its taps.
  const runs = runsOf(rows);
  const frame = { frame: true, name: "oy" };
  if (runs.length <= 3) for (const run of runs) k.loop(run.from, run.to, (oy) => row(oy, run), frame);
  else k.loop(0, rows.outputs, (oy) => row(oy, tapBounds(k, rows, oy)), frame);
}

/** Bytes of the first tap (which may be no real pixel) in x and dx, and of the output pixel in dy. */
interface PixelPlace {
  readonly image: Reg;
  readonly pooled: Reg;
}

/** All pixels of output row oy. */
function eachPixel(
  k: KernelBuilder,
  p: PoolGradient,
  n: Reg,
  oy: Reg,
  bounds: Bounds,
  visit: (run: Run, divide: Divide | undefined, at: PixelPlace) => void,
): void {
  const { rows, columns, image, pooled, divisor } = p;
  const pixel = 4 * image.channelStride;
  const rowBytes = columns.extent * pixel;
  const divide = divisor === "max" ? undefined : divideBy(k, divisor, rows, bounds, oy);
  const corner = k.add(k.mul(oy, rows.stride * rowBytes), -rows.before * rowBytes - columns.before * pixel);
  const from = k.var(k.add(k.mul(n, 4 * image.sampleStride), corner), "image", { frame: true });
  const into = k.add(k.mul(n, 4 * pooled.sampleStride), k.mul(oy, columns.outputs * pixel));
  const start = k.var(into, "pooled", { frame: true });
  for (const run of runsOf(columns)) {
    const body = (ox: Reg) => {
      const at = { image: k.add(from, k.mul(ox, columns.stride * pixel)), pooled: k.add(start, k.mul(ox, pixel)) };
      visit(run, divide, at);
    };
    k.loop(run.from, run.to, body, { name: "ox" });
  }
}

interface WindowPlace {
  readonly run: Run;
  readonly bounds: Bounds;
  readonly divide: Divide | undefined;
  readonly at: PixelPlace;
  readonly channel: Reg | undefined;
  readonly index: number;
}

/** The gradient of one output pixel, one vector of channels, to its taps: stored, or added to what is there. */
function writeWindow(k: KernelBuilder, p: PoolGradient, place: WindowPlace, add: boolean): void {
  const { columns, rows, image, vectors } = p;
  const { run, bounds, at, channel, index } = place;
  const { lanes } = vectors;
  const pixel = 4 * image.channelStride;
  const rowStep = columns.extent * pixel * rows.dilation;
  const columnStep = pixel * columns.dilation;
  const pointer = (operand: string, bytes: Reg) =>
    k.ptrAdd(k.operand(operand), channel === undefined ? bytes : k.add(bytes, channel));
  const load = (ptr: Reg, offset: number) => loadChannels(k, vectors, ptr, offset, index);
  const give = (ptr: Reg, offset: number, gradient: Reg) => {
    const sum = add ? k.fadd(load(ptr, offset), gradient) : gradient;
    storeChannels(k, vectors, ptr, offset, index, sum, true);
  };
  const dy = load(pointer("dy", at.pooled), 0);
  if (place.divide !== undefined) {
    const gradient = place.divide(run, dy, lanes);
    eachTap(k, bounds, [pointer("dx", at.image)], rowStep, (row, rowOffset) => {
      eachTap(k, run, row, columnStep, ([tap], offset) => give(tap!, rowOffset + offset, gradient));
    });
    return;
  }
  const unrolled = isUnrolled(bounds) && isUnrolled(run);
  let most = unrolled ? undefined : k.acc(Number.NEGATIVE_INFINITY, lanes);
  eachTap(k, bounds, [pointer("x", at.image)], rowStep, (row, rowOffset) => {
    eachTap(k, run, row, columnStep, ([tap], offset) => {
      const x = load(tap!, rowOffset + offset);
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
      const value = vectors.packed ? k.asInt(load(x!, at)) : k.loadI32(x!, at + 4 * index * lanes, lanes);
      const hit = k.cmpI32("eq", value, bits);
      give(dx!, rowOffset + offset, k.select(hit, left, zero));
      k.set(left, k.select(hit, zero, left));
    });
  });
}
