/** Games from SGF (FF[1] to FF[4]): the properties of a main line's nodes as a game. And games as SGF. */
import { DataError } from "../../base/errors.js";
import type { Board } from "../board/board.js";
import type { Move } from "../board/game.js";
import { BLACK, type Colour, EMPTY, LARGEST_BOARD, PASS, WHITE } from "../board/geometry.js";
import { type GameRecord, parseRank, parseResult, playRecorded, startOf } from "./record.js";
import type { SgfNode } from "./scanner.js";

/** What a game is and was: the first node that says it counts. */
const FACTS = ["GM", "SZ", "KM", "HA", "RE", "BR", "WR", "RU", "PL"];
const SETUP = [
  ["AB", BLACK],
  ["AW", WHITE],
  ["AE", EMPTY],
] as const;
const MOVES = [
  ["B", BLACK],
  ["W", WHITE],
] as const;

/** The properties that are read. */
export const SGF_PROPERTIES: ReadonlySet<string> = new Set([...FACTS, ...[...SETUP, ...MOVES].map(([name]) => name)]);

const letters = "abcdefghijklmnopqrstuvwxy";

/** Longer texts are nobody's rank or result. */
const LONGEST_FACT = 200;

/**
 * The game of a main line, its rules checked: every move is legal.
 * @throws DataError saying which node or move is wrong, and why.
 */
export function gameFromNodes(nodes: Iterable<SgfNode>): GameRecord {
  const reader = new GameReader();
  for (const node of nodes) reader.read(node);
  return reader.finish();
}

class GameReader {
  readonly #facts = new Map<string, string>();
  readonly #setup = new Map<number, Colour>();
  readonly #moves: Move[] = [];
  /** Of the node that is read, from 1 on. */
  #node = 0;
  /** From the first point on that is named. */
  #size: number | undefined;
  /** From the first move on. */
  #board: Board | undefined;
  /** A game of millions of passes has few different moves. */
  readonly #known = new Map<number, Move>();

  read(node: SgfNode): void {
    this.#node++;
    if (node.size === 0) return;
    for (const name of FACTS) {
      const text = node.get(name)?.[0];
      if (text === undefined) continue;
      if (!this.#facts.has(name)) this.#learn(name, text.slice(0, LONGEST_FACT));
      else if (name === "SZ" && sizeOf(text) !== this.#sizeNow()) {
        throw new DataError(`${this.#where}: SZ[${shown(text)}] changes the board's size`);
      }
    }
    this.#setUp(node);
    this.#play(node);
  }

  finish(): GameRecord {
    const fact = (name: string) => this.#facts.get(name) ?? "";
    const handicap = Number(/^\s*(\d{1,3})/.exec(fact("HA"))?.[1] ?? 0);
    const toPlay = /^\s*[b1]/i.test(fact("PL")) ? BLACK : /^\s*[w2]/i.test(fact("PL")) ? WHITE : undefined;
    const record: GameRecord = {
      ...this.#start(),
      moves: this.#moves,
      handicap,
      komi: komiOf(fact("KM")),
      result: parseResult(fact("RE")),
      blackRank: parseRank(fact("BR")),
      whiteRank: parseRank(fact("WR")),
      ...(toPlay === undefined ? {} : { toPlay }),
    };
    // Stones that were set up and not played on are looked at here.
    if (this.#board === undefined && this.#setup.size > 0) startOf(record);
    return record;
  }

  get #where(): string {
    return `node ${this.#node}`;
  }

  #learn(name: string, text: string): void {
    if (name === "GM" && !/^\s*(0*1|go)?\s*$/i.test(text)) {
      throw new DataError(`GM[${shown(text)}]: it is not a game of Go`);
    }
    if (name === "SZ") {
      const size = sizeOf(text);
      if (this.#size !== undefined && size !== this.#size) {
        throw new DataError(`${this.#where}: SZ[${shown(text)}] stands behind the first stone`);
      }
      this.#size = size;
    }
    this.#facts.set(name, text);
  }

  #sizeNow(): number {
    this.#size ??= 19;
    return this.#size;
  }

  #start(): Pick<GameRecord, "size" | "setup" | "rules"> {
    const setup = Array.from(this.#setup, ([vertex, colour]) => this.#moveOf(colour, vertex));
    return { size: this.#sizeNow(), setup, rules: this.#facts.get("RU") ?? "" };
  }

  #moveOf(colour: Colour, vertex: number): Move {
    const key = 2 * vertex + colour;
    let move = this.#known.get(key);
    if (move === undefined) {
      move = { colour, vertex };
      this.#known.set(key, move);
    }
    return move;
  }

  /** Stones of a position that was not played. Behind the first move only what changes nothing is read. */
  #setUp(node: SgfNode): void {
    let points: Map<number, number> | undefined;
    let listed = 0;
    for (const [name, colour] of SETUP) {
      for (const text of node.get(name) ?? []) {
        if (text.trim() === "") continue;
        const size = this.#sizeNow();
        points ??= new Map();
        for (const vertex of pointsOf(text, size, `${this.#where}: ${name}`)) {
          const before = points.get(vertex) ?? colour;
          if (before !== colour)
            throw new DataError(`${this.#where}: ${name}[${shown(text)}]: there is a stone already`);
          points.set(vertex, colour);
          this.#checkUnchanged(name, text, vertex, colour);
        }
        listed += points.size;
        if (listed > 100 * size * size) throw new DataError(`${this.#where}: ${name} names the same points many times`);
      }
    }
    if (this.#board !== undefined || points === undefined) return;
    for (const [vertex, colour] of points) {
      if (colour === EMPTY) this.#setup.delete(vertex);
      else if (this.#setup.get(vertex) !== colour) {
        this.#setup.delete(vertex);
        this.#setup.set(vertex, colour as Colour);
      }
    }
  }

  #checkUnchanged(name: string, text: string, vertex: number, colour: number): void {
    if (this.#board === undefined || this.#board.at(vertex) === colour) return;
    const what = colour === EMPTY ? "takes a stone away" : "sets up a stone";
    throw new DataError(`${this.#where}: ${name}[${shown(text)}] ${what} after move ${this.#moves.length}`);
  }

  #play(node: SgfNode): void {
    let played: Move | undefined;
    for (const [name, colour] of MOVES) {
      for (const text of node.get(name) ?? []) {
        if (played !== undefined) throw this.#severalMoves(node);
        played = this.#moveOf(colour, vertexOf(text, this.#sizeNow(), `${this.#where}: ${name}`));
      }
    }
    if (played === undefined) return;
    this.#board ??= startOf(this.#start());
    this.#moves.push(played);
    playRecorded(this.#board, played, this.#moves.length);
  }

  #severalMoves(node: SgfNode): DataError {
    const all = MOVES.flatMap(([name]) => (node.get(name) ?? []).map((text) => `${name}[${shown(text)}]`));
    const some = all.length > 4 ? `${all.slice(0, 4).join("")}...` : all.join("");
    return new DataError(`${this.#where}: has ${all.length} moves (${some})`);
  }
}

