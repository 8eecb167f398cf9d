/**
 * The indices of a palette PNG (PNG specification, chapters 9 to 11). Decoders of pictures give colours in their place,
 * which do not say the index where a palette has a colour twice; and labels are indices.
 */
import { inflateSync } from "node:zlib";
import { DataError, FileError } from "../base/errors.js";

const PALETTE = 3;
/** A label picture's pixels, at most. */
const MOST_PIXELS = 100e6;

export interface IndexPicture {
  readonly height: number;
  readonly width: number;
  readonly indices: Uint8Array;
}

/** A part of the pixels, whose lines lie behind one another: each `step`-th column and row from `x` and `y` on. */
interface Pass {
  readonly x: number;
  readonly y: number;
  readonly step: readonly [columns: number, rows: number];
}

const WHOLE: readonly Pass[] = [{ x: 0, y: 0, step: [1, 1] }];
/** Adam7: a coarse picture first, then what lies between (chapter 8.2). */
const INTERLACED: readonly Pass[] = [
  { x: 0, y: 0, step: [8, 8] },
  { x: 4, y: 0, step: [8, 8] },
  { x: 0, y: 4, step: [4, 8] },
  { x: 2, y: 0, step: [4, 4] },
  { x: 0, y: 2, step: [2, 4] },
  { x: 1, y: 0, step: [2, 2] },
  { x: 0, y: 1, step: [1, 2] },
];

/** @throws FileError where it is damaged, DataError where it is too large. */
export function readPaletteIndices(name: string, bytes: Uint8Array): IndexPicture {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 29) throw new FileError(`${name}: is cut off: it has ${bytes.length} bytes, no whole head`);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [bits, type, interlace] = [bytes[24]!, bytes[25]!, bytes[28]!];
  if (type !== PALETTE || ![1, 2, 4, 8].includes(bits) || width === 0 || height === 0 || interlace > 1) {
    throw new FileError(`${name}: is damaged: its head says ${width}x${height} pixels of ${bits} bits`);
  }
  if (width * height > MOST_PIXELS) {
    throw new DataError(
      `${name}: has ${width} x ${height} pixels; at most ${MOST_PIXELS / 1e6} million are read: make it smaller`,
    );
  }
  // A pass without a column or a row has no lines at all.
  const passes = (interlace === 0 ? WHOLE : INTERLACED)
    .map(({ x, y, step }) => {
      const columns = Math.ceil((width - x) / step[0]);
      return { x, y, step, columns, rows: Math.ceil((height - y) / step[1]), line: Math.ceil((columns * bits) / 8) };
    })
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
  const expected = passes.reduce((sum, { rows, line }) => sum + rows * (line + 1), 0);
  const lines = inflated(name, packedData(view, bytes), expected);
  const indices = new Uint8Array(height * width);
  const perByte = 8 / bits;
  let from = 0;
  for (const { x, y, step, columns, rows, line } of passes) {
    const part = lines.subarray(from, from + rows * (line + 1));
    from += part.length;
    unfilter(name, part, rows, line);
    for (let row = 0; row < rows; row++) {
      const start = row * (line + 1) + 1;
      const into = (y + row * step[1]) * width + x;
      for (let column = 0; column < columns; column++) {
        const shift = 8 - bits * (1 + (column % perByte));
        const index = (part[start + Math.floor(column / perByte)]! >> shift) & (2 ** bits - 1);
        indices[into + column * step[0]] = index;
      }
    }
  }
  return { height, width, indices };
}

/** All IDAT chunks, one behind the other. */
function packedData(view: DataView, bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) === 0x49444154) parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return Buffer.concat(parts);
}

function inflated(name: string, packed: Uint8Array, expected: number): Uint8Array {
  let lines: Uint8Array;
  try {
    lines = inflateSync(packed, { maxOutputLength: expected });
  } catch (cause) {
    throw new FileError(`${name}: is damaged or cut off: ${(cause as Error).message}`, { cause });
  }
  if (lines.length !== expected) {
    throw new FileError(`${name}: is damaged: it holds ${lines.length} bytes of pixels, expected ${expected}`);
  }
  return lines;
}

/**
 * Each line begins with the filter that its bytes went through: they are differences from the bytes to the left, above,
 * or between.
 */
function unfilter(name: string, lines: Uint8Array, height: number, line: number): void {
  for (let y = 0; y < height; y++) {
    const start = y * (line + 1) + 1;
    const filter = lines[start - 1]!;
    if (filter > 4) throw new FileError(`${name}: is damaged: line ${y} has the filter ${filter}, expected 0 to 4`);
    const above = start - line - 1;
    for (let x = 0; x < line; x++) {
      const left = x === 0 ? 0 : lines[start + x - 1]!;
      const up = y === 0 ? 0 : lines[above + x]!;
      const corner = x === 0 || y === 0 ? 0 : lines[above + x - 1]!;
      lines[start + x]! += predicted(filter, left, up, corner);
    }
  }
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  // Paeth: of the three the one that is nearest to left + up - corner.
  const [dl, du, dc] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return dl <= du && dl <= dc ? left : du <= dc ? up : corner;
}
