/** Games from SGF (FF[4]): the main line of a tree of nodes, whose properties are lists of texts. */
import { DataError } from "../errors.js";
import type { Move } from "./game.js";
import { BLACK, type Colour, LARGEST_BOARD, PASS, WHITE } from "./geometry.js";
import { checkGame, type GameRecord, parseRank, parseResult } from "./record.js";

/** What a parser of SGF makes of a game; the first child goes on with the main line. */
export interface SgfNode {
  readonly data: Readonly<Record<string, readonly string[]>>;
  readonly children: readonly SgfNode[];
}

const MOVES: readonly (readonly [string, Colour])[] = [
  ["B", BLACK],
  ["W", WHITE],
];

const letters = "abcdefghijklmnopqrstuvwxy";

/**
 * The game of a tree, its rules checked: every move is legal.
 * @throws DataError saying which node or move is wrong, and why.
 */
export function gameFromSgf(root: SgfNode): GameRecord {
  const first = (name: string) => root.data[name]?.[0] ?? "";
  const kind = first("GM");
  if (kind !== "" && kind.trim() !== "1") throw new DataError(`GM[${kind}]: it is not a game of Go`);
  const size = sizeOf(first("SZ"));
  const setup: Move[] = [];
  const moves: Move[] = [];
  for (let node: SgfNode | undefined = root, number = 1; node !== undefined; node = node.children[0], number++) {
    readNode(node, `node ${number}`, size, setup, moves);
  }
  const komi = Number(first("KM"));
  const handicap = Number(first("HA"));
  const record: GameRecord = {
    size,
    setup,
    moves,
    handicap: Number.isInteger(handicap) && handicap > 0 ? handicap : 0,
    komi: Number.isFinite(komi) ? komi : 0,
    result: parseResult(first("RE")),
    blackRank: parseRank(first("BR")),
    whiteRank: parseRank(first("WR")),
    rules: first("RU"),
  };
  checkGame(record);
  return record;
}

function sizeOf(text: string): number {
  const [, digits] = /^\s*(\d{1,2})(?::\1)?\s*$/.exec(text === "" ? "19" : text) ?? [];
  const size = Number(digits);
  if (digits !== undefined && size >= 1 && size <= LARGEST_BOARD) return size;
  throw new DataError(`SZ[${text}]: expected a square board of 1 to ${LARGEST_BOARD}`);
}

function readNode({ data }: SgfNode, where: string, size: number, setup: Move[], moves: Move[]): void {
  for (const [name, colour] of [
    ["AB", BLACK],
    ["AW", WHITE],
  ] as const) {
    for (const text of data[name] ?? []) {
      if (moves.length > 0)
        throw new DataError(`${where}: ${name}[${text}] sets up a stone after move ${moves.length}`);
      for (const vertex of pointsOf(text, size, `${where}: ${name}`)) {
        if (setup.some((stone) => stone.vertex === vertex)) {
          throw new DataError(`${where}: ${name}[${text}]: there is a stone already`);
        }
        setup.push({ colour, vertex });
      }
    }
  }
  if (data["AE"] !== undefined) throw new DataError(`${where}: AE takes stones away without a move`);
  const played = MOVES.flatMap(([name, colour]) => (data[name] ?? []).map((text) => ({ name, colour, text })));
  if (played.length > 1) {
    throw new DataError(`${where}: has ${played.length} moves (${played.map((m) => `${m.name}[${m.text}]`).join("")})`);
  }
  for (const { name, colour, text } of played)
    moves.push({ colour, vertex: vertexOf(text, size, `${where}: ${name}`) });
}

/** Passes are written as nothing, and on boards up to 19x19 also as `tt`. */
function vertexOf(text: string, size: number, where: string): number {
  if (text === "" || (text === "tt" && size <= 19)) return PASS;
  const [x, y] = [letters.indexOf(text[0]!), letters.indexOf(text[1] ?? " ")];
  if (text.length !== 2 || x < 0 || y < 0 || x >= size || y >= size) {
    throw new DataError(`${where}[${text}]: expected two letters of a point on a ${size}x${size} board`);
  }
  return y * size + x;
}

/** A point, or all of a rectangle `aa:cc`. */
function pointsOf(text: string, size: number, where: string): number[] {
  const corners = text.split(":").map((corner) => vertexOf(corner, size, where));
  const [from, to = from] = corners;
  if (from === undefined || to === undefined || from === PASS || to === PASS || corners.length > 2) {
    throw new DataError(`${where}[${text}]: expected a point, or two corners of a rectangle`);
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
