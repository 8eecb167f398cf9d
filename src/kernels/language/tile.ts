/**
 * The register tile that every fast matrix-like kernel is made of: `rows` x `vectors` accumulators, fed by one
 * broadcast scalar a row and `vectors` vector loads shared by all rows:
 *
 *     acc[i][v] += a(i) * b(v)
 *
 * Rows are output pixels, samples or weight rows; vectors run over (output) channels.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { TileCosts } from "../../target/costs.js";
import type { CodeTarget, Lanes, Target } from "../../target/target.js";

export interface TileSize {
  readonly rows: number;
  readonly vectors: number;
}

/** Rows of a tile, however many registers there are. */
const MOST_ROWS = 28;

/** The largest number of rows for a number of vectors: accumulators, `vectors` loaded operands, and one broadcast;
 * `reserved` registers are left for the kernel's own use. */
export function maximumRows(target: CodeTarget, vectors: number, reserved = 0): number {
  const broadcast = target.foldsBroadcast && vectors === 1 ? 0 : 1;
  const fit = Math.floor((target.registers.vector - reserved - vectors - broadcast) / vectors);
  return Math.min(fit, MOST_ROWS);
}

/** `extent` cut into the fewest blocks of at most `most`, as even as can be: the block size. */
export function evenBlock(extent: number, most: number): number {
  return Math.ceil(extent / Math.ceil(extent / most));
}

/** The best tile of so many vectors for `extent` rows; undefined where there are no registers for it. */
export function tileOf(target: Target, extent: number, vectors: number, reserved = 0): TileSize | undefined {
  const most = maximumRows(target, vectors, reserved);
  return most < 1 ? undefined : { rows: evenBlock(extent, most), vectors };
}

/** The time of one step of the reduction for a tile, in multiply-adds of vectors. */
function blockMultiplyAdds({ loads, least, operand }: TileCosts, height: number, width: number): number {
  return Math.max(height * width, (height + width) / loads, least) + operand * (height + width);
}

/** The same for `extent` rows in tiles of `rows`, of which the last has `rest` rows' worth of time. */
export function tileMultiplyAdds(
  { costs: { tile } }: Target,
  rows: number,
  extent: number,
  width: number,
  rest = extent % rows,
): number {
  const last = rest > 0 ? blockMultiplyAdds(tile, rest, width) : 0;
  return Math.floor(extent / rows) * blockMultiplyAdds(tile, rows, width) + last;
}

/**
 * The tile that does `extent` rows by `totalVectors` vectors in the least estimated time; `divides`: in whole tiles
 * alone.
 */
export function chooseTile(
  target: Target,
  extent: number,
  totalVectors: number,
  reserved = 0,
  divides = false,
): TileSize {
  let best: TileSize = { rows: 1, vectors: 1 };
  let least = Number.POSITIVE_INFINITY;
  for (let vectors = 1; vectors <= Math.min(4, totalVectors); vectors++) {
    const tile = divides && totalVectors % vectors > 0 ? undefined : tileOf(target, extent, vectors, reserved);
    if (tile === undefined) continue;
    const { rows } = tile;
    const rest = extent % rows > 0 && target.costs.tile.isPaidWhole ? rows : extent % rows;
    let time = 0;
    for (let done = 0; done < totalVectors; done += vectors)
      time += tileMultiplyAdds(target, rows, extent, Math.min(vectors, totalVectors - done), rest);
    if (time < least * 0.999) {
      least = time;
      best = tile;
    }
  }
  return best;
}

/**
 * Steps of a reduction in one turn of its loop: as many as wanted, but one where they would spill each other's
 * operands.
 */
export function stepsOfTurn(target: CodeTarget, wanted: number): number {
  return target.hoistsLoads ? 1 : wanted;
}

/** `rows` x `vectors` accumulators at zero. */
export function zeroTile(k: KernelBuilder, size: TileSize, lanes: Lanes): Reg[][] {
  return Array.from({ length: size.rows }, () => Array.from({ length: size.vectors }, () => k.acc(0, lanes)));
}

/**
 * One step of the reduction. `a(i)`: place of row i's scalar, or undefined where row i takes no part; `b(v)`: place of
 * vector v.
 */
export function accumulate(
  k: KernelBuilder,
  acc: readonly (readonly Reg[])[],
  lanes: Lanes,
  a: (row: number) => readonly [ptr: Reg, offset: number] | undefined,
  b: (vector: number) => readonly [ptr: Reg, offset: number],
): void {
  const vectors = acc[0]?.length ?? 0;
  const places = acc.map((_, i) => a(i));
  if (places.every((p) => p === undefined)) return;
  const operands = Array.from({ length: vectors }, (_, v) => k.load(...b(v), lanes));
  for (const [i, place] of places.entries()) {
    if (place === undefined) continue;
    const scalar = k.broadcast(...place, lanes);
    for (const [v, operand] of operands.entries()) k.fmaTo(acc[i]![v]!, scalar, operand);
  }
}
