/**
 * Makes training pictures of pictures: a list of transforms, compiled for what the network takes. First comes geometry,
 * all of it as one sampling (placement.ts, sample.ts); then colours, as one matrix (color.ts); then what is covered up.
 * What a picture becomes is a pure function of seed, epoch and its number in the data set. It needs no Node, and no
 * memory beyond a line of pixels.
 */
import { DataError, OptionError } from "../../base/errors.js";
import type { Shape } from "../../graph/shape.js";
import { borderOf } from "../sets/border.js";
import type { Scaling } from "../sets/dataset.js";
import { ColorMap, IMAGENET_COLORS } from "./color.js";
import { type AugmentKey, Draws } from "./draws.js";
import { applyGeometry, decodeFactor, isGeometry, needsOwnSize, type Target } from "./geometry.js";
import { Placement } from "./placement.js";
import { type Outside, type Picture, reflected, Sampler, scaleOf } from "./sample.js";
import { parseTransforms, TRANSFORM_KINDS, type Transform } from "./transform.js";
import { rectangleOf } from "./windows.js";

export type { AugmentKey } from "./draws.js";
export type { Picture } from "./sample.js";
export type { Transform } from "./transform.js";

/** Transforms, compiled for a network's input. A picture's result is a function of seed, epoch and its index alone. */
export interface Augmenter {
  /**
   * Writes what becomes of a picture, the `index`th of its data set, from out[offset] on: height x width x channels
   * numbers, as the network takes them.
   * @throws DataError where a picture has other channels, or is smaller than a crop.
   */
  apply(picture: Picture, index: number, key: AugmentKey, out: Float32Array, offset: number): void;
  /**
   * Where `apply` takes each pixel of the result from: the number (row x width + column) of the nearest pixel of the
   * picture, or -1 outside of it, from out[offset] on. What holds of pixels, such as labels, goes the way of the
   * picture by it.
   */
  sources(picture: Picture, index: number, key: AugmentKey, out: Int32Array, offset: number): void;
  /** The least size, of the same shape, to which decoding may shrink a picture of this size without a visible loss. */
  decodeSize(height: number, width: number): readonly [height: number, width: number];
  /** Throws the DataError that `apply` would throw for a picture of this size. */
  check(height: number, width: number, name: string): void;
}

/**
 * Compiles transforms of pictures for a network's input: geometry as one sampling, then colours as one matrix, then
 * what is covered up.
 *
 * @example
 * ```js
 * import { compileAugmentation, parseAugmentation } from "fovea";
 *
 * const target = [4, 4, 1]; // what the network takes: [height, width, channels]
 * const augmenter = compileAugmentation(parseAugmentation("flip:probability=1", target), target, { mean: [0], std: [1] });
 * const pixels = Uint8Array.from({ length: 16 }, (_, i) => 51 * (i % 4));
 * const picture = { height: 4, width: 4, channels: 1, pixels };
 * const out = new Float32Array(16);
 * augmenter.apply(picture, 0, { seed: 0, epoch: 0 }, out, 0);
 * console.log(Array.from(out.subarray(0, 4), (x) => x.toFixed(1)).join(" ")); // 0.6 0.4 0.2 0.0
 * ```
 *
 * @param target [height, width, channels] of the network's input
 * @param scaling a pixel byte p becomes (p / 255 - mean) / std
 * @throws OptionError if a transform cannot work on so many channels, or has not been measured (`pcaColor`)
 */
