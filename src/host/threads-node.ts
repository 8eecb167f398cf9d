/**
 * Worker threads in Node, Bun and Deno, each of one file. A thread that stays when it retires (retire-node.ts) is kept,
 * and serves whoever asks for one of its file next; the others end. Threads that have called machine code stay: koffi
 * never gives back the stack and the heap that it maps for a thread (3.3.4), so that each thread that ended would leave
 * some. Threads that are kept sleep, and let the process end.
 */
import type { Worker, WorkerOptions } from "node:worker_threads";
import { retire } from "./retire-node.js";
import type { WorkerHandle } from "./worker-handle.js";

/**
 * Makes a thread of one file. To be written as `new Worker(new URL("./file.js", import.meta.url), options)`: in this
 * form bundlers see that the file is one of its own.
 */
export type NewThread = (options: WorkerOptions) => Worker;

const kept = new Map<NewThread, Worker[]>();

function keptOf(newThread: NewThread): Worker[] {
  const threads = kept.get(newThread) ?? [];
  kept.set(newThread, threads);
  return threads;
}

/** @throws where the runtime refuses threads. One that cannot start for another cause is heard of by `onFailure`. */
export function startThread(newThread: NewThread, name: string): WorkerHandle {
  const worker = keptOf(newThread).pop() ?? made(newThread, name);
  const leave: (() => void)[] = [];
  const on = <T>(event: string, listener: (value: T) => void) => {
    worker.on(event, listener);
    leave.push(() => worker.off(event, listener));
  };
  worker.ref();
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
      if (stays && worker.threadId !== -1) keptOf(newThread).push(worker);
    },
    terminate: async () => {
      await worker.terminate();
    },
  };
}

function made(newThread: NewThread, name: string): Worker {
  // The process's own flags are none of theirs: --input-type, say, stops a worker that is a file.
  const worker = newThread({ name, execArgv: [] });
  // Its user hears what goes wrong; between two users nobody would.
  worker.on("error", () => {});
  worker.on("exit", () => {
    const threads = keptOf(newThread);
    const at = threads.indexOf(worker);
    if (at >= 0) threads.splice(at, 1);
  });
  return worker;
}
