/** Picture files with their classes, not decoded yet: what folders and shards are found to hold. */
import { DataError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import type { HalvesChoice } from "./halves-choice.js";
import { EXPECTED_KINDS } from "./picture-kinds.js";

/** Where a picture's bytes lie. */
export interface PicturePlace {
  readonly path: string;
  /** In an archive: where it begins, and its size. */
  readonly offset?: number;
  readonly size?: number;
  /** Of a sparse file there: `size` bytes at `offset` of the archive belong at `at`; all else is zero. */
  readonly pieces?: readonly { readonly at: number; readonly offset: number; readonly size: number }[];
  /** Of a link in an archive that leads to nothing there: where it leads. */
  readonly lost?: string;
}

export interface LabelledPicture {
  /** As errors call it. */
  readonly name: string;
  /**
   * Below the folder of all classes, with "/" between names: the same on disk and in an archive, and wherever that
   * lies.
   */
  readonly path: string;
  readonly label: number;
  readonly place: PicturePlace;
}

export interface PictureHalf {
  readonly name: string;
  readonly pictures: readonly LabelledPicture[];
}

export interface FoundSet {
  readonly classes: readonly string[];
  readonly train: PictureHalf;
  /** By which the best epoch is chosen; absent where the test half serves for that, too. */
  readonly val?: PictureHalf;
  readonly test: PictureHalf;
  /** Which folders these are, for a run that is to find the same ones again. */
  readonly halves: HalvesChoice;
  /** What the reader should know of what was found. */
  readonly notes: readonly string[];
}

/** @throws DataError where there is nothing to tell apart, or a class has no training picture. */
export function checkClasses(
  name: string,
  classes: readonly string[],
  pictures: readonly Pick<LabelledPicture, "name" | "label">[],
  others?: string,
): void {
  if (classes.length < 2) {
    throw new DataError(
      `${name}: has ${classes.length === 0 ? "no class" : `one class only, "${classes[0]}"`}; a network needs two or more to tell apart`,
    );
  }
  const counts = new Array<number>(classes.length).fill(0);
  for (const { name: picture, label } of pictures) {
    if (!(Number.isInteger(label) && label >= 0 && label < classes.length)) {
      throw new DataError(
        `${picture}: label ${label} is out of range; expected 0 to ${classes.length - 1} (${classes.length} classes)`,
      );
    }
    counts[label]!++;
  }
  const empty = classes.filter((_, label) => counts[label] === 0);
  if (empty.length > 0) {
    const shown = empty.slice(0, 8).join(", ") + (empty.length > 8 ? `, and ${empty.length - 8} more` : "");
    throw new DataError(
      `${name}: no pictures (${EXPECTED_KINDS}) of ${empty.length === 1 ? "the class" : "the classes"} ${shown}${others === undefined ? "" : `, but ${others}`}; add some, or take the class away`,
    );
  }
}

/**
 * Keeps a part of each class for measuring. Which half a picture is in depends on the seed and its path alone, so that
 * more pictures move none. Where a class is so small that none of it would be measured, the one that comes next is; at
 * least one stays to learn from.
 * @throws DataError where no class has two pictures.
 */
export function split(half: PictureHalf, testPart: number, seed: number): { train: PictureHalf; test: PictureHalf } {
  const random = new Random(seed).fork("split by name");
  const places = half.pictures.map(({ path }) => random.fork(path.normalize("NFC")).uniform());
  const kept = new Set<number>();
  for (const members of membersByLabel(half)) {
    members.sort((a, b) => places[a]! - places[b]! || (half.pictures[a]!.path < half.pictures[b]!.path ? -1 : 1));
    const below = members.filter((i) => places[i]! < testPart).length;
    const count = Math.min(members.length - 1, Math.max(1, below));
    for (const i of members.slice(0, count)) kept.add(i);
  }
  if (kept.size === 0) {
    throw new DataError(
      `${half.name}: has one picture of each class, so that none can be kept to measure with; add some, or put some into a folder test/CLASS`,
    );
  }
  return cut(half, kept);
}

/** As runs were split that do not say how: by the pictures' order, which one more picture changes. */
export function splitByOrder(
  half: PictureHalf,
  testPart: number,
  seed: number,
): { train: PictureHalf; test: PictureHalf } {
  const random = new Random(seed).fork("split");
  const kept = new Set<number>();
  for (const members of membersByLabel(half)) {
    const order = random.shuffle(Uint32Array.from(members.keys()));
    const count = Math.min(members.length - 1, Math.max(1, Math.round(testPart * members.length)));
    for (let i = 0; i < count; i++) kept.add(members[order[i]!]!);
  }
  return cut(half, kept);
}

function membersByLabel({ pictures }: PictureHalf): Iterable<number[]> {
  const byLabel = new Map<number, number[]>();
  pictures.forEach(({ label }, i) => {
    const members = byLabel.get(label);
    if (members === undefined) byLabel.set(label, [i]);
    else members.push(i);
  });
  return byLabel.values();
}

function cut({ name, pictures }: PictureHalf, kept: ReadonlySet<number>): { train: PictureHalf; test: PictureHalf } {
  return {
    train: { name: `${name} train`, pictures: pictures.filter((_, i) => !kept.has(i)) },
    test: { name: `${name} test`, pictures: pictures.filter((_, i) => kept.has(i)) },
  };
}
