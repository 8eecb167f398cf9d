/**
 * Windows' bitmaps (BITMAPCOREHEADER, BITMAPINFOHEADER and its successors): 1, 4 and 8 bits of a palette, 16, 24 and 32
 * bits of colours, plain, by bit masks, or in runs (RLE8, RLE4). Rows are stored from the bottom up, unless the height
 * is negative.
 */
import { FileError } from "../../base/errors.js";
import type { PlainPicture } from "./pixels.js";

/** "BM", and the size of a known header behind the file's own. */
export const isBmp = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x42 &&
  bytes[1] === 0x4d &&
  [12, 16, 40, 52, 56, 64, 108, 124].includes(bytes[14] ?? 0) &&
  bytes[15] === 0;

const PLAIN = 0;
const RLE8 = 1;
const RLE4 = 2;
const MASKS = 3;
const ALPHA_MASKS = 6;

/** Pixels that a byte of runs may stand for; a file that has more is made to take memory. */
const MOST_FOR_A_BYTE = 1000;

interface Head {
  readonly width: number;
  readonly height: number;
  readonly isTopDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Where pixels begin. */
  readonly at: number;
  /** RGB, three bytes a colour; empty where pixels are colours. */
  readonly palette: Uint8Array;
  /** Of red, green, blue and alpha, in pixels of 16 and 32 bits. */
  readonly masks: readonly number[];
}

/** @throws FileError where the head makes no sense. */
export function parseBmp(bytes: Uint8Array, file: string): PlainPicture {
  const head = parseHead(bytes, file);
  const { width, height, palette, masks } = head;
  const isGrey = palette.length > 0 && palette.every((value, i) => value === palette[i - (i % 3)]);
  const channels = palette.length > 0 ? (isGrey ? 1 : 3) : masks[3] === 0 ? 3 : 4;
  return { width, height, channels, decode: () => decode(bytes, head, channels, file) };
}

const damaged = (file: string, why: string) => new FileError(`${file}: is damaged or cut off: ${why}`);

function parseHead(bytes: Uint8Array, file: string): Head {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 18 ? 0 : view.getUint32(14, true);
  if (bytes.length < 14 + Math.max(size, 12)) throw damaged(file, "its header is not whole");
  const isCore = size === 12;
  const width = isCore ? view.getUint16(18, true) : view.getInt32(18, true);
  const stored = isCore ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(isCore ? 24 : 28, true);
  const compression = size < 40 ? PLAIN : view.getUint32(30, true);
  const height = Math.abs(stored);
  if (width < 1 || height < 1) throw damaged(file, `it is ${width} pixels wide and ${height} high`);
  const fits =
    compression === PLAIN
      ? [1, 4, 8, 16, 24, 32].includes(bits)
      : (compression === RLE8 && bits === 8) ||
        (compression === RLE4 && bits === 4) ||
        ([MASKS, ALPHA_MASKS].includes(compression) && (bits === 16 || bits === 32));
  if (!fits)
    throw new FileError(`${file}: is a bitmap of ${bits} bits in the compression ${compression}, which is not read`);
  const hasMasks = compression === MASKS || compression === ALPHA_MASKS;
  if (hasMasks && bytes.length < 70) throw damaged(file, "its masks are not whole");
  const alpha = hasMasks && (size >= 56 || compression === ALPHA_MASKS) ? view.getUint32(66, true) : 0;
  const masks = hasMasks
    ? [view.getUint32(54, true), view.getUint32(58, true), view.getUint32(62, true), alpha]
    : bits === 16
      ? [0x7c00, 0x3e0, 0x1f, 0]
      : [0xff0000, 0xff00, 0xff, 0];
  const at = view.getUint32(10, true);
  const palette = bits > 8 ? new Uint8Array(0) : paletteOf(bytes, view, { size, bits, at });
  return { width, height, isTopDown: stored < 0, bits, compression, at, palette, masks };
}

/** Colours that the file does not have are black. */
function paletteOf(bytes: Uint8Array, view: DataView, { size, bits, at }: { size: number; bits: number; at: number }) {
  const used = size >= 40 ? view.getUint32(46, true) : 0;
  const entry = size === 12 ? 3 : 4;
  const begin = 14 + size;
  const room = Math.max(0, Math.floor((Math.min(at > begin ? at : bytes.length, bytes.length) - begin) / entry));
  const count = Math.min(2 ** bits, used === 0 ? 2 ** bits : used, room);
  const palette = new Uint8Array(3 * 2 ** bits);
  for (let n = 0; n < count; n++) {
    for (let c = 0; c < 3; c++) palette[3 * n + c] = bytes[begin + entry * n + 2 - c]!;
  }
  return palette;
}

