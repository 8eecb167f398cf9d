/**
 * Pictures that are decoded while a network learns from them: what a data set on disk offers in place of bytes in
 * memory. How it is done (loader/disk-stream-node.ts) needs Node; what uses it does not.
 */
import type { Shape } from "../../graph/shape.js";
import type { DistortOptions } from "../augment/distort-options.js";
import type { Transform } from "../augment/transform.js";
import type { Labels } from "./labels.js";

/** How a set on disk is to be read for a training. */
export interface StreamOptions {
  /** [height, width, channels] of what the network takes. */
  readonly target: Shape;
  /** One mean a channel, of pixels from 0 to 1. */
  readonly mean: readonly number[];
  /** One standard deviation a channel, of pixels from 0 to 1. */
  readonly std: readonly number[];
  /** Seed of augmentation. */
  readonly seed: number;
  /**
   * Transforms of pictures from their own size.
   * @default none: pictures are made as those of a set in memory are
   */
  readonly transforms?: readonly Transform[] | undefined;
  /**
   * Distortion, without transforms only.
   * @default none
   */
  readonly distort?: DistortOptions | undefined;
}

/** Pictures that are decoded while a network learns from them. */
export interface PictureStream {
  /**
   * Writes the pictures `indices` of the set, as `epoch` sees them, into the front of `images`, and their labels. What
   * a picture becomes depends on seed, epoch and index alone. Gives the positions at which a picture that would not
   * decode was replaced by the next one of the set that does.
   * @throws DataError where more pictures are broken than may be, FileError where one has gone, BackendError where a
   * worker died.
   */
  fill(indices: Uint32Array, epoch: number, images: Float32Array, labels: Labels): Promise<readonly number[]>;
  /** As `fill`, but pictures as bytes of the set's own shape: no transforms, no scaling. */
  bytes(indices: Uint32Array, images: Uint8Array, labels: Labels): Promise<readonly number[]>;
  /** Ends the workers if no other stream of the set is open, and resolves when nothing is written any more. */
  close(): Promise<void>;
}

/** Begins to read a set on disk. */
export type OpenStream = (options: StreamOptions) => PictureStream;
