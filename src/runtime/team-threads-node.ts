/**
 * The threads of worker teams in Node. A thread that has called machine code is kept when its team closes, and is given to the next one:
 * koffi never gives back the stack and the heap that it maps for a thread (3.3.4), so that each thread that ended would leave some.
 * All others end. Threads that are kept sleep, and let the process end.
 */
import { Worker } from "node:worker_threads";
import type { WorkerHandle } from "./platform.js";
import { retire } from "./retire-node.js";

const kept: Worker[] = [];

/** What a thread is told first by each team. */
export const BEGIN = "begin";

export function startWorker(name: string): WorkerHandle {
  const worker = kept.pop() ?? newThread(name);
  const leave: (() => void)[] = [];
  const on = <T>(event: string, listener: (value: T) => void) => {
    worker.on(event, listener);
    leave.push(() => worker.off(event, listener));
  };
  worker.ref();
  worker.postMessage(BEGIN);
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => on("message", listener),
    onFailure: (listener) => {
      on("error", listener);
      on("exit", (code: number) => listener(`it ended with code ${code}`));
    },
    hold: (alive) => (alive ? worker.ref() : worker.unref()),
    async retire() {
      const stays = await retire(worker);
      for (const off of leave) off();
      if (stays && worker.threadId !== -1) kept.push(worker);
    },
    terminate: async () => {
      await worker.terminate();
    },
  };
}

function newThread(name: string): Worker {
  const worker = new Worker(new URL("./worker-node.js", import.meta.url), { name });
  // Its team hears what goes wrong; between teams nobody would.
  worker.on("error", () => {});
  worker.on("exit", () => {
    const at = kept.indexOf(worker);
    if (at >= 0) kept.splice(at, 1);
  });
  return worker;
}
