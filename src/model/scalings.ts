/**
 * How pixels are scaled, by name and as a user writes it: what published weights were trained with is seldom said in
 * their files.
 */

import { OptionError, unknownName } from "../base/errors.js";
import type { Scaling } from "../data/sets/dataset.js";
import { CIFAR_SCALING, knownDatasets } from "../data/sets/known.js";
import { IMAGENET_SCALING } from "../models/parts.js";

/** By name; one number holds for every channel. */
export const SCALINGS: Readonly<Record<string, Scaling>> = {
  imagenet: IMAGENET_SCALING,
  cifar10: CIFAR_SCALING.cifar10,
  cifar100: CIFAR_SCALING.cifar100,
  mnist: knownDatasets["mnist"]!.scaling,
  /** -1 to 1. */
  half: { mean: [0.5], std: [0.5] },
  /** 0 to 1. */
  none: { mean: [0], std: [1] },
};

/**
 * `mean` is numbers or a name, which says the deviation, too. Numbers are of pixels from 0 to 1, one a channel or one
 * for all.
 * @throws OptionError where they are no such numbers, or too many or few.
 */
export function parseScaling(mean: string | undefined, std: string | undefined, channels: number): Scaling | undefined {
  if (mean === undefined && std === undefined) return undefined;
  if (mean === undefined) throw new OptionError(`--std ${std}: a deviation belongs to a mean; give --mean, too`);
  const named = /[a-z]/i.test(mean);
  if (named && !Object.hasOwn(SCALINGS, mean)) throw unknownName("value of --mean", mean, Object.keys(SCALINGS));
  if (!named && std === undefined)
    throw new OptionError(`--mean ${mean}: a mean belongs to a deviation; give --std, too`);
  const scaling = named ? SCALINGS[mean]! : { mean: numbersOf("--mean", mean), std: [] };
  const deviation = std === undefined ? scaling.std : numbersOf("--std", std);
  if (deviation.some((value) => value <= 0)) throw new OptionError(`--std ${std}: expected numbers above 0`);
  return {
    mean: forChannels("--mean", mean, scaling.mean, channels),
    std: forChannels("--std", std ?? mean, deviation, channels),
  };
}

function numbersOf(flag: string, text: string): number[] {
  const numbers = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (numbers.every(Number.isFinite)) return numbers;
  throw new OptionError(`${flag} ${text}: expected numbers between commas, such as 0.485,0.456,0.406`);
}

function forChannels(flag: string, text: string, values: readonly number[], channels: number): readonly number[] {
  if (values.length === channels) return values;
  if (values.length === 1) return new Array<number>(channels).fill(values[0]!);
  throw new OptionError(
    `${flag} ${text}: has ${values.length} numbers; expected one, or one for each of ${channels} channels`,
  );
}

/** `mean 0.485, 0.456, 0.406 and deviation 0.229, 0.224, 0.225 (imagenet)` */
export function scalingText({ mean, std }: Scaling): string {
  const isSame = (a: readonly number[], b: readonly number[]) =>
    b.length === 1
      ? a.every((value) => value === b[0])
      : a.length === b.length && a.every((value, i) => value === b[i]);
  const [name] = Object.entries(SCALINGS).find(([, s]) => isSame(mean, s.mean) && isSame(std, s.std)) ?? [];
  const shown = (values: readonly number[]) =>
    (values.every((value) => value === values[0]) ? values.slice(0, 1) : values)
      .map((value) => Number(value.toPrecision(4)))
      .join(", ");
  return `mean ${shown(mean)} and deviation ${shown(std)}${name === undefined ? "" : ` (${name})`}`;
}
