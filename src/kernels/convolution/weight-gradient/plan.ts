/**
 * How a weight gradient is cut: which weights a piece of work sums, over which samples, and in which bands of pixels.
 *
 * A piece has a chunk of the weights: one kernel row, some blocks of input channels, some blocks of outputs. It walks
 * all pixels of its samples in bands, and for each band all tiles of its chunk, so that the chunk and the band both
 * stay in the second cache:
 *
 *     for band:  for block of outputs:  for block of input channels:  tile += pixels of the band
 *
 * Narrow chunks would read x and dy from memory again and again; one that is too wide would itself leave the cache
 * between two bands. Where there are few weights, pieces are made by slicing the batch too, each slice with a partial
 * sum of its own.
 */

import type { ConvAttributes } from "../../../graph/attributes.js";
import type { Value } from "../../../graph/graph.js";
import type { Lanes, Target } from "../../../target/target.js";
import { mostPartialBytes } from "../../contract/cost.js";
import { type Layout, layoutOf, vectorLanes } from "../../contract/layout.js";
import { remembered } from "../../contract/remembered.js";
import { chooseTile, type TileSize } from "../../language/tile.js";
import { F32 } from "../../language/view.js";
import { manyGroups } from "../groups.js";

export interface Gradient {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly before: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly inputRows: number;
  readonly inputColumns: number;
  readonly inputPixel: number;
  readonly inputSample: number;
  readonly channels: number; // of a group
  readonly firstChannel: number; // of the group
  readonly outputRows: number;
  readonly outputColumns: number;
  readonly outputPixel: number;
  readonly outputSample: number;
  readonly outputs: number; // of a group
  readonly firstOutput: number; // of the group
  /** Many groups, in one kernel: the outputs are those of all of them, and so many blocks of them are one group's. */
  readonly groupBlocks?: number;
  readonly weightRow: number; // elements from one row of the weights to the next
  readonly lanes: Lanes;
  readonly tile: TileSize;
  /**
   * Few channels: a tile's rows run over tap columns and channels together. Else: over channels, one tap column at a
   * time.
   */
  readonly flat: boolean;
  /**
   * A 1x1 convolution of stride 1 has no rows: all samples are one image of rows of our choice, so many a sample. Else
   * 0.
   */
  readonly rowsPerSample: number;
  readonly bandRows: number;
  /** Blocks of a tile's channels (of a tile's vectors of outputs), and the chunks that they are cut into. */
  readonly rowBlocks: number;
  readonly rowChunks: number;
  readonly columnBlocks: number;
  readonly columnChunks: number;
  /** Of the batch. */
  readonly slices: number;
}

type Shape = Omit<Gradient, "bandRows" | "rowChunks" | "columnChunks" | "slices">;
type Cut = Pick<Gradient, "bandRows" | "rowChunks" | "columnChunks" | "slices">;

const WANTED_FLAT_PIECES = 16;
/** Threads that the pieces should go round for evenly. */
const WAYS = 8;
/** Bytes of a chunk of weights, and of a band of pixels beside it. */
const chunkOf = ({ caches }: Target): number => caches.l2 / 4;
const bandBytesOf = ({ caches }: Target): number => (3 / 16) * caches.l2;
/** Pixels in a band, at least: a tile is loaded and stored once a band. */
const LEAST_PIXELS = 64;
const MOST_COLUMNS = 128;
/** What the cuts are compared by: they must not depend on the batch, or the numbers would. */
const NOMINAL_BATCH = 16;

export const gradientOf = remembered(planGradient);

function planGradient(node: Value, target: Target, group = 0): Gradient {
  const a = node.attributes as ConvAttributes;
  const [x, dy] = node.inputs as [Value, Value];
  const input = layoutOf(x, target);
  const output = layoutOf(dy, target);
  const weight = layoutOf(node, target);
  const channels = input.channels / a.groups;
  const groupOutputs = output.channels / a.groups;
  const many = manyGroups(a.groups, groupOutputs, target);
  const lanes: Lanes = many ?? (output.channelStride <= 4 ? 4 : vectorLanes(output, target));
  const outputs = many === undefined ? groupOutputs : output.channels;
  const flat = channels < 8;
  const rows = flat ? a.kernel[1] * channels : channels;
  const vectors = Math.ceil(outputs / lanes);
  const groupVectors = Math.ceil(groupOutputs / lanes);
  const tile = chooseTile(target, rows, groupVectors, output.channelStride <= 4 ? 2 : 0, many !== undefined);
  const merged = isProduct(a) && !flat && isDense(input) && isDense(output);
  const columns = merged ? rowLength(output.rows) : dy.shape[1]!;
  const shape: Shape = {
    kernel: a.kernel,
    stride: a.stride,
    before: [a.padding[0], a.padding[2]],
    dilation: a.dilation,
    inputRows: merged ? input.rows / columns : x.shape[0]!,
    inputColumns: merged ? columns : x.shape[1]!,
    inputPixel: input.channelStride,
    inputSample: input.sampleStride,
    channels,
    firstChannel: group * channels,
    outputRows: merged ? output.rows / columns : dy.shape[0]!,
    outputColumns: columns,
    outputPixel: output.channelStride,
    outputSample: output.sampleStride,
    outputs,
    firstOutput: group * outputs,
    ...(many && { groupBlocks: groupVectors / tile.vectors }),
    weightRow: weight.channelStride,
    lanes,
    tile,
    flat,
    rowsPerSample: merged ? output.rows / columns : 0,
    rowBlocks: flat ? 1 : Math.ceil(rows / tile.rows),
    columnBlocks: Math.ceil(vectors / tile.vectors),
  };
  const bytes = weight.sampleStride * F32;
  return { ...shape, ...(flat ? cutBatch(target, shape, bytes) : leastTime(target, shape, bytes)) };
}

