/** Pictures of a data set in memory into a slot of an executable that takes `input` and `labels`. */

import { DataError } from "../base/errors.js";
import { type Distortion, fillDistorted } from "../data/augment/distort.js";
import { type Augmentation, fillAugmented } from "../data/augment/fill.js";
import { fillBatch } from "../data/sets/batch.js";
import { borderOf } from "../data/sets/border.js";
import type { Dataset } from "../data/sets/dataset.js";
import type { Slot } from "../devices/device.js";
import type { Shape } from "../graph/shape.js";

/** A batch as it was written for a slot, before it is handed over: it may still be changed. */
export interface Written {
  readonly images: Float32Array;
  /** Elements from one picture to the next. */
  readonly stride: number;
  /** Of all pictures, or of all their pixels, with nothing between. */
  readonly labels: Int32Array;
}

export interface FeedOptions {
  /** Of the network's input. */
  readonly shape: Shape;
  readonly distortion?: Distortion | undefined;
  readonly augmentation?: Augmentation | undefined;
  written?(batch: Written): void;
}

/**
 * Straight into the device's memory where that is the host's and has no pads inside a picture. Distorted or augmented
 * where it is said how.
 */
export function feed(
  slot: Slot,
  data: Dataset,
  indices: Uint32Array,
  { shape, distortion, augmentation, written }: FeedOptions,
): void {
  const labelled = slot.samples("labels", indices.length, true);
  const pictures = slot.samples("input", indices.length);
  const labels = labelled.numbers as Int32Array;
  const images = pictures.numbers as Float32Array;
  const { stride } = pictures;
  if (augmentation !== undefined) fillAugmented(data, indices, images, labels, shape, augmentation, stride);
  else if (distortion === undefined) fillBatch(data, indices, images, labels, shape, stride);
  else fillDistorted(data, indices, images, labels, shape, distortion, indices, stride);
  written?.({ images, stride, labels });
  labelled.done();
  pictures.done();
}

/**
 * @throws DataError where a network that takes `input` and tells `classes` apart cannot learn or be measured on `data`.
 */
export function checkData(data: Dataset, input: Shape, classes: number): void {
  checkClasses(data, classes);
  if (borderOf(data.shape, input) === undefined) {
    throw new DataError(
      `${data.name}: pictures are ${data.shape.join("x")}, but the network takes ${input.join("x")} (height x width x channels); ` +
        "choose a network or a size that fits (pictures may be smaller by the same few pixels on both sides)",
    );
  }
}

/** Of the same, what does not depend on how pictures are brought to the network's size. */
export function checkClasses(data: Dataset, classes: number): void {
  if (data.length === 0) throw new DataError(`${data.name}: there are no pictures in it`);
  if (data.classes.length > classes) {
    throw new DataError(
      `${data.name}: has ${data.classes.length} classes, but the network tells ${classes} apart; set its option classes to ${data.classes.length}, or give its last layer as many outputs`,
    );
  }
}
