/**
 * How worker threads of Node end. Node 20 unregisters a thread's isolate before it disposes of it; code of the thread that is still
 * being optimised in the background then aborts the process ("Assertion failed: (data.first) != nullptr"). So a worker is not
 * terminated out of its work: it ends what it has at hand, says so, and rests until nothing is being optimised any more.
 */
import { MessageChannel, MessagePort, type Worker } from "node:worker_threads";

/** Milliseconds: optimising one function takes up to some tens. */
const REST = 150;

/** The worker's side: receives messages until it is retired. A promise that `receive` returns is waited for before the end. */
export function serveUntilRetired<T>(port: MessagePort, receive: (message: T) => unknown): void {
  const running = new Set<Promise<unknown>>();
  const listen = (message: T | MessagePort) => {
    if (message instanceof MessagePort) {
      port.off("message", listen); // Deno has no removeAllListeners
      void Promise.allSettled(running).then(() => {
        message.postMessage("at rest");
        message.close();
        setTimeout(() => process.exit(), REST);
      });
      return;
    }
    const work = receive(message);
    if (!(work instanceof Promise)) return;
    running.add(work);
    void work.then(() => running.delete(work));
  };
  port.on("message", listen);
}

/** Resolves when the worker, which must serve as above, does nothing any more; its thread ends a little later. */
export async function retire(worker: Worker): Promise<void> {
  if (worker.threadId === -1) return;
  const { port1, port2 } = new MessageChannel();
  worker.ref();
  await new Promise<void>((resolve) => {
    port1.once("message", () => resolve());
    worker.once("exit", () => resolve());
    worker.postMessage(port2, [port2]);
  });
  port1.close();
  worker.unref();
}
