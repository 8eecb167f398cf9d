/**
 * Pictures that are decoded while a network learns from them: what a data set on disk offers in place of bytes in memory. How
 * it is done (loader/disk-stream-node.ts) needs Node; what uses it does not.
 */
import type { Shape } from "../../graph/shape.js";
import type { DistortOptions } from "../augment/distort-options.js";
import type { Transform } from "../augment/transform.js";
import type { Labels } from "./labels.js";

export interface StreamOptions {
  /** [height, width, channels] of what the network takes. */
  readonly target: Shape;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly seed: number;
  /** Pictures go through these from their own size; where left out, they are made as those of a set in memory are. */
  readonly transforms?: readonly Transform[] | undefined;
  /** Without transforms only. */
  readonly distort?: DistortOptions | undefined;
}

export interface PictureStream {
  /**
   * Writes the pictures `indices` of the set, as `epoch` sees them, into the front of `images`, and their labels. What a picture
   * becomes depends on seed, epoch and index alone. Gives the positions at which a picture that would not decode was
   * replaced by the next one of the set that does.
   * @throws DataError where more pictures are broken than may be, FileError where one has gone, BackendError where a worker died.
   */
  fill(indices: Uint32Array, epoch: number, images: Float32Array, labels: Labels): Promise<readonly number[]>;
  /** As `fill`, but pictures as bytes of the set's own shape: no transforms, no scaling. */
  bytes(indices: Uint32Array, images: Uint8Array, labels: Labels): Promise<readonly number[]>;
  /** Ends the workers if no other stream of the set is open, and resolves when nothing is written any more. */
  close(): Promise<void>;
}

export type OpenStream = (options: StreamOptions) => PictureStream;
