/** Loads data sets from IDX files: by path, or a folder that holds the four files under MNIST's names. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DataError, FileError } from "../../base/errors.js";
import { readIdx } from "../../formats/idx-node.js";
import { whyUnreadable } from "../../host/read-node.js";
import { type Dataset, type DatasetSplits, datasetFromIdx, type Scaling } from "../sets/dataset.js";

export interface IdxPaths {
  /** Paths of IDX files, gzipped or not. */
  readonly images: string;
  readonly labels: string;
  readonly name?: string;
  readonly classes?: readonly string[];
  readonly scaling?: Scaling;
}

/**
 * Loads images and labels from two IDX files.
 * @throws FileError where a file cannot be read or is not IDX; DataError where the two do not belong together.
 */
export async function loadIdxDataset(paths: IdxPaths): Promise<Dataset> {
  const [images, labels] = await Promise.all([readIdx(paths.images), readIdx(paths.labels)]);
  if (images.shape.length === 1 && labels.shape.length > 1) {
    throw new DataError(
      `images ${paths.images} holds labels (rank 1) and labels ${paths.labels} holds images (rank ${labels.shape.length}); swap them`,
    );
  }
  const { name = "idx", classes, scaling } = paths;
  return datasetFromIdx({ name, images, labels, imagesFile: paths.images, labelsFile: paths.labels, classes, scaling });
}

export interface FolderOptions {
  readonly name?: string;
  readonly classes?: readonly string[];
  readonly scaling?: Scaling;
}

/**
 * Loads a folder that holds train and test images and labels under MNIST's names. Classes and scaling that are not
 * given are found in the training half and hold for both.
 * @throws as loadIdxDataset, and FileError naming every file that is missing.
 */
export async function loadIdxFolder(folder: string, options: FolderOptions = {}): Promise<DatasetSplits> {
  const files = await findFiles(folder);
  const { name = folder } = options;
  const train = await loadIdxDataset({
    ...options,
    name: `${name} train`,
    images: files.trainImages,
    labels: files.trainLabels,
  });
  const test = await loadIdxDataset({
    name: `${name} test`,
    images: files.testImages,
    labels: files.testLabels,
    classes: train.classes,
    scaling: train,
  });
  if (test.shape.join() !== train.shape.join()) {
    throw new DataError(
      `${folder}: training images are ${train.shape.join("x")} but test images are ${test.shape.join("x")}; both must be of one size`,
    );
  }
  return { train, test };
}

const parts = {
  trainImages: "train-images-idx3-ubyte",
  trainLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
} as const;

async function findFiles(folder: string): Promise<Record<keyof typeof parts, string>> {
  let present: Set<string>;
  try {
    present = new Set(await readdir(folder));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === "ENOENT" ? "no such folder" : code === "ENOTDIR" ? "is a file, not a folder" : whyUnreadable(error);
    throw new FileError(`${folder}: ${why}; expected a folder with the files ${Object.values(parts).join(", ")}`, {
      cause: error,
    });
  }
  const find = (name: string) => spellings(name).find((spelling) => present.has(spelling));
  const missing = Object.values(parts).filter((name) => find(name) === undefined);
  if (missing.length > 0) {
    throw new FileError(
      `${folder}: ${missing.join(", ")} missing; expected the files ${Object.values(parts).join(", ")} (each also as .gz, or with ".idx" for "-idx")`,
    );
  }
  const path = (name: string) => join(folder, find(name)!);
  return {
    trainImages: path(parts.trainImages),
    trainLabels: path(parts.trainLabels),
    testImages: path(parts.testImages),
    testLabels: path(parts.testLabels),
  };
}

/** The names under which one of the files is found around the web. */
function spellings(name: string): string[] {
  const dotted = name.replace("-idx", ".idx");
  return [name, dotted, `${name}.gz`, `${dotted}.gz`];
}
