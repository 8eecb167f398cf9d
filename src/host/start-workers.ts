/** Starting workers: all of them, or none. */
import type { WorkerHandle } from "./worker-handle.js";

/** How long a worker may take until it says that it is there: its file may come over a slow line. */
const START_SECONDS = 30;

/**
 * Starts `count` workers, and waits for the first message of each. Rejects, with none left running, where one of them
 * cannot be had.
 * @param start starts the n-th worker.
 * @param giveUp is called before the others are ended, to stop what they are at.
 */
export async function startWorkers(
  count: number,
  start: (n: number) => WorkerHandle,
  giveUp: () => void = () => {},
): Promise<WorkerHandle[]> {
  const workers: WorkerHandle[] = [];
  const there = new Set<WorkerHandle>();
  const allThere = new Promise<void>((resolve, reject) => {
    const check = () => there.size === count && resolve();
    for (let n = 0; n < count; n++) {
      const worker = start(n);
      workers.push(worker);
      worker.onFailure(reject);
      worker.onMessage(() => {
        there.add(worker);
        check();
      });
    }
    check();
  });
  try {
    await within(START_SECONDS, allThere);
    return workers;
  } catch (cause) {
    giveUp();
    await Promise.all(workers.map((worker) => (there.has(worker) ? worker.retire() : worker.terminate())));
    throw cause;
  }
}

/** Rejects where the promise takes longer. */
async function within(seconds: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(`it did not answer within ${seconds} s`), 1000 * seconds);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
