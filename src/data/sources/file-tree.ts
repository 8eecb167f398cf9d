/**
 * All files below a folder, on disk or in an archive, as people see them there: links are followed, what is hidden is
 * passed over (hidden.ts), and names come in their order. How folders are read is another's (disk-tree-node.ts,
 * tar-tree-node.ts).
 */
import { FileError } from "../../base/errors.js";
import { isHidden } from "./hidden.js";
import type { PicturePlace } from "./labelled-pictures.js";

export interface FoundFile {
  /** Below the root, with "/" between names. */
  readonly path: string;
  /** As errors call it. */
  readonly name: string;
  readonly place: PicturePlace;
}

export interface FileTree {
  /** The root, as errors call it. */
  readonly name: string;
  readonly files: readonly FoundFile[];
  /** The paths of all folders, empty ones too. */
  readonly folders: readonly string[];
  /** Folders that could not be read, and links without an end, which might have led to some. */
  readonly problems: readonly FileError[];
  /** The first bytes of a file. @throws FileError where it cannot be read. */
  read(file: FoundFile, most: number): Promise<Uint8Array>;
}

export interface ListedEntry {
  readonly name: string;
  /** A link is what it leads to; a lost one leads nowhere. */
  readonly kind: "file" | "folder" | "lost link";
  /** How errors call it. */
  readonly shown: string;
  /** Of a file, and of a lost link that is called as one: reading it says that there is nothing. */
  readonly place?: PicturePlace;
  /** Of a folder. */
  readonly folder?: ListedFolder;
  /** Where a lost link leads. */
  readonly target?: string;
}

export interface ListedFolder {
  /** The same for the same folder, by whatever links it was come to. */
  readonly identity: unknown;
  /** In any order. @throws FileError where it cannot be read. */
  list(): Promise<readonly ListedEntry[]>;
}

/** As deep as folders are followed. */
const DEEPEST = 100;
/** Links may lead to a folder more than once: so often for any number of folders, and so often for each. */
const VISITS = 1000;
const VISITS_EACH = 3;

/** What `walkTree` finds; the reader of its files is to be added. */
export type FoundTree = Omit<FileTree, "read">;

interface Visit {
  readonly path: string;
  readonly shown: string;
  readonly depth: number;
  readonly folder: ListedFolder;
  /** Of this folder and all above it. */
  readonly above: readonly unknown[];
}

/** @throws FileError where the root itself cannot be read, or links lead to files without end. */
export async function walkTree(name: string, root: ListedFolder): Promise<FoundTree> {
  const files: FoundFile[] = [];
  const folders: string[] = [];
  const problems: FileError[] = [];
  const known = new Set<unknown>();
  let visits = 0;
  const visit = async (at: Visit): Promise<void> => {
    const entries = await listed(at, problems);
    for (const entry of entries) {
      const path = at.path === "" ? entry.name : `${at.path}/${entry.name}`;
      if (entry.kind === "file") files.push({ path, name: entry.shown, place: entry.place! });
      else if (entry.kind === "lost link") {
        const { shown, target, place } = entry;
        if (place !== undefined) files.push({ path, name: shown, place });
        else
          problems.push(new FileError(`${shown}: is a link to ${target}, where there is nothing; mend or remove it`));
      } else {
        const folder = entry.folder!;
        if (at.above.includes(folder.identity)) continue; // a link that leads back
        known.add(folder.identity);
        if (++visits > VISITS + VISITS_EACH * known.size) {
          throw new FileError(`${name}: links in it lead to the same ${known.size} folders over and over; remove some`);
        }
        folders.push(path);
        const above = [...at.above, folder.identity];
        const inner = { path, shown: entry.shown, depth: at.depth + 1, folder, above };
        if (inner.depth > DEEPEST) problems.push(new FileError(`${entry.shown}: lies ${DEEPEST} folders deep`));
        else await visit(inner);
      }
    }
  };
  const { identity } = root;
  await visit({ path: "", shown: name, depth: 0, folder: root, above: [identity] });
  return { name, files, folders, problems };
}

/** What is not hidden, by name. A folder that cannot be read is a problem, and the root an error. */
async function listed({ folder, depth }: Visit, problems: FileError[]): Promise<readonly ListedEntry[]> {
  try {
    const entries = (await folder.list()).filter((entry) => !isHidden(entry.name));
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (depth === 0 || !(error instanceof FileError)) throw error;
    problems.push(error);
    return [];
  }
}
