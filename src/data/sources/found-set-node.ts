/**
 * What a tree of files is as a data set: its halves (halves.ts), in each a folder a class with pictures in it and
 * below, or pictures with their labels beside them (`KEY.cls`). The same for a folder on disk and for an archive of it.
 */
import { DataError } from "../../base/errors.js";
import { readLabels } from "../sets/sample-labels.js";
import { classNamesIn, labelFolders } from "./class-names-node.js";
import type { FileTree, FoundFile } from "./file-tree.js";
import { halfName } from "./half-names.js";
import { findHalves, unwrapped } from "./halves.js";
import type { HalvesChoice } from "./halves-choice.js";
import {
  checkClasses,
  type FoundSet,
  type LabelledPicture,
  type PictureHalf,
  split,
  splitByOrder,
} from "./labelled-pictures.js";
import { type Branch, describeOthers, filled, folderOf, type PictureTree, pictureTree } from "./picture-branch.js";
import { EXPECTED_KINDS } from "./picture-kinds.js";

/** Of the pictures, where no half of them is set apart. */
export const TEST_PART = 0.1;

export interface FindOptions {
  readonly halves?: HalvesChoice | undefined;
  readonly testPart?: number | undefined;
  readonly seed?: number | undefined;
  /** As runs found their pictures that do not say how: split by order, and nothing but the test half measured. */
  readonly asBefore?: boolean | undefined;
}

/** Halves of a tree, or trees that are halves. */
export type Source =
  | { readonly tree: FileTree; readonly isArchive: boolean }
  | {
      readonly train: FileTree;
      readonly val: FileTree | undefined;
      readonly test: FileTree | undefined;
      readonly halves: HalvesChoice;
    };

/** A half's pictures: below a folder, but for some that are halves of their own. */
interface Part {
  readonly in: PictureTree;
  readonly branch: Branch;
  readonly apart: ReadonlySet<Branch>;
}

/** What it is by name: a folder's, or a label. */
interface Item {
  readonly file: FoundFile;
  readonly path: string;
  readonly folder: string;
  readonly label: number | undefined;
}

/**
 * `names` are those of the classes where the tree does not bring a list of them.
 * @throws DataError where the halves are in doubt, or the classes are none to learn.
 */
export async function foundSet(
  name: string,
  source: Source,
  options: FindOptions,
  names?: readonly string[],
): Promise<FoundSet> {
  const { train, val, test, halves, notes } = await partsOf(source, options.halves ?? {});
  const learned = await itemsOf(train);
  const given = (await namesFor(train)) ?? names;
  const { classes, labelOf } = classesOf(train, learned.items, given);
  const labelled = (items: readonly Item[]): LabelledPicture[] =>
    items.map(({ file, path, folder, label }) => ({
      ...{ name: file.name, path, place: file.place },
      label: label ?? labelOf(folder),
    }));
  const all: PictureHalf = { name, pictures: labelled(learned.items) };
  const { others } = train.in;
  checkClasses(
    train.branch.shown,
    classes,
    all.pictures,
    describeOthers(others.filter(({ path }) => isBelow(path, train))),
  );
  if (train.branch.labels === 0) notes.push(...likeHalves(train, options.halves?.train !== undefined));
  const measured = async (part: Part | undefined): Promise<PictureHalf | undefined> => {
    if (part === undefined) return undefined;
    const { items, notes: more } = await itemsOf(part);
    notes.push(...more);
    const pictures = labelled(items);
    checkKnown(part, items, pictures, classes, train);
    if (pictures.length === 0)
      throw new DataError(`${part.branch.shown}: there are no pictures (${EXPECTED_KINDS}) in it`);
    return { name: `${name} ${part.branch.path || (part === val ? "val" : "test")}`, pictures };
  };
  const [chosenBy, tested] = [await measured(val), await measured(test)];
  notes.push(...learned.notes, ...passedOver(name, source, [train, val, test]));
  const found = { classes, halves, notes };
  const half = tested ?? chosenBy;
  if (half === undefined) {
    const { testPart = TEST_PART, seed = 0, asBefore = false } = options;
    return { ...found, ...(asBefore ? splitByOrder : split)(all, testPart, seed) };
  }
  const both = tested !== undefined && chosenBy !== undefined && !options.asBefore;
  return {
    ...found,
    train: { name: `${name} train`, pictures: all.pictures },
    ...(both ? { val: chosenBy } : {}),
    test: half,
  };
}

