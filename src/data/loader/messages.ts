/** What a loader's caller and its workers say to each other. */

import type { Shape } from "../../graph/shape.js";
import type { Dataset } from "../sets/dataset.js";
import type { StreamOptions } from "../sets/stream.js";
import type { PicturePlace } from "../sources/labelled-pictures.js";

export type Recipe =
  /** Nothing but what heads say; where they must be whole, pictures are decoded as well. */
  | { readonly kind: "head"; readonly whole?: boolean }
  /** Bytes, all brought to one shape. */
  | { readonly kind: "bytes"; readonly shape: Shape }
  /** Numbers as a network takes them; `shape` is what pictures are brought to before, where there are no transforms. */
  | ({ readonly kind: "numbers"; readonly name: string; readonly shape: Dataset["shape"] } & StreamOptions);

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

export interface PictureJob {
  /** As errors call it. */
  readonly name: string;
  readonly place: PicturePlace;
  /** What random draws depend on: its number in the set. */
  readonly index: number;
}
