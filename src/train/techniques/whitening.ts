/**
 * The filters of whitening layers (nn/whitening-conv.ts), from training pictures: with the covariance C of all K x K
 * patches, in float64, and its eigenvectors e_i to the eigenvalues l_i, strongest first,
 *
 *     filter i = e_i / sqrt(l_i + eps),    and behind all of them their negatives
 *
 * which are HWIO as a patch is. Pictures are taken evenly from all over the data set, which may be in the order of its
 * classes.
 */

import { OptionError } from "../../base/errors.js";
import { symmetricEigen } from "../../base/symmetric-eigen.js";
import { fillBatch } from "../../data/sets/batch.js";
import type { Dataset } from "../../data/sets/dataset.js";
import { inMemory } from "../../data/sets/in-memory.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import type { Weight, Weights } from "../../model/weights/weights.js";
import { type Module, savedOf } from "../../nn/index.js";

/** More patches change the filters by nothing that matters: a second's work for 3x3 patches of colour pictures. */
const MOST_PATCHES = 2 ** 21;

/** As `whitened`, of a set wherever its pictures are: of one on disk, just those that it takes are read. */
export async function whitenedOn(weights: Weights, network: Module, data: Dataset): Promise<Weights> {
  const layer = [...savedOf(network).values()].find(({ init }) => init.kind === "whitening");
  if (layer === undefined || layer.init.kind !== "whitening" || data.stream === undefined) {
    return whitened(weights, network, data);
  }
  const [ky, kx] = layer.shape as readonly [number, number];
  const count = countOf(data, [ky, kx], layer.init.pictures);
  const indices = Array.from({ length: count }, (_, n) => Math.floor((n * data.length) / count));
  return whitened(weights, network, await inMemory(data, indices));
}

/** Pictures that are looked at. */
function countOf({ shape, length }: Dataset, [ky, kx]: readonly [number, number], pictures: number): number {
  const patches = Math.max(1, (shape[0] - ky + 1) * (shape[1] - kx + 1));
  return Math.min(length, pictures, Math.max(1, Math.floor(MOST_PATCHES / patches)));
}

/** The weights with those of whitening layers computed from the pictures. */
export function whitened(weights: Weights, network: Module, data: Dataset): Weights {
  const all = new Map(weights);
  for (const [name, { shape, init }] of savedOf(network)) {
    if (init.kind !== "whitening") continue;
    const [ky, kx, channels] = shape as readonly [number, number, number, number];
    if (channels !== data.shape[2] || ky > data.shape[0] || kx > data.shape[1]) {
      throw new OptionError(
        `${name}: whitens patches of ${ky}x${kx}x${channels}, but pictures are ${data.shape.join("x")}; ` +
          "expected a network's first layer, of as many channels",
      );
    }
    all.set(name, { shape, data: whiteningFilters(covariance(data, [ky, kx], init.pictures), shape, init.eps) });
  }
  return all;
}

export function whiteningFilters(covariances: Float64Array, shape: Shape, eps: number): Weight["data"] {
  const out = shape.at(-1)!;
  const size = sizeOf(shape) / out;
  const { values, vectors } = symmetricEigen(covariances, size);
  const filters = new Float32Array(size * out);
  for (let i = 0; i < out / 2; i++) {
    // Rounding may leave a variance of zero a little below it.
    const scale = 1 / Math.sqrt(Math.max(0, values[i]!) + eps);
    for (let k = 0; k < size; k++) {
      filters[k * out + i] = vectors[i]![k]! * scale;
      filters[k * out + out / 2 + i] = -vectors[i]![k]! * scale;
    }
  }
  return filters;
}

/** Of all patches of some of the pictures, scaled as the network sees them: size x size, row-major. */
export function covariance(data: Dataset, [ky, kx]: readonly [number, number], pictures: number): Float64Array {
  const [height, width, channels] = data.shape;
  const size = ky * kx * channels;
  const patches = (height - ky + 1) * (width - kx + 1);
  const count = countOf(data, [ky, kx], pictures);
  const picture = new Float32Array(height * width * channels);
  const label = new Int32Array(1);
  const patch = new Float64Array(size);
  const sums = new Float64Array(size);
  const products = new Float64Array(size * size);
  for (let n = 0; n < count; n++) {
    fillBatch(data, [Math.floor((n * data.length) / count)], picture, label);
    for (let y = 0; y + ky <= height; y++) {
      for (let x = 0; x + kx <= width; x++) {
        for (let r = 0, to = 0; r < ky; r++) {
          const from = ((y + r) * width + x) * channels;
          for (let i = 0; i < kx * channels; i++) patch[to++] = picture[from + i]!;
        }
        for (let i = 0; i < size; i++) {
          const value = patch[i]!;
          sums[i]! += value;
          for (let j = i; j < size; j++) products[i * size + j]! += value * patch[j]!;
        }
      }
    }
  }
  const total = count * patches;
  const result = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = i; j < size; j++) {
      const value = products[i * size + j]! / total - (sums[i]! / total) * (sums[j]! / total);
      result[i * size + j] = result[j * size + i] = value;
    }
  }
  return result;
}
