/** A stream (stream.ts) of a set on disk: has workers write pictures straight into the memory of a batch. */
import { DataError, FileError } from "../../base/errors.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { compileAugmentation } from "../augment/augment.js";
import { needsOwnSize } from "../augment/geometry.js";
import type { BrokenPictures } from "../decode/broken-pictures.js";
import type { Labels } from "../sets/labels.js";
import type { PictureStream, StreamOptions } from "../sets/stream.js";
import type { LabelledPicture } from "../sources/labelled-pictures.js";
import { chunkLength, chunksOf } from "./chunks.js";
import type { Facts, Recipe } from "./messages.js";
import type { LoaderPool } from "./pool-node.js";
import type { SharedPool } from "./shared-pool-node.js";

export interface DiskPictures {
  readonly name: string;
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly pictures: readonly LabelledPicture[];
  readonly facts: readonly Facts[];
  readonly labels: Int32Array;
  /** By the numbers of `pictures`; known to all streams of the set. */
  readonly broken: BrokenPictures;
}

/** @throws DataError where a picture is smaller than a crop, OptionError where transforms cannot work. */
export function openDiskStream(set: DiskPictures, workers: SharedPool, options: StreamOptions): PictureStream {
  checkSizes(set, options);
  return new DiskStream(set, workers, options);
}

/** Every size that there is, once. */
function checkSizes(
  { name, shape, pictures, facts }: DiskPictures,
  { transforms, target, mean, std }: StreamOptions,
): void {
  if (transforms === undefined) return;
  const augmenter = compileAugmentation(transforms, target, { mean, std });
  if (!transforms.some(needsOwnSize)) {
    augmenter.check(shape[0], shape[1], name);
    return;
  }
  const seen = new Set<number>();
  for (const [i, { height, width }] of facts.entries()) {
    const key = height * 65536 + width;
    if (seen.has(key)) continue;
    seen.add(key);
    augmenter.check(height, width, pictures[i]!.name);
  }
}

/** Where pictures of a fill stand: which of the set each position of the batch is from, by now. */
interface Fill {
  readonly from: Uint32Array;
  readonly indices: Uint32Array;
  readonly recipe: number;
  readonly buffer: number;
  readonly offset: number;
  readonly epoch: number;
  readonly size: number;
  readonly replaced: Set<number>;
}

class DiskStream implements PictureStream {
  readonly #set: DiskPictures;
  readonly #workers: SharedPool;
  readonly #pool: LoaderPool;
  readonly #target: Shape;
  readonly #numbers: number;
  #bytes: number | undefined;
  /** Memory that is no session's, to be used again. */
  readonly #staging: SharedArrayBuffer[] = [];
  #closed: Promise<void> | undefined;

  constructor(set: DiskPictures, workers: SharedPool, options: StreamOptions) {
    this.#set = set;
    this.#workers = workers;
    this.#target = options.target;
    this.#pool = workers.acquire();
    const { name, shape } = set;
    this.#numbers = this.#pool.learn({ ...options, kind: "numbers", name, shape });
  }

  fill(indices: Uint32Array, epoch: number, images: Float32Array, labels: Labels): Promise<readonly number[]> {
    return this.#fill(this.#numbers, this.#target, indices, epoch, images, labels);
  }

  bytes(indices: Uint32Array, images: Uint8Array, labels: Labels): Promise<readonly number[]> {
    const { shape } = this.#set;
    this.#bytes ??= this.#pool.learn({ kind: "bytes", shape } satisfies Recipe);
    return this.#fill(this.#bytes, shape, indices, 0, images, labels);
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#pool.forget(this.#numbers);
      if (this.#bytes !== undefined) this.#pool.forget(this.#bytes);
      this.#staging.length = 0;
      await this.#workers.release();
    })();
    return this.#closed;
  }

  async #fill(
    recipe: number,
    shape: Shape,
    indices: Uint32Array,
    epoch: number,
    images: Float32Array | Uint8Array,
    labels: Labels,
  ): Promise<readonly number[]> {
    const size = sizeOf(shape);
    const bytes = indices.length * size * images.BYTES_PER_ELEMENT;
    const shared = images.buffer instanceof SharedArrayBuffer ? images.buffer : undefined;
    const memory = shared ?? this.#stage(bytes);
    const fill: Fill = {
      from: Uint32Array.from(indices, (index) => this.#whole(index)),
      ...{ indices, recipe, epoch, size },
      buffer: this.#pool.share(recipe, memory),
      offset: shared === undefined ? 0 : images.byteOffset / images.BYTES_PER_ELEMENT,
      replaced: new Set(),
    };
    for (const [at, index] of indices.entries()) if (fill.from[at] !== index) fill.replaced.add(at);
    const positions = Array.from(indices.keys());
    const chunks = [...chunksOf(positions, chunkLength(shape[0]!, shape[1]!))];
    // All must have ended before anything is thrown: nobody may write into a batch that was given back.
    const ended = await Promise.allSettled(chunks.map(({ items }) => this.#run(fill, items)));
    const failed = ended.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    if (shared === undefined) {
      const whole = images instanceof Uint8Array ? new Uint8Array(memory) : new Float32Array(memory);
      images.set(whole.subarray(0, indices.length * size));
      this.#staging.push(memory);
    }
    for (const [at, index] of fill.from.entries()) labels[at] = this.#set.labels[index]!;
    return [...fill.replaced].sort((a, b) => a - b);
  }

  /** Positions that lie one after another, and once more those among them whose picture turned out broken. */
  async #run(fill: Fill, positions: readonly number[]): Promise<void> {
    const { from, indices, recipe, buffer, epoch, size, replaced } = fill;
    const { pictures, broken, name } = this.#set;
    const jobs = positions.map((at) => {
      const { name: picture, place } = pictures[from[at]!]!;
      return { name: picture, place, index: indices[at]! };
    });
    const offset = fill.offset + positions[0]! * size;
    const outcomes = await this.#pool.run({ recipe, buffer, offset, epoch, pictures: jobs });
    for (const [n, outcome] of outcomes.entries()) {
      if (!("why" in outcome)) continue;
      if (outcome.lost) {
        throw new FileError(`${name}: ${outcome.why}; pictures must stay as they are while a network learns from them`);
      }
      const at = positions[n]!;
      const index = from[at]!;
      await broken.replace(index, { name: pictures[index]!.name, why: outcome.why }, "the next one takes its place");
      broken.check();
      from[at] = this.#whole(index);
      replaced.add(at);
      await this.#run(fill, [at]);
    }
  }

  /** The picture itself, or the next one that is not known to be broken. */
  #whole(index: number): number {
    const { pictures, broken, name } = this.#set;
    for (let n = 0; n < pictures.length; n++) {
      const candidate = (index + n) % pictures.length;
      if (!broken.has(candidate)) return candidate;
    }
    throw new DataError(`${name}: none of its ${pictures.length} pictures will decode`);
  }

  #stage(bytes: number): SharedArrayBuffer {
    const at = this.#staging.findIndex((memory) => memory.byteLength >= bytes && memory.byteLength % 4 === 0);
    if (at >= 0) return this.#staging.splice(at, 1)[0]!;
    return new SharedArrayBuffer(Math.ceil(bytes / 4) * 4);
  }
}
