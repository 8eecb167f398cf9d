/** The pictures of a tree of files, folder by folder, and what else lies there. */
import type { FileTree, FoundFile } from "./file-tree.js";
import { beginsAsPicture, endingsOf, extensionOf, hasPictureName, SNIFFED_BYTES } from "./picture-kinds.js";

export interface Branch {
  readonly name: string;
  /** Below the root; empty for the root itself. */
  readonly path: string;
  /** As errors call it. */
  readonly shown: string;
  readonly branches: Map<string, Branch>;
  /** Pictures that lie right in it. */
  pictures: number;
  /** With those of all folders below it. */
  count: number;
  /** Files `KEY.cls` in it and below. */
  labels: number;
}

export interface PictureTree {
  readonly tree: FileTree;
  readonly root: Branch;
  /** In the tree's order. */
  readonly pictures: readonly FoundFile[];
  /** Files with the label of a picture beside them, as WebDataset has them. */
  readonly labels: readonly FoundFile[];
  /** All else. */
  readonly others: readonly FoundFile[];
}

/**
 * A file whose name has no ending is looked into; one that cannot be read counts as a picture, which decoding then
 * names.
 */
export async function pictureTree(tree: FileTree, isArchive: boolean): Promise<PictureTree> {
  const root = branchOf("", "", tree.name);
  const byPath = new Map([["", root]]);
  const at = (path: string): Branch => {
    const found = byPath.get(path);
    if (found !== undefined) return found;
    const slash = path.lastIndexOf("/");
    const above = at(slash < 0 ? "" : path.slice(0, slash));
    const name = path.slice(slash + 1);
    const shown = above.path === "" && isArchive ? `${above.shown}: ${name}` : `${above.shown}/${name}`;
    const made = branchOf(name, path, shown);
    above.branches.set(name, made);
    byPath.set(path, made);
    return made;
  };
  for (const folder of tree.folders) at(folder);
  const pictures: FoundFile[] = [];
  const labels: FoundFile[] = [];
  const others: FoundFile[] = [];
  for (const file of tree.files) {
    const kind = await kindOf(file, tree);
    ({ picture: pictures, label: labels, other: others })[kind].push(file);
    if (kind === "other") continue;
    let branch: Branch | undefined = at(folderOf(file.path));
    if (kind === "picture") branch.pictures++;
    for (let path = branch.path; ; path = folderOf(path)) {
      branch = at(path);
      if (kind === "picture") branch.count++;
      else branch.labels++;
      if (path === "") break;
    }
  }
  return { tree, root, pictures, labels, others };
}

export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

function branchOf(name: string, path: string, shown: string): Branch {
  return { name, path, shown, branches: new Map(), pictures: 0, count: 0, labels: 0 };
}

async function kindOf(file: FoundFile, tree: FileTree): Promise<"picture" | "label" | "other"> {
  if (hasPictureName(file.path)) return "picture";
  const extension = extensionOf(file.path);
  if (extension === "cls") return "label";
  if (extension !== "") return "other";
  const bytes = await tree.read(file, SNIFFED_BYTES).catch(() => undefined);
  return bytes !== undefined && beginsAsPicture(bytes) ? "picture" : "other";
}

/** Folders in it that have pictures in them or below. */
export const filled = ({ branches }: Branch): Branch[] => [...branches.values()].filter(({ count }) => count > 0);

/** `10 .heic and 2 .txt files, such as FILE`; undefined where there are none. */
export function describeOthers(others: readonly FoundFile[]): string | undefined {
  const [first] = others;
  if (first === undefined) return undefined;
  const sorted = [...endingsOf(others.map(({ path }) => path))];
  const shown = sorted.slice(0, 5).map(([kind, count]) => `${count} ${kind}`);
  if (sorted.length > 5) shown.push(`${sorted.length - 5} other kinds`);
  return `${shown.join(", ")}, such as ${first.name}`;
}
