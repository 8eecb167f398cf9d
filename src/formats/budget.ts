/**
 * How much memory the content of a file may take. A small file can promise gigabytes: by compression, by tensors that
 * repeat a number with strides of zero, by entries that lie on each other. The bound is over the whole file, follows
 * from the bytes that it holds, and is asked before anything is allocated.
 */
import { FileError } from "../base/errors.js";

/** What is granted to any file, however small. */
const LEAST = 16 * 2 ** 20;
/** Weights of half precision double when read; pictures and labels deflate to a tenth, sparse ones to a thirtieth. */
const TIMES = 32;

export class Budget {
  readonly limit: number;
  readonly #file: string;
  readonly #held: number;
  #taken = 0;

  /** @param held the bytes of the file */
  constructor(file: string, held: number) {
    this.#file = file;
    this.#held = held;
    this.limit = LEAST + TIMES * held;
  }

  /** @throws FileError where the file would come to more than its bytes can be good for. */
  take(bytes: number, what: string): void {
    this.#taken += bytes;
    // Negated, so that what is no number is refused, too.
    if (!(this.#taken <= this.limit)) throw this.exceeded(what);
  }

  exceeded(what: string): FileError {
    return new FileError(
      `${this.#file}: ${what} would take the content of this file of ${this.#held} bytes beyond the ${this.limit} bytes that are granted ` +
        `to it (${LEAST / 2 ** 20} MiB, and ${TIMES} for each of its own); it is damaged, or made to fill memory`,
    );
  }
}
