/** The runtime's place in a page or in a page's worker: module workers, no native code. */

import { BackendError } from "../../../base/errors.js";
import { reasonOf } from "../../../base/reason.js";
import type { WasmObstacle } from "../../../codegen/wasm/features.js";
import type { WorkerHandle } from "../../../host/worker-handle.js";
import type { Platform } from "./platform.js";
import { whyAlone } from "./why-alone-browser.js";
import { urlOfWorker, whyNoWorker } from "./why-no-worker-browser.js";

export const platform: Platform = {
  name: "browser",
  environment: () => undefined,
  parallelism: () => (typeof navigator === "undefined" ? 1 : (navigator.hardwareConcurrency ?? 1)),
  memory: () => undefined,
  whyAlone,
  startWorker,
  whyNoWorker: (cause) => whyNoWorker(cause, urlOfWorker(startWorker)),
  whyNoWasm,
  nativeTargets: async () => [],
  createNative: async (name) => {
    throw new BackendError(`${name}: machine code runs in Node only; use "wasm" here`);
  },
  enableRelaxedSimd: () => {},
};

function startWorker(name: string): WorkerHandle {
  // In this form bundlers see that the worker is a file of its own. Some leave it as it is: the worker then lies beside the page's script.
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name });
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => worker.addEventListener("message", (event: MessageEvent<unknown>) => listener(event.data)),
    onFailure: (listener) => {
      worker.addEventListener("error", (event) => {
        event.preventDefault(); // it is told by what waits for the worker
        listener(event.error ?? event.message);
      });
      worker.addEventListener("messageerror", () => listener("a message could not be read"));
    },
    hold: () => {},
    retire: async () => worker.terminate(),
    terminate: async () => worker.terminate(),
  };
}

function whyNoWasm(obstacle: WasmObstacle): string {
  const isCloudflare = typeof navigator !== "undefined" && navigator.userAgent === "Cloudflare-Workers";
  const place = "Window" in globalThis || "WorkerGlobalScope" in globalThis ? "browser" : "engine";
  switch (obstacle.kind) {
    case "absent":
      return (
        `this ${place} has no WebAssembly, which fovea needs; a mode for more security may have switched it off ` +
        "(iOS's Lockdown Mode does)"
      );
    case "noVectors":
      return (
        `this ${place} has no WebAssembly SIMD (128-bit vectors), which fovea needs; Chrome 91, Firefox 89, Safari 16.4 and ` +
        "Node 16.4 brought it: update it"
      );
    case "refused":
      return (
        `WebAssembly may not be compiled here (${reasonOf(obstacle.cause)}); ` +
        (isCloudflare
          ? "Cloudflare's Workers run no code that is made at run time: run fovea in a container or in the page"
          : "add 'wasm-unsafe-eval' to script-src of the page's Content-Security-Policy " +
            "(of an extension: to extension_pages in its manifest's content_security_policy)")
      );
  }
}
