/** A game as a file tells it: where it starts, its moves, and who won. */

import { DataError } from "../../base/errors.js";
import { Board } from "../board/board.js";
import type { Move } from "../board/game.js";
import { BLACK, type Colour, colourName, PASS, vertexName, WHITE } from "../board/geometry.js";

/** A game, as a file tells it. */
export interface GameRecord {
  /** Points of a side of the board. */
  readonly size: number;
  /** Stones on the board before the first move; handicap stones are among them. */
  readonly setup: readonly Move[];
  /** Its moves, in order. */
  readonly moves: readonly Move[];
  /** Whose turn it is before the first move, where the file says so. */
  readonly toPlay?: Colour;
  /** As the file says it: 0 for an even game. */
  readonly handicap: number;
  /** Points that white is given. */
  readonly komi: number;
  /** How it ended. */
  readonly result: GameResult;
  /** Rank of black. */
  readonly blackRank: Rank;
  /** Rank of white. */
  readonly whiteRank: Rank;
  /** As the file says them: "Japanese", or "". */
  readonly rules: string;
}

/** How a game ended. */
export interface GameResult {
  /** Undefined where the file does not say. */
  readonly winner: Colour | "draw" | undefined;
  /** Points; undefined for resignation, time and forfeit. */
  readonly margin: number | undefined;
}

/** Dan from 1 on, professional dan from 101 on, kyu from -1 down; 0 where not said. */
export type Rank = number;

/** `B+Resign`, `W+0.5`, `0`, `Draw`, `Void`, `?`. */
export function parseResult(text: string): GameResult {
  if (/^(0|draw|jigo)$/i.test(text.trim())) return { winner: "draw", margin: 0 };
  const [, side, how] = /^\s*([BW])\+(.*?)\s*$/i.exec(text) ?? [];
  if (side === undefined) return { winner: undefined, margin: undefined };
  const winner = side.toUpperCase() === "B" ? BLACK : WHITE;
  const margin = Number(how);
  return { winner, margin: how !== "" && Number.isFinite(margin) ? margin : undefined };
}

/** `7d`, `3k`, `9p`; also `7 dan`, and `6d?` of players whose rank is not sure. */
export function parseRank(text: string): Rank {
  const [, digits, kind] = /^\s*(\d{1,2})\s*([dkp])/i.exec(text) ?? [];
  if (digits === undefined || kind === undefined) return 0;
  const n = Number(digits);
  return kind.toLowerCase() === "d" ? n : kind.toLowerCase() === "k" ? -n : 100 + n;
}

export function rankText(rank: Rank): string {
  if (rank === 0) return "?";
  return rank > 100 ? `${rank - 100}p` : rank > 0 ? `${rank}d` : `${-rank}k`;
}

/** Whether rules of this name let a move take its own chain off. */
export const allowsSuicide = (rules: string): boolean => /^(nz|new zealand|goe|ing|tromp)/i.test(rules.trim());

/** The board on which a game starts. */
export function startOf(record: Pick<GameRecord, "size" | "setup" | "rules">): Board {
  const board = new Board(record.size, { suicide: allowsSuicide(record.rules) });
  for (const { colour, vertex } of record.setup) board.setUp(colour, vertex);
  board.forget();
  return board;
}

/**
 * Plays a move of a game, the n-th, on its board.
 * @throws DataError naming the move where it is not legal.
 */
export function playRecorded(board: Board, { colour, vertex }: Move, n: number): void {
  const why = board.whyIllegal(colour, vertex);
  if (why !== undefined) {
    const inside = vertex >= 0 && vertex < board.geometry.area;
    const name = inside ? vertexName(vertex, board.size) : String(vertex);
    throw new DataError(`move ${n}, ${colourName(colour)} ${name}: ${why}`);
  }
  board.play(colour, vertex);
  board.forget();
}

/** Names a game by its size, setup and moves alone (FNV-1a, 32 bits): equal for the same game from two files. */
export function gameHash(record: Pick<GameRecord, "size" | "setup" | "moves">): number {
  let hash = 0x811c9dc5;
  const mix = (byte: number) => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  mix(record.size);
  for (const list of [record.setup, record.moves]) {
    mix(list.length & 255);
    for (const { colour, vertex } of list) {
      const code = vertex === PASS ? 0x3ff : vertex;
      mix((colour << 2) | (code >> 8));
      mix(code & 255);
    }
  }
  // Its low bits depend on little but the low bits of the last bytes: mixed once more.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
