/**
 * Netpbm's maps: bits (P1, P4), greys (P2, P5) and colours (P3, P6), in digits or in bytes; "#" begins a comment in the
 * head. Samples go to the largest value that the head names.
 */
import { FileError } from "../../base/errors.js";
import type { PlainPicture } from "./pixels.js";

/** `P1` to `P6`, then white space or a comment. */
export const isPnm = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1]! >= 0x31 && bytes[1]! <= 0x36 && (isSpace(bytes[2]) || bytes[2] === HASH);

const HASH = 0x23;
const isSpace = (byte: number | undefined) => byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** @throws FileError where the head makes no sense. */
export function parsePnm(bytes: Uint8Array, file: string): PlainPicture {
  const type = bytes[1]! - 0x30;
  const digits = new Digits(bytes, 2);
  const isBits = type === 1 || type === 4;
  const [width, height, most] = [digits.next(), digits.next(), isBits ? 1 : digits.next()];
  if (
    !(
      width !== undefined &&
      height !== undefined &&
      width > 0 &&
      height > 0 &&
      most !== undefined &&
      most > 0 &&
      most < 65536
    )
  ) {
    throw damaged(file, "its head names no width, height and largest value");
  }
  const channels = type === 3 || type === 6 ? 3 : 1;
  const head = { width, height, channels, most, isBits } as const;
  return {
    ...{ width, height, channels },
    decode: () => (type <= 3 ? fromDigits(digits, head, file) : fromBytes(bytes, digits.at + 1, head, file)),
  };
}

interface Head {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly most: number;
  readonly isBits: boolean;
}

const damaged = (file: string, why: string) => new FileError(`${file}: is damaged or cut off: ${why}`);

/** 1 is black in a map of bits. */
const brought = (value: number, { most, isBits }: Head) =>
  isBits ? (value === 0 ? 255 : 0) : Math.round((Math.min(value, most) * 255) / most);

function fromDigits(digits: Digits, head: Head, file: string): Uint8Array {
  const count = head.width * head.height * head.channels;
  if (count > digits.left) throw tooFew(count, file);
  const pixels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const value = head.isBits ? digits.bit() : digits.next();
    if (value === undefined) throw tooFew(count, file);
    pixels[i] = brought(value, head);
  }
  return pixels;
}

function fromBytes(bytes: Uint8Array, at: number, head: Head, file: string): Uint8Array {
  const { width, height, channels, most, isBits } = head;
  const wide = most > 255 ? 2 : 1;
  const stride = isBits ? Math.ceil(width / 8) : width * channels * wide;
  const count = width * height * channels;
  if (at + stride * height > bytes.length) throw tooFew(count, file);
  const pixels = new Uint8Array(count);
  const perRow = width * channels;
  for (let y = 0, to = 0; y < height; y++) {
    const row = at + y * stride;
    for (let x = 0; x < perRow; x++, to++) {
      const value = isBits
        ? (bytes[row + (x >> 3)]! >> (7 - (x & 7))) & 1
        : wide === 1
          ? bytes[row + x]!
          : 256 * bytes[row + 2 * x]! + bytes[row + 2 * x + 1]!;
      pixels[to] = brought(value, head);
    }
  }
  return pixels;
}

const tooFew = (count: number, file: string) => damaged(file, `it has fewer than its ${count} samples`);

/** Reads numbers in decimal digits. */
class Digits {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.at;
  }

  /** Undefined where there is none. */
  next(): number | undefined {
    this.#skip();
    if (!isDigit(this.#bytes[this.at])) return undefined;
    let value = 0;
    for (; isDigit(this.#bytes[this.at]); this.at++) value = Math.min(1e9, 10 * value + this.#bytes[this.at]! - 0x30);
    return value;
  }

  /** Bits may stand without spaces between them. */
  bit(): number | undefined {
    this.#skip();
    const byte = this.#bytes[this.at++];
    return byte === 0x30 ? 0 : byte === 0x31 ? 1 : undefined;
  }

  #skip(): void {
    for (;;) {
      const byte = this.#bytes[this.at];
      if (isSpace(byte)) this.at++;
      else if (byte === HASH) while (this.at < this.#bytes.length && this.#bytes[this.at] !== 0x0a) this.at++;
      else return;
    }
  }
}
