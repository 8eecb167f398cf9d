/** The runtime's place in a page or in a page's worker: module workers, no native code. */
import { BackendError } from "../errors.js";
import type { Platform, WorkerHandle } from "./platform.js";

export const browserPlatform: Platform = {
  name: "browser",
  environment: () => undefined,
  parallelism: () => (typeof navigator === "undefined" ? 1 : (navigator.hardwareConcurrency ?? 1)),
  memory: () => undefined,
  sharesMemory: () => typeof SharedArrayBuffer !== "undefined" && globalThis.crossOriginIsolated === true,
  startWorker,
  nativeTargets: async () => [],
  createNative: async (name) => {
    throw new BackendError(`${name}: machine code runs in Node only; use "wasm" here`);
  },
  enableRelaxedSimd: () => {},
};

function startWorker(name: string): WorkerHandle {
  // In this form bundlers see that the worker is a file of its own.
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name });
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => worker.addEventListener("message", (event: MessageEvent<unknown>) => listener(event.data)),
    onFailure: (listener) => {
      worker.addEventListener("error", (event) => listener(event.error ?? event.message));
      worker.addEventListener("messageerror", () => listener("a message could not be read"));
    },
    hold: () => {},
    retire: async () => worker.terminate(),
    terminate: async () => worker.terminate(),
  };
}
