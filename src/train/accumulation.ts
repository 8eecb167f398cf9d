/**
 * Gradient accumulation: which batches of an epoch make one update. A group is so many batches one after another; the
 * last of an epoch may have fewer. A batch's mean gradient counts by its share of the group's pictures, so that the
 * update is that of one batch of all of them.
 */
import { OptionError } from "../base/errors.js";

export interface Batches {
  /** Pictures of an epoch, and of a batch. */
  readonly pictures: number;
  readonly batchSize: number;
  /** Batches a group. */
  readonly accumulate: number;
}

export const batchesOf = ({ pictures, batchSize }: Batches): number => Math.ceil(pictures / batchSize);

export const updatesOf = (batches: Batches): number => Math.ceil(batchesOf(batches) / batches.accumulate);

/** The update (0, 1, ... of all epochs) that a batch (0, 1, ... of all epochs) is a part of. */
export function updateAt(batches: Batches, step: number): number {
  const each = batchesOf(batches);
  return Math.floor(step / each) * updatesOf(batches) + Math.floor((step % each) / batches.accumulate);
}

/** Whether batch `batch` of an epoch ends its group. */
export const endsGroup = (batches: Batches, batch: number): boolean =>
  (batch + 1) % batches.accumulate === 0 || batch + 1 === batchesOf(batches);

/** The part of its group's pictures that is in batch `batch` of an epoch. */
export function shareOf(batches: Batches, batch: number): number {
  const { pictures, batchSize, accumulate } = batches;
  const first = batch - (batch % accumulate);
  const between = (from: number, to: number) => Math.min(to * batchSize, pictures) - from * batchSize;
  return between(batch, batch + 1) / between(first, first + accumulate);
}

/** @throws OptionError where a group is more than an epoch. */
export function checkAccumulation(batches: Batches): void {
  const most = batchesOf(batches);
  if (batches.accumulate > most) {
    throw new OptionError(
      `accumulate is ${batches.accumulate}, but an epoch has ${most} ${most === 1 ? "batch" : "batches"} of ${batches.batchSize} pictures; ` +
        `accumulate ${most} at most, or lower the batch size`,
    );
  }
}
