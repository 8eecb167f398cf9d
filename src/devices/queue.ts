/** Keeps a device fed: batches are filled into slots ahead of those that run, and taken back in order. */
import { nextTurn } from "../host/event-loop.js";
import type { Executable, Slot } from "./device.js";

/** Slots an executable needs for its queue never to run dry while one is filled and one is read. */
export const QUEUE_LENGTH = 4;
/**
 * A fill on this thread that takes longer lets others have their turn after it, so that the end of a run is noticed.
 */
const LONG_FILL_MS = 4;

export interface QueueWork {
  /**
   * Fills a slot for batch 0, 1, ...; gives how many samples it put in, at once or when others have done it. What is
   * promised is begun for as many batches as there are slots. A promise settles when nobody writes into the slot any
   * more.
   */
  fill(slot: Slot, batch: number): number | Promise<number>;
  /** Submits what is to run right behind a batch, which counts as a part of it. */
  behind?(slot: Slot, batch: number): Promise<void> | undefined;
  /**
   * Takes a batch's results, from the slot until it first waits for something. False: submit no more, and finish what
   * was submitted. The next batch's are not taken, and once the slots are used up none is filled, before a promise
   * settles.
   */
  done(slot: Slot, batch: number, count: number): boolean | Promise<boolean>;
  /**
   * Is told of time in which nothing ran since the next batch was not filled, as far as was heard of the ends of runs.
   */
  waited?(milliseconds: number): void;
}

interface Submitted {
  readonly count: number;
  readonly ran: Promise<unknown>;
}

/**
 * Runs `batches` batches. An error of a run, of `fill` or of `done` ends it when all that was submitted has finished;
 * the results of later batches are then not asked for.
 */
export async function runQueue(program: Executable, batches: number, work: QueueWork): Promise<void> {
  let open = true;
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failure ??= { error };
    open = false;
  };
  const idle = new IdleClock();

  /** In the order of batches; undefined where no more is to be run. */
  const submit = (slot: Slot, batch: number, count: number): Submitted | undefined => {
    if (!open) return undefined;
    work.waited?.(idle.begin());
    const runs = [slot.run(count)];
    const behind = work.behind?.(slot, batch);
    if (behind !== undefined) runs.push(behind);
    return { count, ran: Promise.all(runs).finally(() => idle.end()) };
  };

  const take = async (
    slot: Slot,
    batch: number,
    submitted: Submitted | Promise<Submitted | undefined> | undefined,
    before: Promise<void>,
  ) => {
    try {
      const run = await submitted;
      const [ran] = await Promise.allSettled([run?.ran, before]);
      if (ran.status === "rejected") throw ran.reason;
      if (run !== undefined && failure === undefined) {
        const more = work.done(slot, batch, run.count);
        if (!(typeof more === "boolean" ? more : await more)) open = false;
      }
    } catch (error) {
      fail(error);
    } finally {
      slot.release();
    }
    await before;
  };

  let last = Promise.resolve();
  let submitting: Promise<Submitted | undefined> | undefined;
  for (let batch = 0; batch < batches && open; batch++) {
    const slot = await program.acquire();
    if (!open) {
      slot.release();
      break;
    }
    const started = performance.now();
    let submitted: Submitted | Promise<Submitted | undefined> | undefined;
    try {
      const filled = work.fill(slot, batch);
      if (typeof filled === "number") submitted = submit(slot, batch, filled);
      else {
        const before = submitting;
        submitting = Promise.allSettled([filled, before]).then(([count]) => {
          if (count.status === "rejected") throw count.reason;
          return submit(slot, batch, count.value);
        });
        submitted = submitting;
      }
    } catch (error) {
      slot.release();
      fail(error);
      break;
    }
    last = take(slot, batch, submitted, last);
    if (performance.now() - started > LONG_FILL_MS) await nextTurn();
  }
  await last;
  if (failure !== undefined) throw failure.error;
}

/** Calls one after another, and gives what `end` gives: a promise only where a call gives one, which is waited for. */
export function inSequence<T>(calls: readonly (() => unknown)[], end: () => T | Promise<T>): T | Promise<T> {
  for (const [i, call] of calls.entries()) {
    const result = call();
    if (!isPromise(result)) continue;
    return (async () => {
      await result;
      for (const later of calls.slice(i + 1)) await later();
      return end();
    })();
  }
  return end();
}

/** What `next` makes of a value: a promise only where the value is one. */
export function afterwards<T, R>(value: T | Promise<T>, next: (value: T) => R): R | Promise<R> {
  return isPromise(value) ? Promise.resolve(value).then(next) : next(value as T);
}

const isPromise = (value: unknown) => typeof (value as PromiseLike<unknown> | undefined)?.then === "function";

/** How long nothing has been running. */
class IdleClock {
  #running = 0;
  #since = performance.now();

  /** Something starts; gives the milliseconds for which nothing ran before. */
  begin(): number {
    return this.#running++ === 0 ? performance.now() - this.#since : 0;
  }

  end(): void {
    if (--this.#running === 0) this.#since = performance.now();
  }
}
