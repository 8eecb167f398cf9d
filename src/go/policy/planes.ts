/**
 * The feature planes of AlphaGo's policy network (Silver et al. 2016, Extended Data Table 2), from the point of view of
 * the side to move.
 *
 *     0-2    stone colour: own, opponent, empty
 *     3      ones
 *     4-11   turns since a stone was played: 1 for the last move, 8 or more, also for setup stones
 *     12-19  liberties of the chain of a stone
 *     20-27  capture size: opponent stones that a move would take
 *     28-35  self-atari size: stones of the own chain that a move would leave with one liberty
 *     36-43  liberties of the own chain after a move
 *     44     ladder capture: a move catches an enemy chain of two liberties
 *     45     ladder escape: a move saves an own chain in atari
 *     46     sensibleness: legal, and fills no own eye
 *     47     zeros
 *
 * Counts are one-hot, 1 to 7 and 8 or more; a count of zero sets none. Those about moves stand at legal points (simple
 * ko and suicide; super-ko needs a history that a position does not carry). Sets of fewer planes are the first ones of
 * this list; one plane is the lecture's board: own stones 1, the opponent's -1.
 *
 * A position is encoded as 48 bits a vertex: the low 32 planes in one word, the others in a second.
 */

import { OptionError } from "../../base/errors.js";
import type { Board } from "../board/board.js";
import { isEye } from "../board/eye.js";
import { BORDER, type Colour, EMPTY, opponentOf } from "../board/geometry.js";
import { LadderReader } from "../board/ladder.js";

/**
 * How many planes there can be: the whole table; with colour, ones, turns and liberties; the paper's four; the
 * lecture's one.
 */
export const PLANE_COUNTS = [1, 4, 20, 48] as const;
export type PlaneCount = (typeof PLANE_COUNTS)[number];

/** First plane of each feature. */
export const PLANES = {
  own: 0,
  opponent: 1,
  empty: 2,
  ones: 3,
  turnsSince: 4,
  liberties: 12,
  captureSize: 20,
  selfAtariSize: 28,
  libertiesAfter: 36,
  ladderCapture: 44,
  ladderEscape: 45,
  sensible: 46,
  zeros: 47,
} as const;

/** @throws OptionError where there is no such set. */
export function checkPlanes(planes: number): asserts planes is PlaneCount {
  if (!PLANE_COUNTS.some((count) => count === planes)) {
    throw new OptionError(`planes is ${planes}, expected ${PLANE_COUNTS.join(", ")}`);
  }
}

/** The bit of a count in a feature of eight planes; none for zero. */
const oneHot = (count: number): number => (count <= 0 ? 0 : count >= 8 ? 128 : 1 << (count - 1));

/** Encodes positions of one size. Boards are given back as they were. */
export class PlaneEncoder {
  readonly planes: PlaneCount;
  /** By vertex: planes 0 to 31, and from 32 on. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  #reader: LadderReader | undefined;
  #readerOf: Board | undefined;
  readonly #around = new Int32Array(4);
  readonly #rescues = new Int32Array(16);

  constructor(size: number, planes: number = 48) {
    checkPlanes(planes);
    this.planes = planes;
    this.low = new Int32Array(size * size);
    this.high = new Int32Array(size * size);
  }

  /** Fills `low` and `high` for `colour` to move. */
  encode(board: Board, colour: Colour): void {
    const { low, high, planes } = this;
    if (board.geometry.area !== low.length) {
      throw new OptionError(`planes: the board is ${board.size}x${board.size}, expected ${low.length} points`);
    }
    high.fill(0);
    this.#encodeStones(board, colour);
    if (planes < 48) {
      // One plane needs own and opponent, which are told apart when it is written.
      const kept = planes === 20 ? 0xfffff : planes === 4 ? 0xf : 0x3;
      for (let vertex = 0; vertex < low.length; vertex++) low[vertex]! &= kept;
      return;
    }
    this.#encodeMoves(board, colour);
    this.#encodeLadders(board, colour);
  }

