/** Pictures of a data set in memory into a slot of a program that takes `input` and `labels`. */

import { DataError } from "../base/errors.js";
import { type Distortion, fillDistorted } from "../data/augment/distort.js";
import { type Augmentation, fillAugmented } from "../data/augment/fill.js";
import { fillBatch } from "../data/sets/batch.js";
import { borderOf } from "../data/sets/border.js";
import type { Dataset } from "../data/sets/dataset.js";
import type { LoadedProgram } from "../devices/cpu/loaded-program.js";
import type { Slot } from "../devices/cpu/memory/slot.js";
import { type Shape, sizeOf } from "../graph/shape.js";
import type { Layout } from "../kernels/contract/layout.js";

/** Straight into the program's memory where it has no pads between pictures. Distorted or augmented where it is said how. */
export function feed(
  slot: Slot,
  { program }: LoadedProgram,
  data: Dataset,
  indices: Uint32Array,
  distortion?: Distortion,
  augmentation?: Augmentation,
): void {
  const { layout } = program.inputs.find((p) => p.name === "input")!;
  const { shape } = layout;
  const size = sizeOf(shape);
  const labels = slot.input("labels") as Int32Array;
  const dense = denseInput(slot, layout);
  const images = dense ?? new Float32Array(indices.length * size);
  if (augmentation !== undefined) fillAugmented(data, indices, images, labels, shape, augmentation);
  else if (distortion === undefined) fillBatch(data, indices, images, labels, shape);
  else fillDistorted(data, indices, images, labels, shape, distortion);
  if (dense === undefined) slot.fill("input", images);
}

/** The program's own memory, where pictures can be written straight into it. */
export function denseInput(slot: Slot, layout: Layout): Float32Array | undefined {
  return isDense(layout) ? (slot.input("input") as Float32Array) : undefined;
}

/** Whether there are no pads in it. */
export const isDense = (layout: Layout): boolean =>
  layout.sampleStride === sizeOf(layout.shape) && layout.channelStride === layout.channels;

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
