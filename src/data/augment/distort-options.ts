/** By how much digits are distorted (distort.ts). */
import { type Fields, number } from "../../base/options.js";

/** How far at most; each picture's own is uniform within. */
export interface DistortOptions {
  /** Pixels to either side, along each axis. */
  readonly translate: number;
  /** 0.1: from 0.9 to 1.1 times as large. */
  readonly scale: number;
  /** 0.1: from 0.9 to 1.1 times as wide, and as much lower or higher. */
  readonly squeeze: number;
  /** 0.1: a row one above another moves by up to 0.1 pixels to the side against it. */
  readonly shear: number;
}

export const DISTORT_DEFAULTS: DistortOptions = { translate: 1.5, scale: 0.1, squeeze: 0.1, shear: 0.2 };

export const NO_DISTORTION: DistortOptions = { translate: 0, scale: 0, squeeze: 0, shear: 0 };

/** What each may be. */
export const DISTORT_FIELDS: Fields<DistortOptions> = {
  translate: number({ from: 0, to: 1000 }),
  scale: number({ from: 0, to: 0.5 }),
  squeeze: number({ from: 0, to: 0.5 }),
  shear: number({ from: 0, to: 1 }),
};
