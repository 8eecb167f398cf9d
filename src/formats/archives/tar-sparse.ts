/**
 * Sparse files in tar archives, of which only the pieces that are not zero are kept: GNU's own header (type S), and its
 * three ways by pax records (GNU tar manual, "Storing Sparse Files"): an offset and a count a record (0.0), a list of
 * both (0.1), and the same in decimal lines in front of the file's bytes (1.0).
 */
import { tarNumber } from "./tar-fields.js";

/** `size` bytes that lie at `offset` of the archive and belong at `at` of the file. */
export interface SparsePiece {
  readonly at: number;
  readonly offset: number;
  readonly size: number;
}

export interface SparseFile {
  /** As it is unpacked. */
  readonly size: number;
  readonly pieces: readonly SparsePiece[];
}

/** What pax records say of a sparse file. */
export interface PaxSparse {
  readonly isSparse: boolean;
  readonly name?: string;
  readonly realSize?: number;
  readonly isMapInBody?: boolean;
  /** Offset and count in turn. */
  readonly map: readonly number[];
}

type ReadAt = (offset: number, length: number) => Promise<Uint8Array>;

const BLOCK = 512;
/** A map of more pieces is none of a picture's. */
const MOST_PIECES = 1 << 16;

/**
 * A file of type S, whose header holds four pieces, and blocks behind it 21 each; `extra` counts these blocks' bytes.
 * Undefined where the map makes no sense.
 */
export async function gnuSparsePieces(
  read: ReadAt,
  header: Uint8Array,
  offset: number,
  stored: number,
): Promise<{ readonly file: SparseFile; readonly extra: number } | undefined> {
  const map: number[] = [];
  for (let n = 0; n < 4; n++) map.push(tarNumber(header, 386 + 24 * n, 12), tarNumber(header, 398 + 24 * n, 12));
  let extra = 0;
  for (let more = header[482] !== 0; more; ) {
    const block = await read(offset + extra, BLOCK);
    if (block.length < BLOCK || map.length > 2 * MOST_PIECES) return undefined;
    for (let n = 0; n < 42; n++) map.push(tarNumber(block, 12 * n, 12));
    more = block[504] !== 0;
    extra += BLOCK;
  }
  const file = sparseFile(map, tarNumber(header, 483, 12), offset + extra, stored);
  return file && { file, extra };
}

/** Undefined where the map makes no sense. */
export async function paxSparsePieces(
  read: ReadAt,
  { map, realSize, isMapInBody = false }: PaxSparse,
  offset: number,
  stored: number,
): Promise<SparseFile | undefined> {
  if (!isMapInBody) return sparseFile(map, realSize!, offset, stored);
  const lines = await bodyMap(read, offset, stored);
  return lines && sparseFile(lines.map, realSize!, offset + lines.bytes, stored - lines.bytes);
}

/** A count of pieces, then offset and count of each, a line each, up to a whole number of blocks. */
async function bodyMap(read: ReadAt, offset: number, stored: number) {
  const map: number[] = [];
  let count: number | undefined;
  let value = 0;
  for (let bytes = 0; bytes + BLOCK <= stored; ) {
    const block = await read(offset + bytes, BLOCK);
    bytes += BLOCK;
    for (const byte of block) {
      if (byte >= 0x30 && byte <= 0x39) value = 10 * value + byte - 0x30;
      else if (byte !== 0x0a) return undefined;
      else {
        if (count === undefined) count = value;
        else map.push(value);
        if (count > MOST_PIECES) return undefined;
        if (map.length === 2 * count) return { map, bytes };
        value = 0;
      }
    }
  }
  return undefined;
}

/** Pieces in the file's order that fill what is stored; empty ones stand for its end, or for nothing. */
function sparseFile(map: readonly number[], size: number, offset: number, stored: number): SparseFile | undefined {
  if (!Number.isSafeInteger(size) || size < 0 || map.length % 2 !== 0 || map.length > 2 * MOST_PIECES) return undefined;
  const pieces: SparsePiece[] = [];
  let used = 0;
  let last = 0;
  for (let n = 0; n < map.length; n += 2) {
    const [at, length] = [map[n]!, map[n + 1]!];
    if (length === 0) continue;
    if (!(at >= last && length > 0 && at + length <= size && used + length <= stored)) return undefined;
    pieces.push({ at, offset: offset + used, size: length });
    used += length;
    last = at + length;
  }
  return { size, pieces };
}
