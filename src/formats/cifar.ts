/**
 * The binary files of CIFAR-10 and CIFAR-100 (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html): records of
 * a label (CIFAR-100: coarse, then fine) and 3,072 bytes, a plane of 32x32 for each of red, green and blue.
 */

import { plainBytes } from "../base/bytes.js";
import { DataError, FileError } from "../base/errors.js";

export const CIFAR_SIDE = 32;
const PIXELS = CIFAR_SIDE * CIFAR_SIDE;

export interface CifarLabels {
  /** Bytes of labels in front of each picture, which of them counts, and how many classes it tells apart. */
  readonly bytes: number;
  readonly at: number;
  readonly classes: number;
}

export interface CifarPictures {
  /** N x 32 x 32 x 3. */
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/** @throws FileError where the file is no whole number of records, DataError where a label is out of range. */
export function parseCifar(source: Uint8Array, kind: CifarLabels, file: string): CifarPictures {
  const bytes = plainBytes(source, file);
  const record = kind.bytes + 3 * PIXELS;
  if (bytes.length === 0 || bytes.length % record !== 0) {
    throw new FileError(
      `${file}: has ${bytes.length} bytes, which are no whole number of records of ${record} bytes; is it cut short, or of another CIFAR?`,
    );
  }
  const count = bytes.length / record;
  const images = new Uint8Array(count * 3 * PIXELS);
  const labels = new Uint8Array(count);
  for (let n = 0; n < count; n++) {
    const label = bytes[n * record + kind.at]!;
    if (label >= kind.classes) {
      throw new DataError(`${file}: label ${label} of picture ${n} is out of range; expected 0 to ${kind.classes - 1}`);
    }
    labels[n] = label;
    for (let c = 0; c < 3; c++) {
      const from = n * record + kind.bytes + c * PIXELS;
      const to = n * 3 * PIXELS + c;
      for (let i = 0; i < PIXELS; i++) images[to + 3 * i] = bytes[from + i]!;
    }
  }
  return { images, labels };
}
