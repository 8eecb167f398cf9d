/**
 * Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011): random numbers
 * as a function of a key and a counter, without any state that a resumed run would have to restore.
 */
export class Philox {
  readonly #block = new Uint32Array(4);
  #next = 4;
  #count = 0;

  /** `seed` and `stream` are whole numbers up to 2^53; each pair gives a sequence of its own. */
  constructor(
    readonly seed: number,
    readonly stream: number,
  ) {}

  /** A whole number from 0 to `bound` - 1, each equally likely (Lemire's multiply and reject); bound up to 2^32. */
  below(bound: number): number {
    const threshold = (2 ** 32 - bound) % bound;
    for (;;) {
      const x = this.uint32();
      if (Math.imul(x, bound) >>> 0 >= threshold) return multiplyHigh(x, bound);
    }
  }

  uint32(): number {
    if (this.#next === 4) {
      this.#block[0] = this.#count++;
      this.#block[1] = 0;
      this.#block[2] = this.stream;
      this.#block[3] = this.stream / 2 ** 32;
      philox4x32(this.#block, this.seed >>> 0, (this.seed / 2 ** 32) >>> 0);
      this.#next = 0;
    }
    return this.#block[this.#next++]!;
  }
}

/** Turns a counter of four 32-bit words into four random words, in place. */
export function philox4x32(counter: Uint32Array, key0: number, key1: number): void {
  let [a, b, c, d] = counter as unknown as [number, number, number, number];
  let k0 = key0;
  let k1 = key1;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(a, 0xd2511f53);
    const low0 = Math.imul(a, 0xd2511f53);
    const high1 = multiplyHigh(c, 0xcd9e8d57);
    const low1 = Math.imul(c, 0xcd9e8d57);
    a = (high1 ^ b ^ k0) >>> 0;
    b = low1 >>> 0;
    c = (high0 ^ d ^ k1) >>> 0;
    d = low0 >>> 0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  counter[0] = a;
  counter[1] = b;
  counter[2] = c;
  counter[3] = d;
}

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit numbers, by 16-bit halves. */
function multiplyHigh(x: number, y: number): number {
  const xl = x & 0xffff;
  const xh = x >>> 16;
  const yl = y & 0xffff;
  const yh = y >>> 16;
  const middle = xh * yl + Math.floor((xl * yl) / 65536);
  return xh * yh + Math.floor((xl * yh + (middle % 65536)) / 65536) + Math.floor(middle / 65536);
}
