/**
 * Pictures in tar shards, with a folder a class (`CC/file.JPEG`) or in WebDataset's naming (`key.jpg` beside `key.cls`, which
 * holds the label in digits). The archives are indexed by their headers.
 */
import { readSync } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { DataError, FileError } from "../errors.js";
import { whyUnreadable } from "../formats/read-node.js";
import { type TarEntry, tarEntries } from "../formats/tar.js";
import { type FindOptions, TEST_PART } from "./class-folders-node.js";
import { labelFolders, readClassNames } from "./class-names-node.js";
import { checkClasses, type FoundSet, type LabelledPicture, type PicturePlace, split } from "./labelled-pictures.js";

const PICTURES = [".png", ".jpg", ".jpeg", ".webp"];

interface Shard {
  readonly path: string;
  readonly handle: FileHandle;
  readonly entries: readonly TarEntry[];
}

/** What a set of shards holds; a class by its folder, or a label. */
interface Item {
  readonly name: string;
  readonly folder: string;
  readonly label: number | undefined;
  readonly place: PicturePlace;
}

/** `path` is a folder of .tar files, or one of them. */
export async function findShards(path: string, options: FindOptions = {}): Promise<FoundSet> {
  const shards: Shard[] = [];
  const close = async () => {
    for (const { handle } of shards) await handle.close();
  };
  try {
    const { train, test, folder } = await shardFiles(path);
    const load = async (files: readonly string[]) => {
      const opened: Shard[] = [];
      for (const file of files) opened.push(await openShard(file, shards));
      return itemsOf(opened);
    };
    const [learnt, measured] = [await load(train), await load(test)];
    const { classes, labelOf } = await classesOf(path, folder, learnt);
    const label = (items: readonly Item[]): LabelledPicture[] =>
      items.map(({ name, place, ...item }) => ({ name, place, label: item.label ?? labelOf(item.folder) }));
    const all = { name: path, pictures: label(learnt) };
    checkClasses(path, classes, all.pictures);
    if (test.length === 0) {
      return { classes, ...split(all, options.testPart ?? TEST_PART, options.seed ?? 0) };
    }
    const pictures = label(measured);
    const strange = pictures.find((picture) => !(picture.label >= 0 && picture.label < classes.length));
    if (strange !== undefined) {
      throw new DataError(
        `${strange.name}: is of a class that the training shards do not have (${classes.length} classes)`,
      );
    }
    if (pictures.length === 0) throw new DataError(`${path}: there are no pictures in ${test.join(", ")}`);
    return {
      classes,
      train: { name: `${path} train`, pictures: all.pictures },
      test: { name: `${path} test`, pictures },
    };
  } finally {
    await close();
  }
}

/** Those to learn from and those to measure with, told by their names. */
async function shardFiles(path: string): Promise<{ train: string[]; test: string[]; folder: string }> {
  try {
    if ((await stat(path)).isFile()) return { train: [path], test: [], folder: dirname(path) };
    const names = (await readdir(path)).filter((name) => name.endsWith(".tar")).sort();
    if (names.length === 0) throw new FileError(`${path}: there are no .tar files in it`);
    const isTest = (name: string) => /(^|[-_.])(test|val|valid|validation)(?=[-_.\d])/i.test(name);
    const [train, test] = [names.filter((name) => !isTest(name)), names.filter(isTest)];
    if (train.length === 0) throw new DataError(`${path}: has ${test.join(", ")}, but no shards to learn from`);
    const full = (name: string) => join(path, name);
    return { train: train.map(full), test: test.map(full), folder: path };
  } catch (cause) {
    if (cause instanceof FileError || cause instanceof DataError) throw cause;
    throw new FileError(`${path}: ${whyUnreadable(cause)}; expected a .tar file, or a folder of them`, { cause });
  }
}

async function openShard(path: string, opened: Shard[]): Promise<Shard> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (cause) {
    throw new FileError(`${path}: ${whyUnreadable(cause)}`, { cause });
  }
  const entries: TarEntry[] = [];
  const shard = { path, handle, entries };
  opened.push(shard);
  const { size } = await handle.stat();
  for await (const entry of tarEntries(async (offset, length) => readAt(handle, offset, length), size, path)) {
    entries.push(entry);
  }
  return shard;
}

/** Read at once: a promise for each of a million headers of 512 bytes took ten times as long. */
function readAt({ fd }: FileHandle, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = readSync(fd, bytes, done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

async function itemsOf(shards: readonly Shard[]): Promise<Item[]> {
  const items: Item[] = [];
  for (const { path, handle, entries } of shards) {
    const isVisible = ({ name }: TarEntry) => !basename(name).startsWith(".");
    const labels = new Map<string, TarEntry>();
    for (const entry of entries.filter(isVisible))
      if (entry.name.endsWith(".cls")) labels.set(keyOf(entry.name), entry);
    for (const entry of entries.filter(isVisible)) {
      if (!PICTURES.includes(extname(entry.name).toLowerCase())) continue;
      const cls = labels.get(keyOf(entry.name));
      const name = `${path}: ${entry.name}`;
      if (labels.size > 0 && cls === undefined)
        throw new DataError(`${name}: has no label: there is no ${keyOf(entry.name)}.cls`);
      const label = cls && labelFrom(readAt(handle, cls.offset, Math.min(cls.size, 64)), `${path}: ${cls.name}`);
      const folder = basename(dirname(entry.name));
      if (label === undefined && (folder === "" || folder === ".")) {
        throw new DataError(
          `${name}: has no class: expected CLASS/${entry.name}, or a label in ${keyOf(entry.name)}.cls`,
        );
      }
      items.push({ name, folder, label, place: { path, offset: entry.offset, size: entry.size } });
    }
  }
  return items;
}

/** WebDataset: all up to the first dot of the file's name. */
function keyOf(name: string): string {
  const dot = name.indexOf(".", name.lastIndexOf("/") + 1);
  return dot < 0 ? name : name.slice(0, dot);
}

function labelFrom(bytes: Uint8Array, name: string): number {
  const text = new TextDecoder().decode(bytes).trim();
  if (!/^\d{1,9}$/.test(text)) throw new DataError(`${name}: is "${text.slice(0, 20)}"; expected a label in digits`);
  return Number(text);
}

async function classesOf(path: string, folder: string, items: readonly Item[]) {
  const names = await readClassNames(folder);
  if (items.length === 0)
    throw new DataError(`${path}: there are no pictures (PNG, JPEG, WebP) to learn from in its shards`);
  const labels = items.flatMap(({ label }) => (label === undefined ? [] : [label]));
  if (labels.length === 0)
    return labelFolders(
      items.map((item) => item.folder),
      names,
      path,
    );
  if (labels.length < items.length) {
    throw new DataError(
      `${path}: some shards have labels in .cls files and some have folders; expected one or the other`,
    );
  }
  const count = labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  if (names === undefined && count > 1e5) throw new DataError(`${path}: a label is ${count - 1}, which is no class`);
  return { classes: names ?? Array.from({ length: count }, (_, label) => String(label)), labelOf: () => -1 };
}
