/** A look inside as a page: pictures are put into it as PNG, so that one file is all. */
import type { Dataset } from "../../data/dataset.js";
import { writeFileAtomically } from "../../formats/atomic-write-node.js";
import type { TrainedModel } from "../../train/trained-model.js";
import { receptiveFieldsOf } from "../layers.js";
import { foveaVersion, pictureUri } from "../report/draw-node.js";
import { coloured, DIVERGING, overlaid, reduced, VIRIDIS } from "./colours.js";
import { excitingPictures } from "./exciting.js";
import { allFilters, type LayerFilters, planeOf } from "./filters.js";
import { type Heat, type LayerMaps, type Look, type LookOptions, lookInside } from "./look.js";
import { type HeatPicture, inspectPage, type LayerTiles, type Tile } from "./page.js";

/** What is looked at. */
export interface Subject {
  /** As the network takes it. */
  readonly numbers: Float32Array;
  /** As it is shown: bytes, [height, width, 1 or 3]. */
  readonly picture: { readonly bytes: Uint8Array; readonly shape: readonly [number, number, number] };
}

/** A picture's bytes as the network takes them but for scaling, [height, width, channels]. */
export function pictureSubject(bytes: Uint8Array, { input, scaling: { mean, std } }: TrainedModel): Subject {
  const shape = input as readonly [number, number, number];
  const channels = shape[2];
  const numbers = Float32Array.from(bytes, (byte, i) => (byte / 255 - mean[i % channels]!) / std[i % channels]!);
  return { numbers, picture: { bytes, shape } };
}

export interface InspectOptions extends LookOptions {
  /** What page and footer call them. */
  readonly names: { readonly model: string; readonly picture: string };
  /** Whose pictures are looked through for those that excite a unit most. */
  readonly data?: Dataset | undefined;
  /** Pictures of it. */
  readonly mostPictures?: number;
  /** Classes shown. */
  readonly top?: number;
}

const MAPS = 16;
const LAYERS = 24;
const FILTERS = 16;
const FILTER_LAYERS = 12;
/** A map larger than this is shown at a fraction of its size. */
const LARGEST_TILE = 64;
/** Pictures are shown at least this large. */
const SHOWN = 224;
const UNITS = 6;
const EXCITING = 8;

/** Throws as lookInside. */
export async function writeInspection(
  path: string,
  model: TrainedModel,
  subject: Subject,
  options: InspectOptions,
): Promise<Look> {
  const look = await lookInside(model, subject.numbers, { occlusion: true, ...options });
  const { names, top = 5 } = options;
  const order = [...look.probabilities.keys()].sort((a, b) => look.probabilities[b]! - look.probabilities[a]!);
  const shown = [...new Set([...order.slice(0, top), look.target])];
  const nameOf = (label: number) => model.classes[label] ?? String(label);
  const exciting = options.data === undefined ? [] : await excitingTiles(model, look, options.data, options);
  const html = inspectPage({
    title: `${names.model}: ${nameOf(look.label)}`,
    subtitle: `What ${names.model} does with ${names.picture}, as it takes it: ${model.input.join(" × ")}.`,
    answers: shown.map((label) => ({
      name: nameOf(label),
      probability: look.probabilities[label]!,
      isTarget: label === look.target,
    })),
    heats: await heatPictures(look, subject, nameOf(look.target)),
    scale: await pictureUri(
      coloured(
        Array.from({ length: 64 }, (_, i) => i),
        VIRIDIS,
        0,
        63,
      ),
      64,
      1,
      3,
    ),
    maps: await Promise.all(chosen(look.layers, LAYERS).map(mapTiles)),
    mapsNote: `Of each layer up to ${MAPS} maps, the strongest first: blue above zero, red below, white at zero.${look.layers.length > LAYERS ? ` ${LAYERS} of ${look.layers.length} layers.` : ""}`,
    ...(await filterParts(model)),
    exciting,
    excitingNote:
      options.data === undefined
        ? ""
        : `The ${EXCITING} pictures of ${options.data.name} that excite the strongest units of ${look.gradCam.path} most; the frame is what the unit saw.`,
    footer: `Made by fovea ${foveaVersion()} from ${names.model} and ${names.picture}.`,
  });
  await writeFileAtomically(path, [html]);
  return look;
}

