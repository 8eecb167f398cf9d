/**
 * The filters of a network's first layer as small pictures: a convolution's kernels (HWIO), or for a fully connected
 * layer ([in, out], its inputs in the order channel, row, column) what each unit looks for in the picture.
 */
import type { Shape } from "../../graph/shape.js";
import type { TrainedModel } from "../../model/trained-model.js";
import type { Weight } from "../../model/weights/weights.js";
import { Conv2d, Linear, modulesOf } from "../../nn/index.js";

const MOST_FILTERS = 64;

export interface Filters {
  /** Path of the layer. */
  readonly path: string;
  readonly height: number;
  readonly width: number;
  /** 3 where the filters look at colours, else 1. */
  readonly channels: 1 | 3;
  /** Row-major, channels last; at most 64. */
  readonly tiles: readonly Float32Array[];
  /** Filters in the layer. */
  readonly count: number;
  /** Channels that the filters look at. */
  readonly inputs: number;
  /** The largest magnitude in the tiles. */
  readonly limit: number;
}

/** Undefined where the first layer with weights is neither a convolution nor one that sees the whole picture. */
export function firstLayerFilters(model: TrainedModel): Filters | undefined {
  for (const [part, path] of modulesOf(model.module)) {
    if (!(part instanceof Conv2d || part instanceof Linear)) continue;
    const weight = model.weights.get(path === "" ? "weight" : `${path}.weight`);
    if (weight === undefined) return undefined;
    return part instanceof Conv2d ? ofConvolution(path, weight) : ofLinear(path, weight, model.input);
  }
  return undefined;
}

function ofConvolution(path: string, { shape, data }: Weight): Filters {
  const [height, width, inputs, count] = shape as [number, number, number, number];
  const at = (filter: number, y: number, x: number, channel: number) =>
    data[((y * width + x) * inputs + channel) * count + filter]!;
  return gather({ path, height, width, inputs, count }, at);
}

function ofLinear(path: string, { shape, data }: Weight, input: Shape): Filters | undefined {
  const [features, count] = shape as [number, number];
  const [height, width, inputs] = input as [number, number, number];
  if (input.length !== 3 || features !== height * width * inputs) return undefined;
  const at = (unit: number, y: number, x: number, channel: number) =>
    data[((channel * height + y) * width + x) * count + unit]!;
  return gather({ path, height, width, inputs, count }, at);
}

function gather(
  layer: Pick<Filters, "path" | "height" | "width" | "inputs" | "count">,
  at: (filter: number, y: number, x: number, channel: number) => number,
): Filters {
  const { height, width, inputs, count } = layer;
  const channels = inputs === 3 ? 3 : 1;
  let limit = 0;
  const tiles = Array.from({ length: Math.min(count, MOST_FILTERS) }, (_, filter) => {
    const tile = new Float32Array(height * width * channels);
    let i = 0;
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < channels; c++) {
          const value = at(filter, y, x, c);
          limit = Math.max(limit, Math.abs(value));
          tile[i++] = value;
        }
    return tile;
  });
  return { ...layer, channels, tiles, limit };
}

/** What a reader must know to read the tiles. */
export function filtersNote({ path, tiles, count, inputs, channels, height, width }: Filters): string {
  const which = tiles.length < count ? `The first ${tiles.length} of ${count} filters` : `The ${count} filters`;
  const part = inputs > channels ? `; of ${inputs} input channels the first` : "";
  return `${which} of ${path || "the first layer"}, ${height}×${width}${channels === 3 ? " in colours" : ""}${part}.`;
}
