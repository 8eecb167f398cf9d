/** What is at a path that somebody names as a data set, by what is in it; names of folders count for nothing. */
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { DataError, FileError, nearest } from "../../base/errors.js";
import { sniff } from "../../formats/sniff.js";
import { readStart, whatItIs, whyUnreadable } from "../../host/read-node.js";
import { CIFAR_NAMES, cifarOf } from "./cifar-node.js";
import { isHidden } from "./hidden.js";
import { hasPictureName } from "./picture-kinds.js";
import { isTarName } from "./shards-node.js";

/** Kinds that are written in front of a path. */
export const KINDS = [...CIFAR_NAMES, "pictures", "sheets", "shards"] as const;
export type Kind = (typeof KINDS)[number] | "idx";

const EXPECTED = "a sub-folder a class, tar shards, CIFAR's binary files, sheets with train_labels.bin, or IDX files";

/** What compressed archives are called. */
const PACKED = /\.(tar\.\w+|tgz|tbz2?|txz|zip|rar|7z|gz|bz2|xz|zst)$/i;
/** As many folders are looked at that hold nothing but another one. */
const MOST_WRAPPERS = 3;

export interface Recognised {
  readonly kind: Kind;
  /** Below the path that was named where that holds nothing else. */
  readonly path: string;
}

/** @throws FileError where nothing is there, DataError where it is no data set, or might be two. */
export async function recognise(path: string, wrappers = 0): Promise<Recognised> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) throw await missing(path);
  if (status.isFile()) return { kind: await archiveKind(path), path };
  if (!status.isDirectory()) throw new FileError(`${path}: is ${whatItIs(status)}; expected a folder with ${EXPECTED}`);
  const entries = await listed(path);
  const names = entries.map(({ name }) => name);
  const cifar = cifarOf(names);
  if (cifar !== undefined) return { kind: cifar, path };
  if (names.some((name) => /ubyte(\.gz)?$/.test(name))) return { kind: "idx", path };
  if (names.includes("train_labels.bin")) return { kind: "sheets", path };
  const folders = entries.filter(({ isFolder }) => isFolder);
  const tars = entries.filter(({ name, isFolder }) => !isFolder && isTarName(name));
  if (tars.length > 0 && folders.length > 0) {
    throw new DataError(
      `${path}: holds folders (${shown(folders)}) and tar archives (${shown(tars)}); say which it is: pictures:${path} or shards:${path}`,
    );
  }
  if (tars.length > 0) return { kind: "shards", path };
  if (folders.length === 1 && names.length === 1 && wrappers < MOST_WRAPPERS) {
    const inner = await recognise(join(path, names[0]!), wrappers + 1).catch(() => undefined);
    if (inner !== undefined && inner.kind !== "pictures") return inner;
  }
  if (folders.length > 0 || names.some(hasPictureName)) return { kind: "pictures", path };
  if (names.length === 0) throw new DataError(`${path}: is an empty folder; expected ${EXPECTED} in it`);
  const packed = entries.filter(({ name }) => PACKED.test(name));
  if (packed.length > 0) {
    throw new DataError(
      `${path}: holds archives that must be unpacked first (${shown(packed)}); of these, .tar files alone are read as they are: gunzip FILE`,
    );
  }
  throw new DataError(`${path}: no data set is recognised in it (${shown(entries)}); expected ${EXPECTED}`);
}

/** A file is an archive of a data set, or none. */
async function archiveKind(path: string): Promise<Kind> {
  if (isTarName(path)) return "shards";
  const start = await readStart(path, 512);
  if (String.fromCharCode(...start.subarray(257, 262)) === "ustar") return "shards";
  const what = sniff(start);
  if (PACKED.test(path) || what?.includes("zip")) {
    throw new DataError(
      `${path}: is ${what ?? "a packed file"}, which must be unpacked first; expected a .tar file, or a folder`,
    );
  }
  throw new FileError(
    `${path}: is ${what === undefined ? "a file" : what}, not a folder; expected a folder with ${EXPECTED}, or a .tar file`,
  );
}

interface Entry {
  readonly name: string;
  /** Or a link to one. */
  readonly isFolder: boolean;
}

async function listed(path: string): Promise<Entry[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    throw new FileError(`${path}: ${whyUnreadable(cause, path)}`, { cause });
  });
  const visible = entries.filter(({ name }) => !isHidden(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const all: Entry[] = [];
  for (const entry of visible) all.push({ name: entry.name, isFolder: await isFolder(path, entry) });
  return all;
}

/** A link that leads nowhere may have led to one. */
async function isFolder(path: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const status = await stat(join(path, entry.name)).catch(() => undefined);
  return status?.isDirectory() ?? true;
}

function shown(entries: readonly Entry[]): string {
  const names = entries.slice(0, 3).map(({ name }) => name);
  return names.join(", ") + (entries.length > 3 ? ", ..." : "");
}

export async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Names the folder that was probably meant, beside the first one of the path that is not there. */
async function missing(path: string): Promise<FileError> {
  let lost = path;
  while (!(await isThere(dirname(lost))) && dirname(lost) !== lost) lost = dirname(lost);
  const above = dirname(lost);
  const entries = await listed(above).catch((): Entry[] => []);
  const names = entries.filter(({ name, isFolder }) => isFolder || isTarName(name)).map(({ name }) => name);
  const near = nearest(basename(resolve(lost)), names);
  const meant =
    near === undefined
      ? ""
      : `; did you mean "${above === "." && !/^\.[\\/]/.test(path) ? near : `./${join(above, near)}`.replace(/^\.\/(?=\/)/, "")}"?`;
  const there =
    names.length === 0 ? "" : ` (in ${above}: ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", ..." : ""})`;
  const which = lost === path ? "" : `: there is no ${lost}`;
  return new FileError(`${path}: no such folder${which}; expected a folder with ${EXPECTED}${meant}${there}`);
}
