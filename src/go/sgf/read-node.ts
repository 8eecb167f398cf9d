/**
 * Reads games from SGF files: single ones, files of several games, and collections of one game a line, gzipped or not.
 * A game that is broken is named and left out; the others are read.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { DataError, FileError } from "../../base/errors.js";
import { readWholeFile, whyUnreadable } from "../../host/read-node.js";
import { decodeSgf, withByteLines } from "./encoding.js";
import type { GameRecord } from "./record.js";
import { CLOSE, ESCAPE, NODE, OPEN, SgfScanner, VALUE, VALUE_END } from "./scanner.js";
import { gameFromNodes, SGF_PROPERTIES } from "./sgf.js";

export interface ReadGame {
  /** The file, and the line or the number in it where it holds several. */
  readonly name: string;
  /** Or why there is none. */
  readonly game: GameRecord | DataError;
}

/** The SGF files that paths name: files as they are, of folders all in them and below, in order of their names. */
export async function findGameFiles(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    let isFolder: boolean;
    try {
      isFolder = (await stat(path)).isDirectory();
    } catch (error) {
      throw new FileError(`${path}: ${whyUnreadable(error)}`, { cause: error });
    }
    if (!isFolder) {
      found.push(path);
      continue;
    }
    const inside = (await readdir(path, { recursive: true })).filter((name) => /\.sgf(\.gz)?$/i.test(name)).sort();
    if (inside.length === 0) throw new FileError(`${path}: holds no .sgf or .sgf.gz files`);
    found.push(...inside.map((name) => join(path, name)));
  }
  return found;
}

/** The pieces of a file that are parsed alone: its lines where each holds a game, else all of it. */
export interface GameTexts {
  readonly file: string;
  readonly texts: readonly string[];
  /** Whether a text is a line. */
  readonly lines: boolean;
}

/** @throws FileError where the file is not read, or holds more text than a file of games has. */
export async function readGameTexts(file: string): Promise<GameTexts> {
  const packed = await readWholeFile(file);
  const bytes = withByteLines(packed[0] === 0x1f && packed[1] === 0x8b ? inflate(packed, file) : packed);
  if (bytes.length > MOST_TEXT) throw tooLarge(file, MOST_TEXT);
  if (!holdsGamesInLines(bytes)) return { file, texts: [decodeSgf(bytes)], lines: false };
  return { file, texts: Array.from(rowsOf(bytes), ([from, to]) => decodeSgf(bytes.subarray(from, to))), lines: true };
}

const MIB = 2 ** 20;
/** Bytes of a file; an engine's texts have at most 2^29 letters. */
const MOST_TEXT = 511 * MIB;
/** Games are packed to a fifth at best: more than this many times a file's bytes are no games, but for small files. */
const MOST_INFLATION = 40;
const ALWAYS_INFLATED = 64 * MIB;

function inflate(packed: Uint8Array, file: string): Uint8Array {
  const most = Math.min(MOST_TEXT, Math.max(ALWAYS_INFLATED, MOST_INFLATION * packed.length));
  try {
    return gunzipSync(packed, { maxOutputLength: most });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(file, most);
    const why = error instanceof Error ? error.message : String(error);
    throw new FileError(`${file}: is not a whole gzip file: ${why}`, { cause: error });
  }
}

const tooLarge = (file: string, most: number) =>
  new FileError(`${file}: holds more than ${Math.floor(most / MIB)} MiB of text; split it into smaller files`);

const LINE_END = 10;
/** More lines than this are not taken apart: their texts would take many times the file. */
const MOST_LINES = 2 ** 20;

function* rowsOf(bytes: Uint8Array): Generator<readonly [from: number, to: number], void, void> {
  for (let from = 0; from <= bytes.length; ) {
    const found = bytes.indexOf(LINE_END, from);
    const to = found < 0 ? bytes.length : found;
    yield [from, to];
    from = to + 1;
  }
}

/**
 * Whether a file has a game in nearly every line, so that a broken line costs one game. A game whose variations have
 * lines of their own is none: its first line is no game, though all lines together are.
 */
function holdsGamesInLines(bytes: Uint8Array): boolean {
  let [filled, whole, depth] = [0, 0, 0];
  let firstIsWhole = false;
  for (const [from, to] of rowsOf(bytes)) {
    const row = lookAtRow(bytes, from, to);
    if (row === undefined) continue;
    filled++;
    if (row.isGame) whole++;
    if (filled === 1) firstIsWhole = row.isGame;
    depth += row.opened;
  }
  return filled > 1 && filled <= MOST_LINES && whole > 0.9 * filled && (firstIsWhole || depth !== 0);
}

/** Whether a row is a game by itself, and how many parentheses it leaves open; undefined for an empty one. */
function lookAtRow(bytes: Uint8Array, from: number, to: number): { isGame: boolean; opened: number } | undefined {
  let [first, second] = [0, 0];
  let opened = 0;
  let inValue = false;
  for (let at = from; at < to; at++) {
    const code = bytes[at]!;
    if (code <= 0x20) continue;
    if (first === 0) first = code;
    else if (second === 0) second = code;
    if (inValue) {
      if (code === ESCAPE) at++;
      else if (code === VALUE_END) inValue = false;
    } else if (code === VALUE) inValue = true;
    else if (code === OPEN) opened++;
    else if (code === CLOSE) opened--;
  }
  const isGame = first === OPEN && second === NODE && opened === 0 && !inValue;
  return first === 0 ? undefined : { isGame, opened };
}

/** The games of a file, in order. Empty lines are passed over. */
export function* parseGameTexts({ file, texts, lines }: GameTexts): Generator<ReadGame, void, void> {
  for (const [i, text] of texts.entries()) {
    const isEmpty = text.length < 1000 && text.trim() === "";
    if (!isEmpty) yield* parseGames(text, lines ? `${file}:${i + 1}` : file);
    else if (!lines) yield { name: file, game: new DataError("the file is empty") };
  }
}

function* parseGames(text: string, name: string): Generator<ReadGame, void, void> {
  const scanner = new SgfScanner(text, SGF_PROPERTIES);
  let more = scanner.nextGame();
  if (!more) yield { name, game: new DataError("is not SGF: a game begins with (;") };
  for (let n = 1; more; n++) {
    const game = readMainLine(scanner);
    more = scanner.nextGame();
    yield { name: n > 1 || more ? `${name} game ${n}` : name, game };
  }
}

function readMainLine(scanner: SgfScanner): GameRecord | DataError {
  try {
    return gameFromNodes(scanner.mainLine());
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
}

/**
 * The one game of a file, or its first.
 * @throws FileError naming the file where it is not read or the game is broken.
 */
export async function readGame(file: string): Promise<GameRecord> {
  for (const { name, game } of parseGameTexts(await readGameTexts(file))) {
    if (game instanceof DataError) throw new FileError(`${name}: ${game.message}`, { cause: game });
    return game;
  }
  throw new FileError(`${file}: holds no game`);
}
