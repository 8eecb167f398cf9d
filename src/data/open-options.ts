/** How a data set is opened, beyond where it is: what picture files are made into, and how many may be broken. */
import { OptionError } from "../base/errors.js";
import type { Note } from "../base/notes.js";
import { anything, callback, expecting, type Fields, flag, number, oneOf, whole } from "../base/options.js";
import type { HalvesChoice } from "./sources/halves-choice.js";

/** Options of `openDataset`. All are optional. */
export interface OpenOptions {
  /**
   * Height and width to which all pictures are resized.
   * @default the size that all have, else `usualSize`, else the size that most have
   */
  readonly size?: readonly [height: number, width: number] | undefined;
  /**
   * Height and width to which pictures are resized if they are of many sizes and `size` is not given.
   * @default none
   */
  readonly usualSize?: readonly [height: number, width: number] | undefined;
  /**
   * 1 makes pictures grey, 3 makes them coloured.
   * @default 1 if all are grey, else 3
   */
  readonly channels?: number | undefined;
  /**
   * How many pictures may be broken: a number, or a part of all.
   * @default { part: 0.01 }
   */
  readonly maxBroken?: BrokenLimit | undefined;
  /**
   * Folders below the data's that hold the pictures to learn from, to choose the best epoch by, and to measure with,
   * such as `{ test: "holdout" }`. `"none"` is no such part; `train: "."` where every sub-folder is a class.
   * @default found by the folders' names
   */
  readonly halves?: HalvesChoice | undefined;
  /**
   * Splits the pictures as fovea 0.1 did, for runs of that version.
   * @default false
   */
  readonly asBefore?: boolean | undefined;
  /**
   * The part of the pictures, of a set that comes in one piece, that is kept for measuring.
   * @default a tenth
   */
  readonly testPart?: number | undefined;
  /**
   * Seed of the choice of those pictures.
   * @default 0
   */
  readonly seed?: number | undefined;
  /**
   * Whether picture files stay on disk, to be decoded as they are needed.
   * @default true with `ownSize`, and where the decoded pictures would take more than 512 MiB
   */
  readonly stream?: boolean | undefined;
  /**
   * Whether pictures go through transforms from their own size: `size` is then the result's.
   * @default false
   */
  readonly ownSize?: boolean | undefined;
  /**
   * Whether every picture of a set on disk is decoded when it is opened, so that all broken ones are known at once.
   * @default false
   */
  readonly whole?: boolean | undefined;
  /**
   * Opens this part alone, of picture files: the others are then empty, and their files are not read.
   * @default none: all parts
   */
  readonly half?: "train" | "val" | "test" | undefined;
  /**
   * Threads that decode, from 0 to 256. 0 decodes on the calling thread.
   * @default one a processor
   */
  readonly workers?: number | undefined;
  /**
   * Called with a text that the reader should know, such as about pictures that were left out. Opening waits for a
   * promise that it returns.
   * @default none
   */
  readonly note?: Note | undefined;
}

const SIZE = expecting("[height, width]", (value) => Array.isArray(value) && value.length === 2);

/** What the options of `openDataset` may be; halves and the limit of broken pictures are held where they are used. */
export const OPEN_OPTIONS: Fields<OpenOptions> = {
  size: SIZE,
  usualSize: SIZE,
  channels: whole(1),
  maxBroken: anything,
  halves: anything,
  asBefore: flag,
  testPart: number({ from: 0, to: 1 }),
  seed: number(),
  stream: flag,
  ownSize: flag,
  whole: flag,
  half: oneOf(["train", "val", "test"]),
  workers: whole(0, 256),
  note: callback,
};

/** A number of pictures, or a part of them all. */
export type BrokenLimit =
  | {
      /** Pictures, at most. */
      readonly count: number;
    }
  | {
      /** A part of all pictures, from 0 to 1. */
      readonly part: number;
    };

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
