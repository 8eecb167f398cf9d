/** What excites the strongest units of the layer of Grad-CAM most, as rows of small pictures. */

import { OptionError } from "../../base/errors.js";
import type { Dataset } from "../../data/sets/dataset.js";
import type { TrainedModel } from "../../model/trained-model.js";
import { receptiveFieldsOf } from "../layers.js";
import { pictureUri } from "../report/draw-node.js";
import { type ExcitingOptions, excitingSamples, type Samples } from "./exciting.js";
import type { Bytes, Colour } from "./labels.js";
import type { Look } from "./look.js";
import type { LayerTiles, Section, Tile } from "./page.js";

/** A data set to look through, each sample of which can be drawn. */
export interface ShownSamples extends Samples {
  /** Name of the data set. */
  readonly name: string;
  /** Their name in the plural: `"pictures"` or `"positions"`. */
  readonly things: string;
  /** A drawing of the sample: bytes in RGB. */
  drawn(index: number): Bytes;
  /** Colour of the frame around what a channel saw. */
  readonly frame: Colour;
  /** Pixels of a drawing for one of what the network takes. */
  readonly zoom: number;
  /** Words below the sample. */
  captionOf(index: number): string;
}

const ORANGE: Colour = [230, 159, 0];
/** Pictures wider than this are shown larger. */
const SMALL = 64;
const UNITS = 6;
const EXCITING = 8;

/** Pictures in memory. @throws OptionError where they are not what the network takes. */
export function datasetSamples(data: Dataset, model: TrainedModel): ShownSamples {
  const { shape, images, classes, labels, name, length } = data;
  if (shape.join("x") !== model.input.join("x"))
    throw new OptionError(
      `inspect: the pictures of ${name} are ${shape.join("x")}, but the network takes ${model.input.join("x")}`,
    );
  const [height, width, channels] = shape;
  const size = height * width * channels;
  const numbersOf = (i: number) => images.subarray(i * size, (i + 1) * size);
  return {
    name,
    things: "pictures",
    length,
    zoom: 1,
    frame: ORANGE,
    shapeOf: () => shape,
    numbersOf,
    drawn: (i) => ({ height, width, bytes: colours(numbersOf(i), channels) }),
    captionOf: (i) => classes[labels[i]!] ?? "",
  };
}

/** Pictures of any size, of which every place is named. */
export function pictureSamples(
  name: string,
  pictures: readonly {
    /** Rows. */
    readonly height: number;
    /** Columns. */
    readonly width: number;
    /** Bytes in RGB, row by row. */
    readonly pixels: Uint8Array;
  }[],
): ShownSamples {
  return {
    name,
    things: "pictures",
    length: pictures.length,
    zoom: 1,
    frame: ORANGE,
    shapeOf: (i) => [pictures[i]!.height, pictures[i]!.width, 3],
    numbersOf: (i) => pictures[i]!.pixels,
    drawn(i) {
      const { height, width, pixels } = pictures[i]!;
      return { height, width, bytes: pixels };
    },
    captionOf: () => "",
  };
}

export async function excitingSection(
  model: TrainedModel,
  look: Look,
  samples: ShownSamples,
  options: Omit<ExcitingOptions, "layer" | "channels" | "count">,
): Promise<Section> {
  const { path } = look.gradCam;
  const maps = look.layers.find((layer) => layer.path === path) ?? look.layers.at(-1)!;
  const found = await excitingSamples(model, samples, {
    ...options,
    layer: maps.path,
    channels: strongestUnits(maps.data, maps.shape[2]!),
    count: EXCITING,
  });
  return {
    title: `${samples.things[0]!.toUpperCase()}${samples.things.slice(1)} that excite a unit most`,
    note: `The ${EXCITING} ${samples.things} of ${samples.name} that excite the strongest units of ${path} most; the frame is what the unit saw.`,
    layers: await Promise.all(
      found.map(async ({ channel, pictures }): Promise<LayerTiles> => {
        const tiles = pictures.map(({ index, value, row, column }) =>
          tileOf(model, samples, maps.path, { index, value, row, column }),
        );
        const first = samples.drawn(pictures[0]?.index ?? 0);
        const aspect = first.width / first.height;
        const isLarge = first.width > SMALL;
        return { path: `${maps.path}, unit ${channel}`, note: "", tiles: await Promise.all(tiles), aspect, isLarge };
      }),
    ),
    open: Number.POSITIVE_INFINITY,
  };
}

/** Those that gave most anywhere in this picture. */
function strongestUnits(data: Float32Array, channels: number): number[] {
  const strength = new Float32Array(channels).fill(Number.NEGATIVE_INFINITY);
  data.forEach((value, i) => {
    strength[i % channels] = Math.max(strength[i % channels]!, value);
  });
  return [...strength.keys()].sort((a, b) => strength[b]! - strength[a]!).slice(0, UNITS);
}

async function tileOf(
  model: TrainedModel,
  samples: ShownSamples,
  layer: string,
  { index, value, row, column }: { index: number; value: number; row: number; column: number },
): Promise<Tile> {
  const field = receptiveFieldsOf(model.module, samples.shapeOf(index)).get(layer);
  const { zoom } = samples;
  const drawn = samples.drawn(index);
  const box = {
    top: zoom * ((field?.rows.offset ?? 0) + row * (field?.rows.stride ?? 0)),
    left: zoom * ((field?.columns.offset ?? 0) + column * (field?.columns.stride ?? 0)),
    height: field === undefined ? drawn.height : zoom * field.rows.size,
    width: field === undefined ? drawn.width : zoom * field.columns.size,
  };
  const { height, width, bytes } = framed(drawn, box, samples.frame);
  const caption = samples.captionOf(index);
  return {
    picture: await pictureUri(bytes, width, height, 3),
    caption: `${caption}${caption === "" ? "" : ": "}${value.toPrecision(3)}`,
    title: `${samples.things.replace(/s$/, "")} ${index}${caption === "" ? "" : `, ${caption}`}: ${value}`,
  };
}

const colours = (picture: Uint8Array, channels: number): Uint8Array =>
  channels === 3
    ? picture
    : Uint8Array.from({ length: (3 * picture.length) / channels }, (_, i) => picture[Math.floor(i / 3) * channels]!);

/** A frame around what a unit saw, as far as that lies in the picture. */
function framed(
  { height, width, bytes: before }: Bytes,
  box: { top: number; left: number; height: number; width: number },
  colour: Colour,
): Bytes {
  const bytes = new Uint8Array(before);
  const clamped = (at: number, most: number) => Math.max(0, Math.min(most, Math.round(at)));
  const [top, left] = [clamped(box.top, height - 1), clamped(box.left, width - 1)];
  const bottom = clamped(box.top + box.height - 1, height - 1);
  const right = clamped(box.left + box.width - 1, width - 1);
  // As thick as it must be to be seen when a large picture is made small.
  const thick = Math.max(1, Math.round(Math.max(height, width) / 64));
  for (let y = top; y <= bottom; y++)
    for (let x = left; x <= right; x++)
      if (Math.min(y - top, bottom - y, x - left, right - x) < thick) bytes.set(colour, 3 * (y * width + x));
  return { height, width, bytes };
}
