/** The names of classes as people put them beside their pictures: classes.json, or a text file with one a line. */
import { join } from "node:path";
import { DataError, FileError } from "../../base/errors.js";
import { exists } from "../../host/exists-node.js";
import { readWholeFile } from "../../host/read-node.js";
import type { FileTree } from "./file-tree.js";

const FILES = ["classes.json", "classes.txt", "batches.meta.txt", "fine_label_names.txt"];
/** A longer list is none of classes. */
const MOST_BYTES = 2 ** 24;

/** Names by label; undefined where there is no such file. @throws FileError where it holds none. */
export async function readClassNames(folder: string, files: readonly string[] = FILES): Promise<string[] | undefined> {
  for (const file of files) {
    const path = join(folder, file);
    if (await exists(path)) return parseClassNames(await readWholeFile(path), path);
  }
  return undefined;
}

/** Of a folder in a tree. */
export async function classNamesIn(tree: FileTree, folder: string): Promise<string[] | undefined> {
  for (const name of FILES) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const file = tree.files.find((found) => found.path === path);
    if (file !== undefined) return parseClassNames(await tree.read(file, MOST_BYTES), file.name);
  }
  return undefined;
}

function parseClassNames(bytes: Uint8Array, path: string): string[] {
  const text = new TextDecoder().decode(bytes);
  const names = path.endsWith(".json") ? fromJson(text, path) : text.split(/\r?\n/).map((line) => line.trim());
  const given = names.filter((name) => name !== "");
  if (given.length === 0) throw new FileError(`${path}: names no classes; expected one a line`);
  return given;
}

function fromJson(text: string, path: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FileError(`${path}: is not JSON; expected a list of class names`, { cause });
  }
  if (Array.isArray(value) && value.every((name) => typeof name === "string")) return value;
  throw new FileError(`${path}: expected a list of class names, such as ["cat", "dog"]`);
}

/**
 * Labels for the names of class folders: by name, or, where all are numbers and `names` has one for each, by number.
 * @throws DataError where a folder's number has no name.
 */
export function labelFolders(
  folders: readonly string[],
  names: readonly string[] | undefined,
  where: string,
): { classes: readonly string[]; labelOf: (folder: string) => number } {
  const sorted = [...new Set(folders)].sort();
  if (names !== undefined && sorted.every((folder) => /^\d+$/.test(folder))) {
    const beyond = sorted.find((folder) => Number(folder) >= names.length);
    if (beyond !== undefined) {
      throw new DataError(`${where}: class folder ${beyond} is out of range; its list names ${names.length} classes`);
    }
    return { classes: names, labelOf: Number };
  }
  // Two spellings of one name in Unicode are one class.
  const spelling = (folder: string) => folder.normalize("NFC");
  const classes = [...new Map(sorted.map((folder) => [spelling(folder), folder])).values()];
  const labels = new Map(classes.map((folder, label) => [spelling(folder), label]));
  return { classes, labelOf: (folder) => labels.get(spelling(folder)) ?? -1 };
}
