/**
 * Many games in few bytes, from which training positions are replayed: a move takes two. All numbers are little-endian.
 *
 *     "FOVEAGO1"   8 bytes
 *     u32          length of the description, games, 16-bit words of moves, check sum of all behind these 24 bytes
 *     JSON         the description, spaces behind it up to a multiple of 8
 *     records      32 bytes a game, see RECORD
 *     words        of each game its setup stones, then its moves: colour - 1 in the highest bit, the vertex, or 0x3ff
 * for a pass
 *
 * The check sum and the length tell a file that was cut short. Neither says that the content makes sense: what is read
 * is checked.
 */
import { DataError, FileError } from "../../base/errors.js";
import type { Move } from "../board/game.js";
import { BLACK, type Colour, LARGEST_BOARD, PASS, WHITE } from "../board/geometry.js";
import { type GameRecord, type GameResult, gameHash, playRecorded, startOf } from "../sgf/record.js";

const MAGIC = "FOVEAGO1";
const HEAD = 24;
const RECORD = 32;
const PASS_CODE = 0x3ff;
/** Of a word of a move, all but the colour. */
const CODE_BITS = 0x7fff;

/** A game is a test game where its hash (record.ts) is a multiple of this: about 2 of 100. */
export const TEST_EVERY = 50;

export const isTestGame = (hash: number): boolean => hash % TEST_EVERY === 0;

/** The content of a store of games. */
export interface StoreDescription {
  /** All games are of this size. */
  readonly size: number;
  /** The files they came from, by name. */
  readonly sources: readonly string[];
  /** Rules by name; a game's record holds a number of this list. */
  readonly rules: readonly string[];
  /** Which games are for tests, in words. */
  readonly split: string;
  /** Games left out, and why. */
  readonly skipped: Readonly<Record<string, number>>;
}

const RESULTS: readonly GameResult["winner"][] = [undefined, BLACK, WHITE, "draw"];

/** Gathers games into a store. */
export class StoreBuilder {
  readonly #size: number;
  readonly #sources: string[] = [];
  readonly #rules: string[] = [];
  readonly #records: number[][] = [];
  readonly #skipped: Record<string, number> = {};
  readonly #known = new Map<number, number[]>();
  #words = new Uint16Array(1 << 16);
  #length = 0;

  constructor(size: number) {
    this.#size = size;
  }

  get games(): number {
    return this.#records.length;
  }

  /** Notes that a game was left out. */
  skip(why: string): void {
    this.#skipped[why] = (this.#skipped[why] ?? 0) + 1;
  }

  get skipped(): Readonly<Record<string, number>> {
    return this.#skipped;
  }

  /** Takes a game, or says why it is left out: another size, no moves, or there already. */
  add(game: GameRecord, source: string): string | undefined {
    const why = this.#whyNot(game);
    if (why !== undefined) {
      this.skip(why.kind);
      return why.text;
    }
    const hash = gameHash(game);
    const start = this.#length;
    for (const move of [...game.setup, ...game.moves]) this.#write(move);
    const twin = this.#known.get(hash)?.find((n) => this.#same(n, start));
    if (twin !== undefined) {
      this.#length = start;
      this.skip("twice");
      return `is the same as game ${twin + 1}`;
    }
    this.#known.set(hash, [...(this.#known.get(hash) ?? []), this.#records.length]);
    const { winner, margin } = game.result;
    this.#records.push([
      start,
      hash,
      numberIn(this.#sources, source),
      game.setup.length,
      game.moves.length,
      Math.round(4 * clamp(game.komi)),
      margin === undefined ? -32768 : Math.round(4 * clamp(margin)),
      RESULTS.indexOf(winner),
      Math.min(255, game.handicap),
      game.blackRank,
      game.whiteRank,
      numberIn(this.#rules, game.rules),
    ]);
    return undefined;
  }

