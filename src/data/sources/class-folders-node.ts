/**
 * A folder on disk with a sub-folder a class, pictures in it or below: train/CLASS/... beside test/CLASS/... or
 * val/CLASS/..., or one folder CLASS/..., a part of whose pictures is kept for measuring.
 */
import { diskTree } from "./disk-tree-node.js";
import { type FindOptions, foundSet } from "./found-set-node.js";
import type { FoundSet } from "./labelled-pictures.js";

/** @throws FileError where the folder cannot be read, DataError where its classes are none to learn. */
export async function findClassFolders(folder: string, options: FindOptions = {}): Promise<FoundSet> {
  return foundSet(folder, { tree: await diskTree(folder), isArchive: false }, options);
}
