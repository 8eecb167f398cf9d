/**
 * How worker threads of Node end. Node 20 unregisters a thread's isolate before it disposes of it; code of the thread
 * that is still being optimised in the background then aborts the process ("Assertion failed: (data.first) !=
 * nullptr"). So a worker is not terminated out of its work: it ends what it has at hand, says so, and rests until
 * nothing is being optimised any more.
 */
import { MessageChannel, MessagePort, type Worker } from "node:worker_threads";

/** Milliseconds: optimising one function takes up to some tens. */
const REST = 150;

/**
 * The worker's side: receives messages until it is retired. A promise that `receive` returns is waited for before the
 * end. Where `stays` says so then, the thread does not end, and serves whoever takes it next.
 */
export function serveUntilRetired<T>(
  port: MessagePort,
  receive: (message: T) => unknown,
  stays: () => boolean = () => false,
): void {
  const running = new Set<Promise<unknown>>();
  const listen = (message: T | MessagePort) => {
    if (message instanceof MessagePort) {
      void Promise.allSettled(running).then(() => {
        const goesOn = stays();
        if (!goesOn) {
          port.off("message", listen); // Deno has no removeAllListeners
          setTimeout(() => process.exit(), REST);
        }
        message.postMessage(goesOn);
        message.close();
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

/**
 * Resolves when the worker, which must serve as above, does nothing any more: to whether it stays. Else its thread ends
 * a little later.
 */
export async function retire(worker: Worker): Promise<boolean> {
  if (worker.threadId === -1) return false;
  const { port1, port2 } = new MessageChannel();
  worker.ref();
  let ended = () => {};
  const stays = await new Promise<boolean>((resolve) => {
    ended = () => resolve(false);
    port1.once("message", resolve);
    worker.once("exit", ended);
    worker.postMessage(port2, [port2]);
  });
  worker.off("exit", ended);
  port1.close();
  worker.unref();
  return stays;
}