  #whyNot(game: GameRecord): { readonly kind: string; readonly text: string } | undefined {
    if (game.size !== this.#size) {
      const text = `is played on ${game.size}x${game.size}, expected ${this.#size}x${this.#size}`;
      return { kind: "other sizes", text };
    }
    if (game.moves.every(({ vertex }) => vertex === PASS)) return { kind: "without moves", text: "has no moves" };
    return game.moves.length > 0xffff ? { kind: "too long", text: "has more than 65,535 moves" } : undefined;
  }

  #write({ colour, vertex }: Move): void {
    if (this.#length === this.#words.length) {
      const larger = new Uint16Array(2 * this.#length);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[this.#length++] = ((colour - 1) << 15) | (vertex === PASS ? PASS_CODE : vertex);
  }

  /** Whether a game has the words that stand from `start` on. */
  #same(game: number, start: number): boolean {
    const [from, , , setup, moves] = this.#records[game] as [number, number, number, number, number];
    if (setup + moves !== this.#length - start) return false;
    for (let i = 0; i < setup + moves; i++) if (this.#words[from + i] !== this.#words[start + i]) return false;
    return true;
  }

  /** The file's bytes. @throws DataError where there are no games. */
  finish(): Uint8Array {
    if (this.games === 0) {
      const why = Object.entries(this.#skipped).map(([kind, n]) => `${n} ${kind}`);
      throw new DataError(`there is no game to keep${why.length > 0 ? ` (left out: ${why.join(", ")})` : ""}`);
    }
    const description: StoreDescription = {
      size: this.#size,
      sources: this.#sources,
      rules: this.#rules,
      split: `a game is a test game where its hash is a multiple of ${TEST_EVERY}`,
      skipped: this.#skipped,
    };
    const plain = new TextEncoder().encode(JSON.stringify(description));
    const length = Math.ceil(plain.length / 8) * 8;
    const bytes = new Uint8Array(HEAD + length + this.games * RECORD + 2 * this.#length);
    const view = new DataView(bytes.buffer);
    bytes.set(new TextEncoder().encode(MAGIC));
    bytes.fill(0x20, HEAD, HEAD + length).set(plain, HEAD);
    for (const [n, record] of this.#records.entries()) writeRecord(view, HEAD + length + n * RECORD, record);
    const words = HEAD + length + this.games * RECORD;
    for (let i = 0; i < this.#length; i++) view.setUint16(words + 2 * i, this.#words[i]!, true);
    view.setUint32(8, length, true);
    view.setUint32(12, this.games, true);
    view.setUint32(16, this.#length, true);
    view.setUint32(20, checkSum(bytes), true);
    return bytes;
  }
}

function writeRecord(view: DataView, at: number, record: readonly number[]): void {
  const [start, hash, source, setup, moves, komi, margin, result, handicap, black, white, rules] = record as number[];
  view.setUint32(at, start!, true);
  view.setUint32(at + 4, hash!, true);
  view.setUint32(at + 8, source!, true);
  view.setUint16(at + 12, setup!, true);
  view.setUint16(at + 14, moves!, true);
  view.setInt16(at + 16, komi!, true);
  view.setInt16(at + 18, margin!, true);
  view.setUint8(at + 20, result!);
  view.setUint8(at + 21, handicap!);
  view.setInt8(at + 22, black!);
  view.setInt8(at + 23, white!);
  view.setUint8(at + 24, Math.min(255, rules!));
}

const clamp = (points: number) => Math.max(-8000, Math.min(8000, points));

function numberIn(list: string[], text: string): number {
  const found = list.lastIndexOf(text);
  return found >= 0 ? found : list.push(text) - 1;
}

/** FNV-1a over all bytes behind the head. */
function checkSum(bytes: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (let i = HEAD; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i]!, 0x01000193);
  return sum >>> 0;
}

/** @throws FileError where it is not the description of a store. */
function describe(bytes: Uint8Array, name: string): StoreDescription {
  const bad = (why: string, cause?: unknown) =>
    new FileError(`${name}: its description is damaged: ${why}; make it again`, { cause });
  let found: Partial<Record<keyof StoreDescription, unknown>> | null;
  try {
    found = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw bad("it is not JSON", error);
  }
  const { size, sources, rules, split, skipped } = found ?? {};
  const areTexts = (list: unknown) => Array.isArray(list) && list.every((text) => typeof text === "string");
  if (!Number.isInteger(size) || (size as number) < 1 || (size as number) > LARGEST_BOARD) {
    throw bad(`expected a size from 1 to ${LARGEST_BOARD}`);
  }
  if (!areTexts(sources) || !areTexts(rules)) throw bad("expected lists of names for sources and rules");
  const counts = typeof skipped === "object" && skipped !== null ? Object.values(skipped) : [undefined];
  if (typeof split !== "string" || !counts.every(Number.isFinite)) throw bad("expected split and skipped");
  return found as StoreDescription;
}

/** A store that was read: games by number. Its bytes may be shared between threads. */
export class GameStore {
  /** The content of the store. */
  readonly description: StoreDescription;
  /** Games. */
  readonly games: number;
  /** The bytes of its file. */
  readonly bytes: Uint8Array;
  /** The name by which errors call the file. */
  readonly name: string;
  readonly #view: DataView;
  readonly #records: number;
  readonly #words: number;

  /**
   * @param name what errors call the file.
   * @param check whether to read all of it once, to see that it is whole.
   * @throws FileError where it is no store, not a whole one, or its parts do not fit together.
   */
  constructor(bytes: Uint8Array, name: string, check = true) {
    this.bytes = bytes;
    this.name = name;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const magic = String.fromCharCode(...bytes.subarray(0, 8));
    if (magic !== MAGIC) {
      throw new FileError(
        `${name}: is not a store of games (expected "${MAGIC}" at its start); make one with go prepare`,
      );
    }
    if (bytes.length < HEAD)
      throw new FileError(`${name}: is cut short: it has ${bytes.length} bytes of ${HEAD} or more`);
    const length = view.getUint32(8, true);
    this.games = view.getUint32(12, true);
    const expected = HEAD + length + this.games * RECORD + 2 * view.getUint32(16, true);
    if (bytes.length !== expected) {
      const what = bytes.length < expected ? "is cut short" : "is longer than it should be";
      throw new FileError(`${name}: ${what}: it has ${bytes.length} bytes, expected ${expected}; make it again`);
    }
    if (check && checkSum(bytes) !== view.getUint32(20, true)) {
      throw new FileError(`${name}: its check sum does not fit its content; make it again`);
    }
    this.#view = view;
    this.#records = HEAD + length;
    this.#words = HEAD + length + this.games * RECORD;
    this.description = describe(bytes.slice(HEAD, HEAD + length), name);
    this.#checkRecords(view.getUint32(16, true));
  }

  /** Points of a side of the board. */
  get size(): number {
    return this.description.size;
  }

  /** Checksum of the whole content, which tells stores apart. */
  get checkSum(): number {
    return this.#view.getUint32(20, true);
  }

  /** Hash of a game's size, setup and moves. */
  hash(game: number): number {
    return this.#view.getUint32(this.#at(game) + 4, true);
  }

  /** Moves, passes included. */
  moveCount(game: number): number {
    return this.#view.getUint16(this.#at(game) + 14, true);
  }

  /** Moves that are no passes: positions to learn from. */
  positionCount(game: number): number {
    const at = this.#at(game);
    const first = this.#view.getUint32(at, true) + this.#view.getUint16(at + 12, true);
    const moves = this.#view.getUint16(at + 14, true);
    let count = 0;
    for (let i = 0; i < moves; i++) if ((this.#word(first + i) & CODE_BITS) !== PASS_CODE) count++;
    return count;
  }

  /** The record of a game. */
  game(game: number): GameRecord {
    const at = this.#at(game);
    const view = this.#view;
    const start = view.getUint32(at, true);
    const setup = view.getUint16(at + 12, true);
    const margin = view.getInt16(at + 18, true);
    const moves = (from: number, count: number): Move[] =>
      Array.from({ length: count }, (_, i) => {
        const word = this.#word(from + i);
        const code = word & CODE_BITS;
        return { colour: ((word >> 15) + 1) as Colour, vertex: code === PASS_CODE ? PASS : code };
      });
    const record: GameRecord = {
      size: this.size,
      setup: moves(start, setup),
      moves: moves(start + setup, view.getUint16(at + 14, true)),
      handicap: view.getUint8(at + 21),
      komi: view.getInt16(at + 16, true) / 4,
      result: { winner: RESULTS[view.getUint8(at + 20)], margin: margin === -32768 ? undefined : margin / 4 },
      blackRank: view.getInt8(at + 22),
      whiteRank: view.getInt8(at + 23),
      rules: this.description.rules[view.getUint8(at + 24)] ?? "",
    };
    try {
      const board = startOf(record);
      for (const [i, move] of record.moves.entries()) playRecorded(board, move, i + 1);
    } catch (error) {
      if (error instanceof DataError) throw this.#damaged(game, error.message);
      throw error;
    }
    return record;
  }

  /** The file that a game came from. */
  source(game: number): string {
    return this.description.sources[this.#view.getUint32(this.#at(game) + 8, true)] ?? "";
  }

  /** The numbers of the games of one half. */
  select(half: "train" | "test"): Uint32Array {
    const all = Array.from({ length: this.games }, (_, n) => n);
    return Uint32Array.from(all.filter((n) => isTestGame(this.hash(n)) === (half === "test")));
  }

  /** Each game's words lie in the file, and it names a source that there is. */
  #checkRecords(words: number): void {
    for (let game = 0; game < this.games; game++) {
      const at = this.#at(game);
      const end = this.#view.getUint32(at, true) + this.#view.getUint16(at + 12, true) + this.moveCount(game);
      if (end > words) throw this.#damaged(game, `its moves end at word ${end} of ${words}`);
      if (this.#view.getUint32(at + 8, true) >= this.description.sources.length) throw this.#damaged(game, "no source");
      if (this.#view.getUint8(at + 20) >= RESULTS.length) throw this.#damaged(game, "no result");
    }
  }

  #damaged(game: number, why: string): FileError {
    return new FileError(`${this.name}: game ${game} is damaged: ${why}; make it again`);
  }

  #word(index: number): number {
    return this.#view.getUint16(this.#words + 2 * index, true);
  }

  #at(game: number): number {
    if (game >= 0 && game < this.games) return this.#records + game * RECORD;
    throw new DataError(`game ${game}: the store has games 0 to ${this.games - 1}`);
  }
}