async function partsOf(source: Source, choice: HalvesChoice) {
  if (!("tree" in source)) {
    const whole = async (tree: FileTree | undefined): Promise<Part | undefined> => {
      if (tree === undefined) return undefined;
      checkProblems(tree);
      const found = await pictureTree(tree, true);
      return { in: found, branch: unwrapped(found.root), apart: new Set() };
    };
    const [train, val, test] = [await whole(source.train), await whole(source.val), await whole(source.test)];
    return { train: train!, val, test, halves: source.halves, notes: [] as string[] };
  }
  checkProblems(source.tree);
  const found = await pictureTree(source.tree, source.isArchive);
  const { train, val, test, apart, notes } = findHalves(found.root, choice);
  const part = (branch: Branch): Part => ({ in: found, branch, apart });
  const own = train.labels > 0 ? train : unwrapped(train);
  const pathOf = (half: "val" | "test", branch: Branch | undefined) =>
    branch?.path ?? choice[half] ?? (train.path === "" ? undefined : "none");
  return {
    train: part(own),
    val: val && part(val),
    test: test && part(test),
    halves: { train: train.path || ".", val: pathOf("val", val), test: pathOf("test", test) },
    notes: [...notes],
  };
}

/** A folder that cannot be read may hold a class. */
function checkProblems({ problems }: FileTree): void {
  const [first, ...more] = problems;
  if (first === undefined) return;
  const rest = more.length === 0 ? "" : ` (and ${more.length} more like it)`;
  throw new DataError(`${first.message}${rest}`, { cause: first });
}

function isBelow(path: string, { branch, apart }: Part): boolean {
  const inside = (outer: Branch) => outer.path === "" || path.startsWith(`${outer.path}/`);
  return (
    inside(branch) &&
    ![...apart].some((other) => other !== branch && other.path.length > branch.path.length && inside(other))
  );
}

async function itemsOf(part: Part): Promise<{ readonly items: readonly Item[]; readonly notes: readonly string[] }> {
  const { in: found, branch } = part;
  const files = found.pictures.filter(({ path }) => isBelow(path, part));
  const below = (path: string) => (branch.path === "" ? path : path.slice(branch.path.length + 1));
  if (branch.labels > 0) {
    const labels = found.labels.filter(({ path }) => isBelow(path, part));
    const { samples, left } = await readLabels(found.tree, files, labels);
    const items = samples.map(({ file, label }) => ({ file, path: below(file.path), folder: "", label }));
    const notes =
      left.length === 0
        ? []
        : [`${branch.shown}: ${left.length} further pictures of samples, such as ${left[0]!.name}, are left out`];
    return { items, notes };
  }
  const items: Item[] = [];
  const beside: FoundFile[] = [];
  for (const file of files) {
    const path = below(file.path);
    const slash = path.indexOf("/");
    if (slash < 0) beside.push(file);
    else items.push({ file, path, folder: path.slice(0, slash), label: undefined });
  }
  const notes =
    beside.length === 0
      ? []
      : [
          `${branch.shown}: ${beside.length} pictures beside the class folders, such as ${beside[0]!.name}, are left out`,
        ];
  return { items, notes };
}

/** A list of classes in a folder of the half, or above it. */
async function namesFor({ in: { tree }, branch }: Part): Promise<readonly string[] | undefined> {
  for (let path = branch.path; ; path = folderOf(path)) {
    const names = await classNamesIn(tree, path);
    if (names !== undefined || path === "") return names;
  }
}

function classesOf(part: Part, items: readonly Item[], names: readonly string[] | undefined) {
  const { branch, apart } = part;
  if (branch.labels === 0) {
    const folders = [...branch.branches.values()].filter((folder) => !apart.has(folder)).map(({ name }) => name);
    if (folders.length === 0) throw noClasses(part);
    return labelFolders(folders, names, branch.shown);
  }
  if (items.length === 0) throw noClasses(part);
  const most = items.reduce((a, { label }) => Math.max(a, label!), 0);
  if (names === undefined && most >= 1e5) throw new DataError(`${branch.shown}: a label is ${most}, which is no class`);
  const classes = names ?? Array.from({ length: most + 1 }, (_, label) => String(label));
  return { classes, labelOf: () => -1 };
}

