/**
 * Pictures in tar archives, each what the folder would be that it unpacks to (found-set-node.ts): a folder a class
 * (`CC/file.JPEG`), halves with such folders, or WebDataset's samples. Of several archives, names may tell halves
 * apart.
 */
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DataError, FileError } from "../../base/errors.js";
import { whyUnreadable } from "../../host/read-node.js";
import { readClassNames } from "./class-names-node.js";
import type { FileTree } from "./file-tree.js";
import { type FindOptions, foundSet, type Source } from "./found-set-node.js";
import { type HalfKind, halfName } from "./half-names.js";
import type { HalvesChoice } from "./halves-choice.js";
import { isHidden } from "./hidden.js";
import type { FoundSet } from "./labelled-pictures.js";
import { tarTree } from "./tar-tree-node.js";

export const isTarName = (name: string): boolean => /\.tar$/i.test(name);

/** `path` is a folder of .tar files, or one of them. */
export async function findShards(path: string, options: FindOptions = {}): Promise<FoundSet> {
  const { folder, names } = await shardNames(path);
  const kinds = halvesOf(path, names, options.halves ?? {});
  const open = async (which: readonly string[]): Promise<FileTree | undefined> =>
    which.length === 0 ? undefined : joined(path, await treesOf(folder, which));
  const source: Source =
    kinds === undefined
      ? { tree: (await open(names))!, isArchive: true }
      : {
          train: (await open(kinds.train))!,
          val: await open(kinds.val),
          test: await open(kinds.test),
          halves: recorded(names, kinds),
        };
  return foundSet(path, source, options, await readClassNames(folder));
}

async function treesOf(folder: string, names: readonly string[]): Promise<FileTree[]> {
  const trees: FileTree[] = [];
  for (const name of names) trees.push(await tarTree(join(folder, name)));
  return trees;
}

/** One archive behind the other; folders of the same name are one. */
function joined(path: string, trees: readonly FileTree[]): FileTree {
  const [only, ...more] = trees;
  if (more.length === 0) return only!;
  const byPath = new Map(trees.map((tree) => [tree.name, tree]));
  return {
    name: path,
    files: trees.flatMap(({ files }) => files),
    folders: [...new Set(trees.flatMap(({ folders }) => folders))],
    problems: trees.flatMap(({ problems }) => problems),
    read: (file, most) => byPath.get(file.place.path)!.read(file, most),
  };
}

async function shardNames(path: string): Promise<{ readonly folder: string; readonly names: readonly string[] }> {
  try {
    if ((await stat(path)).isFile())
      return { folder: dirname(path), names: [path.slice(dirname(path).length).replace(/^[\\/]/, "")] };
    const entries = (await readdir(path)).filter((name) => isTarName(name) && !isHidden(name)).sort();
    const names: string[] = [];
    for (const name of entries) if (!(await stat(join(path, name))).isDirectory()) names.push(name);
    if (names.length === 0) throw new FileError(`${path}: there are no .tar files in it`);
    return { folder: path, names };
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    throw new FileError(`${path}: ${whyUnreadable(cause, path)}; expected a .tar file, or a folder of them`, { cause });
  }
}

type Halves = Readonly<Record<"train" | "val" | "test", readonly string[]>>;

/** By names, as people chose or as they say; undefined where the archives hold halves themselves, or none. */
function halvesOf(path: string, names: readonly string[], choice: HalvesChoice): Halves | undefined {
  const chosen = (half: "train" | "val" | "test"): readonly string[] | undefined => {
    const value = choice[half];
    if (value === undefined) return undefined;
    const starts = value.split(",").filter((start) => start !== "");
    return names.filter((name) => starts.some((start) => name.startsWith(start)));
  };
  const given = { train: chosen("train"), val: chosen("val"), test: chosen("test") };
  const isChosen = [given.train, given.val, given.test].some((list) => list !== undefined && list.length > 0);
  const kinds = names.map((name) => kindOf(name));
  if (!isChosen && (names.length < 2 || kinds.every((kind) => kind === undefined))) return undefined;
  const rest = names.filter((name) => ![given.train, given.val, given.test].some((list) => list?.includes(name)));
  const of = (kind: HalfKind) => rest.filter((name) => kindOf(name) === kind);
  const unnamed = rest.filter((name) => kindOf(name) === undefined);
  const train = given.train ?? of("train");
  if (given.train === undefined && train.length > 0 && unnamed.length > 0) {
    throw new DataError(
      `${path}: ${train[0]} is called as a shard to learn from, and ${unnamed[0]} is not; say which ones are, by the beginnings of ` +
        `their names: --train ${train[0]!.slice(0, 8)},${unnamed[0]!.slice(0, 8)}`,
    );
  }
  const learned = given.train ?? (train.length > 0 ? train : unnamed);
  const halves = { train: learned, val: given.val ?? of("val"), test: given.test ?? of("test") };
  if (learned.length === 0) {
    throw new DataError(`${path}: has ${[...halves.val, ...halves.test].join(", ")}, but no shards to learn from`);
  }
  return halves;
}

/** Any word counts: the rest of a shard's name is that of its set. */
function kindOf(name: string): HalfKind | undefined {
  return halfName(name.replace(/\.tar$/i, ""))?.kind;
}

/** As a choice that finds the same archives: beginnings that no other has, or whole names. */
function recorded(names: readonly string[], halves: Halves): HalvesChoice {
  const text = (list: readonly string[]) => {
    if (list.length === 0) return "none";
    let start = list[0]!;
    for (const name of list) while (!name.startsWith(start)) start = start.slice(0, -1);
    const isClear = start !== "" && names.every((name) => list.includes(name) || !name.startsWith(start));
    return isClear ? start : list.join(",");
  };
  return { train: text(halves.train), val: text(halves.val), test: text(halves.test) };
}
