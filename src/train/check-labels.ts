/** Whether a network and its data agree on what is labelled: pictures, or each of their pixels. */

import { DataError, OptionError } from "../base/errors.js";
import type { Dataset } from "../data/sets/dataset.js";
import type { Module } from "../nn/index.js";

/**
 * True where pixels are labelled.
 * @throws DataError where network and data differ, OptionError where an option is for labels of whole pictures.
 */
export function checkLabels(
  network: Module,
  { train, test }: { readonly train: Dataset; readonly test?: Dataset | undefined },
  options: {
    readonly mixup?: unknown;
    readonly distort?: unknown;
    readonly testTimeAugmentation?: unknown;
    readonly watch?: unknown;
  },
): boolean {
  const loss = network.loss;
  const labelsPixels = loss?.kind === "pixelCrossEntropy";
  for (const data of [train, ...(test === undefined ? [] : [test])]) {
    if ((data.pixelLabels === true) === labelsPixels) continue;
    throw new DataError(
      labelsPixels
        ? `${data.name}: has a label a picture, but the network labels every pixel; give pictures with label pictures (fovea segment train)`
        : `${data.name}: every pixel has a label, but the network gives a class a picture; choose one that labels pixels, such as unet`,
    );
  }
  if (!labelsPixels) {
    if (options.watch === "miou")
      throw new OptionError("watch miou: is for networks that label pixels; watch accuracy or loss");
    return false;
  }
  for (const name of ["mixup", "distort", "testTimeAugmentation"] as const) {
    if (options[name] !== undefined) throw new OptionError(`${name}: is for labels of whole pictures; leave it out`);
  }
  for (const data of [train, ...(test === undefined ? [] : [test])]) {
    if (data.length === 0) throw new DataError(`${data.name}: there are no pictures in it`);
    if (data.classes.length !== loss.classes) {
      throw new DataError(
        `${data.name}: has ${data.classes.length} classes, but the network tells ${loss.classes} apart; set its option classes to ${data.classes.length}, or give its last layer as many outputs`,
      );
    }
  }
  return true;
}
