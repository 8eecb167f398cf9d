/**
 * Reads ladders out by playing them. The hunter plays liberties of a chain that has two, so that it is in atari; the
 * prey extends, or takes a hunting chain that is itself in atari. The prey is caught when it cannot leave atari, and
 * has got away with three liberties, or with two of which the hunter can use neither.
 *
 * A reading that takes more moves than `READING_LIMIT` is given up; then neither is said to succeed.
 */
import type { Board } from "./board.js";
import { type Colour, EMPTY, opponentOf } from "./geometry.js";

/** Moves tried in one reading. The longest ladder across a 19x19 board takes about 70. */
export const READING_LIMIT = 400;

export class LadderReader {
  readonly #board: Board;
  #moves = 0;
  /** Where each depth of a reading keeps its candidate moves: it must hold them while deeper ones look for theirs. */
  readonly #candidates: Int32Array[] = [];

  constructor(board: Board) {
    this.#board = board;
  }

  /** Whether playing `point`, a liberty of an enemy chain of two liberties, catches the chain. Legal for the hunter. */
  captures(prey: number, point: number): boolean {
    this.#moves = 0;
    return this.#hunts(this.#board.colour[prey] as Colour, prey, point, 0) && this.#moves <= READING_LIMIT;
  }

  /** Whether playing `point`, legal for the owner of a chain in atari, saves the chain from a ladder. */
  escapes(prey: number, point: number): boolean {
    this.#moves = 0;
    const saved = this.#runs(this.#board.colour[prey] as Colour, prey, point, 0);
    return saved && this.#moves <= READING_LIMIT;
  }

  /** The moves by which a chain in atari may leave it, into `to`: its liberty first, then captures. */
  rescues(prey: number, to: Int32Array): number {
    const { colour, head, next, liberties, geometry } = this.#board;
    const { stride } = geometry;
    const own = colour[prey] as Colour;
    const enemy = opponentOf(own);
    let count = 0;
    const start = head[prey]!;
    to[count++] = this.#board.onlyLiberty(start);
    let stone = start;
    do {
      for (let side = 0; side < 4; side++) {
        const p = stone + (side === 0 ? -1 : side === 1 ? 1 : side === 2 ? -stride : stride);
        if (colour[p] !== enemy || liberties[head[p]!] !== 1) continue;
        const point = this.#board.onlyLiberty(head[p]!);
        let known = false;
        for (let i = 0; i < count; i++) if (to[i] === point) known = true;
        if (!known && count < to.length) to[count++] = point;
      }
      stone = next[stone]!;
    } while (stone !== start);
    return count;
  }

  /** Whether the hunter, playing `point`, catches the chain. */
  #hunts(colour: Colour, prey: number, point: number, depth: number): boolean {
    const board = this.#board;
    const hunter = opponentOf(colour);
    if (!board.isLegalAt(hunter, point) || ++this.#moves > READING_LIMIT) return false;
    const mark = board.mark();
    board.playAt(hunter, point);
    const caught = board.liberties[board.head[prey]!] === 1 && !this.#leavesAtari(colour, prey, depth + 1);
    board.undoTo(mark);
    return caught;
  }

  /** Whether the owner of a chain in atari, to move, gets away. */
  #leavesAtari(colour: Colour, prey: number, depth: number): boolean {
    this.#candidates[depth] ??= new Int32Array(16);
    const moves = this.#candidates[depth]!;
    const count = this.rescues(prey, moves);
    for (let i = 0; i < count; i++) {
      if (this.#runs(colour, prey, moves[i]!, depth)) return true;
    }
    return false;
  }

  /** Whether the owner of a chain in atari, playing `point`, gets away. What is not read out counts as got away. */
  #runs(colour: Colour, prey: number, point: number, depth: number): boolean {
    const board = this.#board;
    if (!board.isLegalAt(colour, point)) return false;
    if (++this.#moves > READING_LIMIT) return true;
    const mark = board.mark();
    board.playAt(colour, point);
    const head = board.head[prey]!;
    const liberties = board.liberties[head]!;
    let away = liberties > 2;
    if (liberties === 2) {
      const low = board.lowerLiberty(head);
      const high = board.libertySum[head]! - low;
      // Where one liberty would lead to three, the hunter has to play there.
      const lowOpen = this.#openings(low, high);
      const highOpen = this.#openings(high, low);
      if (lowOpen >= 3 || highOpen >= 3) {
        away = (lowOpen >= 3 && highOpen >= 3) || !this.#hunts(colour, prey, lowOpen >= 3 ? low : high, depth);
      } else {
        // The more open liberty first, and away from the edge: the prey cannot run there. The other is rarely right, and
        // reading it first would double the work at each step.
        const { onEdge } = board.geometry;
        const lowFirst = lowOpen > highOpen || (lowOpen === highOpen && onEdge[low]! <= onEdge[high]!);
        const [first, second] = lowFirst ? [low, high] : [high, low];
        away = !(this.#hunts(colour, prey, first, depth) || this.#hunts(colour, prey, second, depth));
      }
    }
    board.undoTo(mark);
    return away;
  }

  /** Empty points beside `point`, less `except`. */
  #openings(point: number, except: number): number {
    const { colour, geometry } = this.#board;
    const { stride } = geometry;
    let count = 0;
    for (let side = 0; side < 4; side++) {
      const p = point + (side === 0 ? -1 : side === 1 ? 1 : side === 2 ? -stride : stride);
      if (colour[p] === EMPTY && p !== except) count++;
    }
    return count;
  }
}
