/** Gathers augmented pictures of a data set in memory into the input of a network. */
import { DataError } from "../../base/errors.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import type { Dataset } from "../sets/dataset.js";
import type { Labels } from "../sets/labels.js";
import type { Augmenter, AugmentKey, Picture } from "./augment.js";

export interface Augmentation {
  readonly augmenter: Augmenter;
  readonly key: AugmentKey;
}

/** As fillBatch (batch.ts), each picture augmented. */
export function fillAugmented(
  dataset: Dataset,
  indices: ArrayLike<number>,
  images: Float32Array,
  labels: Labels,
  input: Shape,
  { augmenter, key }: Augmentation,
  stride: number = sizeOf(input),
): void {
  for (let n = 0; n < indices.length; n++) {
    const index = indices[n]!;
    if (!(index >= 0 && index < dataset.length)) {
      throw new DataError(`fillAugmented(${dataset.name}): index ${index} is out of range 0..${dataset.length - 1}`);
    }
    augmenter.apply(pictureOf(dataset, index), index, key, images, n * stride);
    labels[n] = dataset.labels[index]!;
  }
}

/** The `index`th picture of a data set, where it lies. */
export function pictureOf({ images, shape }: Dataset, index: number): Picture {
  const [height, width, channels] = shape;
  const size = height * width * channels;
  return { height, width, channels, pixels: images.subarray(index * size, (index + 1) * size) };
}
