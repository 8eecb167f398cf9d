/** Maps, planes and filters as rows of small pictures. */

import type { TrainedModel } from "../../model/trained-model.js";
import { pictureUri } from "../report/draw-node.js";
import { coloured, reduced } from "./colours.js";
import { allFilters, type LayerFilters, planeOf } from "./filters.js";
import type { InputPlane } from "./input-plane.js";
import type { LayerMaps, Look } from "./look.js";
import { spread } from "./map-layers.js";
import type { LayerTiles, Scale, Section, Tile } from "./page.js";
import { DIVERGING, type Ramp } from "./ramps.js";

const MAPS = 16;
const FILTERS = 16;
const FILTER_LAYERS = 12;
/** Of filters whose channels have names, the strongest of these, with the planes that weigh most. */
const NAMED_FILTERS = 10;
const NAMED_PLANES = 3;
/** A map larger than this is shown at a fraction of its size. */
const LARGEST_TILE = 64;
/** Layers whose tiles are shown without a click. */
const OPEN = 3;

/** A strip of all colours from one end to the other. */
export async function scaleOf(low: string, high: string, ramp: Ramp): Promise<Scale> {
  const steps = Array.from({ length: 64 }, (_, i) => i);
  return { low, high, picture: await pictureUri(coloured(steps, ramp, 0, 63), 64, 1, 3) };
}

// --- Maps

export async function mapSection({ layers, layerCount }: Look): Promise<Section> {
  const left = layerCount > layers.length ? ` ${layers.length} of ${layerCount} layers.` : "";
  return {
    title: "What the layers give",
    note: `Of each layer up to ${MAPS} maps, the strongest first: blue above zero, red below, white at zero.${left}`,
    layers: await Promise.all(layers.map(mapTiles)),
    open: OPEN,
  };
}

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
      return {
        picture: await planeUri(plane, height, width, limit),
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

function planeUri(data: Float32Array, height: number, width: number, limit: number): Promise<string> {
  const small = reduced({ height, width, data }, LARGEST_TILE);
  return pictureUri(coloured(small.data, DIVERGING, -limit, limit), small.width, small.height, 3);
}

/** What a network takes that has no picture. */
export async function inputSection(planes: readonly InputPlane[], size: number): Promise<Section> {
  const tiles = planes.map(
    async ({ name, data }): Promise<Tile> => ({
      picture: await planeUri(data, size, size, 1),
      caption: name,
      title: `${name}: ${data.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0)} points`,
    }),
  );
  return {
    title: "What it takes",
    note: "The planes of the position, from the point of view of the side to move: blue is 1, white 0, red -1.",
    layers: [
      { path: "input", note: `${size} × ${size} × ${planes.length}`, tiles: await Promise.all(tiles), aspect: 1 },
    ],
    open: 1,
  };
}

// --- Filters

/** @param nameOf of the channels of the first layer, where they have names */
export async function filterSection(model: TrainedModel, nameOf?: (channel: number) => string): Promise<Section> {
  const all = allFilters(model);
  const some = spread(all, FILTER_LAYERS);
  const left = all.length > some.length ? ` ${some.length} of ${all.length} layers.` : "";
  const which =
    nameOf === undefined
      ? "Filters of colour pictures are shown in colours, of others the channel that weighs most."
      : `Of the first layer the ${NAMED_FILTERS} strongest filters, each with the ${NAMED_PLANES} planes that weigh most in it; of the others the channel that weighs most.`;
  return {
    title: "Filters",
    note: `Of each convolution up to ${FILTERS} filters: blue pulls up, red pulls down, white is zero. ${which}${left}`,
    layers: await Promise.all(
      some.map((layer) => (layer === all[0] && nameOf !== undefined ? namedTiles(layer, nameOf) : filterTiles(layer))),
    ),
    open: OPEN,
  };
}

const weightOf = (plane: Float32Array) => plane.reduce((sum, value) => sum + Math.abs(value), 0);
const strongest = (weights: readonly number[], count: number) =>
  [...weights.keys()].sort((a, b) => weights[b]! - weights[a]! || a - b).slice(0, count);
const largestOf = (planes: readonly Float32Array[]) =>
  planes.reduce((most, plane) => plane.reduce((a, b) => Math.max(a, Math.abs(b)), most), 0);

async function filterTiles(layer: LayerFilters): Promise<LayerTiles> {
  const [height, width, channels, filters] = layer.shape;
  const planes = Array.from({ length: Math.min(FILTERS, filters) }, (_, filter) => {
    const each = Array.from({ length: channels }, (_, channel) => planeOf(layer, filter, channel));
    return { filter, each, heaviest: strongest(each.map(weightOf), 1)[0]! };
  });
  const isColour = channels === 3;
  const limit = largestOf(planes.flatMap(({ each, heaviest }) => (isColour ? each : [each[heaviest]!])));
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
  return { path: layer.path, note: noteOf(layer, limit), tiles, aspect: width / height };
}

function noteOf({ shape: [height, width, channels, filters] }: LayerFilters, limit: number): string {
  const sees = channels === 1 ? "one channel" : `${channels} channels`;
  return `${filters} filters of ${height} × ${width}, each sees ${sees}, weights up to ${limit.toPrecision(3)}`;
}

/** Filters whose channels mean something: the strongest ones, and in them the strongest channels. */
async function namedTiles(layer: LayerFilters, nameOf: (channel: number) => string): Promise<LayerTiles> {
  const [height, width, channels, filters] = layer.shape;
  const weights = Array.from({ length: filters }, (_, filter) =>
    Array.from({ length: channels }, (_, channel) => weightOf(planeOf(layer, filter, channel))),
  );
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  const shown = strongest(weights.map(sum), NAMED_FILTERS).flatMap((filter) =>
    strongest(weights[filter]!, NAMED_PLANES).map((channel) => ({ filter, channel })),
  );
  const planes = shown.map(({ filter, channel }) => planeOf(layer, filter, channel));
  const limit = largestOf(planes);
  const tiles = shown.map(
    async ({ filter, channel }, i): Promise<Tile> => ({
      picture: await pictureUri(coloured(planes[i]!, DIVERGING, -limit, limit), width, height, 3),
      caption: `${filter}: ${nameOf(channel)}`,
      title: `${layer.path}, filter ${filter}, plane ${channel}: ${nameOf(channel)}`,
    }),
  );
  const each = Array.from({ length: channels }, (_, channel) => sum(weights.map((row) => row[channel]!)));
  const total = sum(each) || 1;
  const most = strongest(each, 5).map(
    (channel) => `${nameOf(channel)} ${((100 * each[channel]!) / total).toFixed(1)}%`,
  );
  return {
    path: layer.path,
    note: `${noteOf(layer, limit)}; of all weights: ${most.join(", ")}`,
    tiles: await Promise.all(tiles),
    aspect: width / height,
  };
}
