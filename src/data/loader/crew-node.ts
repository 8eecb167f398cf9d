/**
 * What a loader's worker does, on whichever thread: reads pictures, decodes them, and writes what a recipe makes of
 * them into shared memory. A picture that cannot be read or decoded is an answer, not an error; what the machine lacks
 * is no fault of a picture.
 */

import { BackendError, FoveaError } from "../../base/errors.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { type Augmenter, compileAugmentation } from "../augment/augment.js";
import { fillDistorted } from "../augment/distort.js";
import { needsOwnSize } from "../augment/geometry.js";
import { decodeTo, decodeWhole } from "../decode/decode-picture-node.js";
import { checkHead, checkWhole } from "../decode/picture-head-node.js";
import { LostPicture, PictureFiles } from "../decode/picture-place-node.js";
import { fillBatch } from "../sets/batch.js";
import type { Dataset } from "../sets/dataset.js";
import type { Chunk, Facts, Outcome, PictureJob, Recipe } from "./messages.js";

type Cook = (job: PictureJob, epoch: number, memory: SharedArrayBuffer | undefined, offset: number) => Promise<Facts>;

interface Kitchen {
  readonly cook: Cook;
  /** Elements a picture. */
  readonly size: number;
  readonly memory: Map<number, SharedArrayBuffer>;
}

export class LoaderCrew {
  readonly #files = new PictureFiles();
  readonly #kitchens = new Map<number, Kitchen>();

  /** Makes a recipe known. Throws OptionError where its transforms cannot work. */
  learn(id: number, recipe: Recipe): void {
    this.#kitchens.set(id, { ...this.#cookOf(recipe), memory: new Map() });
  }

  share(recipe: number, buffer: number, memory: SharedArrayBuffer): void {
    this.#kitchens.get(recipe)?.memory.set(buffer, memory);
  }

  forget(recipe: number): void {
    this.#kitchens.delete(recipe);
  }

  close(): void {
    this.#files.close();
  }

  /** @throws BackendError where a package is missing that pictures are decoded with. */
  async run({ recipe, buffer, offset, epoch, pictures }: Chunk): Promise<Outcome[]> {
    const kitchen = this.#kitchens.get(recipe);
    if (kitchen === undefined) throw new Error(`recipe ${recipe} is not known`);
    const { cook, size, memory } = kitchen;
    const outcomes: Outcome[] = [];
    for (const [n, job] of pictures.entries()) {
      try {
        outcomes.push(await cook(job, epoch, memory.get(buffer), offset + n * size));
      } catch (error) {
        if (!(error instanceof FoveaError) || error instanceof BackendError) throw error;
        outcomes.push({ why: error.message, lost: error instanceof LostPicture });
      }
    }
    return outcomes;
  }

  #cookOf(recipe: Recipe): { readonly cook: Cook; readonly size: number } {
    if (recipe.kind === "head") {
      const check = recipe.whole ? checkWhole : checkHead;
      return { size: 0, cook: ({ name, place }) => check(this.#files, name, place) };
    }
    if (recipe.kind === "bytes") return { size: sizeOf(recipe.shape), cook: this.#bytes(recipe.shape) };
    const { transforms, target, mean, std } = recipe;
    const size = sizeOf(target);
    if (transforms === undefined) return { size, cook: this.#plain(recipe) };
    return { size, cook: this.#augmented(compileAugmentation(transforms, target, { mean, std }), recipe) };
  }

  #bytes(shape: Shape): Cook {
    return async ({ name, place }, _, memory, offset) => {
      const bytes = this.#files.read(place, name);
      const { pixels, height, width, grey } = await decodeTo(name, bytes, shape);
      new Uint8Array(memory!, offset, pixels.length).set(pixels);
      return { height, width, grey, bytes: bytes.length };
    };
  }

  /** As a set in memory is made ready, by way of a set of one picture. */
  #plain(recipe: Recipe & { readonly kind: "numbers" }): Cook {
    const { name: set, shape, target, mean, std, seed, distort } = recipe;
    const images = new Uint8Array(sizeOf(shape));
    const one: Dataset = { name: set, length: 1, classes: [set], shape, images, labels: new Int32Array(1), mean, std };
    const label = new Int32Array(1);
    return async ({ name, place, index }, epoch, memory, offset) => {
      const bytes = this.#files.read(place, name);
      const { pixels, height, width, grey } = await decodeTo(name, bytes, shape);
      images.set(pixels);
      const out = new Float32Array(memory!, 4 * offset, sizeOf(target));
      if (distort === undefined) fillBatch(one, [0], out, label, target);
      else fillDistorted(one, [0], out, label, target, { options: distort, seed, epoch }, [index]);
      return { height, width, grey, bytes: bytes.length };
    };
  }

  /** Of pictures in their own size where the transforms say the size, else of the same bytes as a set in memory has. */
  #augmented(augmenter: Augmenter, recipe: Recipe & { readonly kind: "numbers" }): Cook {
    const { target, seed, shape, transforms = [] } = recipe;
    const channels = target[2]!;
    const least = (height: number, width: number) => augmenter.decodeSize(height, width);
    const ownSize = transforms.some(needsOwnSize);
    const views = new WeakMap<SharedArrayBuffer, Float32Array>();
    const viewOf = (memory: SharedArrayBuffer) => {
      let view = views.get(memory);
      if (view === undefined) {
        view = new Float32Array(memory, 0, Math.floor(memory.byteLength / 4));
        views.set(memory, view);
      }
      return view;
    };
    return async ({ name, place, index }, epoch, memory, offset) => {
      const bytes = this.#files.read(place, name);
      const { pixels, ...facts } = ownSize
        ? await decodeWhole(name, bytes, channels, least)
        : await decodeTo(name, bytes, shape);
      const [height, width] = ownSize ? [facts.height, facts.width] : shape;
      augmenter.apply({ height, width, channels, pixels, name }, index, { seed, epoch }, viewOf(memory!), offset);
      return { ...facts, bytes: bytes.length };
    };
  }
}
