/**
 * The distortions with which LeNet-5 was trained to 0.8% (LeCun et al. 1998, section III-B): planar affine maps made of
 * horizontal and vertical translation, scaling, squeezing (wider and lower at once, or the reverse) and horizontal
 * shearing, with bilinear resampling. The paper does not say how far; the defaults here are ours.
 *
 * What a picture becomes is a function of seed, epoch and its number in the data set, so that the order of pictures,
 * threads and resuming change nothing. Evaluation never distorts.
 */

import { unknownName } from "../../base/errors.js";
import { checkValues, isRecord, mismatch, pick } from "../../base/options.js";
import { philoxReference, type Words4 } from "../../base/random.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { checkTargets } from "../sets/batch.js";
import { borderOf } from "../sets/border.js";
import { byteScaling } from "../sets/byte-scaling.js";
import type { Dataset } from "../sets/dataset.js";
import type { Labels } from "../sets/labels.js";
import { type Place, placeBytes, placeOf } from "../sets/picture-input.js";
import type { DistortOptions } from "./distort-options.js";
import { DISTORT_DEFAULTS, DISTORT_FIELDS } from "./distort-options.js";

/**
 * The distortions that are asked for: true for the usual ones, or those that differ from them.
 * @throws OptionError on a name that is not known and on numbers out of range.
 */
export function distortionsOf(distort: boolean | Partial<DistortOptions> | undefined): DistortOptions | undefined {
  if (distort === undefined || distort === false) return undefined;
  if (distort === true) return DISTORT_DEFAULTS;
  if (!isRecord(distort)) throw mismatch("distort", distort, "true, false or an object such as { translate: 2 }");
  checkDistortion(distort);
  return { ...DISTORT_DEFAULTS, ...pick(distort, DISTORT_FIELDS) };
}

/** @throws OptionError on a name that is not known and on numbers out of range. */
export function checkDistortion(options: Partial<DistortOptions>): void {
  const known = Object.keys(DISTORT_FIELDS);
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknownName("distortion", name, known);
  checkValues<Partial<DistortOptions>>(options, DISTORT_FIELDS, "distort: ");
}

/** Which distortions of all: two that agree in seed and epoch distort a picture alike. */
export interface Distortion {
  readonly options: DistortOptions;
  readonly seed: number;
  readonly epoch: number;
}

/**
 * A point (x, y) of the picture, measured from its centre, goes to (a x + b y + dx, d y + dy): widths times a, heights
 * times d, rows sheared by b.
 */
export interface AffineMap {
  readonly a: number;
  readonly b: number;
  readonly d: number;
  readonly dx: number;
  readonly dy: number;
}

/** Sets these draws apart from those that others make with the same seed. */
const PURPOSE = 0x64697374;

/** What becomes of the picture `index` of the data set. */
export function affineMap({ options, seed, epoch }: Distortion, index: number): AffineMap {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)] as const;
  const first = philoxReference([index, epoch, 0, PURPOSE], key);
  const second = philoxReference([index, epoch, 1, PURPOSE], key);
  const { translate, scale, squeeze, shear } = options;
  const size = 1 + scale * symmetric(first, 2);
  const wide = 1 + squeeze * symmetric(first, 3);
  return {
    a: size * wide,
    b: shear * symmetric(second, 0),
    d: size / wide,
    dx: translate * symmetric(first, 0),
    dy: translate * symmetric(first, 1),
  };
}

/** From -1 to 1. */
function symmetric(words: Words4, at: 0 | 1 | 2 | 3): number {
  return words[at] / 2 ** 31 - 1;
}

/**
 * As fillBatch (batch.ts), each picture distorted. Pixels from outside a picture are background. `numbers` are those by
 * which the pictures' distortions are drawn, their own unless said.
 * @throws DataError as fillBatch.
 */
export function fillDistorted(
  dataset: Dataset,
  indices: ArrayLike<number>,
  images: Float32Array,
  labels: Labels,
  input: Shape,
  distortion: Distortion,
  numbers: ArrayLike<number> = indices,
  stride: number = sizeOf(input),
): void {
  checkTargets(dataset, indices, images, labels, input, stride);
  const field = fieldOf(dataset, input);
  const size = sizeOf(dataset.shape);
  for (let n = 0; n < indices.length; n++) {
    placeBytes(dataset.images, indices[n]! * size, field.place, dataset, field.pixels, 0);
    resample(field, affineMap(distortion, numbers[n]!), images, n * stride);
  }
}

/** A picture, scaled, in the middle of the field, with a ring of background around it that every sample falls into. */
interface Field {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** (height + 2) x (width + 2) x channels. */
  readonly pixels: Float32Array;
  /** Of the data set's pictures in `pixels`. */
  readonly place: Place;
}

function fieldOf(dataset: Dataset, input: Shape): Field {
  const [height, width, channels] = input as readonly [number, number, number];
  const [rows, columns] = borderOf(dataset.shape, input)!;
  const ringed = [height + 2, width + 2, channels];
  const pixels = new Float32Array(sizeOf(ringed));
  byteScaling(dataset).background(pixels, 0, pixels.length);
  return { height, width, channels, pixels, place: placeOf(dataset.shape, ringed, [rows + 1, columns + 1]) };
}

/** For each pixel of the result, the point of the field that the map brings there, between its four neighbours. */
function resample(field: Field, { a, b, d, dx, dy }: AffineMap, to: Float32Array, offset: number): void {
  const { height, width, channels, pixels } = field;
  const line = (width + 2) * channels;
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  const step = 1 / a;
  let at = offset;
  for (let v = 0; v < height; v++) {
    // Rows come from one row of the field, since nothing is sheared vertically; 1 is the ring's.
    const y = (v - middleY - dy) / d;
    const sourceY = Math.min(Math.max(y + middleY, -1), height) + 1;
    const top = Math.min(Math.floor(sourceY), height);
    const fy = sourceY - top;
    const first = (-middleX - dx - b * y) / a + middleX;
    const row = top * line;
    for (let u = 0; u < width; u++) {
      const sourceX = Math.min(Math.max(first + u * step, -1), width) + 1;
      const left = Math.min(Math.floor(sourceX), width);
      const fx = sourceX - left;
      let p = row + left * channels;
      for (let c = 0; c < channels; c++, p++) {
        const upper = pixels[p]! + fx * (pixels[p + channels]! - pixels[p]!);
        const lower = pixels[p + line]! + fx * (pixels[p + line + channels]! - pixels[p + line]!);
        to[at++] = upper + fy * (lower - upper);
      }
    }
  }
}
