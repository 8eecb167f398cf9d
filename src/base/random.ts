/**
 * Seeded random numbers that are the same in every engine: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3", 2011), and distributions from it by + - x / and square roots alone.
 * `kernels/language/philox.ts` is the same generator as vector code.
 */
import { OptionError } from "./errors.js";

export type Words4 = readonly [number, number, number, number];
export type Words2 = readonly [number, number];

export const PHILOX_MULTIPLIERS: Words2 = [0xd2511f53, 0xcd9e8d57];
/** What is added to the key between rounds (the golden ratio and the square root of 3, less 1). */
export const PHILOX_KEY_STEPS: Words2 = [0x9e3779b9, 0xbb67ae85];
export const PHILOX_ROUNDS = 10;

/** Four random 32-bit words (unsigned) as a function of a counter and a key. */
export function philoxReference(counter: Words4, key: Words2): Words4 {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  const [m0, m1] = PHILOX_MULTIPLIERS;
  for (let round = 0; round < PHILOX_ROUNDS; round++) {
    const high0 = multiplyHigh(m0, a);
    const high1 = multiplyHigh(m1, c);
    const low0 = Math.imul(m0, a);
    const low1 = Math.imul(m1, c);
    a = high1 ^ b ^ k0;
    b = low1;
    c = high0 ^ d ^ k1;
    d = low0;
    k0 = (k0 + PHILOX_KEY_STEPS[0]) | 0;
    k1 = (k1 + PHILOX_KEY_STEPS[1]) | 0;
  }
  return [a >>> 0, b >>> 0, c >>> 0, d >>> 0];
}

/** Where a generator stands: plain numbers, to be kept in a checkpoint. */
export interface RandomState {
  readonly key: Words2;
  /** 32-bit words drawn so far. */
  readonly position: number;
  /** The second number of a pair of normal ones, if it waits. */
  readonly spare: number | null;
}

export class Random {
  #key: Words2;
  #position = 0;
  #block: Words4 = [0, 0, 0, 0];
  #spare: number | null = null;

  /** `seed`: a whole number from 0 to 2^53 - 1. */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new OptionError(`seed ${seed} is not a whole number from 0 to 2^53 - 1`);
    this.#key = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  }

  /** The key, for kernels that count for themselves. */
  get key(): Words2 {
    return this.#key;
  }

  /**
   * An independent generator named after what it is for, from its start. It depends on this one's key and the name, not
   * on what has been drawn here, so that one more layer changes no other layer's numbers.
   */
  fork(name: string): Random {
    // The name's 16-bit units go through Philox, six a block with the length, each block mixed with what came before.
    let mixed: Words4 = [0, 0, 0, 0];
    for (let at = 0; at === 0 || at < name.length; at += 6) {
      const unit = (n: number) => (at + n < name.length ? name.charCodeAt(at + n) : 0);
      const block: Words4 = [
        unit(0) | (unit(1) << 16),
        unit(2) | (unit(3) << 16),
        unit(4) | (unit(5) << 16),
        name.length,
      ];
      mixed = philoxReference(
        [mixed[0] ^ block[0], mixed[1] ^ block[1], mixed[2] ^ block[2], mixed[3] ^ block[3]],
        this.#key,
      );
    }
    const child = new Random(0);
    child.#key = [mixed[0], mixed[1]];
    return child;
  }

  /** 32 random bits, as an unsigned integer. */
  bits(): number {
    const lane = this.#position & 3;
    if (lane === 0) {
      const block = this.#position / 4;
      this.#block = philoxReference([block >>> 0, Math.floor(block / 2 ** 32), 0, 0], this.#key);
    }
    this.#position++;
    return this.#block[lane]!;
  }

  /** In [0, 1), with 53 bits. */
  uniform(): number {
    const high = this.bits() >>> 5;
    return (high * 2 ** 26 + (this.bits() >>> 6)) / 2 ** 53;
  }

  /**
   * From 0 to n - 1, each equally likely; n up to 2^32 (Lemire, "Fast random integer generation in an interval", 2019).
   */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32)
      throw new OptionError(`integer(${n}): expected a whole number from 1 to 2^32`);
    const rejected = (2 ** 32 - n) % n;
    for (;;) {
      const bits = this.bits();
      // bits * n by halves, since the product may have 64 bits.
      const low = (bits & 0xffff) * n;
      const middle = (bits >>> 16) * n + Math.floor(low / 65536);
      if ((middle % 65536) * 65536 + (low % 65536) >= rejected) return Math.floor(middle / 65536);
    }
  }

  /** With mean 0 and variance 1 (Marsaglia's polar method). */
  normal(): number {
    if (this.#spare !== null) {
      const spare = this.#spare;
      this.#spare = null;
      return spare;
    }
    for (;;) {
      const u = (this.bits() | 0) / 2 ** 31;
      const v = (this.bits() | 0) / 2 ** 31;
      const square = u * u + v * v;
      if (square >= 1 || square === 0) continue;
      const scale = Math.sqrt((-2 * naturalLogarithm(square)) / square);
      this.#spare = v * scale;
      return u * scale;
    }
  }

  /** Shuffles in place, every order equally likely (Fisher and Yates), and returns its argument. */
  shuffle(values: Uint32Array): Uint32Array {
    for (let n = values.length - 1; n > 0; n--) {
      const other = this.integer(n + 1);
      const held = values[n]!;
      values[n] = values[other]!;
      values[other] = held;
    }
    return values;
  }

  state(): RandomState {
    return { key: this.#key, position: this.#position, spare: this.#spare };
  }

  restore(state: RandomState): void {
    this.#key = state.key;
    this.#position = state.position;
    this.#spare = state.spare;
    const lane = state.position & 3;
    if (lane !== 0) {
      // The block in use is made again by drawing its words anew.
      this.#position = state.position - lane;
      for (let n = 0; n < lane; n++) this.bits();
    }
  }
}

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
float[0] = 1;
const HIGH = words[1] === 0 ? 0 : 1;

/** ln x of a normal, positive float64, to about 2^-51: Math.log differs between engines. */
export function naturalLogarithm(x: number): number {
  // x = 2^e m with m from 3/4 to 3/2; ln m = 2 atanh s with s = (m - 1) / (m + 1), |s| <= 1/5.
  float[0] = x;
  let e = (words[HIGH]! >>> 20) - 1023;
  words[HIGH] = (words[HIGH]! & 0xfffff) | 0x3ff00000;
  let m = float[0]!;
  if (m >= 1.5) {
    m /= 2;
    e++;
  }
  const s = (m - 1) / (m + 1);
  const z = s * s;
  let sum = 0;
  for (let odd = 25; odd >= 3; odd -= 2) sum = (sum + 1 / odd) * z;
  return e * Math.LN2 + (2 * s + 2 * s * sum);
}

/**
 * The upper 32 bits of the product of two 32-bit integers taken as unsigned, `x` as it is and `y` by halves: in
 * float64, which holds 48 bits exactly, since engines are slower at putting 16-bit products together.
 */
function multiplyHigh(x: number, y: number): number {
  const low = Math.floor((x * (y & 0xffff)) / 65536);
  return Math.floor((x * (y >>> 16) + low) / 65536) | 0;
}
