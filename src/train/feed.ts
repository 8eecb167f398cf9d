/** Pictures of a data set in memory into a slot of a program that takes `input` and `labels`. */

import { DataError } from "../base/errors.js";
import { type Distortion, fillDistorted } from "../data/augment/distort.js";
import { type Augmentation, fillAugmented } from "../data/augment/fill.js";
import { fillBatch } from "../data/sets/batch.js";
import { borderOf } from "../data/sets/border.js";
import type { Dataset } from "../data/sets/dataset.js";
import type { LoadedProgram } from "../devices/cpu/loaded-program.js";
import type { Slot } from "../devices/cpu/memory/slot.js";
import type { Shape } from "../graph/shape.js";

/** Straight into the program's memory where it has no pads inside a picture. Distorted or augmented where it is said how. */
export function feed(
  slot: Slot,
  { program }: LoadedProgram,
  data: Dataset,
  indices: Uint32Array,
  distortion?: Distortion,
  augmentation?: Augmentation,
): void {
  const { shape } = program.inputs.find((p) => p.name === "input")!.layout;
  const labels = slot.input("labels") as Int32Array;
  const { numbers, stride, done } = slot.samples("input", indices.length);
  const images = numbers as Float32Array;
  if (augmentation !== undefined) fillAugmented(data, indices, images, labels, shape, augmentation, stride);
  else if (distortion === undefined) fillBatch(data, indices, images, labels, shape, stride);
  else fillDistorted(data, indices, images, labels, shape, distortion, indices, stride);
  done();
}

/** @throws DataError where a network that takes `input` and tells `classes` apart cannot learn or be measured on `data`. */
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
      `${data.name}: has ${data.classes.length} classes, but the network tells ${classes} apart; set its option classes to ${data.classes.length}`,
    );
  }
}
