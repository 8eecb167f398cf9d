/** Where handicap stones stand (GTP version 2, section 4.1.1), who then plays first, and what they cost. */
import { BLACK, type Colour, WHITE } from "./geometry.js";

/** Black and white in turn: with handicap stones on the board it is White's. */
export const firstToPlay = (handicapStones: number): Colour => (handicapStones >= 2 ? WHITE : BLACK);

/** The most stones that have fixed places on a board: none below 7x7, four where the size is even or 7. */
export function mostFixedHandicap(size: number): number {
  if (size < 7) return 0;
  return size % 2 === 0 || size === 7 ? 4 : 9;
}

/** The vertices of 2 to 9 stones; undefined where there are none for so many on this board. */
export function fixedHandicap(size: number, stones: number): number[] | undefined {
  if (!Number.isInteger(stones) || stones < 2 || stones > mostFixedHandicap(size)) return undefined;
  const low = size < 12 ? 2 : 3;
  const [high, middle] = [size - 1 - low, (size - 1) / 2];
  // Columns from the left, rows from below: the lower left and the upper right come first.
  const places: [number, number][] = [
    [low, low],
    [high, high],
    [low, high],
    [high, low],
    [low, middle],
    [high, middle],
    [middle, low],
    [middle, high],
  ];
  const taken = places.slice(0, stones - (stones >= 5 ? stones % 2 : 0));
  if (stones >= 5 && stones % 2 === 1) taken.push([middle, middle]);
  return taken.map(([column, row]) => (size - 1 - row) * size + column);
}
