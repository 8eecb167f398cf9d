/**
 * The classes that pixels are labelled with, as a small JSON file:
 *
 *     { "classes": [{ "name": "sky", "color": [128, 128, 128] }, { "name": "road", "color": [128, 64, 128] }],
 *       "ignore": [{ "name": "void", "value": 11, "color": [0, 0, 0] }] }
 *
 * In a label picture of grey values or palette indices, value i is the class at place i, unless it says a `value` of
 * its own; in one of colours, each class has its colour. Pixels of what stands under `ignore` count for nothing; one
 * that is neither is an error.
 */

import { shown } from "../base/bytes.js";
import { DataError } from "../base/errors.js";
import { parseJson } from "../formats/json.js";

/** A colour: red, green and blue from 0 to 255. */
export type Color = readonly [red: number, green: number, blue: number];

/** A class of pixels. */
export interface LabelName {
  /** Its name. */
  readonly name: string;
  /** Its colour, in label pictures of colours and in overlays. */
  readonly color: Color;
  /** Its value in label pictures of indices. */
  readonly value: number;
}

/** The classes that pixels are labelled with. */
export interface ClassList {
  /** The classes, in the order of their numbers. */
  readonly classes: readonly LabelName[];
  /** Labels of pixels that are skipped. */
  readonly ignore: readonly LabelName[];
}

/** The label of pixels that have none, in bytes. Networks have -1. */
export const UNLABELLED = 255;

const MOST_CLASSES = 255;

/**
 * Reads a class list from JSON: `{ "classes": [{ "name": "sky", "color": [128, 128, 128] }, ...], "ignore": [...] }`.
 *
 * @example
 * ```js
 * import { parseClassList } from "fovea/segmentation";
 *
 * const json =
 *   '{ "classes": [{ "name": "sky", "color": [128, 128, 128] }, { "name": "road", "color": [128, 64, 128] }] }';
 * const list = parseClassList(json, "classes.json");
 * console.log(list.classes.map(({ name, value }) => `${value} ${name}`)); // [ '0 sky', '1 road' ]
 * ```
 *
 * @param where the name by which errors call it
 * @throws DataError naming the entry and what is wrong with it
 */
export function parseClassList(text: string, where: string): ClassList {
  const json = parseJson(text, (why, cause) => new DataError(`${where}: ${why}`, { cause }));
  if (!isRecord(json) || !Array.isArray(json["classes"])) {
    throw new DataError(`${where}: expected {"classes": [{"name": "sky", "color": [128, 128, 128]}, ...]}`);
  }
  const unknown = Object.keys(json).find((key) => key !== "classes" && key !== "ignore");
  if (unknown !== undefined)
    throw new DataError(`${where}: unknown key "${shown(unknown)}"; expected classes and ignore`);
  const ignored = json["ignore"] ?? [];
  if (!Array.isArray(ignored))
    throw new DataError(`${where}: ignore is ${shown(JSON.stringify(ignored))}, expected a list`);
  const classes = json["classes"].map((entry, i) => labelName(entry, i, `${where}: classes[${i}]`));
  const ignore = ignored.map((entry, i) => labelName(entry, undefined, `${where}: ignore[${i}]`));
  return checkedList({ classes, ignore }, where);
}

function checkedList(list: ClassList, where: string): ClassList {
  const { classes, ignore } = list;
  if (classes.length < 2 || classes.length > MOST_CLASSES) {
    throw new DataError(`${where}: has ${classes.length} classes, expected 2 to ${MOST_CLASSES}`);
  }
  const all = [...classes, ...ignore];
  for (const key of ["name", "value", "color"] as const) {
    const seen = new Map<string, string>();
    for (const entry of all) {
      const text = JSON.stringify(entry[key]);
      const other = seen.get(text);
      if (other !== undefined)
        throw new DataError(
          `${where}: "${shown(other)}" and "${shown(entry.name)}" have the same ${key} ${shown(text)}`,
        );
      seen.set(text, entry.name);
    }
  }
  return list;
}

function labelName(entry: unknown, place: number | undefined, where: string): LabelName {
  if (!isRecord(entry)) throw new DataError(`${where}: is ${shown(JSON.stringify(entry))}, expected an object`);
  const { name, color, value = place } = entry;
  if (typeof name !== "string" || name === "")
    throw new DataError(`${where}: name is ${shown(JSON.stringify(name))}, expected a text`);
  if (!isByte(value))
    throw new DataError(`${where}: value is ${shown(JSON.stringify(value))}, expected a whole number from 0 to 255`);
  if (!Array.isArray(color) || color.length !== 3 || !color.every(isByte)) {
    throw new DataError(
      `${where}: color is ${shown(JSON.stringify(color))}, expected [red, green, blue] from 0 to 255`,
    );
  }
  return { name, value, color: color as unknown as Color };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isByte = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255;

/** For each value of an index picture its class, UNLABELLED, or undefined where it is none. */
export function valueTable({ classes, ignore }: ClassList): readonly (number | undefined)[] {
  const table = new Array<number | undefined>(256).fill(undefined);
  for (const [i, { value }] of classes.entries()) table[value] = i;
  for (const { value } of ignore) table[value] = UNLABELLED;
  return table;
}

/** A colour as one number. */
export const colorKey = (red: number, green: number, blue: number): number => (red << 16) | (green << 8) | blue;

/** For each colour, by `colorKey`, its class or UNLABELLED. */
export function colorTable({ classes, ignore }: ClassList): ReadonlyMap<number, number> {
  const key = ({ color: [red, green, blue] }: LabelName) => colorKey(red, green, blue);
  return new Map([
    ...ignore.map((entry) => [key(entry), UNLABELLED] as const),
    ...classes.map((entry, i) => [key(entry), i] as const),
  ]);
}

const entries = (names: string, colors: readonly Color[]): LabelName[] =>
  names.split(" ").map((name, value) => ({ name, value, color: colors[value]! }));

/** CamVid's eleven classes (Brostow et al. 2009), with the usual colours; 11 is void. */
export const CAMVID: ClassList = {
  classes: entries("sky building pole road pavement tree sign fence car pedestrian bicyclist", [
    [128, 128, 128],
    [128, 0, 0],
    [192, 192, 128],
    [128, 64, 128],
    [60, 40, 222],
    [128, 128, 0],
    [192, 128, 128],
    [64, 64, 128],
    [64, 0, 128],
    [64, 64, 0],
    [0, 128, 192],
  ]),
  ignore: [{ name: "void", value: 11, color: [0, 0, 0] }],
};
