/**
 * What a loader's worker does, on whichever thread: reads pictures, decodes them, and writes what a recipe makes of them into shared
 * memory. A picture that cannot be read or decoded is an answer, not an error.
 */
import { FoveaError } from "../errors.js";
import { type Shape, sizeOf } from "../graph/value.js";
import { type Augmenter, compileAugmentation } from "./augment/augment.js";
import { needsOwnSize } from "./augment/geometry.js";
import { fillBatch } from "./batch.js";
import type { Dataset } from "./dataset.js";
import { decodeTo, decodeWhole } from "./decode-picture-node.js";
import { fillDistorted } from "./distort.js";
import type { PicturePlace } from "./labelled-pictures.js";
import { checkHead, checkWhole } from "./picture-head-node.js";
import { LostPicture, PictureFiles } from "./picture-place-node.js";
import type { StreamOptions } from "./stream.js";

export type Recipe =
  /** Nothing but what heads say; where they must be whole, pictures are decoded as well. */
  | { readonly kind: "head"; readonly whole?: boolean }
  /** Bytes, all brought to one shape. */
  | { readonly kind: "bytes"; readonly shape: Shape }
  /** Numbers as a network takes them; `shape` is what pictures are brought to before, where there are no transforms. */
  | ({ readonly kind: "numbers"; readonly name: string; readonly shape: Dataset["shape"] } & StreamOptions);

export interface PictureJob {
  /** As errors call it. */
  readonly name: string;
  readonly place: PicturePlace;
  /** What random draws depend on: its number in the set. */
  readonly index: number;
}

export interface Chunk {
  readonly recipe: number;
  readonly buffer: number;
  /** Where the first picture goes, in elements; the others follow. */
  readonly offset: number;
  readonly epoch: number;
  readonly pictures: readonly PictureJob[];
}

export interface Facts {
  readonly height: number;
  readonly width: number;
  readonly grey: boolean;
  /** Of the file. */
  readonly bytes: number;
}

export interface Failure {
  readonly why: string;
  /** It could not be read: a file that has gone, say. */
  readonly lost: boolean;
}

export type Outcome = Facts | Failure;

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

  async run({ recipe, buffer, offset, epoch, pictures }: Chunk): Promise<Outcome[]> {
    const kitchen = this.#kitchens.get(recipe);
    if (kitchen === undefined) throw new Error(`recipe ${recipe} is not known`);
    const { cook, size, memory } = kitchen;
    const outcomes: Outcome[] = [];
    for (const [n, job] of pictures.entries()) {
      try {
        outcomes.push(await cook(job, epoch, memory.get(buffer), offset + n * size));
      } catch (error) {
        if (!(error instanceof FoveaError)) throw error;
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
