/**
 * Labelled scenes as a data set that the trainer takes. Pictures and labels go through the same transforms: where a
 * pixel comes from decides its label, too (the nearest one, since labels cannot be mixed); what a transform brings in
 * from outside the picture has none.
 */

import { DataError } from "../base/errors.js";
import { compileAugmentation } from "../data/augment/augment.js";
import { type Dataset, measureScaling, type Scaling } from "../data/sets/dataset.js";
import type { Labels } from "../data/sets/labels.js";
import type { OpenStream } from "../data/sets/stream.js";
import { UNLABELLED } from "./class-list.js";
import { checkScenes, commonSize, type SceneSet } from "./scene-set.js";

/**
 * Labelled scenes of one size as a data set, which `train` and `evaluate` take.
 * @param scaling the scaling of pixels; by default that of these pictures
 * @throws DataError if a scene is damaged, or the sizes differ
 */
export function sceneDataset(set: SceneSet, scaling?: Scaling): Dataset {
  checkScenes(set);
  const [height, width] = commonSize(set);
  const { mean, std } = scaling ?? scalingOf(set);
  return {
    name: set.name,
    length: set.scenes.length,
    classes: set.classes.classes.map(({ name }) => name),
    shape: [height, width, 3],
    images: new Uint8Array(0),
    labels: new Uint8Array(set.scenes.length),
    mean,
    std,
    stream: streamOf(set),
    pixelLabels: true,
    contents: contentsOf(set),
  };
}

/** Of all pixels; a mean of the means of pictures of one size. */
export function scalingOf({ scenes }: SceneSet): Scaling {
  const all = new Uint8Array(scenes.reduce((n, { pixels }) => n + pixels.length, 0));
  let at = 0;
  for (const { pixels } of scenes) {
    all.set(pixels, at);
    at += pixels.length;
  }
  return measureScaling(all, 3);
}

function streamOf({ name, scenes }: SceneSet): OpenStream {
  return ({ target, mean, std, seed, transforms = [] }) => {
    const augmenter = compileAugmentation(transforms, target, { mean, std });
    const size = target[0]! * target[1]!;
    const sources = new Int32Array(size);
    const at = (index: number) => {
      const scene = scenes[index];
      if (scene === undefined) throw new DataError(`${name}: picture ${index} is none of ${scenes.length}`);
      return { ...scene, channels: 3 };
    };
    return {
      fill(indices, epoch, images, labels) {
        const key = { seed, epoch };
        for (let n = 0; n < indices.length; n++) {
          const scene = at(indices[n]!);
          augmenter.apply(scene, indices[n]!, key, images, 3 * n * size);
          augmenter.sources(scene, indices[n]!, key, sources, 0);
          copyLabels(scene.labels, sources, labels, n * size);
        }
        return Promise.resolve([]);
      },
      bytes(indices, images) {
        for (let n = 0; n < indices.length; n++) {
          const { pixels } = at(indices[n]!);
          images.set(pixels, n * pixels.length);
        }
        return Promise.resolve([]);
      },
      close: () => Promise.resolve(),
    };
  };
}

function copyLabels(from: Uint8Array, sources: Int32Array, to: Labels, offset: number): void {
  for (let i = 0; i < sources.length; i++) {
    const source = sources[i]!;
    const label = source < 0 ? UNLABELLED : from[source]!;
    to[offset + i] = label === UNLABELLED ? -1 : label;
  }
}

/** A hash of all pixels and labels: two lanes of FNV-1a over bytes. */
function contentsOf({ scenes }: SceneSet): string {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  const add = (bytes: Uint8Array) => {
    for (let i = 0; i < bytes.length; i++) {
      a = Math.imul(a ^ bytes[i]!, 0x01000193);
      b = Math.imul(b ^ bytes[i]! ^ (a >>> 15), 0x85ebca6b);
    }
  };
  for (const { height, width, pixels, labels } of scenes) {
    add(Uint8Array.of(height & 255, height >> 8, width & 255, width >> 8));
    add(pixels);
    add(labels);
  }
  return [a, b].map((lane) => (lane >>> 0).toString(16).padStart(8, "0")).join("");
}
