/**
 * Matrices as people write them: a row a line (or rows parted by semicolons), numbers parted by blanks, commas or tabs,
 * an empty line between the planes of an image's channels or between filters, and remarks behind a #.
 */
import { DataError } from "../../base/errors.js";

/** Rows of one plane. */
export type Plane = readonly (readonly number[])[];

/** @throws DataError naming line and word, where a word is no number, or rows or planes are of different sizes. */
export function parsePlanes(text: string, name: string): Plane[] {
  const planes: number[][][] = [];
  let open: number[][] | undefined;
  for (const [index, line] of text.replaceAll(";", "\n").split(/\r?\n/).entries()) {
    const row = line.replace(/#.*/, "").trim();
    if (row === "") {
      // A line with nothing but a remark parts no planes.
      if (!line.includes("#")) open = undefined;
      continue;
    }
    if (open === undefined) {
      open = [];
      planes.push(open);
    }
    open.push(row.split(/[\s,]+/).map((word) => numberOf(word, name, index + 1)));
    const [first] = planes[0]!;
    if (open.at(-1)!.length !== first!.length)
      throw new DataError(
        `${name}: line ${index + 1} has ${open.at(-1)!.length} numbers, expected ${first!.length} as in the first row`,
      );
  }
  if (planes.length === 0) throw new DataError(`${name}: has no numbers; expected a row of them a line`);
  const uneven = planes.findIndex((plane) => plane.length !== planes[0]!.length);
  if (uneven > 0)
    throw new DataError(
      `${name}: plane ${uneven + 1} has ${planes[uneven]!.length} rows, expected ${planes[0]!.length} as in the first`,
    );
  return planes;
}

function numberOf(word: string, name: string, line: number): number {
  const value = Number(word.replace("−", "-"));
  if (word === "" || !Number.isFinite(value))
    throw new DataError(
      `${name}: line ${line}: "${word}" is not a number; expected numbers parted by blanks or commas`,
    );
  return value;
}

export interface Image {
  /** [height, width, channels]. */
  readonly shape: readonly [number, number, number];
  /** Row-major, channels last. */
  readonly values: Float64Array;
}

/** A plane a channel. */
export function imageOf(planes: readonly Plane[]): Image {
  const [height, width, channels] = [planes[0]!.length, planes[0]![0]!.length, planes.length];
  const values = new Float64Array(height * width * channels);
  for (const [c, plane] of planes.entries())
    for (const [y, row] of plane.entries())
      for (const [x, value] of row.entries()) values[(y * width + x) * channels + c] = value;
  return { shape: [height, width, channels], values };
}

export interface Kernel {
  readonly size: readonly [number, number];
  readonly filters: number;
  /** [kernel y, kernel x, channels, filters], row-major. */
  readonly weights: Float64Array;
}

/** As many planes a filter as it sees channels, filter after filter. @throws DataError where they do not come out. */
export function kernelOf(planes: readonly Plane[], channels: number, name: string): Kernel {
  if (planes.length % channels !== 0)
    throw new DataError(
      `${name}: has ${planes.length} ${planes.length === 1 ? "plane" : "planes"}, expected a multiple of ${channels}, ` +
        "one for each channel that a filter sees (empty lines part them)",
    );
  const size = [planes[0]!.length, planes[0]![0]!.length] as const;
  const filters = planes.length / channels;
  const weights = new Float64Array(size[0] * size[1] * planes.length);
  for (const [p, plane] of planes.entries())
    for (const [y, row] of plane.entries())
      for (const [x, value] of row.entries()) {
        const [filter, channel] = [Math.floor(p / channels), p % channels];
        weights[((y * size[1] + x) * channels + channel) * filters + filter] = value;
      }
  return { size, filters, weights };
}
