/**
 * The entries of a tar archive (POSIX.1-2001 ustar, pax and GNU's long names), read header by header, so that an archive may
 * be larger than memory. Only regular files are given.
 */
import { FileError } from "../errors.js";

export interface TarEntry {
  readonly name: string;
  /** Where its bytes begin in the archive. */
  readonly offset: number;
  readonly size: number;
}

/** Bytes from `offset`: as many as asked, or fewer at the end. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>;

const BLOCK = 512;
/** A longer name or pax record is no name. */
const LONGEST_NAME = 1 << 20;

/**
 * The regular files of an archive of `size` bytes, in its order.
 * @throws FileError that names `file`, the offset and what is wrong, where it is no tar archive, damaged or cut short.
 */
export async function* tarEntries(read: ReadAt, size: number, file: string): AsyncGenerator<TarEntry, void, void> {
  let longName: string | undefined;
  let pax: ReadonlyMap<string, string> = new Map();
  for (let at = 0; ; ) {
    const header = at + BLOCK <= size ? await read(at, BLOCK) : new Uint8Array(0);
    if (header.length < BLOCK) throw cutShort(file, at, "the mark that ends it is missing");
    if (header.every((byte) => byte === 0)) return;
    if (!checksumFits(header)) throw damaged(file, at);
    const kind = String.fromCharCode(header[156]!);
    const length = Number(pax.get("size") ?? number(header, 124, 12));
    if (!Number.isSafeInteger(length) || length < 0) throw damaged(file, at);
    const offset = at + BLOCK;
    const name = longName ?? pax.get("path") ?? nameOf(header);
    if (offset + length > size) {
      throw cutShort(file, offset, `"${name}" has ${length} bytes, of which ${Math.max(0, size - offset)} are there`);
    }
    if (kind === "L" || kind === "x" || kind === "g") {
      if (length > LONGEST_NAME) throw damaged(file, at);
      const record = await read(offset, length);
      if (kind === "L") longName = text(record, 0, record.length);
      if (kind === "x") pax = paxRecords(record);
    } else {
      if (kind === "0" || kind === "\0" || kind === "7") yield { name, offset, size: length };
      longName = undefined;
      pax = new Map();
    }
    at = offset + Math.ceil(length / BLOCK) * BLOCK;
  }
}

function cutShort(file: string, at: number, why: string): FileError {
  return new FileError(`${file}: the tar archive is cut short at offset ${at}: ${why}; copy or download it again`);
}

function damaged(file: string, at: number): FileError {
  return new FileError(
    at === 0
      ? `${file}: not a tar archive: its first header's checksum does not fit (a compressed one must be unpacked first: gunzip FILE)`
      : `${file}: the tar archive is damaged: there is no header at offset ${at}; copy or download it again`,
  );
}

/** The sum of the header's bytes, its own field read as spaces. */
function checksumFits(header: Uint8Array): boolean {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += header[i]!;
  return sum === number(header, 148, 8);
}

/** Octal digits; where the first bit is set, a big-endian number (GNU). */
function number(header: Uint8Array, at: number, length: number): number {
  if (header[at]! & 0x80) {
    let value = header[at]! & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + header[at + i]!;
    return value;
  }
  const digits = text(header, at, length).trim();
  return digits === "" ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function nameOf(header: Uint8Array): string {
  const name = text(header, 0, 100);
  const prefix = text(header, 257, 6).startsWith("ustar") && header[262] === 0 ? text(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Up to the first zero. */
function text(bytes: Uint8Array, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

/** `LENGTH KEY=VALUE\n`, LENGTH counting all of it in bytes. */
function paxRecords(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const length = Number.parseInt(text(bytes, at, 20), 10);
    if (!(length > 0)) break;
    const [, key, value] =
      /^\d+ ([^=]+)=([\s\S]*)\n$/.exec(new TextDecoder().decode(bytes.subarray(at, at + length))) ?? [];
    if (key !== undefined && value !== undefined) records.set(key, value);
    at += length;
  }
  return records;
}
