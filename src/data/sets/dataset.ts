/**
 * A set of labelled pictures, in memory or decoded as they are needed. Pixels are bytes in NHWC; a network sees
 * (pixel / 255 - mean) / std, with one mean and one standard deviation a channel.
 */
import { DataError } from "../../base/errors.js";
import type { IdxArray } from "../../formats/idx.js";
import type { HalvesChoice } from "../sources/halves-choice.js";
import type { OpenStream } from "./stream.js";

/**
 * A set of labelled pictures, in memory or on disk. Pixels are bytes, channels last; a network sees (pixel / 255 -
 * mean) / std.
 */
export interface Dataset {
  /** Its name, for errors and logs. */
  readonly name: string;
  /** The number of pictures. */
  readonly length: number;
  /** The name of each class, by label. */
  readonly classes: readonly string[];
  /** The extents of one picture; of a set on disk, what pictures are brought to unless transforms say otherwise. */
  readonly shape: readonly [height: number, width: number, channels: number];
  /** length x height x width x channels bytes; none where pictures stay on disk, which `stream` then reads. */
  readonly images: Uint8Array;
  /** One label a picture, each from 0 to classes.length - 1. */
  readonly labels: Uint8Array | Int32Array;
  /** The mean of each channel, of pixels scaled to 0..1. */
  readonly mean: readonly number[];
  /** The standard deviation of each channel, of pixels scaled to 0..1. */
  readonly std: readonly number[];
  /** The result of decoding its picture files, if it has any. */
  readonly report?: PictureReport;
  /** Reads pictures from disk while a network learns from them; absent where they are in memory. */
  readonly stream?: OpenStream;
  /**
   * True where every pixel has a label. `stream` then returns labels beside the pictures: height x width numbers each,
   * -1 for none.
   */
  readonly pixelLabels?: true;
  /** Tells a set on disk apart from others: a hash of its files' names, sizes and labels. */
  readonly contents?: string;
  /**
   * True of an endless stream that shuffles by itself: every epoch asks for 0, 1, 2, ... in this order, and they are
   * others.
   */
  readonly inOrder?: true;
}

/** The result of decoding a set's picture files. */
export interface PictureReport {
  /** How many pictures there are of each size before resizing, "HEIGHTxWIDTH". */
  readonly sizes: ReadonlyMap<string, number>;
  /** How many files there are of each ending, ".jpg". */
  readonly endings?: ReadonlyMap<string, number>;
  /** Pictures that would not decode. The set is without them. */
  readonly broken: readonly BrokenPicture[];
}

/** A picture that would not decode. */
export interface BrokenPicture {
  /** Its file. */
  readonly name: string;
  /** The fault. */
  readonly why: string;
}

/** The parts of a data set: one to learn from, one to measure with, and perhaps one to choose the best epoch by. */
export interface DatasetSplits {
  /** The pictures to learn from. */
  readonly train: Dataset;
  /** The pictures that choose the best epoch; absent where the test pictures do. */
  readonly val?: Dataset;
  /** The pictures to measure with. */
  readonly test: Dataset;
  /** Where they lie, of picture files: given as `openDataset`'s option, it finds the same ones again. */
  readonly halves?: HalvesChoice;
  /** Texts about files that were left out. */
  readonly notes?: readonly string[];
}

/** How pixels are scaled: a byte p becomes (p / 255 - mean) / std. */
export interface Scaling {
  /** One mean a channel, of pixels from 0 to 1. */
  readonly mean: readonly number[];
  /** One standard deviation a channel, of pixels from 0 to 1. */
  readonly std: readonly number[];
}

/** The parts of a data set, for `datasetFromIdx`. */
export interface IdxParts {
  /** Its name, for errors and logs. */
  readonly name: string;
  /** The pictures: [count, height, width], or [count, height, width, channels]. */
  readonly images: IdxArray;
  /** A label for each picture: [count]. */
  readonly labels: IdxArray;
  /** The name by which errors call the pictures' file. */
  readonly imagesFile: string;
  /** The name by which errors call the labels' file. */
  readonly labelsFile: string;
  /**
   * Names of the classes, by label.
   * @default "0", "1", ... up to the largest label
   */
  readonly classes?: readonly string[];
  /**
   * The scaling of pixels.
   * @default mean and standard deviation of each channel of these pictures
   */
  readonly scaling?: Scaling;
}

/**
 * Joins pictures and labels into a data set, without copying either: what `parseIdx` reads, or arrays of one's own.
 *
 * @example
 * ```js
 * import { datasetFromIdx } from "fovea";
 *
 * const data = datasetFromIdx({
 *   name: "two pictures",
 *   images: { shape: [2, 28, 28], data: new Uint8Array(2 * 28 * 28) },
 *   labels: { shape: [2], data: Uint8Array.from([0, 1]) },
 *   imagesFile: "pixels",
 *   labelsFile: "labels",
 *   classes: ["cat", "dog"],
 * });
 * console.log(data.length, data.shape); // 2 [ 28, 28, 1 ]
 * ```
 *
 * @throws DataError if they differ in count, if a label has no class, or if the pictures have no height and width
 */
