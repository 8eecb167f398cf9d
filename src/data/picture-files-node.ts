/** The picture files that paths name: files as they are, folders with all pictures in them and below. */
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { FileError } from "../errors.js";
import { whyUnreadable } from "../formats/read-node.js";

const EXTENSIONS = [".png", ".jpg", ".jpeg", ".webp"];

export interface FoundPictures {
  /** In the order given, those of a folder by name. */
  readonly files: readonly string[];
  /** Folders that could not be read. */
  readonly problems: readonly FileError[];
}

/**
 * A path that is no folder counts as a file, whatever its name: reading it says what is wrong with it.
 * @throws FileError where a folder that was named holds no pictures.
 */
export async function findPictures(paths: readonly string[]): Promise<FoundPictures> {
  const files: string[] = [];
  const problems: FileError[] = [];
  for (const path of paths) {
    if (!(await isFolder(path))) files.push(path);
    else {
      const before = files.length + problems.length;
      await walk(path, files, problems);
      if (files.length + problems.length === before)
        throw new FileError(`${path}: there are no pictures in this folder (${EXTENSIONS.join(", ")}) or below it`);
    }
  }
  return { files, problems };
}

/** Links to folders are not followed: they may lead back. */
async function walk(folder: string, files: string[], problems: FileError[]): Promise<void> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await walk(path, files, problems);
      else if (EXTENSIONS.includes(extname(entry.name).toLowerCase())) files.push(path);
    }
  } catch (cause) {
    problems.push(new FileError(`${folder}: ${whyUnreadable(cause)}`, { cause }));
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
