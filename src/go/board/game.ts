/**
 * A game under its rules: whose turn it is, the moves, positions that may not come back, and undo. The board beneath
 * knows simple ko; positional super-ko is held here, by the keys of all positions since the start.
 */

import { DataError } from "../../base/errors.js";
import { Board } from "./board.js";
import { BLACK, type Colour, colourName, opponentOf, PASS, vertexName } from "./geometry.js";
import { firstToPlay } from "./handicap.js";

/** A move. */
export interface Move {
  /** The colour that plays it. */
  readonly colour: Colour;
  /** A vertex, or PASS. */
  readonly vertex: number;
}

export interface Rules {
  /** `positional`: no position may come back; `simple`: only the last capture may not be undone at once. */
  readonly ko: "simple" | "positional";
  readonly suicide: boolean;
}

/** Chinese rules as engines play them: area scoring, positional super-ko, no suicide. */
export const CHINESE: Rules = { ko: "positional", suicide: false };
/** Tromp and Taylor's rules: the same, and suicide is a move. */
export const TROMP_TAYLOR: Rules = { ko: "positional", suicide: true };
/** What games played under any rules keep to. */
export const SIMPLE_KO: Rules = { ko: "simple", suicide: false };

export class Game {
  readonly rules: Rules;
  readonly board: Board;
  komi = 0;
  #moves: Move[] = [];
  #handicap: number[] = [];
  #marks: number[] = [];
  #keys: number[] = [];
  #positions = new Set<number>();
  #toPlay: Colour = BLACK;

  constructor(size: number, rules: Rules = CHINESE) {
    this.rules = rules;
    this.board = new Board(size, { suicide: rules.suicide });
    this.#remember();
  }

  get size(): number {
    return this.board.size;
  }
  get moves(): readonly Move[] {
    return this.#moves;
  }
  /** The vertices of handicap stones. */
  get handicap(): readonly number[] {
    return this.#handicap;
  }
  /** Whose turn it is: the other's than the last mover's. */
  get toPlay(): Colour {
    return this.#toPlay;
  }
  set toPlay(colour: Colour) {
    this.#toPlay = colour;
  }

  /** Passes in a row at the end. */
  get passes(): number {
    let count = 0;
    while (this.#moves.at(-1 - count)?.vertex === PASS) count++;
    return count;
  }

  /** Why a move is not legal, in words; undefined where it is. */
  whyIllegal(colour: Colour, vertex: number): string | undefined {
    const why = this.board.whyIllegal(colour, vertex);
    if (why !== undefined || this.rules.ko === "simple" || !this.repeats(colour, vertex)) return why;
    return "it repeats an earlier position (super-ko)";
  }

  /** Whether a move that the board allows would bring an earlier position back. */
  repeats(colour: Colour, vertex: number): boolean {
    if (vertex === PASS) return false;
    return this.#positions.has(this.board.keyAfter(colour, this.board.geometry.pointOf[vertex]!));
  }

  isLegal(colour: Colour, vertex: number): boolean {
    return this.whyIllegal(colour, vertex) === undefined;
  }

  /** @throws DataError where the move is not legal. */
  play(colour: Colour, vertex: number): void {
    this.#play(colour, vertex, this.whyIllegal(colour, vertex));
  }

  /**
   * Plays a move of a game that was played under other rules: it may bring an earlier position back.
   * @throws DataError where the board does not allow the move.
   */
  replay(colour: Colour, vertex: number): void {
    this.#play(colour, vertex, this.board.whyIllegal(colour, vertex));
  }

  #play(colour: Colour, vertex: number, why: string | undefined): void {
    if (why !== undefined) {
      throw new DataError(`${colourName(colour)} ${this.#nameOf(vertex)} is not legal: ${why}`);
    }
    this.#marks.push(this.board.mark());
    this.board.play(colour, vertex);
    this.#moves.push({ colour, vertex });
    this.#toPlay = opponentOf(colour);
    this.#remember();
  }

  /** Takes the last move back; false where there is none. */
  undo(): boolean {
    const move = this.#moves.pop();
    if (move === undefined) return false;
    this.board.undoTo(this.#marks.pop()!);
    this.#keys.pop();
    this.#positions = new Set(this.#keys);
    this.#toPlay = move.colour;
    return true;
  }

  /**
   * Puts handicap stones of Black on a board without moves; White is then to play.
   * @throws DataError where the board is not empty, or a vertex is taken or no vertex; the board is then as it was.
   */
  placeHandicap(vertices: readonly number[]): void {
    if (this.board.key !== 0 || this.#moves.length > 0) throw new DataError("handicap stones: the board is not empty");
    this.setUp(vertices.map((vertex) => ({ colour: BLACK, vertex })));
    this.callHandicap(vertices);
  }

  /** Says which stones of a position are handicap; White is then to play. */
  callHandicap(vertices: readonly number[]): void {
    this.#handicap = [...vertices];
    this.#toPlay = firstToPlay(vertices.length);
  }

  /** Puts the stones of a position before the first move; all of them or none. */
  setUp(stones: readonly Move[]): void {
    if (this.#moves.length > 0) throw new DataError("setup stones: there are moves already; clear the board first");
    const mark = this.board.mark();
    try {
      for (const { colour, vertex } of stones) this.board.setUp(colour, vertex);
    } catch (error) {
      this.board.undoTo(mark);
      throw error;
    }
    this.#keys = [];
    this.#remember();
    this.#positions = new Set(this.#keys);
  }

  #remember(): void {
    const { key } = this.board;
    this.#keys.push(key);
    this.#positions.add(key);
  }

  #nameOf(vertex: number): string {
    const known = vertex === PASS || (vertex >= 0 && vertex < this.board.geometry.area);
    return known ? vertexName(vertex, this.size) : String(vertex);
  }
}
