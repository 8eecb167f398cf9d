/** Gathers pictures of a data set into the float32 input of a network, scaled, in NHWC without padding. */

import { DataError } from "../../base/errors.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { borderOf } from "./border.js";
import type { Dataset } from "./dataset.js";
import type { Labels } from "./labels.js";
import { PictureInput } from "./picture-input.js";

/**
 * Writes the pictures at `indices` into `images`, H x W x C numbers each, one every `stride` numbers, and their labels
 * into the front of `labels`. What lies between and behind is left as it was. An `input` larger than the pictures gets
 * a border (border.ts).
 * @throws DataError where an index is out of range or a target too short.
 */
export function fillBatch(
  dataset: Dataset,
  indices: ArrayLike<number>,
  images: Float32Array,
  labels: Labels,
  input: Shape = dataset.shape,
  stride: number = sizeOf(input),
): void {
  checkTargets(dataset, indices, images, labels, input, stride);
  const pictures = new PictureInput(input, dataset);
  const place = pictures.place(dataset.shape)!;
  const size = sizeOf(dataset.shape);
  for (let n = 0; n < indices.length; n++) {
    pictures.bytes(dataset.images, indices[n]! * size, place, images, n * stride);
  }
}

/** Checks what a batch is made of and where it goes, and writes its labels. */
export function checkTargets(
  dataset: Dataset,
  indices: ArrayLike<number>,
  images: Float32Array,
  labels: Labels,
  input: Shape,
  stride: number,
): void {
  if (borderOf(dataset.shape, input) === undefined) {
    throw new DataError(
      `fillBatch(${dataset.name}): pictures are ${dataset.shape.join("x")}, which do not fit ${input.join("x")}`,
    );
  }
  const size = sizeOf(input);
  const count = indices.length;
  if (images.length < (count - 1) * stride + size || labels.length < count) {
    throw new DataError(
      `fillBatch(${dataset.name}): ${count} images need ${count * size} numbers and ${count} labels; the targets have ${images.length} and ${labels.length}`,
    );
  }
  for (let n = 0; n < count; n++) {
    const index = indices[n]!;
    if (!(index >= 0 && index < dataset.length)) {
      throw new DataError(`fillBatch(${dataset.name}): index ${index} is out of range 0..${dataset.length - 1}`);
    }
    labels[n] = dataset.labels[index]!;
  }
}
