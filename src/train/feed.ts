/** Pictures of a data set into a slot of a program that takes `input` and `labels`. */
import { fillBatch } from "../data/batch.js";
import type { Dataset } from "../data/dataset.js";
import { DataError } from "../errors.js";
import type { Shape } from "../graph/value.js";
import type { LoadedProgram } from "../runtime/loaded-program.js";
import type { Slot } from "../runtime/slot.js";

/** Straight into the program's memory where it has no pads between pictures. */
export function feed(slot: Slot, { program }: LoadedProgram, data: Dataset, indices: Uint32Array): void {
  const port = program.inputs.find((p) => p.name === "input")!;
  const size = data.shape[0] * data.shape[1] * data.shape[2];
  const labels = slot.input("labels") as Int32Array;
  const dense = port.layout.sampleStride === size && port.layout.channelStride === port.layout.channels;
  if (dense) {
    fillBatch(data, indices, slot.input("input") as Float32Array, labels);
    return;
  }
  const images = new Float32Array(indices.length * size);
  fillBatch(data, indices, images, labels);
  slot.fill("input", images);
}

/** @throws DataError where a network that takes `input` and tells `classes` apart cannot learn or be measured on `data`. */
export function checkData(data: Dataset, input: Shape, classes: number): void {
  if (data.length === 0) throw new DataError(`${data.name}: there are no pictures in it`);
  if (data.shape.join("x") !== input.join("x")) {
    throw new DataError(
      `${data.name}: pictures are ${data.shape.join("x")}, but the network takes ${input.join("x")} (height x width x channels); ` +
        "choose a network or a size that fits",
    );
  }
  if (data.classes.length > classes) {
    throw new DataError(
      `${data.name}: has ${data.classes.length} classes, but the network tells ${classes} apart; set its option classes to ${data.classes.length}`,
    );
  }
}
