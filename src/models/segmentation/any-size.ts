/**
 * Nets that label every pixel take pictures of any size: rows of zeros below and columns to the right fill a picture up
 * to whole steps of the net's coarsest grid, so that every map is made exactly as much smaller and larger as the
 * others, and are cut off the result.
 */

import { OptionError } from "../../base/errors.js";
import type { Value } from "../../graph/graph.js";
import { shapeText } from "../../graph/shape.js";
import type { Loss } from "../../nn/loss.js";
import { type Module, tracingOf } from "../../nn/module.js";
import { pad, slice } from "../../ops/index.js";
import { refuse } from "../../ops/support.js";
import { checkWholeOption } from "../parts.js";

/** `label` gets a picture whose height and width `multiple` divides, and gives numbers for each of its pixels. */
export function anySize(x: Value, multiple: number, channels: number, label: (x: Value) => Value): Value {
  if (x.shape.length !== 3 || x.shape[2] !== channels) {
    const is = shapeText({ shape: x.shape });
    refuse("segmentation", x.graph.path, `its input is ${is}, expected a picture of height x width x ${channels}`);
  }
  const [height, width] = x.shape as readonly [number, number, number];
  const more = [height, width].map((n) => Math.ceil(n / multiple) * multiple - n);
  const y = label(pad(x, [0, 0, 0], [...more, 0]));
  return slice(slice(y, 0, 0, height), 1, 0, width);
}

/** Computes with a layer's parameters in another way than its forward does, under the layer's name all the same. */
export function within(layer: Module, x: Value, compute: () => Value): Value {
  const path = tracingOf(x.graph)?.paths.get(layer);
  return path === undefined ? compute() : x.graph.scope(path, compute);
}

/** @throws OptionError where a picture's height or width is no whole number from 1. */
export function checkPicture(network: string, options: { readonly height: number; readonly width: number }): void {
  for (const name of ["height", "width"] as const) checkWholeOption(network, name, options[name]);
}

/** @throws OptionError where a list of widths has too few numbers, or one that is no whole number from 1. */
export function checkWidths(
  network: string,
  option: string,
  widths: readonly number[],
  least: number,
  most = 16,
): void {
  const isRight = widths.length >= least && widths.length <= most && widths.every((n) => Number.isInteger(n) && n >= 1);
  if (isRight) return;
  const count = least === most ? `${least}` : `${least} to ${most}`;
  throw new OptionError(
    `${network}: option ${option} is [${widths.join(", ")}], expected ${count} whole numbers from 1`,
  );
}

/** Options that every net has that labels pixels. */
export interface CommonOptions {
  readonly classes: number;
  /** Of the pictures that it is trained on; it labels others as well. */
  readonly height: number;
  readonly width: number;
  /** What a pixel of each class counts in training; all alike where there are none. */
  readonly classWeights: readonly number[];
}

export const COMMON: CommonOptions = { classes: 11, height: 180, width: 240, classWeights: [] };

/** What it is trained with: labels of -1 count for nothing, each class as much as its weight says, and labellings before the last `auxiliary`. */
export function pixelLoss(
  { classes, classWeights }: Pick<CommonOptions, "classes" | "classWeights">,
  auxiliary?: number,
): Loss {
  if (classWeights.length !== 0 && classWeights.length !== classes) {
    throw new OptionError(
      `option classWeights has ${classWeights.length} numbers, expected one for each of ${classes} classes, or none`,
    );
  }
  return {
    kind: "pixelCrossEntropy",
    classes,
    ...(classWeights.length > 0 && { weights: classWeights }),
    ...(auxiliary !== undefined && { auxiliary }),
  };
}