function decode(bytes: Uint8Array, head: Head, channels: 1 | 3 | 4, file: string): Uint8Array {
  const { width, height, palette } = head;
  const isRun = head.compression === RLE8 || head.compression === RLE4;
  const stride = isRun ? width : 4 * Math.ceil((width * head.bits) / 32);
  if (isRun && width * height > MOST_FOR_A_BYTE * bytes.length) {
    throw damaged(file, `its ${bytes.length} bytes cannot hold ${width}x${height} pixels in runs`);
  }
  const stored = isRun ? runs(bytes, head) : bytes.subarray(head.at);
  if (stored.length < stride * height - (isRun ? 0 : stride - Math.ceil((width * head.bits) / 8))) {
    throw damaged(file, `it has ${stored.length} bytes of pixels, and ${width}x${height} take ${stride * height}`);
  }
  const pixels = new Uint8Array(width * height * channels);
  const index = indexReader(stored, isRun ? 8 : head.bits);
  const colour = colourReader(stored, head);
  for (let y = 0; y < height; y++) {
    const row = stride * (head.isTopDown ? y : height - 1 - y);
    let to = y * width * channels;
    for (let x = 0; x < width; x++, to += channels) {
      if (palette.length === 0) colour(row, x, pixels, to);
      else {
        const from = 3 * index(row, x);
        for (let c = 0; c < channels; c++) pixels[to + c] = palette[from + c] ?? 0;
      }
    }
  }
  return pixels;
}

function indexReader(stored: Uint8Array, bits: number): (row: number, x: number) => number {
  if (bits === 8) return (row, x) => stored[row + x]!;
  if (bits === 4) return (row, x) => (stored[row + (x >> 1)]! >> (x & 1 ? 0 : 4)) & 15;
  return (row, x) => (stored[row + (x >> 3)]! >> (7 - (x & 7))) & 1;
}

type WriteColour = (row: number, x: number, into: Uint8Array, to: number) => void;

function colourReader(stored: Uint8Array, { bits, masks }: Head): WriteColour {
  if (bits === 24) {
    return (row, x, into, to) => {
      for (let c = 0; c < 3; c++) into[to + c] = stored[row + 3 * x + 2 - c]!;
    };
  }
  const parts = masks.slice(0, masks[3] === 0 ? 3 : 4).map(fieldOf);
  const bytes = bits / 8;
  return (row, x, into, to) => {
    let value = 0;
    for (let n = bytes - 1; n >= 0; n--) value = value * 256 + stored[row + bytes * x + n]!;
    for (const [c, field] of parts.entries()) into[to + c] = field(value);
  };
}

/** A field of a pixel's bits, brought to 0..255. */
function fieldOf(mask: number): (value: number) => number {
  if (mask === 0) return () => 0;
  let shift = 0;
  while (((mask >>> shift) & 1) === 0) shift++;
  const most = mask >>> shift;
  return (value) => Math.round((((value & mask) >>> shift) * 255) / most);
}

/** A byte a pixel; those that no run names are 0. Ends where the file does. */
function runs(bytes: Uint8Array, { width, height, compression, at }: Head): Uint8Array {
  const out = new Uint8Array(width * height);
  const isNibbles = compression === RLE4;
  let [x, y, from] = [0, 0, at];
  const put = (value: number) => {
    if (x < width && y < height) out[y * width + x] = value;
    x++;
  };
  const nibble = (byte: number, n: number) => (n & 1 ? byte & 15 : byte >> 4);
  while (from + 1 < bytes.length && y < height) {
    const [count, value] = [bytes[from]!, bytes[from + 1]!];
    from += 2;
    if (count > 0) for (let n = 0; n < count; n++) put(isNibbles ? nibble(value, n) : value);
    else if (value === 0) [x, y] = [0, y + 1];
    else if (value === 1) break;
    else if (value === 2) {
      [x, y] = [x + (bytes[from] ?? 0), y + (bytes[from + 1] ?? 0)];
      from += 2;
    } else {
      for (let n = 0; n < value; n++) put(isNibbles ? nibble(bytes[from + (n >> 1)] ?? 0, n) : (bytes[from + n] ?? 0));
      const length = isNibbles ? (value + 1) >> 1 : value;
      from += length + (length & 1);
    }
  }
  return out;
}
