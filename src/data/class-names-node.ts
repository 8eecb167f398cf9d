/** The names of classes as people put them beside their pictures: classes.json, or a text file with one a line. */
import { join } from "node:path";
import { DataError, FileError } from "../errors.js";
import { exists } from "../formats/exists-node.js";
import { readWholeFile } from "../formats/read-node.js";

const FILES = ["classes.json", "classes.txt", "batches.meta.txt", "fine_label_names.txt"];

/** Names by label; undefined where there is no such file. @throws FileError where it holds none. */
export async function readClassNames(folder: string, files: readonly string[] = FILES): Promise<string[] | undefined> {
  for (const file of files) {
    const path = join(folder, file);
    if (!(await exists(path))) continue;
    const text = new TextDecoder().decode(await readWholeFile(path));
    const names = file.endsWith(".json") ? fromJson(text, path) : text.split(/\r?\n/).map((line) => line.trim());
    const given = names.filter((name) => name !== "");
    if (given.length === 0) throw new FileError(`${path}: names no classes; expected one a line`);
    return given;
  }
  return undefined;
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
  const labels = new Map(sorted.map((folder, label) => [folder, label]));
  return { classes: sorted, labelOf: (folder) => labels.get(folder) ?? -1 };
}
