/**
 * Area scoring (Chinese rules; Tromp and Taylor's): a point belongs to a colour that has a stone on it, or that alone
 * is reached from it over empty points. Tromp and Taylor count every stone on the board; by Chinese rules those that
 * both players call dead are taken off first, and White is given a point for each handicap stone.
 */
import type { Board } from "./board.js";
import { BLACK, EMPTY, WHITE } from "./geometry.js";

export interface ScoreOptions {
  readonly komi: number;
  /** Vertices of dead stones. */
  readonly dead?: Iterable<number>;
  /** Points for White besides komi, as Chinese rules give for handicap stones. */
  readonly compensation?: number;
}

export interface Score {
  readonly black: number;
  /** Area, komi and compensation. */
  readonly white: number;
  /** Black's less White's. */
  readonly margin: number;
}

/** By vertex: BLACK, WHITE, or EMPTY for points that neither has to itself. */
export function areaOwners(board: Board, dead: Iterable<number> = []): Uint8Array {
  const { area, pointOf, vertexOf, stride } = board.geometry;
  const stones = Uint8Array.from({ length: area }, (_, vertex) => board.at(vertex));
  for (const vertex of dead) stones[vertex] = EMPTY;
  const owners = stones.slice();
  const seen = new Uint8Array(area);
  for (let start = 0; start < area; start++) {
    if (stones[start] !== EMPTY || seen[start]) continue;
    const region = [start];
    let reached = 0;
    seen[start] = 1;
    for (let i = 0; i < region.length; i++) {
      const point = pointOf[region[i]!]!;
      for (const step of [-1, 1, -stride, stride]) {
        const vertex = vertexOf[point + step]!;
        if (vertex < 0) continue;
        if (stones[vertex] !== EMPTY) reached |= stones[vertex]!;
        else if (!seen[vertex]) {
          seen[vertex] = 1;
          region.push(vertex);
        }
      }
    }
    const owner = reached === BLACK || reached === WHITE ? reached : EMPTY;
    for (const vertex of region) owners[vertex] = owner;
  }
  return owners;
}

export function areaScore(board: Board, { komi, dead, compensation = 0 }: ScoreOptions): Score {
  const owners = areaOwners(board, dead);
  const count = (colour: number) => owners.reduce((sum, owner) => sum + (owner === colour ? 1 : 0), 0);
  const [black, white] = [count(BLACK), count(WHITE) + komi + compensation];
  return { black, white, margin: black - white };
}

/** What Chinese rules give White for handicap stones: one point each, from two on. */
export const chineseCompensation = (handicapStones: number): number => (handicapStones >= 2 ? handicapStones : 0);

/** `B+3.5`, `W+0.5` or `0`, as GTP and SGF write it. */
export function scoreText(margin: number): string {
  return margin === 0 ? "0" : `${margin > 0 ? "B" : "W"}+${Math.abs(margin)}`;
}
