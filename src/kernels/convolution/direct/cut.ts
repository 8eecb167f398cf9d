/**
 * How a direct convolution is cut into pieces of work: rows of the output by blocks of output channels. A piece goes
 * through its blocks, and within each through its rows, so that the weights of a block stay near; its rows of input
 * should stay in a part of L2.
 */
import type { Target } from "../../../target/target.js";
import { FEW_SAMPLES, MOST_PIECES, partSizes, timeOfShares } from "../../contract/shares.js";
import { chooseTile, type TileSize, tileMultiplyAdds, tileOf } from "../../language/tile.js";
import { F32 } from "../../language/view.js";

export interface DirectShape {
  /** Of the output: rows, pixels in a row, vectors of channels. */
  readonly rows: number;
  readonly columns: number;
  readonly vectors: number;
  /** Of one group of channels, which a block does not go beyond. */
  readonly groupVectors: number;
  /** Vector registers that the store needs beside the tile. */
  readonly reserved: number;
  /** Multiply-adds of vectors for a pixel and a vector of the output. */
  readonly depth: number;
  readonly lanes: number;
  /** Of the source: bytes of a row, rows that an output row reads, and rows from one output row to the next. */
  readonly rowBytes: number;
  readonly taps: number;
  readonly stride: number;
  readonly scale: number;
}

export interface DirectCut {
  readonly tile: TileSize;
  readonly rowsPerPiece: number;
  readonly blocksPerPiece: number;
}

/** Bytes of input rows in a piece. */
const slabOf = ({ caches }: Target): number => (3 / 16) * caches.l2;
/** The same where rows alone give no equal shares. */
const mostSlabOf = ({ caches }: Target): number => caches.l2 / 2;

/** The cut for programs of at most `samples`, whose kernel must be one that `fits`. */
export function cutDirect(
  target: Target,
  shape: DirectShape,
  samples: number,
  fits: (tile: TileSize) => boolean,
): DirectCut {
  const usual = usualCut(target, shape);
  if (samples >= FEW_SAMPLES) return usual;
  let best = usual;
  let least = timeOf(target, shape, usual, samples) * 0.98;
  for (let vectors = 1; vectors <= Math.min(4, shape.groupVectors); vectors++) {
    const tile = vectors === usual.tile.vectors ? usual.tile : tileOf(target, shape.columns, vectors, shape.reserved);
    if (tile === undefined || !(tile === usual.tile || fits(tile))) continue;
    const blocks = Math.ceil(shape.vectors / tile.vectors);
    for (const rowsPerPiece of partSizes(shape.rows)) {
      if (rowsPerPiece > usual.rowsPerPiece && rowsPerPiece * shape.scale * shape.rowBytes > mostSlabOf(target))
        continue;
      for (const blocksPerPiece of partSizes(blocks)) {
        if (piecesOf(shape, { tile, rowsPerPiece, blocksPerPiece }) > MOST_PIECES) continue;
        const time = timeOf(target, shape, { tile, rowsPerPiece, blocksPerPiece }, samples);
        if (time >= least) continue;
        least = time;
        best = { tile, rowsPerPiece, blocksPerPiece };
      }
    }
  }
  return best;
}

/** As many rows as keep their rows of input within the slab, and four pieces a sample or more. */
function usualCut(target: Target, shape: DirectShape): DirectCut {
  const tile = chooseTile(
    target,
    shape.columns,
    shape.groupVectors,
    shape.reserved,
    shape.groupVectors < shape.vectors,
  );
  const most = Math.floor((slabOf(target) / shape.rowBytes - shape.taps * shape.stride) / Math.max(1, shape.scale));
  const rowPieces = Math.ceil(shape.rows / Math.min(Math.max(1, most), shape.rows));
  const rowsPerPiece = Math.ceil(shape.rows / rowPieces);
  const blocks = Math.ceil(shape.vectors / tile.vectors);
  const blockPieces = Math.ceil(4 / Math.ceil(shape.rows / rowsPerPiece));
  return { tile, rowsPerPiece, blocksPerPiece: Math.max(1, Math.ceil(blocks / blockPieces)) };
}

function piecesOf({ rows, vectors }: DirectShape, { tile, rowsPerPiece, blocksPerPiece }: DirectCut): number {
  return Math.ceil(rows / rowsPerPiece) * Math.ceil(Math.ceil(vectors / tile.vectors) / blocksPerPiece);
}

function timeOf(target: Target, shape: DirectShape, cut: DirectCut, samples: number): number {
  const { tile, rowsPerPiece, blocksPerPiece } = cut;
  const { costs } = target;
  const blocks = Math.ceil(shape.vectors / tile.vectors);
  const blockPieces = Math.ceil(blocks / blocksPerPiece);
  const pieces = piecesOf(shape, cut);
  const tiles = (width: number) =>
    tileMultiplyAdds(target, tile.rows, shape.columns, width) * shape.depth * costs.multiplyAdd.peak;
  const [full, last] = [tiles(tile.vectors), tiles(shape.vectors - (blocks - 1) * tile.vectors)];
  return timeOfShares(pieces * samples, (begin, end) => {
    let sum = 0;
    for (let piece = begin; piece < end; piece++) {
      const at = piece % pieces;
      const rowFrom = Math.floor(at / blockPieces) * rowsPerPiece;
      const rows = Math.min(rowsPerPiece, shape.rows - rowFrom);
      const from = (at % blockPieces) * blocksPerPiece;
      const to = Math.min(from + blocksPerPiece, blocks);
      const vectors = Math.min(to * tile.vectors, shape.vectors) - from * tile.vectors;
      const compute = (to - from - 1) * full + (to === blocks ? last : full);
      const weights = vectors * shape.depth * shape.lanes * F32;
      const input = (rows * shape.scale + shape.taps - 1) * shape.rowBytes;
      sum +=
        costs.piece + rows * (compute + shape.columns * vectors * costs.store) + (weights + input) * costs.byte.shared;
    }
    return sum;
  });
}
