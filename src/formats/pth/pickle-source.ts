/** The bytes of a pickle, read from front to back: numbers, texts and lines as its instructions have them. */
import { FileError } from "../../base/errors.js";

/** A longer integer is none that anybody saves, and long ones take quadratic time to print. */
const LONGEST_INTEGER = 1024;

export class PickleSource {
  /** Where the next byte is. */
  at: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;

  constructor(bytes: Uint8Array, offset: number, file: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
    this.at = offset;
  }

  take(count: number): Uint8Array {
    const from = this.#pass(count);
    return this.#bytes.subarray(from, this.at);
  }

  byte(): number {
    return this.#read(1, (at) => this.#bytes[at]!);
  }

  uint16(): number {
    return this.#read(2, (at) => this.#view.getUint16(at, true));
  }

  int32(): number {
    return this.#read(4, (at) => this.#view.getInt32(at, true));
  }

  uint32(): number {
    return this.#read(4, (at) => this.#view.getUint32(at, true));
  }

  uint64(): number {
    return this.#read(8, (at) => Number(this.#view.getBigUint64(at, true)));
  }

  float64(): number {
    return this.#read(8, (at) => this.#view.getFloat64(at));
  }

  /** Little-endian two's complement, as a number where it is exact. */
  integer(count: number): number | bigint {
    const bytes = this.take(count);
    if (count > LONGEST_INTEGER) throw this.damaged(`an integer has ${count} bytes`);
    let value = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    if (bytes.length > 0 && bytes.at(-1)! >= 0x80) value -= 1n << BigInt(8 * bytes.length);
    return exact(value);
  }

  /** An integer in digits, as protocol 0 has it; `00` and `01` are booleans. */
  decimal(): number | bigint | boolean {
    const text = this.line();
    if (text === "00" || text === "01") return text === "01";
    if (!/^-?\d+L?$/.test(text) || text.length > LONGEST_INTEGER) throw this.damaged("an integer is none");
    return exact(BigInt(text.replace("L", "")));
  }

  text(count: number): string {
    return new TextDecoder().decode(this.take(count));
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.at);
    if (end < 0) throw this.damaged("it is cut short");
    const text = this.text(end - this.at);
    this.at++;
    return text;
  }

  damaged(why: string): FileError {
    return new FileError(`${this.#file}: the pickle is damaged at offset ${this.at}: ${why}`);
  }

  #read<T>(count: number, read: (at: number) => T): T {
    return read(this.#pass(count));
  }

  /** Where the bytes that are passed begin. */
  #pass(count: number): number {
    if (!(this.at + count <= this.#bytes.length)) throw this.damaged("it is cut short");
    this.at += count;
    return this.at - count;
  }
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
