/** Loads data sets from IDX files: by path, or a folder that holds the four files under MNIST's names. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DataError, FileError } from "../../base/errors.js";
import { readIdx } from "../../formats/idx-node.js";
import { whyUnreadable } from "../../host/read-node.js";
import { type Dataset, type DatasetSplits, datasetFromIdx, type Scaling } from "../sets/dataset.js";

/** The files of a data set, for `loadIdxDataset`. */
export interface IdxPaths {
  /** Path of the IDX file of pictures, gzipped or not. */
  readonly images: string;
  /** Path of the IDX file of labels, gzipped or not. */
  readonly labels: string;
  /**
   * Name of the set, for errors and logs.
   * @default "idx"
   */
  readonly name?: string;
  /**
   * Names of the classes, by label.
   * @default "0", "1", ... up to the largest label
   */
  readonly classes?: readonly string[];
  /**
   * The scaling of pixels.
   * @default mean and standard deviation of each channel of these pictures
   */
  readonly scaling?: Scaling;
}

/**
 * Reads a data set of two IDX files, pictures and labels.
 * @throws FileError if a file cannot be read or is not IDX; DataError if the two do not belong together
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

/** Options of `loadIdxFolder`. All are optional. */
export interface FolderOptions {
  /**
   * Name of the set, for errors and logs.
   * @default the folder's path
   */
  readonly name?: string;
  /**
   * Names of the classes, by label.
   * @default "0", "1", ... up to the largest label of the training pictures
   */
  readonly classes?: readonly string[];
  /**
   * The scaling of pixels.
   * @default mean and standard deviation of each channel of the training pictures
   */
  readonly scaling?: Scaling;
}

/**
 * Reads a data set from a folder of four IDX files under MNIST's names, gzipped or not: `train-images-idx3-ubyte` and
 * so on. Classes and scaling of the training pictures hold for the test pictures, too.
 * @throws as `loadIdxDataset`, and FileError naming every file that is missing
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
