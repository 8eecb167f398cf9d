/**
 * How a convolution of stride 1 is cut for Winograd's F(4x4, 3x3) or F(2x2, 5x5): the output into tiles of 4x4 or 2x2,
 * rows of tiles into blocks, a block's products into panels of output channels. One block by one panel is a piece of
 * work. What a thread keeps of a block lies in its workspace:
 *
 *     V [36 points][tile of the block][input channel]      the transformed input
 *     M [36 points][tile of the block][output of a panel]  the products, summed over input channels
 *     a row of zeros                                       what tiles read above and below the image
 *
 * Distances between rows and between points are odd numbers of cache lines: what is used together falls into different
 * sets.
 */

import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import type { ConvAttributes } from "../../../graph/attributes.js";
import type { Value } from "../../../graph/graph.js";
import type { CodeTarget, Lanes, Target } from "../../../target/target.js";
import { layoutOf } from "../../contract/layout.js";
import { remembered } from "../../contract/remembered.js";
import { FEW_SAMPLES, partSizes, timeOfShares } from "../../contract/shares.js";
import { chooseTile, type TileSize, tileMultiplyAdds, tileOf } from "../../language/tile.js";
import { F32, type View, view } from "../../language/view.js";
import { forwardPhase, inputGradientPhases, type Phase } from "../axis.js";
import { POINTS, TAPS, type Taps, tileOutputs } from "./transform.js";

/** An image as the transforms read and write it. Strides in elements. */
export interface TiledImage {
  readonly rows: number;
  readonly columns: number;
  readonly pixel: number;
  readonly sample: number;
  /** Real channels, and vectors of them. */
  readonly channels: number;
  readonly vectors: number;
}

export type ImageView = View<"sample" | "row" | "pixel" | "channel">;

/** An image as the operand of this name. */
export function imageView(k: KernelBuilder, operand: string, { sample, columns, pixel }: TiledImage): ImageView {
  return view(k, operand, { sample, row: columns * pixel, pixel, channel: 1 });
}

/** Tiles that are transformed, each at its points, in the workspace from an element on. */
export type TileView = View<"tile" | "point" | "channel">;

export interface WinogradPlan {
  readonly taps: Taps;
  readonly lanes: Lanes;
  readonly source: TiledImage;
  readonly destination: TiledImage;
  /** Row and column of the source that the first tile's 6x6 starts at. */
  readonly start: readonly [number, number];
  /** Tiles of one sample. */
  readonly tileRows: number;
  readonly tileColumns: number;
  /** Rows of tiles in a block; blocks run on from sample to sample. */
  readonly blockRows: number;
  /** Samples after which blocks and samples begin together again, and blocks of so many. */
  readonly period: number;
  readonly blocksPerPeriod: number;
  readonly tile: TileSize;
  /** Groups of `tile.rows` tiles in a block. */
  readonly groups: number;
  /** Panels of output channels. */
  readonly panels: number;
  /**
   * Elements from tile to tile and from point to point in V and M, from point to point and from panel to panel in the
   * weights.
   */
  readonly vTile: number;
  readonly vPoint: number;
  readonly mTile: number;
  readonly mPoint: number;
  readonly uPoint: number;
  readonly uPanel: number;
  /** Elements of the workspace before M and before the zeros, and in all. */
  readonly mStart: number;
  readonly zeroStart: number;
  readonly workspace: number;
}

/** At least `elements`, an odd number of cache lines. */
export function oddLines(elements: number, { lineBytes }: CodeTarget): number {
  const line = lineBytes / 4;
  const lines = Math.ceil(elements / line);
  return (lines + 1 - (lines % 2)) * line;
}

/** 3x3 or 5x5, stride 1, one group, whole vectors on both sides: what the plan below is for. */
export function isWinogradShape(node: Value, target: Target): boolean {
  const { kernel, stride, dilation, groups } = node.attributes as ConvAttributes;
  const [source] = node.inputs as [Value, Value];
  const whole = (v: Value) => layoutOf(v, target).channelStride % target.lanes === 0;
  return (
    groups === 1 &&
    kernel[0] === kernel[1] &&
    TAPS.some((taps) => taps === kernel[0]) &&
    [...stride, ...dilation].every((s) => s === 1) &&
    whole(source) &&
    whole(node)
  );
}

/** Of a node that `isWinogradShape`. */
export function tapsOf(node: Value): Taps {
  return (node.attributes as ConvAttributes).kernel[0] as Taps;
}

export function tiledImage(value: Value, target: Target): TiledImage {
  const layout = layoutOf(value, target);
  return {
    rows: value.shape[0]!,
    columns: value.shape[1]!,
    pixel: layout.channelStride,
    sample: layout.sampleStride,
    channels: layout.channels,
    vectors: Math.ceil(layout.channels / target.lanes),
  };
}

/** The plan of a node that `isWinogradShape`, for batches of at most `maxBatch`. */
export const planOf = remembered(planWinograd);

