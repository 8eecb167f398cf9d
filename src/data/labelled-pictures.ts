/** Picture files with their classes, not decoded yet: what folders and shards are found to hold. */
import { DataError } from "../errors.js";
import { Random } from "../random.js";

/** Where a picture's bytes lie. */
export interface PicturePlace {
  readonly path: string;
  /** In an archive: where it begins, and its size. */
  readonly offset?: number;
  readonly size?: number;
}

export interface LabelledPicture {
  /** As errors call it. */
  readonly name: string;
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
  readonly test: PictureHalf;
}

/** @throws DataError where there is nothing to tell apart, or a class has no training picture. */
export function checkClasses(name: string, classes: readonly string[], pictures: readonly LabelledPicture[]): void {
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
      `${name}: no pictures (PNG, JPEG, WebP) of ${empty.length === 1 ? "the class" : "the classes"} ${shown}; add some, or take the class away`,
    );
  }
}

/**
 * Keeps a part of each class for measuring: a function of the seed and of the pictures' order alone. At least one picture of
 * a class stays to learn from.
 */
export function split(half: PictureHalf, testPart: number, seed: number): { train: PictureHalf; test: PictureHalf } {
  const byLabel = new Map<number, number[]>();
  half.pictures.forEach(({ label }, i) => {
    const members = byLabel.get(label);
    if (members === undefined) byLabel.set(label, [i]);
    else members.push(i);
  });
  const random = new Random(seed).fork("split");
  const kept = new Set<number>();
  for (const members of byLabel.values()) {
    const order = random.shuffle(Uint32Array.from(members.keys()));
    const count = Math.min(members.length - 1, Math.max(1, Math.round(testPart * members.length)));
    for (let i = 0; i < count; i++) kept.add(members[order[i]!]!);
  }
  return {
    train: { name: `${half.name} train`, pictures: half.pictures.filter((_, i) => !kept.has(i)) },
    test: { name: `${half.name} test`, pictures: half.pictures.filter((_, i) => kept.has(i)) },
  };
}
