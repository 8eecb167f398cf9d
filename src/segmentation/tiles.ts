/**
 * Cuts a picture into overlapping tiles of one size, of which each answers for its own part: the same as labelling it
 * whole. A tile begins at a multiple of the network's coarsest step, and sees `halo` pixels beyond what it answers for,
 * unless the picture ends there. All are of one size, so that one program does for all: the last begins as far from the
 * end as the others are long, which its length, congruent to the picture's, allows.
 */
import { OptionError } from "../base/errors.js";

/** Along one axis: the tile shows `begin` to begin + size - 1 and answers for `from` to to - 1. */
export interface TileSpan {
  readonly begin: number;
  readonly from: number;
  readonly to: number;
}

export interface TilePlan {
  readonly size: number;
  readonly spans: readonly TileSpan[];
}

/**
 * @param most pixels of a tile along this axis, at most
 * @throws OptionError where a tile of that size would be all halo.
 */
export function planTiles(extent: number, most: number, halo: number, stride: number): TilePlan {
  if (extent <= most) return { size: extent, spans: [{ begin: 0, from: 0, to: extent }] };
  // What lies beyond the whole steps, so that the last tile begins at one, too.
  const rest = extent % stride;
  const size = Math.floor((most - rest) / stride) * stride + rest;
  const margin = Math.ceil(halo / stride) * stride;
  const step = Math.floor((size - 2 * margin) / stride) * stride;
  if (step < stride) {
    throw new OptionError(
      `tiles: of at most ${most} pixels are too small for a network that sees ${halo} pixels to each side; expected at least ${2 * margin + 2 * stride}`,
    );
  }
  const spans: TileSpan[] = [];
  for (let from = 0; from < extent; ) {
    const begin = Math.min(Math.max(0, from - margin), extent - size);
    const to = begin + size >= extent ? extent : Math.floor((begin + size - margin) / stride) * stride;
    spans.push({ begin, from, to });
    from = to;
  }
  return { size, spans };
}
