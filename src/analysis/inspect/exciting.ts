/**
 * The samples of a data set that excite a layer's units most: of each channel, the largest number that it gave
 * anywhere.
 */

import { OptionError } from "../../base/errors.js";
import type { Dataset } from "../../data/sets/dataset.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { compileLayers, type Picture } from "../../model/classifier.js";
import type { TrainedModel } from "../../model/trained-model.js";
import type { LookOptions } from "./look.js";

/** The samples that excite one channel of a layer most. */
export interface Excited {
  /** The channel, from 0. */
  readonly channel: number;
  /** Its samples, the strongest first. */
  readonly pictures: readonly {
    /** Index of the sample in the data set. */
    readonly index: number;
    /** The largest number that the channel gave. */
    readonly value: number;
    /** Row of the layer's map where it did. */
    readonly row: number;
    /** Column of the layer's map where it did. */
    readonly column: number;
  }[];
}

/** Options of `excitingPictures` and `excitingSamples`. */
export interface ExcitingOptions
  extends Pick<LookOptions, "backend" | "threads" | "winograd" | "memoryLimit" | "note"> {
  /** Path of the layer. */
  readonly layer: string;
  /** The channels to look at, from 0. */
  readonly channels: readonly number[];
  /** Samples of a channel. */
  readonly count: number;
  /**
   * Samples of the data set that are looked at, from the first on.
   * @default all
   */
  readonly most?: number;
}

/** Samples to search: bytes of pictures, or numbers as the network takes them. */
export interface Samples {
  /** Their number. */
  readonly length: number;
  /** [height, width, channels]; those of one shape are best together. */
  shapeOf(index: number): Shape;
  /** The sample as the network takes it: bytes, which are scaled, or numbers. */
  numbersOf(index: number): Picture;
}

/**
 * Finds the pictures of a data set, in memory, that excite channels of a layer most: by the largest number of the
 * channel's map.
 * @throws OptionError if the pictures are not of the network's size
 */
export async function excitingPictures(
  model: TrainedModel,
  data: Pick<Dataset, "images" | "shape" | "length" | "name">,
  options: ExcitingOptions,
): Promise<Excited[]> {
  const size = sizeOf(data.shape);
  if (data.shape.join("x") !== model.input.join("x"))
    throw new OptionError(
      `inspect: the pictures of ${data.name} are ${data.shape.join("x")}, but the network takes ${model.input.join("x")}`,
    );
  const numbersOf = (i: number) => data.images.subarray(i * size, (i + 1) * size);
  return excitingSamples(model, { length: data.length, shapeOf: () => data.shape, numbersOf }, options);
}

const BATCH = 32;
/** Places of the pictures of a batch. */
const BATCH_PLACES = 2 ** 17;

/**
 * Finds the samples that excite channels of a layer most: by the largest number of the channel's map.
 * @throws OptionError if there is no such layer
 */
export async function excitingSamples(
  model: TrainedModel,
  samples: Samples,
  { layer, channels, count, most = samples.length, ...choice }: ExcitingOptions,
): Promise<Excited[]> {
  const found = channels.map((channel) => ({ channel, pictures: [] as Excited["pictures"][number][] }));
  for (const indices of byShape(samples, Math.min(most, samples.length))) {
    const input = samples.shapeOf(indices[0]!);
    const batch = Math.max(1, Math.min(BATCH, Math.floor(BATCH_PLACES / (input[0]! * input[1]!))));
    const classify = await compileLayers({ ...model, input }, { ...choice, batch, layers: [layer] });
    try {
      for (let from = 0; from < indices.length; from += batch) {
        const some = indices.slice(from, from + batch);
        const answers = await classify.all(some.map((i) => samples.numbersOf(i)));
        for (const [i, { layers }] of answers.entries()) {
          const { shape, data } = layers.get(layer)!;
          for (const { channel, pictures } of found) {
            pictures.push({ index: some[i]!, ...strongestPlace(data, shape, channel) });
            pictures.sort((a, b) => b.value - a.value);
            if (pictures.length > count) pictures.pop();
          }
        }
      }
    } finally {
      await classify.close();
    }
  }
  return found;
}

/** Numbers of samples, those of one shape together. */
function byShape(samples: Samples, length: number): number[][] {
  const groups = new Map<string, number[]>();
  for (let i = 0; i < length; i++) {
    const key = samples.shapeOf(i).join("x");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [i]);
    else group.push(i);
  }
  return [...groups.values()];
}

function strongestPlace(data: Float32Array, [, width, depth]: Shape, channel: number) {
  let best = 0;
  for (let place = 1; place * depth! < data.length; place++)
    if (data[place * depth! + channel]! > data[best * depth! + channel]!) best = place;
  const value = data[best * depth! + channel]!;
  return { value, row: Math.floor(best / width!), column: best % width! };
}
