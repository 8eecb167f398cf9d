/** By how much digits are distorted (distort.ts). */
import { type Fields, number } from "../../base/options.js";

/** How far a digit is distorted, at most. The amounts of each picture are uniform within. */
export interface DistortOptions {
  /** Pixels to either side, along each axis. */
  readonly translate: number;
  /** Change of size: with 0.1, from 0.9 to 1.1 times as large. */
  readonly scale: number;
  /** Change of proportions: with 0.1, from 0.9 to 1.1 times as wide, and as much lower or higher. */
  readonly squeeze: number;
  /** Slant: with 0.1, a row moves by up to 0.1 pixels to the side against the row below it. */
  readonly shear: number;
}

/** The amounts that `distort: true` uses. */
export const DISTORT_DEFAULTS: DistortOptions = { translate: 1.5, scale: 0.1, squeeze: 0.1, shear: 0.2 };

export const NO_DISTORTION: DistortOptions = { translate: 0, scale: 0, squeeze: 0, shear: 0 };

/** What each may be. */
export const DISTORT_FIELDS: Fields<DistortOptions> = {
  translate: number({ from: 0, to: 1000 }),
  scale: number({ from: 0, to: 0.5 }),
  squeeze: number({ from: 0, to: 0.5 }),
  shear: number({ from: 0, to: 1 }),
};
