/**
 * What fills the slots of an executable that takes `input` and `labels` from a data set: at once from one in memory, by
 * workers from one on disk, which write straight into the device's memory where that is shared with them and has no
 * pads between pictures.
 */
import type { Augmenter, Transform } from "../data/augment/augment.js";
import type { DistortOptions } from "../data/augment/distort-options.js";
import { checkLabels, checkPixelLabels } from "../data/sets/check-dataset.js";
import type { Dataset } from "../data/sets/dataset.js";
import type { OpenStream, PictureStream } from "../data/sets/stream.js";
import type { Executable, Slot } from "../devices/device.js";
import type { Shape } from "../graph/shape.js";
import { feed, type Written } from "./feed.js";

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
  /**
   * Fills the front of a slot with pictures of the set as `epoch` sees them. `written` is called before they are handed
   * over, and may change them.
   */
  fill(
    slot: Slot,
    indices: Uint32Array,
    epoch: number,
    written?: (batch: Written) => void,
  ): Replaced | Promise<Replaced>;
  /** Ends what workers there are. */
  close(): Promise<void>;
}

/** @throws DataError and OptionError where the pictures of a set on disk do not go through the transforms. */
export function openFeeder(executable: Executable, data: Dataset, options: FeederOptions): Feeder {
  const { shape } = executable.inputs.find((port) => port.name === "input")!;
  return data.stream === undefined ? fromMemory(shape, data, options) : fromDisk(shape, data, data.stream, options);
}

function fromMemory(shape: Shape, data: Dataset, { seed, distort, augmenter }: FeederOptions): Feeder {
  return {
    fill(slot, indices, epoch, written) {
      const distortion = distort && { options: distort, seed, epoch };
      const augmentation = augmenter && { augmenter, key: { seed, epoch } };
      feed(slot, data, indices, { shape, distortion, augmentation, ...(written && { written }) });
      return NONE;
    },
    close: () => Promise.resolve(),
  };
}

function fromDisk(
  target: Shape,
  { name, classes, pixelLabels, mean, std }: Dataset,
  open: OpenStream,
  options: FeederOptions,
): Feeder {
  const { seed, transforms, distort } = options;
  const stream: PictureStream = open({ target, mean, std, seed, transforms, distort });
  return {
    async fill(slot, indices, epoch, written) {
      const pictures = slot.samples("input", indices.length, true);
      const labelled = slot.samples("labels", indices.length, true);
      const images = pictures.numbers as Float32Array;
      const labels = labelled.numbers as Int32Array;
      const replaced = await stream.fill(indices, epoch, images, labels);
      if (pixelLabels) checkPixelLabels(labels, indices, target, classes.length, name);
      else checkLabels(labels, indices.length, classes.length, name);
      written?.({ images, stride: pictures.stride, labels });
      pictures.done();
      labelled.done();
      return replaced;
    },
    close: () => stream.close(),
  };
}