function planWinograd(node: Value, target: Target, maxBatch: number): WinogradPlan {
  const { lanes } = target;
  const [sourceValue] = node.inputs as [Value, Value];
  const source = tiledImage(sourceValue, target);
  const destination = tiledImage(node, target);
  const taps = tapsOf(node);
  const tileRows = Math.ceil(destination.rows / tileOutputs(taps));
  const tileColumns = Math.ceil(destination.columns / tileOutputs(taps));
  const weightBytes = POINTS * source.channels * destination.vectors * lanes * F32;
  // tiles that a block should have: so many that its transformed weights are read for many tiles, and that V stays near
  const wanted = weightBytes <= target.caches.l2 ? 28 : 64;
  const usual = chooseBlock(target, tileRows * maxBatch, tileColumns, destination.vectors, wanted);
  const { blockRows, tile } =
    maxBatch < FEW_SAMPLES
      ? cutForShares(target, { allRows: tileRows * maxBatch, columns: tileColumns, source, destination, wanted }, usual)
      : usual;
  const period = blockRows / greatestCommonDivisor(blockRows, tileRows);
  const groups = Math.ceil((blockRows * tileColumns) / tile.rows);
  const vTile = oddLines(source.vectors * lanes, target);
  const vPoint = oddLines(groups * tile.rows * vTile, target);
  const mTile = tile.vectors * lanes;
  const mPoint = oddLines(groups * tile.rows * mTile, target);
  const uPoint = oddLines(source.channels * mTile, target);
  const mStart = POINTS * vPoint;
  const zeroStart = mStart + POINTS * mPoint;
  return {
    taps,
    lanes,
    source,
    destination,
    start: [phaseOf(node, 0).start, phaseOf(node, 1).start],
    tileRows,
    tileColumns,
    blockRows,
    period,
    blocksPerPeriod: (period * tileRows) / blockRows,
    tile,
    groups,
    panels: Math.ceil(destination.vectors / tile.vectors),
    vTile,
    vPoint,
    mTile,
    mPoint,
    uPoint,
    uPanel: POINTS * uPoint,
    mStart,
    zeroStart,
    workspace: zeroStart + source.columns * source.pixel,
  };
}

/** The one phase of an axis: how the weights are read is part of it. */
export function phaseOf(node: Value, axis: 0 | 1): Phase {
  const { padding } = node.attributes as ConvAttributes;
  const [source] = node.inputs as [Value, Value];
  const window = { kernel: tapsOf(node), stride: 1, before: padding[axis * 2]!, dilation: 1 };
  return node.op.name === "conv2d"
    ? forwardPhase(window, source.shape[axis]!, node.shape[axis]!)
    : inputGradientPhases(window, node.shape[axis]!, source.shape[axis]!)[0]!;
}

interface BlockCut {
  readonly blockRows: number;
  readonly tile: TileSize;
}

/** Rows of tiles in a block of about `wanted` tiles, and the register tile, that leave the least to be done in vain. */
function chooseBlock(target: Target, allRows: number, columns: number, vectors: number, wanted: number): BlockCut {
  const most = Math.max(1, Math.min(allRows, Math.round((1.25 * wanted) / columns)));
  const least = Math.max(1, Math.min(most, Math.floor((0.75 * wanted) / columns)));
  let best: BlockCut | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (let blockRows = least; blockRows <= most; blockRows++) {
    const tile = chooseTile(target, blockRows * columns, vectors);
    const groups = Math.ceil((blockRows * columns) / tile.rows);
    // multiply-adds and the loads that they wait for, for one tile that is asked for
    const blocks = Math.ceil(allRows / blockRows);
    const work = tile.rows * tile.vectors + target.costs.tile.operand * (tile.rows + tile.vectors);
    const cost = (blocks * groups * work * Math.ceil(vectors / tile.vectors)) / (allRows * columns);
    if (cost < fewest * 0.995) {
      fewest = cost;
      best = { blockRows, tile };
    }
  }
  return best!;
}

/** What `cutForShares` goes by. */
interface BlockShape {
  readonly allRows: number;
  readonly columns: number;
  readonly source: TiledImage;
  readonly destination: TiledImage;
  readonly wanted: number;
}

/** The block and tile by which threads that share few pieces are done first. */
function cutForShares(target: Target, shape: BlockShape, usual: BlockCut): BlockCut {
  let best = usual;
  let least = timeOfCut(target, shape, usual) * 0.98;
  const most = Math.max(usual.blockRows, Math.round((1.25 * shape.wanted) / shape.columns));
  for (const blockRows of partSizes(shape.allRows)) {
    if (blockRows > most) continue;
    for (let vectors = 1; vectors <= Math.min(4, shape.destination.vectors); vectors++) {
      const tile = tileOf(target, blockRows * shape.columns, vectors);
      if (tile === undefined) continue;
      const time = timeOfCut(target, shape, { blockRows, tile });
      if (time >= least) continue;
      least = time;
      best = { blockRows, tile };
    }
  }
  return best;
}

function timeOfCut(
  target: Target,
  { allRows, columns, source, destination }: BlockShape,
  { blockRows, tile }: BlockCut,
): number {
  const { lanes, costs } = target;
  const panels = Math.ceil(destination.vectors / tile.vectors);
  const pieces = Math.ceil(allRows / blockRows) * panels;
  return timeOfShares(pieces, (begin, end) => {
    let sum = 0;
    for (let piece = begin; piece < end; piece++) {
      const panel = piece % panels;
      const first = Math.floor(piece / panels) * blockRows;
      const tiles = Math.min(blockRows, allRows - first) * columns;
      const width = Math.min(tile.vectors, destination.vectors - panel * tile.vectors);
      const steps = POINTS * source.channels;
      const last = tiles % tile.rows > 0 ? tile.rows : 0;
      const products = steps * tileMultiplyAdds(target, tile.rows, tiles, width, last) * costs.multiplyAdd.peak;
      const weights = steps * width * lanes * F32 * costs.byte.sharedWeights;
      if (piece === begin || panel === 0) sum += tiles * source.vectors * costs.transform;
      sum += costs.piece + products + weights + tiles * width * costs.transform;
    }
    return sum;
  });
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
