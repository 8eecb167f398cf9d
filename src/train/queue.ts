/** Keeps the workers fed: batches are filled into slots ahead of those that run, and taken back in order. */
import type { LoadedProgram } from "../runtime/loaded-program.js";
import type { Slot } from "../runtime/slot.js";

/** Slots a program needs for its queue never to run dry while one is filled and one is read. */
export const QUEUE_LENGTH = 4;

export interface QueueWork {
  /** Fills a slot for batch 0, 1, ...; returns how many samples it put in. */
  fill(slot: Slot, batch: number): number;
  /** Submits what is to run right behind a batch, which counts as a part of it. */
  behind?(slot: Slot, batch: number): Promise<void> | undefined;
  /** Takes a batch's results. False: submit no more, and finish what was submitted. */
  done(slot: Slot, batch: number, count: number): boolean;
}

/**
 * Runs `batches` batches. An error of a run, of `fill` or of `done` ends it when all that was submitted has finished; the
 * results of later batches are then not asked for.
 */
export async function runQueue(program: LoadedProgram, batches: number, work: QueueWork): Promise<void> {
  let open = true;
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failure ??= { error };
    open = false;
  };
  let last = Promise.resolve();
  for (let batch = 0; batch < batches && open; batch++) {
    const slot = await program.acquire();
    if (!open) {
      slot.release();
      break;
    }
    let count: number;
    let ran: Promise<void>;
    try {
      count = work.fill(slot, batch);
      ran = slot.run(count);
      const behind = work.behind?.(slot, batch);
      if (behind !== undefined) ran = Promise.all([ran, behind]).then(() => {});
    } catch (error) {
      slot.release();
      fail(error);
      break;
    }
    last = Promise.all([ran, last])
      .then(() => {
        if (failure === undefined && !work.done(slot, batch, count)) open = false;
      })
      .catch(fail)
      .finally(() => slot.release());
  }
  await last;
  if (failure !== undefined) throw failure.error;
}
