/** A plane of a network's input, as a page shows it. */

export interface InputPlane {
  /** Its name. */
  readonly name: string;
  /** A number a vertex. */
  readonly data: Float32Array;
}
