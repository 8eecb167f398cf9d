/**
 * The views of a test picture over which probabilities are averaged: the picture itself, its mirror image, copies
 * shifted by a pixel (reflected at the edges, as fast CIFAR-10 recipes do), or AlexNet's ten: the four corners and the
 * middle of a larger picture, and their mirror images (Krizhevsky, Sutskever and Hinton 2012, section 4.1).
 */
import { DataError, OptionError } from "../../base/errors.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { borderOf } from "../sets/border.js";
import type { Scaling } from "../sets/dataset.js";
import type { Picture } from "./augment.js";
import { Placement } from "./placement.js";
import { type Outside, Sampler, scaleOf } from "./sample.js";

export const VIEWS = ["none", "flip", "shift", "flip+shift", "ten"] as const;
/**
 * Views of a test picture over which probabilities are averaged: the picture alone, with its mirror image, with copies
 * shifted by a pixel, with both, or ten crops of a larger picture (Krizhevsky et al. 2012).
 */
export type TestTimeAugmentation = (typeof VIEWS)[number];

export interface View {
  /** Of the window in the picture, which may reach beyond. */
  readonly top: number;
  readonly left: number;
  readonly mirrored: boolean;
  /** The views' weights sum to 1. */
  readonly weight: number;
}

/**
 * The views of pictures of a size for a network.
 * @throws DataError where the pictures are smaller than the network's input, or not larger where corners differ only in
 * that.
 */
export function viewsOf(name: TestTimeAugmentation, shape: Shape, input: Shape, what = "pictures"): readonly View[] {
  const [height, width, channels] = shape as readonly [number, number, number];
  const [rows, columns, depth] = input as readonly [number, number, number];
  const fits = borderOf(shape, input) !== undefined || (height >= rows && width >= columns && channels === depth);
  if (!fits) {
    throw new DataError(
      `${what}: pictures are ${shape.join("x")}, smaller than the crop of ${input.join("x")} that the network takes; bring them to at least that size (--resize ${Math.max(rows, columns)})`,
    );
  }
  if (name === "ten" && (height <= rows || width <= columns)) {
    const usual = Math.round((Math.max(rows, columns) * 256) / 224);
    throw new DataError(
      `${what}: pictures are ${height}x${width}, but ten crops of ${rows}x${columns} need larger ones; bring them to a larger size first (--resize ${usual})`,
    );
  }
  const middle = { top: Math.floor((height - rows) / 2), left: Math.floor((width - columns) / 2) };
  const windows = windowsOf(name, middle, height - rows, width - columns);
  if (name === "none" || name === "shift") return windows.map((window) => ({ ...window, mirrored: false }));
  return windows.flatMap(({ weight, ...at }) =>
    [false, true].map((mirrored) => ({ ...at, mirrored, weight: weight / 2 })),
  );
}

type Window = Omit<View, "mirrored">;

function windowsOf(
  name: TestTimeAugmentation,
  { top, left }: Pick<Window, "top" | "left">,
  below: number,
  beside: number,
): readonly Window[] {
  switch (name) {
    case "none":
    case "flip":
      return [{ top, left, weight: 1 }];
    case "shift":
    case "flip+shift":
      return [
        { top, left, weight: 0.5 },
        { top: top - 1, left: left - 1, weight: 0.25 },
        { top: top + 1, left: left + 1, weight: 0.25 },
      ];
    case "ten":
      return [
        { top: 0, left: 0 },
        { top: 0, left: beside },
        { top: below, left: 0 },
        { top: below, left: beside },
        { top, left },
      ].map((at) => ({ ...at, weight: 0.2 }));
  }
}

/** Writes views, scaled, as a network of this input takes them. */
export class Viewer {
  readonly #input: Shape;
  readonly #sampler: Sampler;
  readonly #placement = new Placement();
  readonly size: number;

  constructor(input: Shape, scaling: Scaling) {
    this.#input = input;
    this.size = sizeOf(input);
    this.#sampler = new Sampler(scaleOf(scaling));
  }

  write(picture: Picture, view: View, out: Float32Array, offset: number): void {
    const [rows, columns] = this.#input as readonly [number, number];
    const { height, width } = picture;
    this.#placement.start(height, width);
    this.#placement.crop(view.top, view.left, rows, columns);
    if (view.mirrored) this.#placement.flip();
    // What is on a border of background is shifted with more of it.
    const bordered = height < rows || width < columns;
    const outside: Outside = bordered ? "background" : "reflect";
    this.#sampler.sample(picture, this.#placement, outside, out, offset);
  }
}

/** @throws OptionError where none has this name. */
export function checkTestTimeAugmentation(name: string): asserts name is TestTimeAugmentation {
  if (!VIEWS.some((known) => known === name)) {
    throw new OptionError(`testTimeAugmentation "${name}" is not known; expected ${VIEWS.join(", ")}`);
  }
}