/** Evenly spread over the whole. */
function chosen<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))]!);
}

// --- Heat

async function heatPictures(look: Look, { picture }: Subject, name: string): Promise<HeatPicture[]> {
  const { bytes, shape } = picture;
  const zoom = Math.max(1, Math.ceil(SHOWN / Math.max(shape[0], shape[1])));
  const over = async (heat: Heat) => {
    const { height, width, bytes: colours } = overlaid(bytes, shape, heat, zoom);
    return pictureUri(colours, width, height, 3);
  };
  const { gradCam, saliency, occlusion } = look;
  const most = saliency.data.reduce((a, b) => Math.max(a, b), 0);
  const fall = occlusion?.data.reduce((a, b) => Math.max(a, b), 0) ?? 0;
  const pictures: HeatPicture[] = [
    {
      title: "The picture",
      note: "as the network takes it",
      picture: await pictureUri(bytes, shape[1], shape[0], shape[2] === 3 ? 3 : 1),
    },
    {
      title: "Grad-CAM",
      note: `places of ${gradCam.path} that speak for ${name}`,
      picture: await over(gradCam),
    },
    {
      title: "Saliency",
      note: `pixels whose change would change the score of ${name}`,
      picture: await pictureUri(coloured(saliency.data, VIRIDIS, 0, most), saliency.width, saliency.height, 3),
    },
  ];
  if (occlusion !== undefined)
    pictures.push({
      title: "Occlusion",
      note: `where a grey square of ${occlusion.patch} pixels takes most from ${name}: ${fall > 0 ? `up to ${Number((100 * fall).toPrecision(2))} points of its ${(100 * look.probabilities[look.target]!).toFixed(1)}%` : "nowhere"}`,
      picture: await over(occlusion),
    });
  return pictures;
}

// --- Tiles

async function mapTiles({ path, kind, shape, data }: LayerMaps): Promise<LayerTiles> {
  const [height, width, channels] = shape as [number, number, number];
  const strength = new Float32Array(channels);
  data.forEach((value, i) => {
    strength[i % channels] = Math.max(strength[i % channels]!, Math.abs(value));
  });
  const limit = strength.reduce((a, b) => Math.max(a, b), 0);
  const order = [...strength.keys()].sort((a, b) => strength[b]! - strength[a]! || a - b).slice(0, MAPS);
  const tiles = await Promise.all(
    order.map(async (channel): Promise<Tile> => {
      const plane = Float32Array.from({ length: height * width }, (_, i) => data[i * channels + channel]!);
      const small = reduced({ height, width, data: plane }, LARGEST_TILE);
      const picture = await pictureUri(coloured(small.data, DIVERGING, -limit, limit), small.width, small.height, 3);
      return {
        picture,
        caption: String(channel),
        title: `${path}, channel ${channel}: up to ${strength[channel]!.toPrecision(3)}`,
      };
    }),
  );
  return {
    path,
    note: `${kind}, ${shape.join(" × ")}, numbers up to ${limit.toPrecision(3)}`,
    tiles,
    aspect: width / height,
  };
}

async function filterParts(model: TrainedModel) {
  const all = allFilters(model);
  const some = chosen(all, FILTER_LAYERS);
  const left = all.length > some.length ? ` ${some.length} of ${all.length} layers.` : "";
  return {
    filters: await Promise.all(some.map(filterTiles)),
    filtersNote: `Of each convolution up to ${FILTERS} filters: blue pulls up, red pulls down, white is zero. Filters of colour pictures are shown in colours, of others the channel that weighs most.${left}`,
  };
}

