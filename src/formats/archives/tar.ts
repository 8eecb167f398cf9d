/**
 * The entries of a tar archive (v7, POSIX.1-1988 ustar, POSIX.1-2001 pax, GNU with long names and sparse files), read
 * header by header, so that an archive may be larger than memory. Takes time and memory in proportion to the headers.
 */
import { FileError } from "../../base/errors.js";
import { decodeText, tarNumber, tarText } from "./tar-fields.js";
import { gnuSparsePieces, type PaxSparse, paxSparsePieces, type SparsePiece } from "./tar-sparse.js";

/** A device or a pipe is of another kind. */
export type TarKind = "file" | "folder" | "hard link" | "symbolic link" | "other";

export interface TarEntry {
  readonly name: string;
  readonly kind: TarKind;
  /** Where a file's bytes begin in the archive. */
  readonly offset: number;
  /** Of the file as it is unpacked. */
  readonly size: number;
  /** Of a sparse file: the pieces that are in the archive. All else is zero. */
  readonly pieces?: readonly SparsePiece[];
  /**
   * What a link leads to: for a hard link the name of an entry before it, for a symbolic one a path from its own
   * folder.
   */
  readonly target?: string;
}

/** Bytes from `offset`: as many as asked, or fewer at the end. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>;

const BLOCK = 512;
/** Longer names are none of a file's: systems allow 4 KiB. */
const LONGEST_NAME = 1 << 16;
const LONGEST_PAX = 1 << 20;
/** Zeros behind an archive are passed over in such steps. */
const STRIDE = 1 << 16;

/**
 * All entries of an archive of `size` bytes, in its order; names that occur twice come twice. Archives that were put
 * one behind the other are read as one.
 * @throws FileError that names `file`, the offset and what is wrong, where it is no tar archive, damaged or cut short.
 */
export async function* tarEntries(read: ReadAt, size: number, file: string): AsyncGenerator<TarEntry, void, void> {
  let longName: string | undefined;
  let longLink: string | undefined;
  let pax = NO_RECORDS;
  for (let at = 0; ; ) {
    const header = at + BLOCK <= size ? await read(at, BLOCK) : new Uint8Array(0);
    if (header.length < BLOCK) throw cutShort(file, at, "the mark that ends it is missing");
    if (isZero(header)) {
      const next = await behindZeros(read, at + BLOCK, size);
      if (next === undefined) return;
      at = next;
      continue;
    }
    if (!checksumFits(header)) throw damaged(file, at);
    const type = String.fromCharCode(header[156]!);
    const offset = at + BLOCK;
    const stored = pax.size ?? tarNumber(header, 124, 12);
    if (!Number.isSafeInteger(stored) || stored < 0) throw damaged(file, at);
    const name = longName ?? pax.sparse.name ?? pax.path ?? nameOf(header);
    const length = (await hasNoBody(read, type, offset, stored)) ? 0 : stored;
    if (offset + length > size) {
      throw cutShort(file, offset, `"${shown(name)}" has ${length} bytes, of which ${size - offset} are there`);
    }
    at = offset + Math.ceil(length / BLOCK) * BLOCK;
    if (type === "L" || type === "K") {
      if (length > LONGEST_NAME) throw damaged(file, offset - BLOCK);
      const long = tarText(await read(offset, length), 0, length);
      if (type === "L") longName = long;
      else longLink = long;
    } else if (type === "x" || type === "X") {
      if (length > LONGEST_PAX) throw damaged(file, offset - BLOCK);
      pax = paxRecords(await read(offset, length), () => damaged(file, offset));
    } else if (type !== "g") {
      const kind = kindOf(type, name);
      const entry = { name, kind, offset, size: length };
      if (kind === "hard link" || kind === "symbolic link") {
        yield { ...entry, target: longLink ?? pax.linkpath ?? tarText(header, 157, 100) };
      } else if (type === "S") {
        const sparse = await gnuSparsePieces(read, header, offset, length);
        if (sparse === undefined) throw damaged(file, offset - BLOCK);
        at += sparse.extra;
        yield { ...entry, ...sparse.file };
      } else if (kind === "file" && pax.sparse.isSparse) {
        const sparse = await paxSparsePieces(read, pax.sparse, offset, length);
        if (sparse === undefined) throw damaged(file, offset - BLOCK);
        yield { ...entry, ...sparse };
      } else yield entry;
      longName = undefined;
      longLink = undefined;
      pax = NO_RECORDS;
    }
  }
}

/** A type that is not known is a file (POSIX), and so is one of v7 whose name does not end as a folder's. */
function kindOf(type: string, name: string): TarKind {
  if (type === "1") return "hard link";
  if (type === "2") return "symbolic link";
  if (type === "5" || type === "D") return "folder";
  if ((type === "0" || type === "\0") && name.endsWith("/")) return "folder";
  return ["0", "\0", "7", "S"].includes(type) ? "file" : "other";
}