/** Whether every output pixel reads the input pixel of the same place, and no other. */
function isProduct(a: ConvAttributes): boolean {
  return [...a.kernel, ...a.stride].every((n) => n === 1) && a.padding.every((n) => n === 0);
}

function isDense(l: Layout): boolean {
  return l.sampleStride === l.rows * l.channelStride;
}

/** The largest part of `pixels` that a row may be. */
function rowLength(pixels: number): number {
  let length = Math.min(pixels, MOST_COLUMNS);
  while (pixels % length !== 0) length--;
  return length;
}

/** Few channels: a piece has a kernel row of weights. */
function cutBatch(target: Target, s: Shape, bytes: number): Cut {
  const wanted = Math.ceil(WANTED_FLAT_PIECES / s.kernel[0]);
  const slices = Math.max(1, Math.min(wanted, Math.floor(mostPartialBytes(target) / bytes)));
  const inputs = s.groupBlocks === undefined ? s.channels : s.inputPixel;
  return { slices, rowChunks: 1, columnChunks: 1, bandRows: bandOf(target, s, inputs, s.outputs) };
}

/** Rows of pixels whose chunks of x and dy are a band. */
function bandOf(target: Target, s: Shape, channels: number, outputs: number): number {
  const rowBytes = F32 * (s.outputColumns * outputs + s.stride[0] * s.inputColumns * channels);
  const rows = Math.max(Math.ceil(LEAST_PIXELS / s.outputColumns), Math.floor(bandBytesOf(target) / rowBytes));
  return s.rowsPerSample > 0 ? rows : Math.min(rows, s.outputRows);
}

/** The cut that is done first, by its multiply-adds on `WAYS` threads and the bytes that go through memory. */
function leastTime(target: Target, s: Shape, bytes: number): Cut {
  const { multiplyAdd, byte, step } = target.costs;
  const pixels = NOMINAL_BATCH * s.outputRows * s.outputColumns;
  const vectors = Math.ceil(s.outputs / s.lanes);
  const multiplyAdds = s.kernel[0] * s.kernel[1] * s.channels * vectors * pixels;
  const read = F32 * s.kernel[0] * NOMINAL_BATCH;
  // only the pixels that the taps fall on
  const columns = Math.min(s.inputColumns, s.outputColumns * Math.min(s.kernel[1], s.stride[1]));
  const xBytes = read * s.outputRows * columns * s.inputPixel;
  const dyBytes = read * s.outputRows * s.outputColumns * s.outputPixel;
  const chunked = s.kernel[1] * s.weightRow * F32;
  let best: Cut | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const rowChunks of chunkCounts(s.rowBlocks)) {
    for (const columnChunks of chunkCounts(s.columnBlocks)) {
      const channels = Math.min(s.channels, Math.ceil(s.rowBlocks / rowChunks) * s.tile.rows);
      const outputs = Math.min(s.outputs, Math.ceil(s.columnBlocks / columnChunks) * s.tile.vectors * s.lanes);
      const inputs = s.groupBlocks === undefined ? channels : (channels * outputs) / groupOutputsOf(s, s.groupBlocks);
      const bandRows = bandOf(target, s, inputs, outputs);
      const bands = pixels / (bandRows * s.outputColumns);
      const spilled = Math.max(0, (chunked * channels * outputs) / s.outputs - chunkOf(target));
      for (let slices = 1; slices <= WAYS; slices++) {
        if (slices > 1 && slices * bytes > mostPartialBytes(target)) break;
        const pieces = s.kernel[0] * rowChunks * columnChunks * slices;
        const turns = (Math.ceil(pieces / WAYS) * WAYS) / pieces;
        const passes = (s.groupBlocks === undefined ? columnChunks : 1) * xBytes + rowChunks * dyBytes;
        const weights = s.kernel[0] * rowChunks * columnChunks * bands * spilled * 2;
        const partial = slices > 1 ? 3 * slices * bytes : 0;
        const time =
          multiplyAdds * turns * multiplyAdd.banded +
          (passes + weights + partial) * byte.memory +
          (slices > 1 ? step.barrier : 0);
        if (time < least * 0.999) {
          least = time;
          best = { bandRows, rowChunks, columnChunks, slices };
        }
      }
    }
  }
  return best!;
}

const groupOutputsOf = ({ tile, lanes }: Shape, blocks: number): number => blocks * tile.vectors * lanes;

/** Numbers of chunks that `blocks` may be cut into. */
function chunkCounts(blocks: number): number[] {
  return [1, 2, 3, 4, 6, 8, 12, 16, 24, 32].filter((n) => n <= blocks);
}
