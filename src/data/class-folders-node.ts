/**
 * A folder with a sub-folder a class, pictures in it or below: train/CLASS/... beside test/CLASS/... or val/CLASS/..., or
 * one folder CLASS/..., a part of whose pictures is kept for measuring.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DataError, FileError } from "../errors.js";
import { whyUnreadable } from "../formats/read-node.js";
import { labelFolders, readClassNames } from "./class-names-node.js";
import { checkClasses, type FoundSet, type LabelledPicture, type PictureHalf, split } from "./labelled-pictures.js";
import { findPictures } from "./picture-files-node.js";

const TRAIN = ["train", "training"];
const TEST = ["test", "val", "valid", "validation"];
/** Of the pictures, where no half of them is set apart. */
export const TEST_PART = 0.1;

export interface FindOptions {
  readonly testPart?: number | undefined;
  readonly seed?: number | undefined;
}

/** @throws FileError where the folder cannot be read, DataError where its classes are none to learn. */
export async function findClassFolders(folder: string, options: FindOptions = {}): Promise<FoundSet> {
  const parts = await subfolders(folder);
  const pick = (names: readonly string[]) => names.find((name) => parts.includes(name));
  const [trainPart, testPart] = [pick(TRAIN), pick(TEST)];
  const names = await readClassNames(folder);
  if (trainPart === undefined && testPart !== undefined && parts.every((part) => TEST.includes(part))) {
    throw new DataError(`${folder}: has a folder ${testPart} but none called train to learn from`);
  }
  const whole = trainPart === undefined ? folder : join(folder, trainPart);
  const folders = trainPart === undefined ? parts : await subfolders(whole);
  if (folders.length === 0) {
    throw new DataError(`${whole}: has no sub-folders; expected one a class, with its pictures in it`);
  }
  const { classes, labelOf } = labelFolders(folders, names, whole);
  const all: PictureHalf = { name: folder, pictures: await picturesOf(whole, folders, labelOf) };
  checkClasses(whole, classes, all.pictures);
  if (trainPart === undefined || testPart === undefined) {
    return { classes, ...split(all, options.testPart ?? TEST_PART, options.seed ?? 0) };
  }
  const apart = join(folder, testPart);
  const tested = await subfolders(apart);
  const strange = tested.filter((name) => !folders.includes(name));
  if (strange.length > 0) {
    throw new DataError(`${apart}: ${strange.join(", ")} has no folder of the same name in ${whole}: unknown to learn`);
  }
  const pictures = await picturesOf(apart, tested, labelOf);
  if (pictures.length === 0) throw new DataError(`${apart}: there are no pictures (PNG, JPEG, WebP) in it`);
  return {
    classes,
    train: { name: `${folder} train`, pictures: all.pictures },
    test: { name: `${folder} ${testPart}`, pictures },
  };
}

/** Hidden ones and what archives of other systems leave behind are no classes. */
export async function subfolders(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const isClass = (name: string) => !name.startsWith(".") && !name.startsWith("__");
    return entries.flatMap((entry) => (entry.isDirectory() && isClass(entry.name) ? [entry.name] : [])).sort();
  } catch (cause) {
    throw new FileError(`${folder}: ${whyUnreadable(cause)}; expected a folder with a sub-folder a class`, { cause });
  }
}

async function picturesOf(
  folder: string,
  classes: readonly string[],
  labelOf: (folder: string) => number,
): Promise<LabelledPicture[]> {
  const pictures: LabelledPicture[] = [];
  for (const name of classes) {
    const label = labelOf(name);
    for (const path of await filesIn(join(folder, name))) pictures.push({ name: path, label, place: { path } });
  }
  return pictures;
}

/** None for an empty folder, which the caller names with the others of its kind. */
async function filesIn(folder: string): Promise<readonly string[]> {
  try {
    const { files, problems } = await findPictures([folder]);
    if (problems[0] !== undefined) throw new DataError(problems[0].message, { cause: problems[0] });
    return files;
  } catch (error) {
    if (error instanceof FileError) return [];
    throw error;
  }
}
