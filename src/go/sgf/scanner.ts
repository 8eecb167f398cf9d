/**
 * The form of SGF (FF[1] to FF[4]): games as trees of nodes in parentheses, nodes as properties, properties as values
 * in brackets. Text is read once, from its start to its end, and only the main line is kept: it is all that stands
 * before the first closing parenthesis. Variations are passed over, however deep they are.
 *
 *     (;GM[1]SZ[9];B[ee](;W[cc];B[gg])(;W[gc]))      main line: GM SZ | B[ee] | W[cc] | B[gg]
 */
import { DataError } from "../../base/errors.js";

/** A node's properties by name, each with its values. */
export type SgfNode = ReadonlyMap<string, readonly string[]>;

const CUT_SHORT = "is cut short: a game ends with )";

const SPACE = /\s/;
/** Control characters count as spaces: Ctrl-Z ends files of old programs. */
const isSpace = (code: number): boolean =>
  code <= 0x20 || code === 0x7f || (code > 0x7f && SPACE.test(String.fromCharCode(code)));
const isLetter = (code: number): boolean => (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** Codes of the characters that make the form. */
export const OPEN = 40; // (
export const CLOSE = 41; // )
export const NODE = 59; // ;
export const VALUE = 91; // [
export const ESCAPE = 92; // \
export const VALUE_END = 93; // ]

export class SgfScanner {
  readonly #text: string;
  /** Properties whose values are kept. */
  readonly #wanted: ReadonlySet<string>;
  /** What a game begins with. */
  readonly #begin: RegExp;
  #at = 0;
  /** Parentheses that are open: 0 between games. */
  #depth = 0;

  constructor(text: string, wanted: ReadonlySet<string>) {
    this.#text = text;
    this.#wanted = wanted;
    // Old programs leave out the first node's semicolon.
    this.#begin = /\(\s*;/.test(text) ? /\(\s*;/g : /\(\s*[A-Z]{1,2}\s*\[/g;
  }

  /** Goes to the next game. What stands around games, such as the head of a letter or its signature, is passed over. */
  nextGame(): boolean {
    if (!this.leaveGame()) return false;
    this.#begin.lastIndex = this.#at;
    const found = this.#begin.exec(this.#text);
    if (found === null) return false;
    this.#at = found.index + 1;
    this.#depth = 1;
    return true;
  }

  /**
   * The nodes of a game's main line, once.
   * @throws DataError where something stands there that is not SGF, or the text ends within the game.
   */
  *mainLine(): Generator<SgfNode, void, void> {
    let opened = true;
    for (;;) {
      const code = this.#next();
      if (code === OPEN) {
        this.#depth++;
        this.#at++;
        opened = true;
      } else if (code === CLOSE) {
        this.#depth--;
        this.#at++;
        // A variation without nodes is none.
        if (!opened || this.#depth === 0) break;
      } else if (code === NODE || (opened && isLetter(code))) {
        if (code === NODE) this.#at++;
        opened = false;
        yield this.#node();
      } else {
        throw this.#unexpected();
      }
    }
    if (!this.leaveGame()) throw new DataError(CUT_SHORT);
  }

  /** Goes to the end of a game, wherever in it; false where the text ends first. */
  leaveGame(): boolean {
    const text = this.#text;
    let at = this.#at;
    let depth = this.#depth;
    let inValue = false;
    for (; depth > 0 && at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (inValue) {
        if (code === ESCAPE) at++;
        else if (code === VALUE_END) inValue = false;
      } else if (code === VALUE) inValue = true;
      else if (code === OPEN) depth++;
      else if (code === CLOSE) depth--;
    }
    this.#at = Math.min(at, text.length);
    this.#depth = depth;
    return depth === 0;
  }

  #node(): SgfNode {
    const node = new Map<string, string[]>();
    for (let code = this.#next(); isLetter(code); code = this.#next()) {
      const name = this.#name();
      const keep = this.#wanted.has(name);
      let values = node.get(name);
      if (keep && values === undefined) {
        values = [];
        node.set(name, values);
      }
      if (this.#next() !== VALUE) throw this.#unexpected();
      while (this.#next() === VALUE) {
        const value = this.#value(keep);
        if (keep) values?.push(value);
      }
    }
    return node;
  }

  /**
   * Before FF[4] small letters in a name meant nothing, `GaMe` is GM. A name of small letters alone is taken as it is
   * meant.
   */
  #name(): string {
    const from = this.#at;
    while (isLetter(this.#code()) || isDigit(this.#code())) this.#at++;
    const name = this.#text.slice(from, this.#at);
    return name.replace(/[a-z]/g, "") || name.toUpperCase();
  }

  #value(keep: boolean): string {
    const text = this.#text;
    const from = this.#at + 1;
    let isEscaped = false;
    let at = from;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === VALUE_END) break;
      if (code !== ESCAPE) continue;
      isEscaped = true;
      at++;
    }
    if (at >= text.length) throw new DataError(CUT_SHORT);
    this.#at = at + 1;
    if (!keep) return "";
    const raw = text.slice(from, at);
    // An escaped line break is none.
    return isEscaped ? raw.replace(/\\(\r\n|\n\r|[\s\S])/g, (_, what: string) => what.replace(/[\r\n]/g, "")) : raw;
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }

  /** The next character that is no space. @throws DataError at the text's end. */
  #next(): number {
    while (isSpace(this.#code())) this.#at++;
    if (this.#at >= this.#text.length) throw new DataError(CUT_SHORT);
    return this.#code();
  }

  #unexpected(): DataError {
    const before = this.#text.slice(0, this.#at).split("\n");
    const what = JSON.stringify(String.fromCodePoint(this.#text.codePointAt(this.#at)!));
    return new DataError(`is not SGF: unexpected ${what} at ${before.length}:${before.at(-1)!.length + 1}`);
  }
}

/**
 * How much a text holds that stands in no SGF: letters that could not be decoded, characters between values that are no
 * part of the form, brackets that open within a value, a value without an end. A text that was decoded wrongly has
 * some.
 */
export function flawsOf(text: string): number {
  let flaws = 0;
  let depth = 0;
  let inValue = false;
  for (let at = text.search(/\(\s*;/); at >= 0 && at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inValue) {
      if (code === ESCAPE) at++;
      else if (code === VALUE_END) inValue = false;
      else if (code === VALUE || code === 0xfffd) flaws++;
    } else if (code === OPEN) depth++;
    else if (code === CLOSE) depth = Math.max(0, depth - 1);
    else if (depth === 0) continue;
    else if (code === VALUE) inValue = true;
    else if (code !== NODE && !isLetter(code) && !isDigit(code) && !isSpace(code)) flaws++;
  }
  return flaws + (inValue ? 1 : 0) + depth;
}
