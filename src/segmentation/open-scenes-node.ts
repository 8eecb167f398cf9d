/**
 * Opens labelled scenes: composed ones by name, or a folder of pictures and one of label pictures with the same names,
 *
 *     FOLDER/train, FOLDER/trainannot, FOLDER/val, FOLDER/valannot     (or train_labels, train-labels; test for val)
 *     FOLDER/images/train, FOLDER/labels/train, ...
 *
 * and a list of classes, FOLDER/classes.json unless another is named.
 */
import { readdir } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { DataError, FileError } from "../base/errors.js";
import { decodeShrunk, orientationOf } from "../data/decode/read-picture-node.js";
import { loadSharp } from "../data/decode/sharp-node.js";
import { openDataset } from "../data/open-node.js";
import { isHidden } from "../data/sources/hidden.js";
import { hasPictureName } from "../data/sources/picture-kinds.js";
import { readWholeFile } from "../host/read-node.js";
import { CAMVID, type ClassList, parseClassList } from "./class-list.js";
import { composeScenes } from "./compose-scenes.js";
import { asCameraWasHeld } from "./orientation.js";
import { labelHead, readLabels } from "./read-labels-node.js";
import type { Scene, SceneSet, SceneSplits } from "./scene-set.js";

/** Options of `openScenes`. All are optional. */
export interface OpenScenesOptions {
  /**
   * A file with the classes, or `"camvid"`.
   * @default classes.json in the folder
   */
  readonly classes?: string | undefined;
  /**
   * [height, width] in pixels to which pictures and labels are resized.
   * @default their own; 64x64 for composed scenes
   */
  readonly size?: readonly number[] | undefined;
}

/** Composed scenes to learn from and to measure with. */
const COMPOSED = { train: 600, test: 100, side: 64 } as const;

/**
 * Opens labelled pictures: a folder with FOLDER/train, FOLDER/trainannot, FOLDER/val, FOLDER/valannot, or
 * FOLDER/images/train, FOLDER/labels/train and so on; or scenes composed of a data set's pictures, `scenes:mnist`.
 * @throws DataError and FileError if pictures, labels and classes do not belong together
 */
export async function openScenes(data: string, options: OpenScenesOptions = {}): Promise<SceneSplits> {
  const [kind, ...rest] = data.split(":");
  if (kind === "scenes") return composed(rest.length === 0 ? "mnist" : rest.join(":"), options);
  const list = await classListOf(data, options.classes);
  const train = await pairsOf(data, ["train", "training"]);
  const test = await pairsOf(data, ["val", "test", "validation"]);
  const name = basename(data);
  return {
    train: await loadScenes(`${name} train`, train, list, options.size),
    test: await loadScenes(`${name} val`, test, list, options.size),
  };
}

async function composed(
  items: string,
  { size = [COMPOSED.side, COMPOSED.side] }: OpenScenesOptions,
): Promise<SceneSplits> {
  const { train, test } = await openDataset(items);
  const [height, width] = size as readonly [number, number];
  const half = (from: typeof train, count: number, seed: number) => composeScenes(from, { count, height, width, seed });
  return { train: half(train, COMPOSED.train, 1), test: half(test, COMPOSED.test, 2) };
}

/** The class list that a user names, or that stands in the folder; undefined where there is none. */
export async function classListOf(folder: string, named: string | undefined): Promise<ClassList | undefined> {
  if (named === "camvid") return CAMVID;
  const path = named ?? join(folder, "classes.json");
  if (named === undefined && !(await namesIn(folder)).includes("classes.json")) return undefined;
  return parseClassList(new TextDecoder().decode(await readWholeFile(path)), path);
}

export interface ScenePair {
  readonly picture: string;
  readonly labels: string;
}

async function pairsOf(folder: string, splits: readonly string[]): Promise<ScenePair[]> {
  const names = await namesIn(folder);
  if (names.length === 0)
    throw new FileError(`${folder}: no such folder, or an empty one; name a folder of pictures and labels`);
  const inside = new Set(
    await Promise.all(["images", "labels"].map((part) => namesIn(join(folder, part)))).then((all) =>
      all[0]!.filter((n) => all[1]!.includes(n)),
    ),
  );
  for (const split of splits) {
    const labels = [`${split}annot`, `${split}_labels`, `${split}-labels`].find((name) => names.includes(name));
    if (names.includes(split) && labels !== undefined) return scenePairs(join(folder, split), join(folder, labels));
    if (inside.has(split)) return scenePairs(join(folder, "images", split), join(folder, "labels", split));
  }
  const [split] = splits;
  throw new DataError(
    `${folder}: holds ${names.slice(0, 4).join(", ")}, expected ${split} with pictures and ${split}annot (or ${split}_labels) with their labels`,
  );
}

