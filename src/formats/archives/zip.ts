/**
 * Reads zip archives (PKWARE's APPNOTE 6.3): the central directory at the end, 64-bit sizes included, entries stored or
 * deflated. A stored entry is a view of the archive's bytes. Encrypted archives and those in several parts are refused.
 */
import { Inflate } from "fflate";
import { plainBytes, shown } from "../../base/bytes.js";
import { FileError } from "../../base/errors.js";
import { Budget } from "../budget.js";

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
/** Deflate makes at most 1,032 bytes of one. */
const MOST_INFLATION = 1032;
/** Deflated bytes that are inflated at once: what they come to is compared with what was promised before more are. */
const PIECE = 4096;
/** An end record may be followed by a comment of 65,535 bytes at most. */
const LARGEST_COMMENT = 0xffff;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly stored: number;
  readonly size: number;
  readonly at: number;
}

export interface ZipArchive {
  readonly names: readonly string[];
  /** @throws FileError where there is no such entry, or it is damaged. */
  read(name: string): Uint8Array;
}

/**
 * @param budget what all entries that are inflated may come to
 * @throws FileError that names `file`, where these bytes are no zip archive, or one cut short.
 */
export function parseZip(source: Uint8Array, file: string, budget = new Budget(file, source.byteLength)): ZipArchive {
  const bytes = plainBytes(source, file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = readDirectory(view, bytes, file);
  return {
    names: [...entries.keys()],
    read: (name) => {
      const entry = entries.get(name);
      if (entry === undefined) throw new FileError(`${file}: the archive has no entry "${shown(name)}"`);
      return readEntry(view, bytes, entry, file, budget);
    },
  };
}

function readDirectory(view: DataView, bytes: Uint8Array, file: string): Map<string, Entry> {
  const cutShort = () =>
    new FileError(
      `${file}: cut short: the zip archive's directory, which ends it, is missing; copy or download it again`,
    );
  let end = bytes.length - 22;
  const least = Math.max(0, end - LARGEST_COMMENT);
  while (end >= least && view.getUint32(end, true) !== END) end--;
  if (end < least) throw cutShort();
  let count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (end >= 20 && view.getUint32(end - 20, true) === LOCATOR_64) {
    const end64 = Number(view.getBigUint64(end - 12, true));
    if (end64 + 56 > bytes.length || view.getUint32(end64, true) !== END_64) throw cutShort();
    count = Number(view.getBigUint64(end64 + 32, true));
    at = Number(view.getBigUint64(end64 + 48, true));
  }
  const entries = new Map<string, Entry>();
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== ENTRY) throw cutShort();
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const next = at + 46 + nameBytes + extraBytes + view.getUint16(at + 32, true);
    if (next > bytes.length) throw cutShort();
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameBytes));
    if (view.getUint16(at + 8, true) & 1) throw new FileError(`${file}: the entry "${shown(name)}" is encrypted`);
    const sizes = { size: view.getUint32(at + 24, true), stored: view.getUint32(at + 20, true) };
    const place = { ...sizes, at: view.getUint32(at + 42, true) };
    wide(view, at + 46 + nameBytes, extraBytes, place);
    entries.set(name, { name, method: view.getUint16(at + 10, true), ...place });
    at = next;
  }
  return entries;
}

/** 64-bit numbers, in this order, for those of the entry that do not fit 32 bits. */
function wide(
  view: DataView,
  begin: number,
  length: number,
  place: { size: number; stored: number; at: number },
): void {
  for (let at = begin; at + 4 <= begin + length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    const end = Math.min(begin + length, at + 4 + view.getUint16(at + 2, true));
    let field = at + 4;
    for (const key of ["size", "stored", "at"] as const) {
      if (place[key] !== 0xffffffff || field + 8 > end) continue;
      place[key] = Number(view.getBigUint64(field, true));
      field += 8;
    }
  }
}

function readEntry(view: DataView, bytes: Uint8Array, entry: Entry, file: string, budget: Budget): Uint8Array {
  const { name, at, stored, size, method } = entry;
  const where = `${file}: entry "${shown(name)}"`;
  if (at + 30 > bytes.length || view.getUint32(at, true) !== LOCAL) {
    throw new FileError(`${where}: there is nothing at offset ${at}, where the archive says it begins`);
  }
  const begin = at + 30 + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  const packed = bytes.subarray(begin, begin + stored);
  if (packed.length !== stored) throw new FileError(`${where}: cut short: has ${packed.length} of ${stored} bytes`);
  if (method === 0) return packed;
  if (method !== 8) throw new FileError(`${where}: is packed by method ${method}; only stored and deflated are read`);
  if (!(size <= MOST_INFLATION * stored)) {
    throw new FileError(`${where}: is damaged: promises ${size} bytes, more than ${stored} deflated bytes can hold`);
  }
  budget.take(size, `its entry "${shown(name)}" of ${size} bytes`);
  return inflated(packed, size, where);
}

/** Inflates to the promised size and no further. */
function inflated(packed: Uint8Array, size: number, where: string): Uint8Array {
  const data = new Uint8Array(size);
  let length = 0;
  let ended = false;
  try {
    const inflate = new Inflate((chunk, final) => {
      if (length + chunk.length > size) throw new FileError(`it holds more than the ${size} bytes that it promises`);
      data.set(chunk, length);
      length += chunk.length;
      ended = final;
    });
    for (let at = 0; at < packed.length && !ended; at += PIECE) {
      inflate.push(packed.subarray(at, at + PIECE), at + PIECE >= packed.length);
    }
  } catch (cause) {
    throw new FileError(`${where}: is damaged: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  if (length !== size) throw new FileError(`${where}: is damaged: has ${length} bytes, expected ${size}`);
  return data;
}
