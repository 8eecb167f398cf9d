/**
 * The order in which an epoch visits a data set, and its cut into batches. The order is a pure function of seed and
 * epoch, so that a resumed run goes on in the order that the stopped one had.
 */
import { OptionError } from "../../base/errors.js";
import { Random } from "../../base/random.js";

/** A random permutation of 0 .. length - 1. `seed` is a whole number from 0 to 2^53 - 1. */
export function epochOrder(length: number, seed: number, epoch: number): Uint32Array {
  return new Random(seed).fork(`order of epoch ${epoch}`).shuffle(inOrder(length));
}

/** 0 .. length - 1, as evaluation visits a data set. */
export function inOrder(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => i);
}

/** The number of batches of an epoch; the last may be short. */
export function batchCount(length: number, batchSize: number): number {
  checkBatchSize(batchSize);
  return Math.ceil(length / batchSize);
}

/**
 * The batches of an epoch as views of `order`, each sample in exactly one of them, the last one short where the size
 * does not divide. `fromBatch` starts in the middle, to resume.
 */
export function* batches(order: Uint32Array, batchSize: number, fromBatch = 0): Generator<Uint32Array, void, void> {
  const count = batchCount(order.length, batchSize);
  if (!Number.isInteger(fromBatch) || fromBatch < 0 || fromBatch > count) {
    throw new OptionError(`batches: fromBatch ${fromBatch} is not a whole number from 0 to ${count}`);
  }
  for (let batch = fromBatch; batch < count; batch++) {
    yield order.subarray(batch * batchSize, (batch + 1) * batchSize);
  }
}

function checkBatchSize(batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new OptionError(`batch size ${batchSize} is not a whole number of at least 1`);
  }
}
