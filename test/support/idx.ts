/** Small IDX data sets on disk, under MNIST's names, with a pattern that a test can predict. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { writeIdx } from "#fovea/formats/idx.js";

export interface SmallSet {
  readonly count: number;
  readonly height?: number;
  readonly width?: number;
  readonly classes?: number;
}

/** The pixel at flat offset `i` of `smallImages`. */
export const smallPixel = (i: number): number => (i * 7 + 3) % 256;

export function smallImages({ count, height = 4, width = 3 }: SmallSet): Uint8Array {
  const data = Uint8Array.from({ length: count * height * width }, (_, i) => smallPixel(i));
  return writeIdx({ shape: [count, height, width], data });
}

/** Item i has label i modulo `classes`. */
export function smallLabels({ count, classes = 10 }: SmallSet): Uint8Array {
  return writeIdx({ shape: [count], data: Uint8Array.from({ length: count }, (_, i) => i % classes) });
}

/** Writes the four files of a data set into `folder`. */
export function writeSmallSet(
  folder: string,
  train: SmallSet,
  test: SmallSet,
  options: { readonly gzip?: boolean; readonly separator?: "-" | "." } = {},
): void {
  const { gzip = false, separator = "-" } = options;
  const write = (name: string, bytes: Uint8Array) =>
    writeFileSync(join(folder, gzip ? `${name}.gz` : name), gzip ? gzipSync(bytes) : bytes);
  for (const [split, set] of [
    ["train", train],
    ["t10k", test],
  ] as const) {
    write(`${split}-images${separator}idx3-ubyte`, smallImages(set));
    write(`${split}-labels${separator}idx1-ubyte`, smallLabels(set));
  }
}
