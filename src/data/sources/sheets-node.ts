/**
 * Sheets: pictures of one size, square, in rows on large lossless pictures, train_00.png, train_01.png, ..., with
 * train_labels.bin, a byte a picture in the order of sheets, rows and columns; test_* likewise, and classes.json.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DataError, FileError } from "../../base/errors.js";
import { readWholeFile, whyUnreadable } from "../../host/read-node.js";
import { decodePicture, inspectPicture } from "../decode/read-picture-node.js";
import { type Dataset, type DatasetSplits, measureScaling, type Scaling } from "../sets/dataset.js";
import { joined } from "./cifar-node.js";
import { readClassNames } from "./class-names-node.js";

/** Whether the names of a folder's files are those of sheets. */
export const hasSheets = (files: readonly string[]): boolean =>
  files.includes("train_labels.bin") && files.some((file) => /^train_\d+\.png$/.test(file));

export interface SheetOptions {
  readonly name?: string;
  readonly classes?: readonly string[];
  readonly scaling?: Scaling;
}

/** @throws FileError and DataError where sheets and labels do not belong together. */
export async function loadSheets(folder: string, options: SheetOptions = {}): Promise<DatasetSplits> {
  const { name = folder } = options;
  const classes = (await readClassNames(folder)) ?? options.classes;
  const train = await loadHalf(folder, "train", name, classes, options.scaling);
  const test = await loadHalf(folder, "test", name, train.classes, train);
  if (test.shape.join() !== train.shape.join()) {
    throw new DataError(
      `${folder}: training pictures are ${train.shape.join("x")} but test pictures ${test.shape.join("x")}; both must be of one size`,
    );
  }
  return { train, test };
}

async function loadHalf(
  folder: string,
  half: "train" | "test",
  name: string,
  names: readonly string[] | undefined,
  scaling: Scaling | undefined,
): Promise<Dataset> {
  const files = await sheetFiles(folder, half);
  const labelFile = join(folder, `${half}_labels.bin`);
  const labels = await readWholeFile(labelFile);
  const sheets: { images: Uint8Array; side: number }[] = [];
  const decoded = [];
  let pixels = 0;
  for (const file of files) {
    const path = join(folder, file);
    const bytes = await readWholeFile(path);
    const { height, width } = await inspectPicture(path, bytes);
    decoded.push({ path, bytes, height, width });
    pixels += height * width;
  }
  const side = Math.sqrt(pixels / labels.length);
  const odd = decoded.find(({ height, width }) => !Number.isInteger(side) || height % side !== 0 || width % side !== 0);
  if (odd !== undefined) {
    throw new DataError(
      `${labelFile}: has ${labels.length} labels, which do not fit ${files.length} sheets such as ${odd.path} (${odd.height}x${odd.width}): ` +
        "square pictures in whole rows were expected, one a label",
    );
  }
  for (const { path, bytes, height, width } of decoded) {
    const sheet = await decodePicture(path, bytes, [height, width, 3]);
    sheets.push({ images: cut(sheet.pixels, height, width, side), side });
  }
  const images = joined(sheets.map((sheet) => sheet.images));
  const most = labels.reduce((a, b) => Math.max(a, b), 0);
  const classes = names ?? Array.from({ length: most + 1 }, (_, label) => String(label));
  if (most >= classes.length) {
    throw new DataError(
      `${labelFile}: label ${most} of item ${labels.indexOf(most)} is out of range; expected 0 to ${classes.length - 1} (${classes.length} classes)`,
    );
  }
  const { mean, std } = scaling ?? measureScaling(images, 3);
  return { name: `${name} ${half}`, length: labels.length, classes, shape: [side, side, 3], images, labels, mean, std };
}

async function sheetFiles(folder: string, half: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    throw new FileError(`${folder}: ${whyUnreadable(cause)}; expected a folder of sheets`, { cause });
  }
  const sheets = names.filter((name) => new RegExp(`^${half}_\\d+\\.png$`).test(name));
  if (sheets.length === 0) throw new FileError(`${folder}: there are no sheets ${half}_00.png, ${half}_01.png, ...`);
  return sheets.sort();
}

/** One picture after another, from rows of them. */
function cut(sheet: Uint8Array, height: number, width: number, side: number): Uint8Array {
  const images = new Uint8Array(sheet.length);
  let to = 0;
  for (let top = 0; top < height; top += side) {
    for (let left = 0; left < width; left += side) {
      for (let y = top; y < top + side; y++, to += 3 * side) {
        const from = 3 * (y * width + left);
        images.set(sheet.subarray(from, from + 3 * side), to);
      }
    }
  }
  return images;
}
