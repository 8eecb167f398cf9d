/**
 * The random numbers of one transform for one picture: Philox with the counter [picture, epoch, which transform and how
 * far, purpose] and the seed as its key. Every transform has a stream of its own, so that one more in the list changes
 * nobody else's numbers.
 */
import { naturalLogarithm, philoxReference, type Words4 } from "../../base/random.js";

/** Sets these draws apart from those that others make with the same seed. */
const PURPOSE = 0x6175676d;
/** Blocks of four words that a stream may have. */
const STREAM_LENGTH = 1024;

/** The seed and epoch of an augmentation. With the picture's index they decide all of its random numbers. */
export interface AugmentKey {
  /** A whole number from 0 to 2^53 - 1. */
  readonly seed: number;
  /** From 0. */
  readonly epoch: number;
}

export class Draws {
  #block: Words4 = [0, 0, 0, 0];
  #position = 0;
  #stream = 0;
  #index = 0;
  #epoch = 0;
  #seed = 0;

  /** At the start of the stream of one transform. */
  start(stream: number, index: number, { seed, epoch }: AugmentKey): this {
    this.#stream = stream;
    this.#index = index;
    this.#epoch = epoch;
    this.#seed = seed;
    this.#position = 0;
    return this;
  }

  /** At the start of the same stream with another key. */
  restart(index: number, key: AugmentKey): this {
    return this.start(this.#stream, index, key);
  }

  /** 32 random bits, unsigned. */
  word(): number {
    const lane = this.#position & 3;
    if (lane === 0) {
      const block = this.#stream * STREAM_LENGTH + (this.#position >> 2);
      this.#block = philoxReference(
        [this.#index, this.#epoch, block, PURPOSE],
        [this.#seed >>> 0, Math.floor(this.#seed / 2 ** 32)],
      );
    }
    this.#position++;
    return this.#block[lane]!;
  }

  /** In [0, 1), with 32 bits. */
  uniform(): number {
    return this.word() / 2 ** 32;
  }

  /** From `low` to `high`. */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** From -most to most. */
  symmetric(most: number): number {
    return most * (this.word() / 2 ** 31 - 1);
  }

  /** From 0 to n - 1; n is small beside 2^32, so that none is likelier by more than n / 2^32. */
  below(n: number): number {
    return Math.floor((this.word() / 2 ** 32) * n);
  }

  /** With mean 0 and variance 1 (Marsaglia's polar method, one number of each pair). */
  normal(): number {
    for (;;) {
      const u = this.symmetric(1);
      const v = this.symmetric(1);
      const square = u * u + v * v;
      if (square < 1 && square > 0) return u * Math.sqrt((-2 * naturalLogarithm(square)) / square);
    }
  }
}
