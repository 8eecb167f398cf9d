/** Reads a whole file in Node, of any size a typed array can hold, with errors that name the file and the cure. */
import { constants, lstatSync, readlinkSync, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { FileError, FoveaError } from "../base/errors.js";

/** At most 2 GiB less a page go through one read call. */
const largestRead = 2 ** 30;

/** To open a file with. To wait for somebody who writes into a pipe would be to wait for ever. */
export const READ_ONLY = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** @throws FileError where the file is missing, a folder, not readable, or shrinks while it is read. */
export async function readWholeFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return withFile(path, async (file, size) => {
    const bytes = allocate(size, path);
    for (let offset = 0; offset < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, offset, Math.min(bytes.length - offset, largestRead), offset);
      if (bytesRead === 0) {
        throw new FileError(
          `${path}: ended at byte ${offset} of ${bytes.length} while it was read; is it still being written?`,
        );
      }
      offset += bytesRead;
    }
    return bytes;
  });
}

/** The first bytes, all of them where there are no more. @throws FileError as readWholeFile. */
export async function readStart(path: string, most: number): Promise<Uint8Array> {
  return withFile(path, async (file, size) => {
    const bytes = new Uint8Array(Math.min(most, size));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  });
}

/** An open file and its size. @throws FileError where it is none that can be read, or reading it fails. */
export async function withFile<T>(path: string, use: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
  try {
    const file = await open(path, READ_ONLY);
    try {
      const status = await file.stat();
      if (!status.isFile()) throw new FileError(`${path}: is ${whatItIs(status)}, not a file`);
      return await use(file, status.size);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof FoveaError
      ? error
      : new FileError(`${path}: ${whyUnreadable(error, path)}`, { cause: error });
  }
}

function allocate(size: number, path: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (error) {
    throw new FileError(`${path}: its ${size} bytes do not fit into memory at once`, { cause: error });
  }
}

/** In words, of what is no file. */
export function whatItIs(status: Pick<Stats, "isDirectory" | "isFIFO" | "isSocket">): string {
  if (status.isDirectory()) return "a folder";
  if (status.isFIFO()) return "a pipe";
  return status.isSocket() ? "a socket" : "a device";
}

/**
 * The reason that a file could not be read, in words, from the code of a system error; of what is at `path`, where that
 * is given.
 */
export function whyUnreadable(error: unknown, path?: string): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return (path === undefined ? undefined : whyMissing(path)) ?? "no such file";
    case "ENOTDIR":
      return "no such file: a part of its path is not a folder";
    case "EACCES":
    case "EPERM":
      return "may not be read: permission denied";
    case "EISDIR":
      return "is a folder, not a file";
    case "ENXIO":
      return "is a socket or a device, not a file";
    case "ELOOP":
      return "is a link that leads back to itself";
    case "ENAMETOOLONG":
      return "has a name that is too long";
    default:
      return `could not be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A file may be in its folder's list and yet not be found. */
function whyMissing(path: string): string | undefined {
  try {
    if (lstatSync(path).isSymbolicLink()) return `is a link to ${readlinkSync(path)}, where there is nothing`;
  } catch {
    if (path.includes("\uFFFD")) return "has a name that is not UTF-8; rename it";
  }
  return undefined;
}
