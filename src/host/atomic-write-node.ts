/**
 * Writes a file whole or not at all: beside its place, flushed to the disk, then renamed over it. A crash or a power
 * cut at any moment leaves either the old file or the new one.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, readdir, realpath, rename, rm, stat, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError } from "../base/errors.js";

/** A temporary file older than this, whose process is gone, was left by a crash. */
const abandonedAfterMs = 60_000;

/**
 * Writes the pieces, one after the other, as the content of `path`. The pieces must not change until this is done.
 * @throws FileError saying what happened and the cure; no temporary file is left, and the old file is as it was.
 */
export async function writeFileAtomically(path: string, chunks: Iterable<Uint8Array | string>): Promise<void> {
  const pieces = Array.from(chunks, (chunk) => (typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk));
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const target = await finalPlace(path);
  const folder = dirname(target);
  const temporary = temporaryBeside(target);
  try {
    await writeAndFlush(temporary, pieces);
    await rename(temporary, target);
  } catch (error) {
    // Asked before the partial file goes, which would give back the space that was short.
    const why = await whyUnwritable(error, folder, bytes);
    await rm(temporary, { force: true }).catch(() => {});
    throw new FileError(`${path}: could not be written: ${why}`, { cause: error });
  }
  await flushFolder(folder);
  await removeAbandoned(target);
}

/**
 * For work that writes only at its end: whether a file can be written here, asked before. Nothing of it stays.
 * @throws FileError as writing it would.
 */
export async function checkFileWritable(path: string): Promise<void> {
  await tryToWrite(path, await finalPlace(path));
}

/**
 * The same of files in a folder, which may have to be made, with those around it.
 * @throws FileError where it is no folder, or cannot be made or written in.
 */
export async function checkFolderWritable(path: string): Promise<void> {
  let there = path;
  let status = await stat(there).catch(() => undefined);
  while (status === undefined && dirname(there) !== there) {
    there = dirname(there);
    status = await stat(there).catch(() => undefined);
  }
  if (status?.isDirectory() === false) {
    throw new FileError(`${path}: could not be made: ${there} is not a folder; name another`);
  }
  await tryToWrite(path, join(there, "fovea"));
}

async function tryToWrite(path: string, target: string): Promise<void> {
  const temporary = temporaryBeside(target);
  try {
    await (await open(temporary, "wx")).close();
  } catch (error) {
    const why = await whyUnwritable(error, dirname(target), 0);
    throw new FileError(`${path}: could not be written: ${why}`, { cause: error });
  }
  await rm(temporary, { force: true });
}

const temporaryBeside = (target: string): string => `${target}.tmp-${process.pid}-${randomBytes(4).toString("hex")}`;

/** Where the bytes go in the end: through symbolic links, and never over a folder or a device. */
async function finalPlace(path: string): Promise<string> {
  let target: string;
  try {
    target = await realpath(path);
  } catch {
    return path;
  }
  const status = await stat(target);
  if (!status.isFile()) {
    const what = status.isDirectory() ? "a folder" : "a device";
    throw new FileError(`${path}: could not be written: it is ${what}; name a file`);
  }
  return target;
}

async function writeAndFlush(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "wx");
  try {
    for (const piece of pieces) await writePiece(file, piece);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** One call writes at most 2 GiB, and less where the system so decides. */
async function writePiece(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let offset = 0; offset < piece.length; ) {
    const { bytesWritten } = await file.write(piece, offset, Math.min(piece.length - offset, 2 ** 30));
    offset += bytesWritten;
  }
}

/** Makes the rename itself survive a power cut, where the system can flush a folder (Windows cannot). */
async function flushFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // The file itself is whole and in its place.
  }
}

/** Removes what a killed process left beside `target`. */
async function removeAbandoned(target: string): Promise<void> {
  const folder = dirname(target);
  const start = `${basename(target)}.tmp-`;
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((name) => name.startsWith(start))) {
    const pid = Number(/^(\d+)-[0-9a-f]{8}$/.exec(name.slice(start.length))?.[1]);
    if (!(pid > 0) || isRunning(pid)) continue;
    const path = join(folder, name);
    const status = await stat(path).catch(() => undefined);
    // A folder may be shared by machines that do not see each other's processes.
    if (status !== undefined && Date.now() - status.mtimeMs > abandonedAfterMs) {
      await rm(path, { force: true }).catch(() => {});
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** The reason that a file in a folder could not be written, and the cure, from the code of a system error. */
export async function whyUnwritable(error: unknown, folder: string, bytes: number): Promise<string> {
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case "ENOSPC":
      return `the disk is full (${await freeSpace(folder)}); ${bytes} bytes are needed: free space or write elsewhere`;
    case "EDQUOT":
      return `the disk quota is used up; ${bytes} bytes are needed: free space or write elsewhere`;
    case "EFBIG":
      return `a file of ${bytes} bytes is larger than the limit for files (see \`ulimit -f\`); raise it or write elsewhere`;
    case "EROFS":
      return `${folder} is on a read-only file system; write elsewhere`;
    case "EACCES":
    case "EPERM":
      return `no permission to write in ${folder}; change its permissions or write elsewhere`;
    case "ENOENT":
      return `there is no folder ${folder}; create it or write elsewhere`;
    case "ENOTDIR":
      return `${folder} is not a folder; write elsewhere`;
    case "ENAMETOOLONG":
      return "its name is too long; choose a shorter one";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

async function freeSpace(folder: string): Promise<string> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return `${bavail * bsize} bytes free in ${folder}`;
  } catch {
    return folder;
  }
}
