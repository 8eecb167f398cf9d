/** Blocks of positions from a worker thread of their own. */
import { Worker } from "node:worker_threads";
import { BackendError, FileError } from "../errors.js";
import { retire } from "../runtime/retire-node.js";
import type { GameStore } from "./store.js";
import type { Block, BlockMaker } from "./stream.js";
import type { WorkerAnswer, WorkerOrder, WorkerStart } from "./stream-worker-node.js";

export interface WorkerMaker extends BlockMaker {
  close(): Promise<void>;
}

/** The store's bytes must be shared, as `openStore` gives them. An idle worker does not keep the process alive. */
export function workerMaker(store: GameStore, planes: number): WorkerMaker {
  const start: WorkerStart = { bytes: store.bytes, name: store.name, planes };
  const worker = new Worker(new URL("./stream-worker-node.js", import.meta.url), {
    name: "positions",
    workerData: start,
  });
  const waiting: { resolve(positions: number): void; reject(error: Error): void }[] = [];
  let gone: BackendError | undefined;
  const end = (why: string) => {
    gone ??= new BackendError(`the thread that encodes positions ended: ${why}`);
    for (const { reject } of waiting.splice(0)) reject(gone);
  };
  worker.on("message", (answer: WorkerAnswer) => {
    const { resolve, reject } = waiting.shift()!;
    if (waiting.length === 0) worker.unref();
    if ("damage" in answer) reject(new FileError(answer.damage));
    else if ("error" in answer) reject(new BackendError(`positions could not be encoded: ${answer.error}`));
    else resolve(answer.positions);
  });
  worker.on("error", (error) => end(error.message));
  worker.on("exit", (code) => end(`exit code ${code}`));
  worker.unref();
  return {
    make(games: Uint32Array, into: Block) {
      if (gone !== undefined) return Promise.reject(gone);
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        worker.ref();
        const order: WorkerOrder = { games, into };
        worker.postMessage(order);
      });
    },
    async close() {
      await retire(worker);
    },
  };
}
