/** The pictures of a data set that excite a layer's units most: of each channel, the largest number that it gave anywhere. */
import type { Dataset } from "../../data/dataset.js";
import { OptionError } from "../../errors.js";
import { sizeOf } from "../../graph/value.js";
import { compile } from "../../train/classifier.js";
import type { TrainedModel } from "../../train/trained-model.js";
import type { LookOptions } from "./look.js";

export interface Excited {
  readonly channel: number;
  /** The strongest first. */
  readonly pictures: readonly {
    readonly index: number;
    readonly value: number;
    /** Where in the layer's map. */
    readonly row: number;
    readonly column: number;
  }[];
}

export interface ExcitingOptions extends Pick<LookOptions, "backend" | "threads" | "winograd" | "note"> {
  readonly layer: string;
  readonly channels: readonly number[];
  /** Pictures of a channel. */
  readonly count: number;
  /** Of the data set, from the first on; all unless said. */
  readonly most?: number;
}

const BATCH = 32;

/** @throws OptionError where the data set's pictures are not what the network takes. */
export async function excitingPictures(
  model: TrainedModel,
  data: Pick<Dataset, "images" | "shape" | "length" | "name">,
  options: ExcitingOptions,
): Promise<Excited[]> {
  const { layer, channels, count, most = data.length, ...choice } = options;
  const size = sizeOf(data.shape);
  if (data.shape.join("x") !== model.input.join("x"))
    throw new OptionError(
      `inspect: the pictures of ${data.name} are ${data.shape.join("x")}, but the network takes ${model.input.join("x")}`,
    );
  const classify = await compile(model, { ...choice, batch: BATCH, layers: [layer] });
  try {
    const found = channels.map((channel) => ({ channel, pictures: [] as Excited["pictures"][number][] }));
    const length = Math.min(most, data.length);
    for (let from = 0; from < length; from += BATCH) {
      const indices = Array.from({ length: Math.min(BATCH, length - from) }, (_, i) => from + i);
      const answers = await classify.all(indices.map((i) => data.images.subarray(i * size, (i + 1) * size)));
      for (const [i, { layers }] of answers.entries()) {
        const { shape, data: numbers } = layers.get(layer)!;
        const [, width, depth] = shape as [number, number, number];
        for (const { channel, pictures } of found) {
          let best = 0;
          for (let place = 1; place * depth < numbers.length; place++)
            if (numbers[place * depth + channel]! > numbers[best * depth + channel]!) best = place;
          const value = numbers[best * depth + channel]!;
          pictures.push({ index: indices[i]!, value, row: Math.floor(best / width), column: best % width });
          pictures.sort((a, b) => b.value - a.value);
          if (pictures.length > count) pictures.pop();
        }
      }
    }
    return found;
  } finally {
    await classify.close();
  }
}
