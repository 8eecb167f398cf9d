/** What the executables of a training take, by what it is for: known before anything runs. */

/** Bytes, and what was done to keep to a limit. */
export interface TrainingMemory {
  /** Trainable numbers, running statistics and averages. */
  readonly parameters: number;
  /** States of the optimizer, and gradients that are added up over batches. */
  readonly optimizerState: number;
  /** Values of the forward pass, where most of the scratch is in use. */
  readonly activations: number;
  /** Values of the backward pass, where most of the scratch is in use. */
  readonly gradients: number;
  /** Weights in the order in which kernels read them. */
  readonly packedWeights: number;
  /** Batches under way, and their results. */
  readonly pictures: number;
  /** Workspaces, machine code, addresses and gaps. */
  readonly other: number;
  /** Memory of an evaluation beyond all that. It is not touched before the first one. */
  readonly evaluation: number;
  /** All of these: what a limit counts. */
  readonly total: number;
  /** About what the engine takes beside that: its heap, and its threads. */
  readonly engine: number;
  /** Values that the backward pass computes again, so that they need not be kept. */
  readonly recomputed: readonly string[];
  /** The estimated time that this takes, as a part of a step's. */
  readonly extraTime: number;
}

/** `features.1 relu, features.2 add and 4 more values, in about 7% more time`; undefined where nothing is. */
export function describeRecomputed({ recomputed, extraTime }: TrainingMemory): string | undefined {
  const [first, second] = recomputed;
  if (first === undefined) return undefined;
  const more = recomputed.length - 2;
  const names =
    second === undefined ? first : more > 0 ? `${first}, ${second} and ${more} more` : `${first} and ${second}`;
  return `${names}, in about ${Math.max(1, Math.round(100 * extraTime))}% more time`;
}
