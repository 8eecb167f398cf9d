/**
 * The filters of every convolution of a model, as planes of numbers: what each looks for in each channel that it sees.
 */

import type { TrainedModel } from "../../model/trained-model.js";
import { type Module, modulesOf, savedOf } from "../../nn/index.js";

/** The filters of a convolution. */
export interface LayerFilters {
  /** Path of the layer. */
  readonly path: string;
  /** Height, width, channels that a filter sees, filters. */
  readonly shape: readonly [number, number, number, number];
  /** HWIO, row-major. */
  readonly data: Float32Array;
}

/** Convolutions whose kernels are more than a point, in the order of the network. */
export function allFilters({ module, weights }: Pick<TrainedModel, "module" | "weights">): LayerFilters[] {
  return [...weightsByLayer(module)].flatMap(([path, name]) => {
    const weight = weights.get(name);
    if (weight === undefined || weight.shape.length !== 4) return [];
    const shape = weight.shape as unknown as LayerFilters["shape"];
    return shape[0] * shape[1] > 1 ? [{ path, shape, data: weight.data }] : [];
  });
}

function weightsByLayer(module: Module): Map<string, string> {
  const saved = new Set(savedOf(module).keys());
  const names = [...modulesOf(module).values()].map((path): [string, string] => [
    path,
    path === "" ? "weight" : `${path}.weight`,
  ]);
  return new Map(names.filter(([, name]) => saved.has(name)));
}

/** One filter's kernel for one channel that it sees, row-major. */
export function planeOf({ shape, data }: LayerFilters, filter: number, channel: number): Float32Array {
  const [height, width, channels, filters] = shape;
  return Float32Array.from({ length: height * width }, (_, i) => data[(i * channels + channel) * filters + filter]!);
}
