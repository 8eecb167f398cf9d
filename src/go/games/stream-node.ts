/** Blocks of positions from a worker thread of their own; from the calling thread, where threads are refused. */
import { Worker } from "node:worker_threads";
import { BackendError, FileError } from "../../base/errors.js";
import { type Note, noteOnce } from "../../base/notes.js";
import { reasonOf } from "../../base/reason.js";
import { startWorkers } from "../../host/start-workers.js";
import { type NewThread, startThread } from "../../host/threads-node.js";
import type { WorkerHandle } from "../../host/worker-handle.js";
import type { GameStore } from "./store.js";
import { type BlockMaker, localMaker } from "./stream.js";
import type { WorkerAnswer, WorkerOrder, WorkerStart } from "./stream-worker-node.js";

const newThread: NewThread = (options) => new Worker(new URL("./stream-worker-node.js", import.meta.url), options);

export interface WorkerMaker extends BlockMaker {
  close(): Promise<void>;
}

/**
 * The store's bytes must be shared, as `openStore` gives them. An idle worker does not keep the process alive.
 * @param note is told where threads are refused.
 */
export function workerMaker(store: GameStore, planes: number, note: Note = noteOnce): WorkerMaker {
  const maker = startMaker(store, planes, note);
  // Its failure is told to whoever asks for a block.
  const started = maker.catch(() => undefined);
  return {
    make: async (games, into) => (await maker).make(games, into),
    close: async () => (await started)?.close(),
  };
}

async function startMaker(store: GameStore, planes: number, note: Note): Promise<WorkerMaker> {
  const start: WorkerStart = { bytes: store.bytes, name: store.name, planes };
  try {
    const [worker] = await startWorkers(1, () => {
      const thread = startThread(newThread, "fovea positions");
      thread.post(start);
      return thread;
    });
    return makerOf(worker!);
  } catch (cause) {
    await note(`fovea: worker threads are refused (${reasonOf(cause)}); positions are encoded on the calling thread`);
    return { ...localMaker(store, planes), close: () => Promise.resolve() };
  }
}

function makerOf(worker: WorkerHandle): WorkerMaker {
  const waiting: { resolve(positions: number): void; reject(error: Error): void }[] = [];
  let gone: BackendError | undefined;
  worker.onMessage((message) => {
    const answer = message as WorkerAnswer;
    const { resolve, reject } = waiting.shift()!;
    if (waiting.length === 0) worker.hold(false);
    if ("damage" in answer) reject(new FileError(answer.damage));
    else if ("error" in answer) reject(new BackendError(`positions could not be encoded: ${answer.error}`));
    else resolve(answer.positions);
  });
  worker.onFailure((cause) => {
    gone ??= new BackendError(`the thread that encodes positions ended: ${reasonOf(cause)}`, { cause });
    for (const { reject } of waiting.splice(0)) reject(gone);
  });
  worker.hold(false);
  return {
    make(games, into) {
      if (gone !== undefined) return Promise.reject(gone);
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        worker.hold(true);
        const order: WorkerOrder = { games, into };
        worker.post(order);
      });
    },
    close: () => worker.retire(),
  };
}
