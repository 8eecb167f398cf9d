/** The files below a folder on disk (file-tree.ts). */
import type { Dirent } from "node:fs";
import { readdir, readlink, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { FileError } from "../../base/errors.js";
import { readStart, whyUnreadable } from "../../host/read-node.js";
import { type FileTree, type ListedEntry, type ListedFolder, walkTree } from "./file-tree.js";
import { hasFileName } from "./picture-kinds.js";

/** @throws FileError where `folder` is none that can be read. */
export async function diskTree(folder: string): Promise<FileTree> {
  const real = await realpath(folder).catch((cause: unknown) => {
    throw new FileError(`${folder}: ${whyUnreadable(cause, folder)}`, { cause });
  });
  return {
    ...(await walkTree(folder, listedFolder(folder, real))),
    read: ({ place: { path } }, most) => readStart(path, most),
  };
}

/** `real` is where it lies once all links are followed. */
function listedFolder(path: string, real: string): ListedFolder {
  return {
    identity: real,
    async list() {
      const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
        throw new FileError(`${path}: ${whyUnreadable(cause, path)}`, { cause });
      });
      const listed: ListedEntry[] = [];
      for (const entry of entries) {
        const own = await listedEntry(path, real, entry);
        if (own !== undefined) listed.push(own);
      }
      return listed;
    },
  };
}

/**
 * What is neither file nor folder, a pipe say, counts as a file: reading it says what it is. Undefined for a link to a
 * folder that it lies in, which would lead round for ever.
 */
async function listedEntry(folder: string, real: string, entry: Dirent): Promise<ListedEntry | undefined> {
  const { name } = entry;
  const path = join(folder, name);
  const own = { name, shown: path };
  if (!entry.isSymbolicLink()) {
    return entry.isDirectory()
      ? { ...own, kind: "folder", folder: listedFolder(path, join(real, name)) }
      : { ...own, kind: "file", place: { path } };
  }
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) {
    const target = await readlink(path).catch(() => "nowhere");
    return { ...own, kind: "lost link", target, ...(hasFileName(name) ? { place: { path } } : {}) };
  }
  if (!status.isDirectory()) return { ...own, kind: "file", place: { path } };
  const there = await realpath(path).catch(() => path);
  const leadsBack = there === real || real.startsWith(there.endsWith(sep) ? there : `${there}${sep}`);
  return leadsBack ? undefined : { ...own, kind: "folder", folder: listedFolder(path, there) };
}