/** Pictures and labels of the same names. @throws DataError where one is without the other. */
export async function scenePairs(pictures: string, labels: string): Promise<ScenePair[]> {
  const [a, b] = await Promise.all([stemsIn(pictures), stemsIn(labels)]);
  const lonely = [...a.keys()].find((stem) => !b.has(stem)) ?? [...b.keys()].find((stem) => !a.has(stem));
  if (lonely !== undefined) {
    const [has, lacks] = a.has(lonely) ? [pictures, labels] : [labels, pictures];
    throw new DataError(
      `${pictures} holds ${a.size} pictures and ${labels} ${b.size}: "${lonely}" of ${has} has no partner in ${lacks}; expected one of the same name for each`,
    );
  }
  if (a.size === 0) throw new DataError(`${pictures}: there are no pictures in it`);
  return [...a]
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .map(([stem, file]) => ({ picture: join(pictures, file), labels: join(labels, b.get(stem)!) }));
}

async function stemsIn(folder: string): Promise<Map<string, string>> {
  const stems = new Map<string, string>();
  for (const file of (await namesIn(folder)).filter(hasPictureName)) {
    const stem = file.slice(0, -extname(file).length);
    const other = stems.get(stem);
    if (other !== undefined) {
      throw new DataError(
        `${folder}: holds ${other} and ${file}, which have the same name; expected one file a scene: rename or remove one`,
      );
    }
    stems.set(stem, file);
  }
  return stems;
}

const namesIn = (folder: string): Promise<string[]> =>
  readdir(folder).then(
    (names) => names.filter((name) => !isHidden(name)),
    (): string[] => [],
  );

/** Files that are decoded at the same time. */
const AT_ONCE = 8;

export async function loadScenes(
  name: string,
  pairs: readonly ScenePair[],
  list: ClassList | undefined,
  size: readonly number[] | undefined,
): Promise<SceneSet> {
  const classes = list ?? (await missingList(pairs[0]!.labels));
  const scenes: Scene[] = new Array<Scene>(pairs.length);
  let next = 0;
  const work = async () => {
    for (let i = next++; i < pairs.length; i = next++) scenes[i] = await readScene(pairs[i]!, classes, size);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { name, classes, scenes };
}

async function missingList(labels: string): Promise<never> {
  const { kind } = labelHead(labels, await readWholeFile(labels));
  const what =
    kind === "palette"
      ? "a palette PNG, whose colours have no names"
      : kind === "grey"
        ? "a PNG of label numbers"
        : "a PNG of colours";
  throw new DataError(
    `${labels}: is ${what}, and there is no classes.json that says what they mean; write one beside the folders ` +
      '({"classes": [{"name": "sky", "color": [128, 128, 128]}, ...], "ignore": [...]}), or name it with --classes',
  );
}

async function readScene(
  { picture, labels }: ScenePair,
  list: ClassList,
  size: readonly number[] | undefined,
): Promise<Scene> {
  const bytes = await readWholeFile(picture);
  const [seen, drawn, orientation] = await Promise.all([
    decodeShrunk(picture, bytes, 3, () => 1),
    readWholeFile(labels).then((its) => readLabels(labels, its, list)),
    orientationOf(picture, bytes),
  ]);
  const { height, width } = seen;
  const said = orientation === 1 ? drawn : asCameraWasHeld(drawn, labels, { ...seen, name: picture, orientation });
  if (said.height !== height || said.width !== width) {
    throw new DataError(
      `${labels}: is ${said.height}x${said.width}, but its picture ${picture} is ${height}x${width}; expected the same height and width`,
    );
  }
  const scene = { name: picture, height, width, pixels: seen.pixels, labels: said.labels };
  return size === undefined || (size[0] === height && size[1] === width) ? scene : resized(scene, size[0]!, size[1]!);
}

/** Pictures bilinearly with antialiasing; of labels the nearest. */
async function resized(scene: Scene, height: number, width: number): Promise<Scene> {
  const raw = { width: scene.width, height: scene.height, channels: 3 as const };
  const pixels = await loadSharp()(scene.pixels, { raw }).resize(width, height, { fit: "fill" }).raw().toBuffer();
  const labels = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * scene.height) / height) * scene.width;
    for (let x = 0; x < width; x++)
      labels[y * width + x] = scene.labels[row + Math.floor(((x + 0.5) * scene.width) / width)]!;
  }
  return { name: scene.name, height, width, pixels: new Uint8Array(pixels), labels };
}
