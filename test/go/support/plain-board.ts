/** Go written as plainly as can be, to hold the board to: no chains are kept, everything is found by flooding. */
import { areaOwners } from "#fovea/go/board/score.js";

export type Stones = Uint8Array;
export { areaOwners };

export function neighboursOf(size: number, vertex: number): number[] {
  const [x, y] = [vertex % size, Math.floor(vertex / size)];
  const found: number[] = [];
  if (x > 0) found.push(vertex - 1);
  if (x < size - 1) found.push(vertex + 1);
  if (y > 0) found.push(vertex - size);
  if (y < size - 1) found.push(vertex + size);
  return found;
}

/** The chain of a stone, and its liberties. */
export function chainOf(stones: Stones, size: number, vertex: number): { chain: Set<number>; liberties: Set<number> } {
  const chain = new Set([vertex]);
  const liberties = new Set<number>();
  for (const stone of chain) {
    for (const n of neighboursOf(size, stone)) {
      if (stones[n] === 0) liberties.add(n);
      else if (stones[n] === stones[vertex]) chain.add(n);
    }
  }
  return { chain, liberties };
}

export interface Played {
  readonly stones: Stones;
  /** Enemy stones taken. */
  readonly taken: readonly number[];
  readonly suicide: boolean;
}

/** The position after a move on an empty point, without asking whether it is legal. */
export function playPlainly(stones: Stones, size: number, colour: number, vertex: number): Played {
  const after = stones.slice();
  after[vertex] = colour;
  const taken: number[] = [];
  for (const n of neighboursOf(size, vertex)) {
    if (after[n] !== 3 - colour) continue;
    const { chain, liberties } = chainOf(after, size, n);
    if (liberties.size > 0) continue;
    for (const stone of chain) {
      after[stone] = 0;
      taken.push(stone);
    }
  }
  const own = chainOf(after, size, vertex);
  const suicide = own.liberties.size === 0;
  if (suicide) for (const stone of own.chain) after[stone] = 0;
  return { stones: after, taken, suicide };
}