  #encodeStones(board: Board, own: Colour): void {
    const { low } = this;
    const { colour, head, liberties, turnOf, geometry, turn } = board;
    const { pointOf } = geometry;
    for (let vertex = 0; vertex < low.length; vertex++) {
      const point = pointOf[vertex]!;
      const stone = colour[point]!;
      if (stone === EMPTY) {
        low[vertex] = (1 << PLANES.empty) | (1 << PLANES.ones);
        continue;
      }
      low[vertex] =
        (stone === own ? 1 << PLANES.own : 1 << PLANES.opponent) |
        (1 << PLANES.ones) |
        (oneHot(turn - turnOf[point]! + 1) << PLANES.turnsSince) |
        (oneHot(liberties[head[point]!]!) << PLANES.liberties);
    }
  }

  #encodeMoves(board: Board, own: Colour): void {
    const { low, high } = this;
    const { colour, geometry } = board;
    const { pointOf } = geometry;
    for (let vertex = 0; vertex < low.length; vertex++) {
      const point = pointOf[vertex]!;
      if (colour[point] !== EMPTY || !board.isLegalAt(own, point)) continue;
      this.#encodeMove(board, own, vertex, point);
      if (!isEye(board, own, point)) high[vertex]! |= 1 << (PLANES.sensible - 32);
    }
  }

  /** Capture size, self-atari size and liberties of the own chain after a move. */
  #encodeMove(board: Board, own: Colour, vertex: number, point: number): void {
    const { colour, head, liberties, stones, geometry } = board;
    const { stride } = geometry;
    const friends = this.#around;
    let friendCount = 0;
    let empties = 0;
    let takes = false;
    for (let side = 0; side < 4; side++) {
      const p = point + (side === 0 ? -1 : side === 1 ? 1 : side === 2 ? -stride : stride);
      const found = colour[p]!;
      if (found === EMPTY) empties++;
      else if (found === own) {
        const chain = head[p]!;
        let known = false;
        for (let i = 0; i < friendCount; i++) if (friends[i] === chain) known = true;
        if (!known) friends[friendCount++] = chain;
      } else if (found !== BORDER && liberties[head[p]!] === 1) takes = true;
    }
    let after = empties;
    let size = 1;
    if (takes || friendCount > 1) {
      // Of several chains the liberties that they share count once: played out, unless one alone has eight left.
      if (!takes) for (let i = 0; i < friendCount; i++) after = Math.max(after, liberties[friends[i]!]! - 1);
      if (takes || after < 8) {
        const enemy = opponentOf(own);
        const before = board.captured(enemy);
        const mark = board.mark();
        board.playAt(own, point);
        const chain = head[point]!;
        // A move that takes its own chain off (where suicide is legal) leaves neither.
        after = colour[point] === own ? liberties[chain]! : 0;
        size = stones[chain]!;
        const taken = board.captured(enemy) - before;
        board.undoTo(mark);
        this.low[vertex]! |= oneHot(taken) << PLANES.captureSize;
      }
    } else if (friendCount === 1) {
      const chain = friends[0]!;
      after = liberties[chain]! - 1;
      if (after < 8) {
        size += stones[chain]!;
        for (let side = 0; side < 4; side++) {
          const p = point + (side === 0 ? -1 : side === 1 ? 1 : side === 2 ? -stride : stride);
          if (colour[p] === EMPTY && !board.touches(p, chain)) after++;
        }
      }
    }
    this.high[vertex]! |= oneHot(after) << (PLANES.libertiesAfter - 32);
    if (after === 1) {
      // Plane 28 + 3 is bit 31: sizes from 5 on lie in the second word.
      const bits = oneHot(size);
      this.low[vertex]! |= bits << PLANES.selfAtariSize;
      this.high[vertex]! |= bits >> (32 - PLANES.selfAtariSize);
    }
  }

  #encodeLadders(board: Board, own: Colour): void {
    if (this.#readerOf !== board) {
      this.#reader = new LadderReader(board);
      this.#readerOf = board;
    }
    const reader = this.#reader!;
    const { colour, head, liberties, geometry } = board;
    const { pointOf, vertexOf } = geometry;
    const rescues = this.#rescues;
    for (let vertex = 0; vertex < pointOf.length; vertex++) {
      const point = pointOf[vertex]!;
      // Once for each chain: at its head.
      if (colour[point] === EMPTY || head[point] !== point) continue;
      if (colour[point] === own) {
        if (liberties[point] !== 1) continue;
        const count = reader.rescues(point, rescues);
        for (let i = 0; i < count; i++) {
          const at = vertexOf[rescues[i]!]!;
          const known = (this.high[at]! >> (PLANES.ladderEscape - 32)) & 1;
          if (!known && reader.escapes(point, rescues[i]!)) this.high[at]! |= 1 << (PLANES.ladderEscape - 32);
        }
      } else if (liberties[point] === 2) {
        const first = board.lowerLiberty(point);
        const second = board.libertySum[point]! - first;
        for (const liberty of [first, second]) {
          const at = vertexOf[liberty]!;
          const known = (this.high[at]! >> (PLANES.ladderCapture - 32)) & 1;
          if (!known && reader.captures(point, liberty)) this.high[at]! |= 1 << (PLANES.ladderCapture - 32);
        }
      }
    }
  }
}