const shown = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}...` : text);

function sizeOf(text: string): number {
  const [, digits] = /^\s*(\d{1,3})(?:\s*[:x]\s*\1)?\s*$/i.exec(text === "" ? "19" : text) ?? [];
  const size = Number(digits);
  if (digits !== undefined && size >= 1 && size <= LARGEST_BOARD) return size;
  throw new DataError(`SZ[${shown(text)}]: expected a square board of 1 to ${LARGEST_BOARD}`);
}

/** `6.5`, also `6,5` and `6.5 points`. */
function komiOf(text: string): number {
  if (text.trim() === "") return 0;
  const [, number] = /^\s*([+-]?(?:\d{1,9}(?:[.,]\d{0,9})?|[.,]\d{1,9}))(?![\d.,])/.exec(text) ?? [];
  if (number === undefined) throw new DataError(`KM[${shown(text)}]: expected a number of points`);
  return Number(number.replace(",", "."));
}

/** Passes are written as nothing, and on boards up to 19x19 also as `tt`. */
function vertexOf(text: string, size: number, where: string): number {
  const name = text.trim().length === 2 ? text.trim() : text.slice(0, LONGEST_FACT).replace(/\s+/g, "");
  if (name === "" || (name === "tt" && size <= 19)) return PASS;
  const [x, y] = [letters.indexOf(name[0]!), letters.indexOf(name[1] ?? " ")];
  if (name.length !== 2 || x < 0 || y < 0 || x >= size || y >= size) {
    throw new DataError(`${where}[${shown(text)}]: expected two letters of a point on a ${size}x${size} board`);
  }
  return y * size + x;
}

/** A point, or all of a rectangle `aa:cc`. */
function pointsOf(text: string, size: number, where: string): number[] {
  const ends = text.slice(0, LONGEST_FACT).split(":");
  const corners = ends.map((corner) => vertexOf(corner, size, where));
  const [from, to = from] = corners;
  if (from === undefined || to === undefined || from === PASS || to === PASS || corners.length > 2) {
    throw new DataError(`${where}[${shown(text)}]: expected a point, or two corners of a rectangle`);
  }
  const [x0, x1] = [from % size, to % size].sort((a, b) => a - b) as [number, number];
  const [y0, y1] = [Math.floor(from / size), Math.floor(to / size)].sort((a, b) => a - b) as [number, number];
  const points: number[] = [];
  for (let y = y0; y <= y1; y++) for (let x = x0; x <= x1; x++) points.push(y * size + x);
  return points;
}

export interface SgfFacts {
  readonly size: number;
  readonly komi: number;
  readonly setup?: readonly Move[];
  readonly moves: readonly Move[];
  readonly black: string;
  readonly white: string;
  readonly result: string;
  readonly rules?: string;
  readonly comment?: string;
}
/** A game as SGF, one line. */
export function sgfText(facts: SgfFacts): string {
  const escaped = (text: string) => text.replace(/[\\\]]/g, "\\$&");
  const point = (vertex: number) =>
    vertex === PASS ? "" : `${letters[vertex % facts.size]}${letters[Math.floor(vertex / facts.size)]}`;
  const stones = (colour: Colour) => (facts.setup ?? []).filter((stone) => stone.colour === colour);
  const setup = [BLACK, WHITE].map((colour) => {
    const list = stones(colour as Colour).map(({ vertex }) => `[${point(vertex)}]`);
    return list.length === 0 ? "" : `${colour === BLACK ? "AB" : "AW"}${list.join("")}`;
  });
  const root = [
    "GM[1]FF[4]CA[UTF-8]",
    `SZ[${facts.size}]KM[${facts.komi}]`,
    facts.rules === undefined ? "" : `RU[${escaped(facts.rules)}]`,
    `PB[${escaped(facts.black)}]PW[${escaped(facts.white)}]RE[${escaped(facts.result)}]`,
    facts.comment === undefined || facts.comment === "" ? "" : `C[${escaped(facts.comment)}]`,
    ...setup,
  ].join("");
  const moves = facts.moves.map(({ colour, vertex }) => `;${colour === BLACK ? "B" : "W"}[${point(vertex)}]`);
  return `(;${root}${moves.join("")})`;
}
