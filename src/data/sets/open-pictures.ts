/** Pictures of a set by their numbers, wherever they lie: in memory, or on disk. */
import { type Augmenter, compileAugmentation } from "../augment/augment.js";
import { fillDistorted } from "../augment/distort.js";
import { fillAugmented } from "../augment/fill.js";
import { fillBatch } from "./batch.js";
import type { Dataset } from "./dataset.js";
import type { Labels } from "./labels.js";
import type { PictureStream, StreamOptions } from "./stream.js";

/**
 * Opens the set's own stream, or one over the pictures that it holds in memory: both give the same.
 * @throws DataError and OptionError where the pictures do not go through the transforms.
 */
export function openPictures(data: Dataset, options: StreamOptions): PictureStream {
  return data.stream?.(options) ?? new HeldPictures(data, options);
}

/** Reads a set's bytes, which no option changes. */
export function openBytes(data: Dataset): Pick<PictureStream, "bytes" | "close"> {
  const { shape, mean, std } = data;
  return openPictures(data, { target: shape, mean, std, seed: 0 });
}

const NONE: readonly number[] = [];

class HeldPictures implements PictureStream {
  readonly #data: Dataset;
  readonly #options: StreamOptions;
  readonly #augmenter: Augmenter | undefined;

  constructor(data: Dataset, options: StreamOptions) {
    const { transforms, target, mean, std } = options;
    this.#data = { ...data, mean, std };
    this.#options = options;
    this.#augmenter = transforms && compileAugmentation(transforms, target, { mean, std });
  }

  async fill(indices: Uint32Array, epoch: number, images: Float32Array, labels: Labels): Promise<readonly number[]> {
    const { target, seed, distort } = this.#options;
    const key = { seed, epoch };
    if (this.#augmenter !== undefined) {
      fillAugmented(this.#data, indices, images, labels, target, { augmenter: this.#augmenter, key });
    } else if (distort !== undefined) {
      fillDistorted(this.#data, indices, images, labels, target, { options: distort, ...key });
    } else fillBatch(this.#data, indices, images, labels, target);
    return NONE;
  }

  async bytes(indices: Uint32Array, images: Uint8Array, labels: Labels): Promise<readonly number[]> {
    const { shape, images: all, labels: known } = this.#data;
    const size = shape[0] * shape[1] * shape[2];
    for (const [n, index] of indices.entries()) {
      images.set(all.subarray(index * size, (index + 1) * size), n * size);
      labels[n] = known[index]!;
    }
    return NONE;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
