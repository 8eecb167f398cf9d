/**
 * Labelled scenes in memory: pictures as bytes in RGB, and a byte a pixel that says its class, UNLABELLED where it has
 * none.
 */
import { DataError } from "../base/errors.js";
import { shown } from "../base/options.js";
import { type ClassList, UNLABELLED } from "./class-list.js";

/** A labelled picture. */
export interface Scene {
  /** Its name, such as its file's. */
  readonly name: string;
  /** Its height in pixels. */
  readonly height: number;
  /** Its width in pixels. */
  readonly width: number;
  /** Its bytes in RGB, row by row: height x width x 3. */
  readonly pixels: Uint8Array;
  /** The class of each pixel, row by row; `UNLABELLED` where it has none. */
  readonly labels: Uint8Array;
}

/** A set of labelled pictures. */
export interface SceneSet {
  /** Its name. */
  readonly name: string;
  /** Its classes. */
  readonly classes: ClassList;
  /** Its pictures. */
  readonly scenes: readonly Scene[];
}

/** Labelled pictures to learn from, and to measure with. */
export interface SceneSplits {
  /** The pictures to learn from. */
  readonly train: SceneSet;
  /** The pictures to measure with. */
  readonly test: SceneSet;
}

/**
 * Holds scenes to what their type says.
 * @throws DataError naming the scene, and of a label that is no class its row and column; or a scene none of whose
 * pixels has a label.
 */
export function checkScenes(set: SceneSet): void {
  const { name, classes, scenes } = set;
  if (scenes.length === 0) throw new DataError(`${name}: there are no pictures in it`);
  const count = classes.classes.length;
  for (const [n, scene] of scenes.entries()) {
    const what = `${name}: ${scene.name ?? `scene ${n}`}`;
    const { height, width } = scene;
    for (const [side, extent] of Object.entries({ height, width })) {
      if (!Number.isInteger(extent) || extent < 1)
        throw new DataError(`${what}: ${side} is ${shown(extent)}, expected pixels`);
    }
    for (const [part, each] of Object.entries({ pixels: 3, labels: 1 }) as ["pixels" | "labels", number][]) {
      const bytes: unknown = scene[part];
      if (!(bytes instanceof Uint8Array || bytes instanceof Uint8ClampedArray)) {
        throw new DataError(`${what}: ${part} is ${shown(bytes)}, expected bytes in a Uint8Array`);
      }
      if (bytes.length !== each * height * width) {
        throw new DataError(
          `${what}: has ${bytes.length} ${part}, expected ${each * height * width} for ${height}x${width}`,
        );
      }
    }
    const at = scene.labels.findIndex((label) => label >= count && label !== UNLABELLED);
    if (at >= 0) {
      throw new DataError(
        `${what}: label ${scene.labels[at]} in row ${Math.floor(at / width)}, column ${at % width} is no class; expected 0 to ${count - 1} ` +
          `(${count} classes), or ${UNLABELLED} for none`,
      );
    }
  }
  checkLabelled(set);
}

function checkLabelled({ scenes }: SceneSet): void {
  const empty = scenes.find(({ labels }) => labels.every((label) => label === UNLABELLED));
  if (empty === undefined) return;
  throw new DataError(
    `${empty.name}: none of its ${empty.labels.length} pixels has a label (all are ignored), so that nothing can be learned or measured on it; ` +
      "label some of it, or leave it out",
  );
}

/** How many pixels of each class there are. */
export function pixelCounts({ scenes, classes }: SceneSet): number[] {
  const counts = new Array<number>(256).fill(0);
  for (const { labels } of scenes) for (const label of labels) counts[label]!++;
  return counts.slice(0, classes.classes.length);
}

/** [height, width] of all scenes. @throws DataError where they differ. */
export function commonSize({ name, scenes }: SceneSet): readonly [number, number] {
  const [first] = scenes;
  if (first === undefined) throw new DataError(`${name}: there are no pictures in it`);
  const other = scenes.find(({ height, width }) => height !== first.height || width !== first.width);
  if (other !== undefined) {
    throw new DataError(
      `${name}: ${first.name} is ${first.height}x${first.width} and ${other.name} ${other.height}x${other.width}; bring them to one size ` +
        "with --size HEIGHTxWIDTH",
    );
  }
  return [first.height, first.width];
}

/**
 * Weights of classes in the loss. "median": the median share over the class's own (Eigen, Fergus 2015), at most 10 and
 * at least 1/10, so that one rare class does not rule; "sqrt" the square root of that, a middle way.
 */
export function classWeights(set: SceneSet, balance: "none" | "median" | "sqrt"): number[] {
  if (balance === "none") return [];
  const counts = pixelCounts(set);
  const present = counts.filter((n) => n > 0).sort((a, b) => a - b);
  const median = present[Math.floor(present.length / 2)] ?? 1;
  return counts.map((n) => {
    const ratio = n === 0 ? 1 : Math.min(10, Math.max(0.1, median / n));
    return Number((balance === "sqrt" ? Math.sqrt(ratio) : ratio).toPrecision(4));
  });
}
