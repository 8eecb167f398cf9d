/** How a data set is opened, beyond where it is: what picture files are made into, and how many may be broken. */
import { OptionError } from "../base/errors.js";
import type { Note } from "../base/notes.js";
import type { HalvesChoice } from "./sources/halves-choice.js";

export interface OpenOptions {
  /** To which all pictures are brought, [height, width]; the one that all have, or most, unless said. */
  readonly size?: readonly [height: number, width: number] | undefined;
  /** Taken where the pictures are of many sizes and `size` is not said. */
  readonly usualSize?: readonly [height: number, width: number] | undefined;
  /** 1 makes pictures grey; 1 if all are grey, else 3, unless said. */
  readonly channels?: number | undefined;
  /** How many pictures may be broken; 1% unless said. */
  readonly maxBroken?: BrokenLimit | undefined;
  /**
   * Which folders below the data's hold the pictures to learn from, to choose the best epoch by, and to measure with, such as
   * `{ test: "holdout" }`; "none" for no such half, and train "." where every sub-folder is a class. By their names unless said.
   */
  readonly halves?: HalvesChoice | undefined;
  /** Splits as runs did that do not say how. */
  readonly asBefore?: boolean | undefined;
  /** Of the pictures of a set that comes in one piece, how many are kept for measuring; a tenth unless said. */
  readonly testPart?: number | undefined;
  /** Which pictures those are; 0 unless said. */
  readonly seed?: number | undefined;
  /** True leaves picture files on disk, false holds them decoded; see load-pictures-node.ts for what holds otherwise. */
  readonly stream?: boolean | undefined;
  /** Pictures are to go through transforms from their own size: `size` is then what comes out, and not what they are brought to. */
  readonly ownSize?: boolean | undefined;
  /** Decodes every picture when a set on disk is opened, so that all that are broken are known at once. */
  readonly whole?: boolean | undefined;
  /** The one half that is wanted, where pictures are files: the others are then empty, and their files are left alone. */
  readonly half?: "train" | "val" | "test" | undefined;
  /** Threads that decode; one a processor unless said. */
  readonly workers?: number | undefined;
  /** Is told what the reader should know: pictures left out, say. It may be asynchronous, and is waited for as in a Session. */
  readonly note?: Note | undefined;
}

/** A number of pictures, or a part of them all. */
export type BrokenLimit = { readonly count: number } | { readonly part: number };

export const MOST_BROKEN: BrokenLimit = { part: 0.01 };

/** `0`, `20` or `0.1%`. */
export function parseBrokenLimit(text: string): BrokenLimit {
  const [, digits, sign] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text.trim()) ?? [];
  const value = Number(digits);
  const isRight = digits !== undefined && (sign === "%" ? value <= 100 : Number.isInteger(value));
  if (!isRight) throw new OptionError(`--max-broken ${text}: expected a number of pictures, or a part such as 0.1%`);
  return sign === "%" ? { part: value / 100 } : { count: value };
}

/** `224`, or `160x120`: height, then width. */
export function parseSize(text: string): readonly [number, number] {
  const [, height, width = height] = /^(\d+)(?:x(\d+))?$/.exec(text.trim()) ?? [];
  const [h, w] = [Number(height), Number(width)];
  if (!(h >= 1 && w >= 1 && h <= 65535 && w <= 65535)) {
    throw new OptionError(`--size ${text}: expected pixels such as 224, or HEIGHTxWIDTH`);
  }
  return [h, w];
}
