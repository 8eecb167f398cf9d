/** Reads a whole file in Node, of any size a typed array can hold, with errors that name the file and the cure. */
import { open } from "node:fs/promises";
import { FileError } from "../errors.js";

/** At most 2 GiB less a page go through one read call. */
const largestRead = 2 ** 30;

/** @throws FileError where the file is missing, a folder, not readable, or shrinks while it is read. */
export async function readWholeFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const file = await open(path, "r");
    try {
      const status = await file.stat();
      if (!status.isFile())
        throw new FileError(`${path}: is ${status.isDirectory() ? "a folder" : "a device"}, not a file`);
      const bytes = allocate(status.size, path);
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
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof FileError ? error : new FileError(`${path}: ${whyUnreadable(error)}`, { cause: error });
  }
}

function allocate(size: number, path: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (error) {
    throw new FileError(`${path}: its ${size} bytes do not fit into memory at once`, { cause: error });
  }
}

/** The reason that a file could not be read, in words, from the code of a system error. */
export function whyUnreadable(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return "no such file";
    case "ENOTDIR":
      return "no such file: a part of its path is not a folder";
    case "EACCES":
    case "EPERM":
      return "may not be read: permission denied";
    case "EISDIR":
      return "is a folder, not a file";
    default:
      return `could not be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}
