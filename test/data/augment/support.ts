/** Pictures and single transforms for the tests of augmentation. */
import { compileAugmentation, type Picture, type Transform } from "#fovea/data/augment/augment.js";
import { parseTransforms } from "#fovea/data/augment/transform.js";
import { random } from "../../support/random.js";

/** Scales nothing: a network sees the bytes. */
export const PLAIN = (channels: number) => ({
  mean: new Array<number>(channels).fill(0),
  std: new Array<number>(channels).fill(1 / 255),
});

export function picture(height: number, width: number, channels: number, bytes: ArrayLike<number>): Picture {
  return { height, width, channels, pixels: Uint8Array.from(bytes) };
}

export function noise(height: number, width: number, channels: number, seed = 1): Picture {
  const { integer } = random(seed);
  return picture(
    height,
    width,
    channels,
    Array.from({ length: height * width * channels }, () => integer(0, 255)),
  );
}

/** What a list makes of a picture, for a target that is the picture's own size unless said. */
export function augmented(
  list: readonly unknown[] | readonly Transform[],
  from: Picture,
  { index = 0, seed = 1, epoch = 0, target = [from.height, from.width, from.channels] } = {},
): number[] {
  const out = new Float32Array(target.reduce((a, b) => a * b, 1)).fill(Number.NaN);
  compileAugmentation(parseTransforms(list), target, PLAIN(from.channels)).apply(from, index, { seed, epoch }, out, 0);
  return [...out];
}

/** Rows of a grey picture. */
export function rows(numbers: readonly number[], width: number): number[][] {
  return Array.from({ length: numbers.length / width }, (_, y) => numbers.slice(y * width, (y + 1) * width));
}