function noClasses({ in: { pictures, others }, branch }: Part): DataError {
  const [lone] = pictures;
  if (lone !== undefined && lone.place.offset !== undefined) {
    const key = lone.path.replace(/\..*$/, "");
    return new DataError(`${lone.name}: has no class: expected CLASS/${lone.path}, or a label in ${key}.cls`);
  }
  if (lone !== undefined) {
    return new DataError(`${branch.shown}: has no sub-folders; expected one a class, with its pictures in it`);
  }
  const held = describeOthers(others);
  return new DataError(
    `${branch.shown}: there are no pictures (${EXPECTED_KINDS}) to learn from in it${held === undefined ? "" : `, but ${held}`}`,
  );
}

/** @throws DataError where a half has a class that training has not. */
function checkKnown(
  { branch }: Part,
  items: readonly Item[],
  pictures: readonly LabelledPicture[],
  classes: readonly string[],
  train: Part,
): void {
  const strange = items.filter((_, i) => !(pictures[i]!.label >= 0 && pictures[i]!.label < classes.length));
  if (strange.length === 0) return;
  const { shown } = train.branch;
  if (strange[0]!.label !== undefined) {
    throw new DataError(
      `${strange[0]!.file.name}: is of class ${strange[0]!.label}, which ${shown} does not have (it has ${classes.length} classes)`,
    );
  }
  const names = [...new Set(strange.map(({ folder }) => folder))];
  const list = names.slice(0, 8).join(", ") + (names.length > 8 ? `, and ${names.length - 8} more` : "");
  const has = names.length === 1 ? "has no folder" : "have no folders";
  throw new DataError(
    `${branch.shown}: ${list} ${has} of the same name in ${shown}: unknown to learn (there: ${classes.slice(0, 8).join(", ")}${classes.length > 8 ? ", ..." : ""})`,
  );
}

/**
 * Classes in which halves lie, instead of the other way round, are refused; classes that look alike inside are named.
 */
function likeHalves({ branch, apart }: Part, isChosen: boolean): string[] {
  const classes = [...branch.branches.values()].filter((folder) => !apart.has(folder));
  const inside = (folder: Branch): Branch | undefined => {
    const kinds = new Set(filled(folder).map(({ name }) => halfName(name)?.kind));
    if (kinds.has("train") && (kinds.has("val") || kinds.has("test"))) return folder;
    return filled(folder)
      .map(inside)
      .find((found) => found !== undefined);
  };
  const found = isChosen ? undefined : classes.map(inside).find((folder) => folder !== undefined);
  if (found !== undefined) {
    const [a, b] = filled(found).map(({ name }) => name);
    throw new DataError(
      `${found.shown}: holds ${a} and ${b}, but halves lie around classes, as ${a}/CLASS and ${b}/CLASS; move them, ` +
        `or take all of it for pictures to learn from (--train ${branch.path === "" ? "." : branch.path})`,
    );
  }
  const contents = classes.map((folder) =>
    [...filled(folder)]
      .map(({ name }) => name)
      .sort()
      .join(", "),
  );
  const alike = classes.every(({ pictures }) => pictures === 0) && contents[0]?.includes(", ");
  if (!alike || classes.length < 2 || new Set(contents).size > 1) return [];
  return [
    `${branch.shown}: each of its ${classes.length} folders holds ${contents[0]}; each is taken for one class, ${classes[0]!.name} for the first`,
  ];
}

/** What lies in the halves and is neither a picture nor a label. */
function passedOver(name: string, source: Source, parts: readonly (Part | undefined)[]): string[] {
  const used = parts.filter((part) => part !== undefined);
  const trees = "tree" in source ? used.slice(0, 1) : used;
  const files = trees.flatMap((part) =>
    part.in.others.filter(({ path }) => path.includes("/") && used.some((half) => isBelow(path, half))),
  );
  const held = describeOthers(files);
  return held === undefined ? [] : [`${name}: files that are no pictures (${EXPECTED_KINDS}) are left out: ${held}`];
}
