/**
 * Reads games from SGF files: single ones, files of several games, and collections of one game a line, gzipped or not. A game
 * that is broken is named and left out; the others are read.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import sgf from "@sabaki/sgf";
import { DataError, FileError } from "../errors.js";
import { readWholeFile, whyUnreadable } from "../formats/read-node.js";
import type { GameRecord } from "./record.js";
import { gameFromSgf } from "./sgf.js";

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

export async function readGameTexts(file: string): Promise<GameTexts> {
  const bytes = await readWholeFile(file);
  let plain: Uint8Array = bytes;
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      plain = gunzipSync(bytes);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new FileError(`${file}: is not a whole gzip file: ${why}`, { cause: error });
    }
  }
  const text = decodeText(plain);
  const rows = text.split(/\r?\n/);
  const filled = rows.filter((row) => row.trim() !== "");
  // In a collection a broken line shall cost one game: nearly all lines look like games.
  const isGame = (row: string) => /^\s*\(\s*;/.test(row);
  const lines = filled.length > 1 && filled.filter(isGame).length > 0.9 * filled.length;
  return { file, texts: lines ? rows : [text], lines };
}

/** The games of a file, in order. Empty lines are passed over. */
export function* parseGameTexts({ file, texts, lines }: GameTexts): Generator<ReadGame, void, void> {
  for (const [i, text] of texts.entries()) {
    if (text.trim() === "") {
      if (!lines) yield { name: file, game: new DataError("the file is empty") };
      continue;
    }
    const name = lines ? `${file}:${i + 1}` : file;
    yield* parseGames(text, name);
  }
}

function* parseGames(text: string, name: string): Generator<ReadGame, void, void> {
  let trees: ReturnType<typeof sgf.parse>;
  try {
    trees = sgf.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^U/, "u") : String(error);
    yield { name, game: new DataError(`is not SGF: ${why}`) };
    return;
  }
  if (!/^\s*\(/.test(text.replace(/^\uFEFF/, "")) || trees.length === 0) {
    yield { name, game: new DataError("is not SGF: a game begins with (;") };
    return;
  }
  if (!/\)\s*$/.test(text)) {
    yield { name, game: new DataError("is cut short: a game ends with )") };
    return;
  }
  for (const [n, tree] of trees.entries()) {
    const place = trees.length > 1 ? `${name} game ${n + 1}` : name;
    let game: GameRecord | DataError;
    try {
      game = gameFromSgf(tree);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      game = error;
    }
    yield { name: place, game };
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

/** UTF-8, or what the file says (CA), or UTF-16 with a mark: in some Asian encodings a letter may hold a bracket's byte. */
function decodeText(bytes: Uint8Array): string {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 1000));
  const said = /CA\[([^\]]*)\]/.exec(head)?.[1]?.trim();
  const marked =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? "utf-16le"
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? "utf-16be"
        : undefined;
  try {
    return new TextDecoder(marked ?? said ?? "utf-8").decode(bytes);
  } catch {
    // An encoding that nobody knows.
    return new TextDecoder("utf-8").decode(bytes);
  }
}
