/** Small labelled pictures that a network can learn: class k has a bright bar at column 2k + 4, in seeded noise. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import { datasetFromIdx } from "#fovea/data/sets/dataset.js";
import { writeIdx } from "#fovea/formats/idx.js";
import { random } from "./random.js";

const SIZE = 28;

function arrays(count: number, seed: number) {
  const { integer } = random(seed);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
  const images = new Uint8Array(count * SIZE * SIZE);
  for (let n = 0; n < count; n++) {
    const column = 2 * labels[n]! + 4;
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        const bright = (x === column || x === column + 1) && y > 3 && y < 24;
        images[(n * SIZE + y) * SIZE + x] = bright ? integer(150, 255) : integer(0, 90);
      }
    }
  }
  return {
    images: { shape: [count, SIZE, SIZE], data: images },
    labels: { shape: [count], data: labels },
  };
}

export function pictures(count: number, seed = 1, name = "bars"): Dataset {
  const { images, labels } = arrays(count, seed);
  const classes = Array.from({ length: 10 }, (_, k) => String(k));
  const scaling = { mean: [0.25], std: [0.25] };
  return datasetFromIdx({ name, images, labels, imagesFile: "images", labelsFile: "labels", classes, scaling });
}

/** The same as a folder `digits` of four IDX files inside `folder`; returns `./digits`. */
export function writePictures(folder: string, train = 300, test = 80): string {
  const digits = join(folder, "digits");
  mkdirSync(digits);
  for (const [split, count, seed] of [
    ["train", train, 1],
    ["t10k", test, 2],
  ] as const) {
    const { images, labels } = arrays(count, seed);
    writeFileSync(join(digits, `${split}-images-idx3-ubyte`), writeIdx(images));
    writeFileSync(join(digits, `${split}-labels-idx1-ubyte`), writeIdx(labels));
  }
  return "./digits";
}
