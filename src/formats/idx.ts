/**
 * The IDX format of the MNIST files (LeCun, "The MNIST database"): a magic number 00 00 TYPE RANK, RANK big-endian
 * 32-bit extents, then the items in row-major order. Only unsigned bytes (TYPE 08) are read, as every known data set
 * in this format uses them. This file works on bytes alone; idx-node.ts reads files.
 */

import { plainBytes, shown } from "../base/bytes.js";
import { FileError } from "../base/errors.js";
import { sniff } from "./sniff.js";

/** The content of an IDX file: extents, outermost first, and the items in row-major order. */
export interface IdxArray {
  /** Its extents, outermost first. */
  readonly shape: readonly number[];
  /** Its items, row-major. */
  readonly data: Uint8Array;
}

/** Options of `parseIdx`. */
export interface IdxOptions {
  /**
   * The name by which errors call the file.
   * @default "IDX data"
   */
  readonly file?: string;
  /**
   * The number of extents that the file must have: 3 for pictures, 1 for labels.
   * @default any
   */
  readonly rank?: number;
}

const unsignedByte = 0x08;
const typeNames: Readonly<Record<number, string>> = {
  9: "signed bytes",
  11: "16-bit integers",
  12: "32-bit integers",
  13: "32-bit floats",
  14: "64-bit floats",
};

/** Whether the bytes are a gzip stream, by the magic number that RFC 1952 gives it. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Reads the bytes of an IDX file, the format of MNIST, which are not gzipped. The result is a view of them, not a copy.
 *
 * @example
 * ```js
 * import { parseIdx } from "fovea";
 *
 * const bytes = Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]); // three labels
 * const { shape, data } = parseIdx(bytes, { rank: 1 });
 * console.log(shape, Array.from(data)); // [ 3 ] [ 7, 2, 1 ]
 * ```
 *
 * @throws FileError on a wrong magic number or rank, on an extent of zero, and on data cut short or too long
 */
export function parseIdx(source: Uint8Array, options: IdxOptions = {}): IdxArray {
  const file = options.file ?? "IDX data";
  const bytes = plainBytes(source, file);
  if (bytes.length === 0) throw new FileError(`${file}: the file is empty; expected an IDX header at offset 0`);
  const rank = checkMagic(bytes, file, options.rank);
  const headerBytes = 4 + 4 * rank;
  if (bytes.length < headerBytes) {
    throw new FileError(
      `${file}: cut short inside its header: expected ${headerBytes} bytes of header for rank ${rank}, found ${bytes.length}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const empty = shape.indexOf(0);
  if (empty >= 0) {
    const what = empty === 0 ? "number of items" : `extent ${empty}`;
    throw new FileError(`${file}: the ${what} at offset ${4 + 4 * empty} is 0; expected at least 1`);
  }
  const items = shape.reduce((a, b) => a * b, 1);
  const found = bytes.length - headerBytes;
  if (found !== items) {
    const expected = `expected ${items} bytes (${shown(shape.join(" x "))}) from offset ${headerBytes}, found ${found}`;
    throw new FileError(
      found < items
        ? `${file}: cut short: ${expected}; copy or download the file again`
        : `${file}: ${found - items} bytes too many at its end: ${expected}`,
    );
  }
  return { shape, data: bytes.subarray(headerBytes) };
}

function checkMagic(bytes: Uint8Array, file: string, rank: number | undefined): number {
  const expected =
    rank === undefined
      ? "0x000008 and a rank (IDX of unsigned bytes)"
      : `${magic(rank)} (unsigned bytes, rank ${rank})`;
  const found = `0x${Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  const refuse = (why: string) =>
    new FileError(`${file}: wrong magic number at offset 0: found ${found}${why}, expected ${expected}`);
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    const what = sniff(bytes);
    throw refuse(what === undefined ? "" : ` (this looks like ${what})`);
  }
  if (bytes[2] !== unsignedByte) {
    const type = typeNames[bytes[2]!];
    throw refuse(type === undefined ? "" : ` (IDX of ${type}, which is not read)`);
  }
  if (bytes[3] === 0 || (rank !== undefined && bytes[3] !== rank)) {
    const swapped = rank === 3 && bytes[3] === 1 ? "; are images and labels swapped?" : "";
    throw refuse(` (rank ${bytes[3]}${swapped})`);
  }
  return bytes[3]!;
}

/** The bytes of an IDX file of unsigned bytes, uncompressed. */
export function writeIdx(array: IdxArray): Uint8Array {
  const rank = array.shape.length;
  const bytes = new Uint8Array(4 + 4 * rank + array.data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, unsignedByte * 256 + rank);
  array.shape.forEach((extent, i) => {
    view.setUint32(4 + 4 * i, extent);
  });
  bytes.set(array.data, 4 + 4 * rank);
  return bytes;
}

const magic = (rank: number) => `0x${(unsignedByte * 256 + rank).toString(16).padStart(8, "0")}`;