export function compileAugmentation(transforms: readonly Transform[], target: Shape, scaling: Scaling): Augmenter {
  const [height, width, channels] = target as Target;
  parseTransforms(transforms);
  const steps = withStreams(transforms);
  const geometry = steps.filter(({ transform }) => isGeometry(transform));
  const colours = steps.filter(({ transform }) => transform.kind === "colorJitter" || transform.kind === "pcaColor");
  const wantsMean = transforms.some((t) => t.kind === "colorJitter" && t.contrast > 0);
  const covers = steps.filter(({ transform }) => transform.kind === "cutout" || transform.kind === "erase");
  for (const { transform } of colours) checkColours(transform, channels);
  for (const transform of transforms) checkResize(transform, height, width);
  const keepsSize = !transforms.some(needsOwnSize);
  const reflects = transforms.some((t) => t.kind === "padCrop" && t.mode === "reflect");
  const scale = scaleOf(scaling);
  if (scale.channels !== channels) {
    throw new OptionError(
      `augment: the scaling is of ${scale.channels} channels; the network takes ${target.join("x")}`,
    );
  }
  const sampler = new Sampler(scale);
  const placement = new Placement();
  const draws = new Draws();
  const colourMap = new ColorMap(channels);
  const mean = new Float64Array(channels);

  /** Whether the picture lies on a border of background. */
  const begin = (rows: number, columns: number): boolean => {
    placement.start(rows, columns);
    if (!keepsSize || (rows === height && columns === width)) return false;
    const border = borderOf([rows, columns, channels], target);
    if (border === undefined) cover(placement, height, width);
    else placement.crop(-border[0], -border[1], height, width);
    return border !== undefined;
  };

  const place = (picture: Picture, index: number, key: AugmentKey): Outside => {
    const bordered = begin(picture.height, picture.width);
    for (const { transform, stream } of geometry) {
      const what = () => picture.name ?? `picture ${index}`;
      applyGeometry(transform, placement, draws.start(stream, index, key), index, key, [height, width], what);
    }
    finish(placement, [height, width], picture, () => picture.name ?? `picture ${index}`);
    if (!placement.leaves(picture.height, picture.width)) return "edge";
    return reflects && !bordered ? "reflect" : "background";
  };

  return {
    apply(picture, index, key, out, offset) {
      if (picture.channels !== channels) {
        throw new DataError(
          `${picture.name ?? `picture ${index}`}: has ${picture.channels} channels, but the network takes ${channels}`,
        );
      }
      const outside = place(picture, index, key);
      sampler.sample(picture, placement, outside, out, offset);
      if (colours.length > 0) {
        if (wantsMean) meanOf(out, offset, height * width, scaling, mean);
        colourMap.start(mean);
        for (const { transform, stream } of colours) {
          draws.start(stream, index, key);
          if (transform.kind === "colorJitter") colourMap.jitter(transform, draws);
          else if (transform.kind === "pcaColor") {
            const { eigenvalues, eigenvectors } = colorsOf(transform)!;
            colourMap.shiftAlong(eigenvalues, eigenvectors, transform.strength, draws);
          }
        }
        colourMap.run(out, offset, height * width, scaling);
      }
      for (const { transform, stream } of covers) {
        const [top, left, bottom, right] = rectangleOf(transform, draws.start(stream, index, key), height, width);
        for (let y = top; y < bottom; y++) {
          const line = offset + y * width * channels;
          out.fill(0, line + left * channels, line + right * channels);
        }
      }
    },
    sources(picture, index, key, out, offset) {
      const outside = place(picture, index, key);
      const rows = (at: number) => nearest(at, picture.height, outside);
      const columns = (at: number) => nearest(at, picture.width, outside);
      const { xx, xy, x0, yx, yy, y0 } = placement;
      for (let v = 0, i = offset; v < height; v++) {
        for (let u = 0; u < width; u++, i++) {
          const x = columns(xx * u + xy * v + x0);
          const y = rows(yx * u + yy * v + y0);
          out[i] = x < 0 || y < 0 ? -1 : y * picture.width + x;
        }
      }
    },
    decodeSize(rows, columns) {
      const factor = Math.min(1, decodeFactor(transforms, rows, columns, [height, width]));
      return [Math.ceil(rows * factor), Math.ceil(columns * factor)];
    },
    check(rows, columns, name) {
      const picture = { height: rows, width: columns, channels, pixels: new Uint8Array(0), name };
      place(picture, 0, { seed: 0, epoch: 0 });
    },
  };
}