/** Links, folders and devices have none, whatever their size says; of hard links some archives hold the bytes again. */
async function hasNoBody(read: ReadAt, type: string, offset: number, size: number): Promise<boolean> {
  if (/[2-6]/.test(type)) return true;
  if (type !== "1" || size === 0) return false;
  const next = await read(offset, BLOCK);
  return next.length < BLOCK || isZero(next) || checksumFits(next);
}

/**
 * Where a header stands behind the blocks of zeros that begin at `at`; what else follows the end of an archive is none
 * of its own.
 */
async function behindZeros(read: ReadAt, at: number, size: number): Promise<number | undefined> {
  for (let from = at; from + BLOCK <= size; from += STRIDE) {
    const bytes = await read(from, Math.min(STRIDE, size - from));
    const found = bytes.findIndex((byte) => byte !== 0);
    if (found < 0) continue;
    const header = from + Math.floor(found / BLOCK) * BLOCK;
    const block = await read(header, BLOCK);
    return block.length === BLOCK && checksumFits(block) ? header : undefined;
  }
  return undefined;
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

const shown = (name: string) => (name.length > 200 ? `${name.slice(0, 200)}...` : name);

const isZero = (block: Uint8Array) => block.every((byte) => byte === 0);

/** The sum of the header's bytes, its own field read as spaces; some old archives added them up as signed ones. */
function checksumFits(header: Uint8Array): boolean {
  const sum = tarNumber(header, 148, 8);
  const of = (bytes: Uint8Array | Int8Array) => {
    let total = 8 * 0x20;
    for (let i = 0; i < 148; i++) total += bytes[i]!;
    for (let i = 156; i < BLOCK; i++) total += bytes[i]!;
    return total;
  };
  return sum === of(header) || sum === of(new Int8Array(header.buffer, header.byteOffset, BLOCK));
}

function nameOf(header: Uint8Array): string {
  const name = tarText(header, 0, 100);
  const prefix = tarText(header, 257, 6).startsWith("ustar") && header[262] === 0 ? tarText(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** What is read of an extended header. */
interface PaxRecords {
  readonly path?: string;
  readonly linkpath?: string;
  readonly size?: number;
  readonly sparse: PaxSparse;
}

const NO_RECORDS: PaxRecords = { sparse: { isSparse: false, map: [] } };

/** No key that is read is longer. */
const LONGEST_KEY = 32;

/** `LENGTH KEY=VALUE\n`, LENGTH counting all of it in bytes. Each byte is looked at once. */
function paxRecords(bytes: Uint8Array, damage: () => FileError): PaxRecords {
  const values = new Map<string, string>();
  /** Offsets and counts, one record each, of GNU's first way to write sparse files. */
  const map: number[] = [];
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    let length = 0;
    let from = at;
    for (; from < at + 8 && isDigit(bytes[from]); from++) length = 10 * length + bytes[from]! - 0x30;
    const end = at + length - 1;
    if (bytes[from] !== 0x20 || end <= from || end >= bytes.length || bytes[end] !== 0x0a) throw damage();
    const record = bytes.subarray(from + 1, end);
    const equals = record.subarray(0, LONGEST_KEY).indexOf(0x3d);
    const key = equals < 0 ? "" : decodeText(record.subarray(0, equals));
    if (PAX_KEYS.has(key)) {
      const value = decodeText(record.subarray(equals + 1));
      if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") map.push(decimal(value));
      else values.set(key, value);
    }
    at = end + 1;
  }
  const of = (key: string) => values.get(key);
  const numberOf = (key: string) => (values.has(key) ? decimal(values.get(key)!) : undefined);
  const size = numberOf("size");
  const path = of("path");
  const linkpath = of("linkpath");
  const name = of("GNU.sparse.name");
  const realSize = numberOf("GNU.sparse.realsize") ?? numberOf("GNU.sparse.size");
  const list = of("GNU.sparse.map");
  return {
    ...(path === undefined ? {} : { path }),
    ...(linkpath === undefined ? {} : { linkpath }),
    ...(size === undefined ? {} : { size }),
    sparse: {
      isSparse: realSize !== undefined,
      ...(name === undefined ? {} : { name }),
      ...(realSize === undefined ? {} : { realSize }),
      isMapInBody: of("GNU.sparse.major") === "1",
      map: list === undefined ? map : list.split(",").map(decimal),
    },
  };
}

const PAX_KEYS = new Set([
  ...["path", "linkpath", "size", "GNU.sparse.major", "GNU.sparse.name", "GNU.sparse.realsize", "GNU.sparse.size"],
  ...["GNU.sparse.map", "GNU.sparse.offset", "GNU.sparse.numbytes"],
]);

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39;

const decimal = (digits: string) => (/^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN);
