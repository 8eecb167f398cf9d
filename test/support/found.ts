/** What a folder or an archive is found to hold, without decoding it: contents do not matter, names do. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findClassFolders } from "#fovea/data/sources/class-folders-node.js";
import type { FindOptions } from "#fovea/data/sources/found-set-node.js";
import type { FoundSet, PictureHalf } from "#fovea/data/sources/labelled-pictures.js";
import { findShards } from "#fovea/data/sources/shards-node.js";

/** Files by their paths, each with its own name in it; "-> TARGET" makes a link. */
export function writeTree(folder: string, files: readonly string[]): string {
  for (const file of files) {
    const [path, target] = file.split(" -> ") as [string, string?];
    const full = join(folder, path);
    mkdirSync(path.endsWith("/") ? full : dirname(full), { recursive: true });
    if (target !== undefined) symlinkSync(target, full);
    else if (!path.endsWith("/")) writeFileSync(full, path);
  }
  return folder;
}

/** `n` pictures in a folder. */
export const pictures = (folder: string, n: number): string[] =>
  Array.from({ length: n }, (_, i) => `${folder}/p${i}.png`);

export interface Outline {
  readonly classes: readonly string[];
  readonly train: readonly number[];
  readonly val?: readonly number[];
  readonly test: readonly number[];
}

/** Pictures of each class in each half. */
export function outlineOf({ classes, train, val, test }: FoundSet): Outline {
  const counts = ({ pictures: all }: PictureHalf) =>
    classes.map((_, label) => all.filter((picture) => picture.label === label).length);
  return { classes, train: counts(train), ...(val && { val: counts(val) }), test: counts(test) };
}

export const outlineOnDisk = async (folder: string, options?: FindOptions): Promise<Outline> =>
  outlineOf(await findClassFolders(folder, options));

export const outlineOfTar = async (path: string, options?: FindOptions): Promise<Outline> =>
  outlineOf(await findShards(path, options));

/** `HALF LABEL PATH`, sorted: all that a set comes to. */
export function contentsOf({ train, val, test }: FoundSet): string[] {
  const lines = (half: string, set: PictureHalf | undefined) =>
    (set?.pictures ?? []).map(({ label, path }) => `${half} ${label} ${path}`);
  return [...lines("train", train), ...lines("val", val), ...lines("test", test)].sort();
}
