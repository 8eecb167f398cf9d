/**
 * What fills the slots of a program that takes `input` and `labels` from a data set: at once from one in memory, by workers from one
 * on disk, which write straight into the program's memory where that is shared and has no pads between pictures.
 */
import type { Augmenter, Transform } from "../data/augment/augment.js";
import type { DistortOptions } from "../data/augment/distort-options.js";
import { checkLabels, checkPixelLabels } from "../data/sets/check-dataset.js";
import type { Dataset } from "../data/sets/dataset.js";
import type { OpenStream, PictureStream } from "../data/sets/stream.js";
import type { LoadedProgram } from "../devices/cpu/loaded-program.js";
import type { Slot } from "../devices/cpu/memory/slot.js";
import { feed } from "./feed.js";

export interface FeederOptions {
  readonly seed: number;
  readonly distort?: DistortOptions | undefined;
  /** The transforms of `augmenter`, in place of distortion. */
  readonly transforms?: readonly Transform[] | undefined;
  readonly augmenter?: Augmenter | undefined;
}

/** The positions in a batch whose picture would not decode, so that another is there. */
export type Replaced = readonly number[];
const NONE: Replaced = [];

export interface Feeder {
  /** Fills the front of a slot with pictures of the set as `epoch` sees them. */
  fill(slot: Slot, indices: Uint32Array, epoch: number): Replaced | Promise<Replaced>;
  /** Ends what workers there are. */
  close(): Promise<void>;
}

/** @throws DataError and OptionError where the pictures of a set on disk do not go through the transforms. */
export function openFeeder(loaded: LoadedProgram, data: Dataset, options: FeederOptions): Feeder {
  return data.stream === undefined ? fromMemory(loaded, data, options) : fromDisk(loaded, data, data.stream, options);
}

function fromMemory(loaded: LoadedProgram, data: Dataset, { seed, distort, augmenter }: FeederOptions): Feeder {
  return {
    fill(slot, indices, epoch) {
      const distortion = distort && { options: distort, seed, epoch };
      feed(slot, loaded, data, indices, distortion, augmenter && { augmenter, key: { seed, epoch } });
      return NONE;
    },
    close: () => Promise.resolve(),
  };
}

function fromDisk(
  { program }: LoadedProgram,
  { name, classes, pixelLabels, mean, std }: Dataset,
  open: OpenStream,
  options: FeederOptions,
): Feeder {
  const target = program.inputs.find((port) => port.name === "input")!.layout.shape;
  const { seed, transforms, distort } = options;
  const stream: PictureStream = open({ target, mean, std, seed, transforms, distort });
  return {
    async fill(slot, indices, epoch) {
      const images = slot.samples("input", indices.length, true);
      const labels = slot.samples("labels", indices.length, true);
      const numbers = labels.numbers as Int32Array;
      const replaced = await stream.fill(indices, epoch, images.numbers as Float32Array, numbers);
      if (pixelLabels) checkPixelLabels(numbers, indices, target, classes.length, name);
      else checkLabels(numbers, indices.length, classes.length, name);
      images.done();
      labels.done();
      return replaced;
    },
    close: () => stream.close(),
  };
}