export function datasetFromIdx(parts: IdxParts): Dataset {
  const { name, images, labels, imagesFile, labelsFile } = parts;
  if (images.shape.length !== 3 && images.shape.length !== 4) {
    throw new DataError(
      `${imagesFile}: has rank ${images.shape.length} (${images.shape.join(" x ")}); images need rank 3 (count x height x width) or 4 (with channels last)`,
    );
  }
  if (labels.shape.length !== 1) {
    throw new DataError(
      `${labelsFile}: has rank ${labels.shape.length} (${labels.shape.join(" x ")}); labels need rank 1`,
    );
  }
  const [length, height, width, channels = 1] = images.shape as [number, number, number, number?];
  if (labels.shape[0] !== length) {
    throw new DataError(
      `${imagesFile} holds ${length} images but ${labelsFile} holds ${labels.shape[0]} labels; both must belong to one set`,
    );
  }
  const classes = parts.classes ?? numbered(labels.data);
  checkLabels(labels.data, classes.length, labelsFile);
  const shape = [height, width, channels] as const;
  const { mean, std } = checkScaling(parts.scaling ?? measureScaling(images.data, channels), channels, name);
  return { name, length, classes, shape, images: images.data, labels: labels.data, mean, std };
}

/**
 * Mean and standard deviation of each channel of NHWC bytes, scaled to 0..1: from a histogram, so exact but for the
 * last step.
 */
export function measureScaling(images: Uint8Array, channels: number): Scaling {
  const counts = Array.from({ length: channels }, () => new Float64Array(256));
  for (let c = 0; c < channels; c++) {
    const count = counts[c]!;
    for (let i = c; i < images.length; i += channels) count[images[i]!]!++;
  }
  const pixels = images.length / channels;
  const mean = counts.map((count) => count.reduce((sum, n, value) => sum + n * value, 0) / pixels);
  const std = counts.map((count, c) =>
    Math.sqrt(count.reduce((sum, n, value) => sum + n * (value - mean[c]!) ** 2, 0) / pixels),
  );
  // One flat colour has no deviation to divide by.
  return { mean: mean.map((m) => m / 255), std: std.map((s) => (s === 0 ? 1 : s / 255)) };
}

/** As measureScaling; where there are no pictures, what leaves pixels from 0 to 1 as they are. */
export function scalingOf(images: Uint8Array, channels: number): Scaling {
  const all = (value: number) => new Array<number>(channels).fill(value);
  return images.length > 0 ? measureScaling(images, channels) : { mean: all(0), std: all(1) };
}

/** What is said where grey pictures meet a network that takes colours. */
export const greyNote = (name: string): string =>
  `fovea: ${name}: its pictures are grey; each is read as one of three equal channels`;

/** Grey pictures in memory as ones of three equal channels, for networks that take colours; others as they are. */
export function inColour(dataset: Dataset): Dataset {
  const { shape, images, mean, std, stream } = dataset;
  if (shape[2] !== 1 || stream !== undefined) return dataset;
  const three = (values: readonly number[]) => [values[0]!, values[0]!, values[0]!];
  const colours = new Uint8Array(3 * images.length);
  for (const [i, value] of images.entries()) colours.fill(value, 3 * i, 3 * i + 3);
  return { ...dataset, shape: [shape[0], shape[1], 3], images: colours, mean: three(mean), std: three(std) };
}

/** One line about a data set: `mnist: 60000 images of 28x28x1 in 10 classes (mean 0.1307, std 0.3081)`. */
export function describeDataset(dataset: Dataset): string {
  const digits = (numbers: readonly number[]) => numbers.map((x) => x.toFixed(4)).join("/");
  const { name, length, shape, classes, mean, std, stream, pixelLabels } = dataset;
  const where = pixelLabels ? ", every pixel labelled" : stream === undefined ? "" : ", on disk";
  return `${name}: ${length} images of ${shape.join("x")} in ${classes.length} classes (mean ${digits(mean)}, std ${digits(std)})${where}`;
}

function numbered(labels: Uint8Array): string[] {
  const count = labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  return Array.from({ length: count }, (_, label) => String(label));
}

function checkLabels(labels: Uint8Array, classes: number, file: string): void {
  const bad = labels.findIndex((label) => label >= classes);
  if (bad >= 0) {
    throw new DataError(
      `${file}: label ${labels[bad]} of item ${bad} is out of range; expected 0 to ${classes - 1} (${classes} classes)`,
    );
  }
}

/** @throws DataError where there is not one number a channel, or a picture cannot be scaled by them. */
export function checkScaling(scaling: Scaling, channels: number, name: string): Scaling {
  for (const key of ["mean", "std"] as const) {
    const values = scaling[key];
    if (values.length !== channels) {
      throw new DataError(`${name}: ${key} has ${values.length} values; expected one for each of ${channels} channels`);
    }
    if (values.some((x) => !Number.isFinite(x) || (key === "std" && x <= 0))) {
      throw new DataError(
        `${name}: ${key} is ${values.join(", ")}; expected finite numbers${key === "std" ? " above 0" : ""}`,
      );
    }
  }
  return scaling;
}
