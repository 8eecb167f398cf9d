/**
 * Scenes composed of small grey pictures (digits, garments), with exact masks: a few items of some size and colour, one
 * over the other, on a background that fades from one colour to another. A pixel belongs to the topmost item whose ink
 * covers it, else to the background. What a scene shows is a function of the seed and its number.
 */

import { OptionError } from "../base/errors.js";
import { Random } from "../base/random.js";
import type { Dataset } from "../data/sets/dataset.js";
import type { ClassList } from "./class-list.js";
import { distinctColors } from "./palette.js";
import type { Scene, SceneSet } from "./scene-set.js";

/** Options of `composeScenes`. */
export interface SceneOptions {
  /** Scenes. */
  readonly count: number;
  /** Height of a scene in pixels. */
  readonly height: number;
  /** Width of a scene in pixels. */
  readonly width: number;
  /** Seed: the same one composes the same scenes. */
  readonly seed: number;
  /**
   * Items of a scene, at most; each has at least one.
   * @default 5
   */
  readonly items?: number;
}

/** Ink from here on is the item's. */
const INK = 96;

export function composedClasses({ classes }: Pick<Dataset, "classes">): ClassList {
  const names = ["background", ...classes];
  // The first is black, the background's.
  const colors = distinctColors(names.length);
  return {
    classes: names.map((name, value) => ({ name, value, color: colors[value]! })),
    ignore: [],
  };
}

/**
 * Composes labelled scenes of small grey pictures, such as digits: a few items of random size and colour, one over the
 * other, on a background that fades from one colour to another. A pixel belongs to the topmost item whose ink covers
 * it, else to the background.
 * @param items grey pictures in memory, light on dark
 * @throws OptionError if the pictures are not grey or not in memory, and on numbers out of their range
 */
export function composeScenes(items: Dataset, options: SceneOptions): SceneSet {
  const { count, height, width, seed } = options;
  if (items.shape[2] !== 1 || items.images.length === 0) {
    throw new OptionError(`scenes: items must be grey pictures in memory; ${items.name} has ${items.shape.join("x")}`);
  }
  for (const [name, value] of Object.entries({ count, height, width })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new OptionError(`scenes: ${name} is ${value}, expected a whole number from 1`);
    }
  }
  const root = new Random(seed).fork(`scenes of ${items.name}`);
  return {
    name: `scenes of ${items.name}`,
    classes: composedClasses(items),
    scenes: Array.from({ length: count }, (_, n) => compose(items, options, root.fork(`scene ${n}`), `scene ${n}`)),
  };
}

function compose(
  items: Dataset,
  { height, width, items: most = 5 }: SceneOptions,
  random: Random,
  name: string,
): Scene {
  const pixels = new Uint8Array(height * width * 3);
  const labels = new Uint8Array(height * width);
  const dark = () => [0, 1, 2].map(() => random.integer(110));
  const [top, bottom] = [dark(), dark()];
  for (let i = 0; i < height * width; i++) {
    const share = Math.floor(i / width) / Math.max(1, height - 1);
    for (let c = 0; c < 3; c++) {
      pixels[3 * i + c] = Math.round(top[c]! + share * (bottom[c]! - top[c]!)) + random.integer(16);
    }
  }
  const number = 1 + random.integer(most);
  for (let i = 0; i < number; i++) {
    const item = random.integer(items.length);
    const size = Math.round((0.35 + 0.4 * random.uniform()) * Math.min(height, width));
    const color = [0, 1, 2].map(() => 120 + random.integer(136));
    const left = random.integer(width) - Math.floor(size / 2);
    const down = random.integer(height) - Math.floor(size / 2);
    stamp(items, item, { left, top: down, size, color }, { pixels, labels, height, width });
  }
  return { name, height, width, pixels, labels };
}

interface Place {
  readonly left: number;
  readonly top: number;
  readonly size: number;
  readonly color: readonly number[];
}

/** Draws an item, interpolated bilinearly, over what is there. */
function stamp(items: Dataset, item: number, place: Place, scene: Omit<Scene, "name">): void {
  const [rows, columns] = items.shape;
  const base = item * rows * columns;
  const at = (y: number, x: number) =>
    y < 0 || x < 0 || y >= rows || x >= columns ? 0 : items.images[base + y * columns + x]!;
  const { left, top, size, color } = place;
  for (let y = Math.max(0, top); y < Math.min(scene.height, top + size); y++) {
    for (let x = Math.max(0, left); x < Math.min(scene.width, left + size); x++) {
      const v = ((y - top + 0.5) * rows) / size - 0.5;
      const u = ((x - left + 0.5) * columns) / size - 0.5;
      const [v0, u0] = [Math.floor(v), Math.floor(u)];
      const [dv, du] = [v - v0, u - u0];
      const ink =
        (1 - dv) * ((1 - du) * at(v0, u0) + du * at(v0, u0 + 1)) +
        dv * ((1 - du) * at(v0 + 1, u0) + du * at(v0 + 1, u0 + 1));
      if (ink < INK) continue;
      const i = y * scene.width + x;
      scene.labels[i] = 1 + items.labels[item]!;
      for (let c = 0; c < 3; c++) scene.pixels[3 * i + c] = Math.round((color[c]! * ink) / 255);
    }
  }
}
