/** Which layers of a network give maps that can be shown, and which of them Grad-CAM looks at. */
import { nearest, OptionError } from "../../base/errors.js";
import { reachable } from "../../graph/evaluate.js";
import type { Value } from "../../graph/graph.js";
import type { Shape } from "../../graph/shape.js";
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  MaxPool2d,
  type Module,
  modulesOf,
  Subsample2d,
  type Traced,
} from "../../nn/index.js";

export interface MapLayers {
  /** By path; of layers that give the same, a block and its last layer, the outermost. */
  readonly maps: ReadonlyMap<string, Value>;
  /** What Grad-CAM weighs: one of `maps`, by whatever path it was asked for. */
  readonly cam: { readonly path: string; readonly value: Value };
  kindOf(path: string): string;
}

/** @throws OptionError where there is no such layer, or none at all. */
export function mapLayers(module: Module, traced: Traced, asked: string | undefined): MapLayers {
  const parts = new Map([...modulesOf(module)].map(([part, path]) => [path, part]));
  const every = mapsOf(traced, parts);
  const maps = new Map([...new Map([...every].map(([path, value]) => [value, path]))].map(([v, path]) => [path, v]));
  const path = asked ?? defaultLayer(maps, parts, traced.output);
  return {
    maps,
    cam: { path, value: mapAt(every, path, traced) },
    kindOf: (layer) => parts.get(layer)?.constructor.name ?? "",
  };
}

/** At most so many, spread over the whole, those of `always` among them. */
export function spread<T>(all: readonly T[], most: number, always: (one: T) => boolean = () => false): T[] {
  if (all.length <= most) return [...all];
  const places = new Set(Array.from({ length: most }, (_, i) => Math.round((i * (all.length - 1)) / (most - 1 || 1))));
  return all.filter((one, i) => places.has(i) || always(one));
}

/**
 * Maps on the way from the picture to the answer, by the path of their layer, in the order of their making: what is
 * drawn past a layer is no part of it. A layer whose weights are used in another way than by its own forward has what
 * was computed last under its name.
 */
function mapsOf({ layers, output, input, graph }: Traced, parts: ReadonlyMap<string, unknown>): Map<string, Value> {
  const live = new Set(reachable([output]));
  const isMap = (value: Value) => value !== input && value.batched && value.shape.length === 3 && live.has(value);
  const beside = graph.values.filter(({ path }) => parts.has(path) && !layers.has(path));
  const all = [...beside.filter(isMap).map((value) => [value.path, value] as const), ...layers];
  const maps = all.filter(([path, value]) => path !== "" && isMap(value));
  return new Map([...new Map(maps)].sort(([, a], [, b]) => a.id - b.id));
}

const POOLS = [MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, Subsample2d];
const isPool = (part: unknown): boolean => POOLS.some((kind) => part instanceof kind);
const places = ({ shape }: { readonly shape: Shape }) => shape[0]! * shape[1]!;

/** Coarser maps than this say little about where. */
const FEW_PLACES = 16;

/**
 * The last that is more than a point and more than one map, no pool and not the answer itself: where the network still
 * knows places, and knows the most. Of a network that names every place, the last of the coarsest such maps, the
 * bottleneck, as Vinogradova, Dibrov and Myers (2020) take it: behind it, places are only put back.
 */
function defaultLayer(maps: ReadonlyMap<string, Value>, parts: ReadonlyMap<string, unknown>, output: Value): string {
  const found = [...maps].filter(
    ([path, value]) => places(value) > 1 && value.shape[2]! > 1 && value !== output && !isPool(parts.get(path)),
  );
  const isDense = output.shape.length === 3;
  const telling = found.filter(([, value]) => places(value) >= FEW_PLACES);
  const among = isDense && telling.length > 0 ? telling : found;
  const least = isDense ? Math.min(...among.map(([, value]) => places(value))) : Number.POSITIVE_INFINITY;
  const last = among.filter(([, value]) => places(value) <= least).at(-1);
  if (last === undefined)
    throw new OptionError("inspect: the network has no layer that gives maps, so that there is nothing to look at");
  return last[0];
}

function mapAt(maps: ReadonlyMap<string, Value>, path: string, { layers }: Traced): Value {
  const value = maps.get(path);
  if (value !== undefined) return value;
  const known = [...maps.keys()];
  const near = nearest(path, known);
  const hint = near === undefined ? `; there are ${known.join(", ")}` : `; did you mean "${near}"?`;
  if (!layers.has(path)) throw new OptionError(`--layer ${path}: there is no such layer${hint}`);
  throw new OptionError(
    `--layer ${path}: gives no maps of its own (a relu in front of a max pool is computed behind it)${hint}`,
  );
}
