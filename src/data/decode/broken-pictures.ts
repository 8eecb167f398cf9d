/** Counts pictures that will not decode, names each once, and ends things where there are more than may be. */
import { DataError } from "../../base/errors.js";
import type { Note } from "../../base/notes.js";
import { type BrokenLimit, MOST_BROKEN } from "../open-options.js";
import type { BrokenPicture } from "../sets/dataset.js";

/** Broken pictures that are named one by one. */
const NAMED = 10;

export interface BrokenOptions {
  readonly maxBroken?: BrokenLimit | undefined;
  readonly note?: Note | undefined;
}

export class BrokenPictures {
  readonly #set: string;
  readonly #count: number;
  /** Found before, under other numbers. */
  readonly #before: readonly BrokenPicture[];
  readonly #options: BrokenOptions;
  readonly #reasons = new Map<number, BrokenPicture>();
  /** How many there may be. */
  readonly most: number;

  /** Of a set of `count` pictures. */
  constructor(set: string, count: number, options: BrokenOptions, before: readonly BrokenPicture[] = []) {
    const limit = options.maxBroken ?? MOST_BROKEN;
    this.#options = options;
    this.#before = before;
    this.#set = set;
    this.#count = count;
    this.most = "count" in limit ? limit.count : Math.floor(limit.part * count);
  }

  get tooMany(): boolean {
    return this.#size > this.most;
  }

  get #size(): number {
    return this.#before.length + this.#reasons.size;
  }

  /** Goes on counting in the set that is left when these are left out. */
  rest(): BrokenPictures {
    return new BrokenPictures(this.#set, this.#count, this.#options, this.list());
  }

  has(index: number): boolean {
    return this.#reasons.has(index);
  }

  /** Remembers picture `index`. */
  add(index: number, picture: BrokenPicture): void {
    if (!this.#reasons.has(index)) this.#reasons.set(index, picture);
  }

  /** The same where one is found while training, and says what happens in place of it. */
  async replace(index: number, picture: BrokenPicture, instead: string): Promise<void> {
    if (this.#reasons.has(index)) return;
    this.add(index, picture);
    if (!this.tooMany) await this.#options.note?.(`fovea: ${picture.why}; ${instead}`);
  }

  /** In the set's order. */
  list(): BrokenPicture[] {
    return [...this.#before, ...[...this.#reasons].sort(([a], [b]) => a - b).map(([, picture]) => picture)];
  }

  /** @throws DataError where there are more than may be. */
  check(): void {
    if (!this.tooMany) return;
    const shown = this.list()
      .slice(0, NAMED)
      .map(({ why }) => why);
    throw new DataError(
      `${this.#set}: more than ${this.most} of ${this.#count} pictures cannot be read: ${shown.join("; ")}. ` +
        "Mend or remove them, or allow more by --max-broken (`fovea data` names them all)",
    );
  }

  /** Says which pictures an opened set is without. */
  async tell(): Promise<void> {
    const broken = this.list();
    if (broken.length === 0) return;
    for (const { why } of broken.slice(0, NAMED)) await this.#options.note?.(`fovea: ${why}; left out`);
    await this.#options.note?.(
      `fovea: ${this.#set}: ${broken.length} of ${this.#count} pictures could not be read and are left out`,
    );
  }
}
