/**
 * The runtime's place in Node, Bun and Deno: worker_threads, machine code through koffi, the process's memory and
 * environment.
 */
import { availableParallelism, totalmem } from "node:os";
import { reasonOf } from "../../../base/reason.js";
import { enableRelaxedSimd } from "../../../codegen/wasm/enable-relaxed-node.js";
import type { WasmObstacle } from "../../../codegen/wasm/features.js";
import { cpuLimit } from "../../../host/cpu-limit-node.js";
import { startWorker } from "../team/team-threads-node.js";
import type { Platform } from "./platform.js";

let processors: number | undefined;

export const platform: Platform = {
  name: "node",
  environment: (variable) => permitted(() => process.env[variable]),
  parallelism: () => {
    processors ??= Math.min(permitted(availableParallelism) ?? navigator.hardwareConcurrency, cpuLimit());
    return processors;
  },
  memory: () => {
    // A container's limit where there is one; 0 or a huge number where there is none.
    const limit = permitted(() => process.constrainedMemory?.()) ?? 0;
    const machine = permitted(totalmem);
    return limit > 0 ? Math.min(limit, machine ?? limit) : machine;
  },
  whyAlone: () =>
    typeof SharedArrayBuffer === "undefined"
      ? "no SharedArrayBuffer here, so everything runs on one thread"
      : undefined,
  startWorker,
  whyNoWorker: async (cause) => reasonOf(cause),
  whyNoWasm,
  // koffi is loaded only when machine code is wanted: it is refused under the permission model.
  nativeTargets: async () => (await import("../native/cpu.js")).detectTargets(),
  createNative: async (name) => (await import("../native/backend.js")).createNativeBackend(name),
  enableRelaxedSimd,
};

/** Undefined where the runtime gives no leave to ask: Deno throws then. */
function permitted<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}

function whyNoWasm(obstacle: WasmObstacle): string {
  switch (obstacle.kind) {
    case "absent":
      return "this process has no WebAssembly, which fovea needs; Node's option --jitless takes it away: start without it";
    case "noVectors":
      return (
        "this engine has no WebAssembly SIMD (128-bit vectors), which fovea needs; Node has it from version 16.4 on, on processors " +
        "with SSE4.1 or NEON, unless an option takes it away"
      );
    case "refused":
      return `WebAssembly may not be compiled here (${reasonOf(obstacle.cause)}); allow it where this context is made (codeGeneration.wasm)`;
  }
}
