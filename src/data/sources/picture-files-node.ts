/** The picture files that paths name: files as they are, folders with all pictures in them and below. */
import { stat } from "node:fs/promises";
import { FileError } from "../../base/errors.js";
import { diskTree } from "./disk-tree-node.js";
import { describeOthers, pictureTree } from "./picture-branch.js";
import { EXPECTED_KINDS } from "./picture-kinds.js";

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
    if (!(await isFolder(path))) {
      files.push(path);
      continue;
    }
    const tree = await diskTree(path).catch((error: unknown) => {
      if (!(error instanceof FileError)) throw error;
      problems.push(error);
    });
    if (tree === undefined) continue;
    problems.push(...tree.problems);
    const { pictures, others } = await pictureTree(tree, false);
    files.push(...pictures.map(({ name }) => name));
    if (pictures.length + tree.problems.length === 0) {
      const held = describeOthers(others);
      const what = held === undefined ? "" : `, but ${held}`;
      throw new FileError(`${path}: there are no pictures in this folder (${EXPECTED_KINDS}) or below it${what}`);
    }
  }
  return { files, problems };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
