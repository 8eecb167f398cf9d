/** The runtime's place in Node: worker_threads, machine code through koffi, the process's memory and environment. */
import { availableParallelism, totalmem } from "node:os";
import { Worker } from "node:worker_threads";
import { enableRelaxedSimd } from "../codegen/wasm/enable-relaxed-node.js";
import { installPlatform, type Platform, type WorkerHandle } from "./platform.js";
import { retire } from "./retire-node.js";

export const nodePlatform: Platform = {
  name: "node",
  environment: (variable) => process.env[variable],
  parallelism: () => availableParallelism(),
  memory: () => {
    // A container's limit where there is one; 0 or a huge number where there is none.
    const limit = process.constrainedMemory?.() ?? 0;
    return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  },
  sharesMemory: () => typeof SharedArrayBuffer !== "undefined",
  startWorker,
  // koffi is loaded only when machine code is wanted: it is refused under the permission model.
  nativeTargets: async () => (await import("./native/cpu.js")).detectTargets(),
  createNative: async (name) => (await import("./native/backend.js")).createNativeBackend(name),
  enableRelaxedSimd,
};

installPlatform(nodePlatform);

function startWorker(name: string): WorkerHandle {
  const worker = new Worker(new URL("./worker-node.js", import.meta.url), { name });
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => {
      worker.on("message", listener);
    },
    onFailure: (listener) => {
      worker.on("error", listener);
      worker.on("exit", (code) => listener(`it ended with code ${code}`));
    },
    hold: (alive) => (alive ? worker.ref() : worker.unref()),
    retire: () => retire(worker),
    terminate: async () => {
      await worker.terminate();
    },
  };
}
