/**
 * A fixed sample of positions, encoded once and kept: what a network in training is measured on. Of the positions of
 * all games, one after the other, it takes every so manieth, so that each game and each phase of the game has its
 * share.
 */
import { OptionError } from "../../base/errors.js";
import { PASS } from "../board/geometry.js";
import { PlaneEncoder } from "../policy/planes.js";
import { PACKED_WORDS, packPlanes } from "../policy/spread.js";
import { startOf } from "../sgf/record.js";
import type { GameStore } from "./store.js";
import { type Block, createBlock } from "./stream.js";

export interface PositionSample {
  readonly block: Block;
  readonly length: number;
  readonly planes: number;
  readonly size: number;
  /** Positions of the games that it was taken from. */
  readonly of: number;
}

/** After so many encoded positions others have their turn. */
const TURN = 256;

/**
 * @param games numbers of the store's games, such as `store.select("test")`.
 * @param count positions to take: all there are, where they are fewer.
 * @throws OptionError where the games have no positions.
 */
export async function samplePositions(
  store: GameStore,
  games: Uint32Array,
  count: number,
  planes: number,
): Promise<PositionSample> {
  const of = games.reduce((sum, game) => sum + store.positionCount(game), 0);
  if (of === 0) throw new OptionError("the games have no positions to measure; choose others");
  const length = Math.min(count, of);
  const block = createBlock(store.size, length);
  const encoder = new PlaneEncoder(store.size, planes);
  const words = store.size * store.size * PACKED_WORDS;
  /** The number, among all positions, of the next one to take. */
  const wanted = () => Math.floor((taken * of) / length);
  let [taken, seen] = [0, 0];
  for (const game of games) {
    const positions = store.positionCount(game);
    if (taken === length || wanted() >= seen + positions) {
      seen += positions;
      continue;
    }
    const record = store.game(game);
    const board = startOf(record);
    for (const [turn, { colour, vertex }] of record.moves.entries()) {
      if (vertex !== PASS && seen++ === wanted() && taken < length) {
        encoder.encode(board, colour);
        packPlanes(encoder, block.packed, taken * words);
        block.labels[taken] = vertex;
        block.turns[taken] = turn;
        if (++taken % TURN === 0) await new Promise((resolve) => setTimeout(resolve));
      }
      board.play(colour, vertex);
      board.forget();
    }
  }
  return { block, length, planes, size: store.size, of };
}