async function filterTiles(layer: LayerFilters): Promise<LayerTiles> {
  const [height, width, channels, filters] = layer.shape;
  const count = Math.min(FILTERS, filters);
  const planes = Array.from({ length: count }, (_, filter) => {
    const each = Array.from({ length: channels }, (_, channel) => planeOf(layer, filter, channel));
    const weight = each.map((plane) => plane.reduce((sum, value) => sum + Math.abs(value), 0));
    const heaviest = weight.indexOf(Math.max(...weight));
    return { filter, each, heaviest };
  });
  const isColour = channels === 3;
  const limit = planes.reduce((most, { each, heaviest }) => {
    const seen = isColour ? each.flatMap((plane) => [...plane]) : [...each[heaviest]!];
    return seen.reduce((a, b) => Math.max(a, Math.abs(b)), most);
  }, 0);
  const tiles = await Promise.all(
    planes.map(async ({ filter, each, heaviest }): Promise<Tile> => {
      const step = (value: number) => Math.round(127.5 + (127.5 * value) / (limit || 1));
      const bytes = isColour
        ? Uint8Array.from({ length: height * width * 3 }, (_, i) => step(each[i % 3]![Math.floor(i / 3)]!))
        : coloured(each[heaviest]!, DIVERGING, -limit, limit);
      const picture = await pictureUri(bytes, width, height, 3);
      const seen = isColour || channels === 1 ? "" : `, channel ${heaviest}`;
      return { picture, caption: String(filter), title: `${layer.path}, filter ${filter}${seen}` };
    }),
  );
  const sees = channels === 1 ? "one channel" : `${channels} channels`;
  return {
    path: layer.path,
    note: `${filters} filters of ${height} × ${width}, each sees ${sees}, weights up to ${limit.toPrecision(3)}`,
    tiles,
    aspect: width / height,
  };
}

// --- Pictures that excite

async function excitingTiles(
  model: TrainedModel,
  look: Look,
  data: Dataset,
  options: InspectOptions,
): Promise<LayerTiles[]> {
  const { path } = look.gradCam;
  const maps = look.layers.find((layer) => layer.path === path) ?? look.layers.at(-1)!;
  const channels = maps.shape[2]!;
  const strength = new Float32Array(channels).fill(Number.NEGATIVE_INFINITY);
  maps.data.forEach((value, i) => {
    strength[i % channels] = Math.max(strength[i % channels]!, value);
  });
  const units = [...strength.keys()].sort((a, b) => strength[b]! - strength[a]!).slice(0, UNITS);
  const { backend, threads, winograd, note, mostPictures } = options;
  const found = await excitingPictures(model, data, {
    layer: maps.path,
    channels: units,
    count: EXCITING,
    backend,
    threads,
    winograd,
    note,
    ...(mostPictures === undefined ? {} : { most: mostPictures }),
  });
  const field = receptiveFieldsOf(model.module, model.input).get(maps.path);
  const [height, width, depth] = data.shape;
  const size = height * width * depth;
  const classOf = (index: number) => data.classes[data.labels[index]!] ?? "";
  return Promise.all(
    found.map(async ({ channel, pictures }): Promise<LayerTiles> => {
      const tiles = pictures.map(async ({ index, value, row, column }): Promise<Tile> => {
        const bytes = framed(data.images.subarray(index * size, (index + 1) * size), data.shape, {
          top: (field?.rows.offset ?? 0) + row * (field?.rows.stride ?? 0),
          left: (field?.columns.offset ?? 0) + column * (field?.columns.stride ?? 0),
          height: field?.rows.size ?? height,
          width: field?.columns.size ?? width,
        });
        const picture = await pictureUri(bytes, width, height, 3);
        return {
          picture,
          caption: `${classOf(index)} ${value.toPrecision(3)}`,
          title: `picture ${index}, ${classOf(index)}: ${value}`,
        };
      });
      return {
        path: `${maps.path}, unit ${channel}`,
        note: "",
        tiles: await Promise.all(tiles),
        aspect: width / height,
      };
    }),
  );
}

/** A picture in RGB with an orange frame around what a unit saw, as far as that lies in it. */
function framed(
  picture: Uint8Array,
  [height, width, channels]: readonly [number, number, number],
  box: { top: number; left: number; height: number; width: number },
): Uint8Array {
  const bytes = Uint8Array.from(
    { length: height * width * 3 },
    (_, i) => picture[Math.floor(i / 3) * channels + (channels === 3 ? i % 3 : 0)]!,
  );
  const [top, left] = [Math.max(0, Math.round(box.top)), Math.max(0, Math.round(box.left))];
  const bottom = Math.min(height - 1, Math.round(box.top + box.height) - 1);
  const right = Math.min(width - 1, Math.round(box.left + box.width) - 1);
  const mark = (y: number, x: number) => bytes.set([230, 159, 0], 3 * (y * width + x));
  for (let x = left; x <= right; x++) for (const y of [top, bottom]) mark(y, x);
  for (let y = top; y <= bottom; y++) for (const x of [left, right]) mark(y, x);
  return bytes;
}
