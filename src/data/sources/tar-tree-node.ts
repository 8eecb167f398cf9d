/**
 * The files of a tar archive (file-tree.ts) as they would lie on disk once it is unpacked: of two of the same name the
 * later one, a hard link the file that it names, a symbolic link what it leads to inside of the archive. Files come as
 * they lie in it.
 */
import { readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { FileError } from "../../base/errors.js";
import { type TarEntry, tarEntries } from "../../formats/archives/tar.js";
import { withFile } from "../../host/read-node.js";
import { type FileTree, type FoundFile, type ListedEntry, type ListedFolder, walkTree } from "./file-tree.js";
import type { PicturePlace } from "./labelled-pictures.js";
import { hasFileName } from "./picture-kinds.js";

interface FolderNode {
  readonly kind: "folder";
  readonly above: FolderNode | undefined;
  readonly nodes: Map<string, Node>;
}

type Node =
  | FolderNode
  | { readonly kind: "file"; readonly place: PicturePlace }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "other" };

/** More names in a path are none of a data set's. */
const DEEPEST = 100;
/** As many links are followed on one way, and ways as long, as systems follow. */
const MOST_LINKS = 40;
const LONGEST_TARGET = 4096;

/** @throws FileError where it cannot be read, is no tar archive, damaged or cut short. */
export async function tarTree(path: string): Promise<FileTree> {
  const root = await withFile(path, (file, size) => unpacked(path, file, size));
  const found = await walkTree(path, listedFolder(path, root, ""));
  const byPlace = (a: FoundFile, b: FoundFile) => a.place.offset! - b.place.offset!;
  return {
    ...found,
    files: [...found.files].sort(byPlace),
    read: ({ place }, most) => withFile(path, (file) => pieceOf(file, place, most)),
  };
}

async function unpacked(path: string, file: FileHandle, size: number): Promise<FolderNode> {
  const root: FolderNode = { kind: "folder", above: undefined, nodes: new Map() };
  const read = async (offset: number, length: number) => {
    const bytes = new Uint8Array(length);
    readPiece(file, bytes, offset);
    return bytes.subarray(0, Math.max(0, Math.min(length, size - offset)));
  };
  for await (const entry of tarEntries(read, size, path)) put(root, entry, path);
  return root;
}

function put(root: FolderNode, entry: TarEntry, path: string): void {
  const names = namesOf(entry.name);
  const last = names.pop();
  if (last === undefined) return;
  if (names.length >= DEEPEST) {
    throw new FileError(`${path}: an entry at offset ${entry.offset} lies more than ${DEEPEST} folders deep`);
  }
  let folder = root;
  for (const name of names) folder = folderIn(folder, name);
  if (entry.kind === "folder") folderIn(folder, last);
  else folder.nodes.set(last, nodeOf(root, entry, path));
}

/** Made where there is none; a link to one is followed, as when a file is unpacked through it. */
function folderIn(folder: FolderNode, name: string): FolderNode {
  const found = folder.nodes.get(name);
  const there = found?.kind === "link" ? resolve(found.target, folder) : found;
  if (there?.kind === "folder") return there;
  const made: FolderNode = { kind: "folder", above: folder, nodes: new Map() };
  folder.nodes.set(name, made);
  return made;
}

function nodeOf(root: FolderNode, { kind, offset, size, pieces, target = "" }: TarEntry, path: string): Node {
  if (kind === "symbolic link") return { kind: "link", target };
  // A hard link with bytes of its own is a file like others.
  if (kind === "hard link" && size === 0) {
    const names = namesOf(target);
    return lookUp(root, names) ?? { kind: "link", target: `/${names.join("/")}` };
  }
  if (kind === "other") return { kind: "other" };
  return { kind: "file", place: { path, offset, size, ...(pieces === undefined ? {} : { pieces }) } };
}

/** Without what leads nowhere or upwards: nothing is outside of the archive. */
function namesOf(name: string): string[] {
  const names: string[] = [];
  for (const part of name.split("/")) {
    if (part === "..") names.pop();
    else if (part !== "" && part !== ".") names.push(part);
  }
  return names;
}

/**
 * What a link that lies in `folder` leads to; undefined where that is nothing of the archive. `links` counts those on
 * the way.
 */
function resolve(
  target: string,
  folder: FolderNode,
  links = { count: 0 },
): Exclude<Node, { kind: "link" }> | undefined {
  if (++links.count > MOST_LINKS || target.length > LONGEST_TARGET) return undefined;
  let from = folder;
  if (target.startsWith("/")) while (from.above !== undefined) from = from.above;
  return lookUp(
    from,
    target.split("/").filter((name) => name !== "" && name !== "."),
    links,
  );
}

/** Along names, links followed, the last one as well. */
function lookUp(from: FolderNode, names: readonly string[], links = { count: 0 }) {
  let at: Exclude<Node, { kind: "link" }> | undefined = from;
  for (const name of names) {
    if (at?.kind !== "folder") return undefined;
    const folder: FolderNode = at;
    const next: Node | undefined = name === ".." ? (folder.above ?? folder) : folder.nodes.get(name);
    at = next?.kind === "link" ? resolve(next.target, folder, links) : next;
  }
  return at;
}

function listedFolder(archive: string, node: FolderNode, path: string): ListedFolder {
  return {
    identity: node,
    async list() {
      return [...node.nodes].flatMap(([name, own]): ListedEntry[] => {
        const inner = path === "" ? name : `${path}/${name}`;
        const entry = { name, shown: `${archive}: ${inner}` };
        const there = own.kind === "link" ? resolve(own.target, node) : own;
        if (there?.kind === "folder") {
          return [{ ...entry, kind: "folder", folder: listedFolder(archive, there, inner) }];
        }
        if (there?.kind === "file") return [{ ...entry, kind: "file", place: there.place }];
        if (own.kind !== "link") return [];
        return [{ ...entry, ...lostLink(archive, name, own.target) }];
      });
    },
  };
}

/** Reading such a picture finds nothing at its place. */
function lostLink(archive: string, name: string, target: string) {
  const place = { path: archive, offset: 0, size: 0, lost: target };
  return { kind: "lost link", target, ...(hasFileName(name) ? { place } : {}) } as const;
}

/** Read at once: a promise for each of a million headers of 512 bytes took ten times as long. */
function readPiece({ fd }: FileHandle, into: Uint8Array, offset: number): void {
  for (let done = 0; done < into.length; ) {
    const count = readSync(fd, into, done, into.length - done, offset + done);
    if (count === 0) return;
    done += count;
  }
}

async function pieceOf(file: FileHandle, place: PicturePlace, most: number): Promise<Uint8Array> {
  const length = Math.min(most, place.size!);
  const bytes = new Uint8Array(length);
  const pieces = place.pieces ?? [{ at: 0, offset: place.offset!, size: place.size! }];
  for (const { at, offset, size } of pieces) {
    if (at >= length) break;
    readPiece(file, bytes.subarray(at, Math.min(at + size, length)), offset);
  }
  return bytes;
}
