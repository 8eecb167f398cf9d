/** The threads of worker teams in Node. */
import { Worker } from "node:worker_threads";
import { type NewThread, startThread } from "../../../host/threads-node.js";
import type { WorkerHandle } from "../../../host/worker-handle.js";

/** What a thread is told first by each team. */
export const BEGIN = "begin";

const newThread: NewThread = (options) => new Worker(new URL("./worker-node.js", import.meta.url), options);

export function startWorker(name: string): WorkerHandle {
  const worker = startThread(newThread, name);
  worker.post(BEGIN);
  return worker;
}
