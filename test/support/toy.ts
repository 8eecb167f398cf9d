/** Small data sets made by hand, as users make their own. */
import type { Dataset } from "#fovea/data/sets/dataset.js";
import * as nn from "#fovea/nn/index.js";
import { random } from "./random.js";

export interface ToyOptions {
  readonly length?: number;
  readonly shape?: Dataset["shape"];
  readonly classes?: number;
  readonly seed?: number;
}

/** Noise of bytes, labelled 0, 1, 2, 0, 1, ... */
export function toy({ length = 12, shape = [6, 6, 1], classes = 3, seed = 1 }: ToyOptions = {}): Dataset {
  const { integer } = random(seed);
  const [height, width, channels] = shape;
  return {
    name: "toy",
    length,
    classes: Array.from({ length: classes }, (_, k) => `c${k}`),
    shape,
    images: Uint8Array.from({ length: length * height * width * channels }, () => integer(0, 255)),
    labels: Int32Array.from({ length }, (_, i) => i % classes),
    mean: new Array<number>(channels).fill(0.5),
    std: new Array<number>(channels).fill(0.25),
  };
}

/** A network for it. */
export const toyNetwork = (): nn.Sequential =>
  nn.sequential({ flatten: nn.flatten(), fc: nn.linear({ in: 36, out: 3 }) });
