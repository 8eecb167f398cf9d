/**
 * Where the bytes of a picture lie: a file, or a piece of an archive. Read on the calling thread, which is a loader's
 * worker.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { FileError } from "../../base/errors.js";
import { READ_ONLY, whatItIs, whyUnreadable } from "../../host/read-node.js";
import type { PicturePlace } from "../sources/labelled-pictures.js";

/** It cannot be read, unlike a picture that can be and is damaged. */
export class LostPicture extends FileError {}

/** Enough for the heads of nearly all files. */
const HEAD_BYTES = 64 * 1024;
/** A larger file is no picture to learn from, whatever its name. */
const MOST_BYTES = 2 ** 30;

export interface PictureHead {
  /** From the beginning, and the last two bytes. */
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  readonly bytes: number;
}

/** Reads pictures; archives stay open until it is closed. */
export class PictureFiles {
  readonly #archives = new Map<string, { readonly file: number; readonly size: number }>();

  read(place: PicturePlace, name: string): Uint8Array {
    return this.#with(place, name, (file, offset, size) => {
      if (size > MOST_BYTES) {
        const gibibytes = (size / 2 ** 30).toFixed(1);
        throw new FileError(`${name}: has ${gibibytes} GiB; a picture's file of at most 1 GiB is read`);
      }
      if (place.pieces === undefined) return readPiece(file, offset, size, name);
      const bytes = new Uint8Array(size);
      for (const piece of place.pieces) bytes.set(readPiece(file, piece.offset, piece.size, name), piece.at);
      return bytes;
    });
  }

  readHead(place: PicturePlace, name: string): PictureHead {
    if (place.pieces !== undefined) {
      const bytes = this.read(place, name);
      return { head: bytes.subarray(0, HEAD_BYTES), tail: bytes.subarray(-2), bytes: bytes.length };
    }
    return this.#with(place, name, (file, offset, size) => {
      const head = readPiece(file, offset, Math.min(size, HEAD_BYTES), name);
      const tail = size <= HEAD_BYTES ? head.subarray(-2) : readPiece(file, offset + size - 2, 2, name);
      return { head, tail, bytes: size };
    });
  }

  close(): void {
    for (const { file } of this.#archives.values()) closeSync(file);
    this.#archives.clear();
  }

  #with<T>(place: PicturePlace, name: string, use: (file: number, offset: number, size: number) => T): T {
    if (place.lost !== undefined) throw new LostPicture(`${name}: is a link to ${place.lost}, where there is nothing`);
    if (place.offset !== undefined && place.size !== undefined) {
      const { file, size } = this.#archive(place.path);
      const { offset, size: own } = place;
      const end =
        place.pieces?.reduce((most, piece) => Math.max(most, piece.offset + piece.size), offset) ?? offset + own;
      if (end > size) {
        throw new LostPicture(
          `${name}: lies behind the end of its archive, which has become shorter since it was opened`,
        );
      }
      return use(file, offset, own);
    }
    const file = openPicture(place.path);
    try {
      const status = fstatSync(file);
      if (!status.isFile()) throw new LostPicture(`${name}: is ${whatItIs(status)}, not a file`);
      return use(file, 0, status.size);
    } finally {
      closeSync(file);
    }
  }

  #archive(path: string) {
    let archive = this.#archives.get(path);
    if (archive === undefined) {
      const file = openPicture(path);
      archive = { file, size: fstatSync(file).size };
      this.#archives.set(path, archive);
    }
    return archive;
  }
}

function openPicture(path: string): number {
  try {
    return openSync(path, READ_ONLY);
  } catch (cause) {
    throw new LostPicture(`${path}: ${whyUnreadable(cause, path)}`, { cause });
  }
}

function readPiece(file: number, offset: number, size: number, name: string): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size; ) {
    const count = readSync(file, bytes, done, size - done, offset + done);
    if (count === 0) {
      throw new LostPicture(`${name}: ended at byte ${done} of ${size} while it was read; is it still being written?`);
    }
    done += count;
  }
  return bytes;
}
