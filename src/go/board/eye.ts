/** What an own eye looks like from close by: the move into it that no sensible player makes. */
import type { Board } from "./board.js";
import { BORDER, type Colour, opponentOf } from "./geometry.js";

/**
 * Whether an empty point is an eye of `colour`: all four neighbours are its stones or the edge, and of the diagonals
 * the enemy has at most one, on the first line none (or a stone of the eye's wall could be cut off).
 */
export function isEye(board: Board, colour: Colour, point: number): boolean {
  const { stride, onEdge } = board.geometry;
  const { colour: stones } = board;
  for (let side = 0; side < 4; side++) {
    const found = stones[point + (side === 0 ? -1 : side === 1 ? 1 : side === 2 ? -stride : stride)]!;
    if (found !== colour && found !== BORDER) return false;
  }
  const enemy = opponentOf(colour);
  const enemies =
    (stones[point - stride - 1] === enemy ? 1 : 0) +
    (stones[point - stride + 1] === enemy ? 1 : 0) +
    (stones[point + stride - 1] === enemy ? 1 : 0) +
    (stones[point + stride + 1] === enemy ? 1 : 0);
  return enemies + onEdge[point]! < 2;
}