/** The pixel of a line that a place lies in; -1 where it lies in none. */
function nearest(place: number, length: number, outside: Outside): number {
  const at = Math.floor(place + 0.5);
  if (at >= 0 && at < length) return at;
  if (outside === "edge") return at < 0 ? 0 : length - 1;
  return outside === "reflect" ? reflected(at, length) : -1;
}

interface Step {
  readonly transform: Transform;
  readonly stream: number;
}

/** A stream a kind and occurrence, so that the other transforms of a list do not matter. */
function withStreams(transforms: readonly Transform[]): readonly Step[] {
  const seen = new Map<string, number>();
  return transforms.map((transform) => {
    const before = seen.get(transform.kind) ?? 0;
    seen.set(transform.kind, before + 1);
    return { transform, stream: before * 64 + TRANSFORM_KINDS.indexOf(transform.kind) };
  });
}

/** As `fit: cover` of decoders: scaled until it fills the target, the middle of what sticks out is kept. */
function cover(placement: Placement, height: number, width: number): void {
  const { height: rows, width: columns } = placement;
  const scale = Math.max(height / rows, width / columns);
  // A window of the target's shape, in pixels of the picture, stretched to the target.
  const [windowRows, windowColumns] = [Math.min(rows, height / scale), Math.min(columns, width / scale)];
  placement.crop((rows - windowRows) / 2, (columns - windowColumns) / 2, windowRows, windowColumns);
  placement.resize(height, width);
}

/** What is left larger than the network takes gives its middle. */
function finish(at: Placement, [height, width]: readonly [number, number], picture: Picture, what: () => string): void {
  if (at.height === height && at.width === width) return;
  if (at.height < height || at.width < width) {
    throw new DataError(
      `${what()}: is ${picture.height}x${picture.width}, and ${at.height}x${at.width} after its transforms, but the network takes ` +
        `${height}x${width}; add resizeShorter:${Math.max(height, width)} in front, or choose a larger size`,
    );
  }
  at.crop(Math.floor((at.height - height) / 2), Math.floor((at.width - width) / 2), height, width);
}

function meanOf(out: Float32Array, offset: number, pixels: number, { mean, std }: Scaling, into: Float64Array): void {
  const channels = into.length;
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let i = offset + c, end = offset + pixels * channels; i < end; i += channels) sum += out[i]!;
    into[c] = (sum / pixels) * std[c]! + mean[c]!;
  }
}

function colorsOf(transform: Transform & { readonly kind: "pcaColor" }) {
  const { colors, eigenvalues, eigenvectors } = transform;
  if (colors === "imagenet") return IMAGENET_COLORS;
  return eigenvalues && eigenvectors && { eigenvalues, eigenvectors };
}

function checkResize(transform: Transform, height: number, width: number): void {
  if (transform.kind !== "randomCrop" || transform.resize === undefined) return;
  const [least] = transform.resize;
  if (least >= Math.max(height, width)) return;
  throw new OptionError(
    `augment: randomCrop: resize is ${least}, but the network takes a crop of ${height}x${width}; expected at least ${Math.max(height, width)}`,
  );
}

function checkColours(transform: Transform, channels: number): void {
  if (channels !== 1 && channels !== 3) {
    throw new OptionError(`augment: ${transform.kind}: works on 1 or 3 channels; the network takes ${channels}`);
  }
  if (transform.kind !== "pcaColor") return;
  const found = colorsOf(transform);
  if (found === undefined) {
    throw new OptionError(
      "augment: pcaColor: eigenvalues are missing: measure the colours of the training pictures first (measuredOn), or take pcaColor:0.1:imagenet",
    );
  }
  const { eigenvalues, eigenvectors } = found;
  if (eigenvalues.length !== channels || eigenvectors.length !== channels ** 2) {
    throw new OptionError(
      `augment: pcaColor: has ${eigenvalues.length} eigenvalues and ${eigenvectors.length} numbers of eigenvectors; pictures of ${channels} channels need ${channels} and ${channels ** 2}`,
    );
  }
}
