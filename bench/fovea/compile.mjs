/**
 * How long a program takes to compile, no step run: `node bench/fovea/compile.mjs '{"network": "resnet50", "what": "train",
 * "batch": 16}'` prints milliseconds by part, of the first time in this process ("cold") and of the second ("warm", by a backend of
 * its own, so that nothing but the engine's own compiled code is left from the first).
 *
 *     trace    the network as a graph, differentiated; for training also the optimiser's update
 *     plan     fusion, choice of kernels, the kernels in the kernel language, the plan of the memory
 *     encode   machine code in executable memory
 *
 * Starting worker threads, once a session, is no part of it.
 */
import { compileEntry } from "#fovea/compiler/compile.js";
import { chooseBackend, chooseWinograd } from "#fovea/devices/cpu/backends/choose.js";
import { currentPlatform } from "#fovea/devices/cpu/platform/current-platform.js";
import { entryOf } from "./programs.mjs";

const workload = JSON.parse(process.argv[2]);
const platform = await currentPlatform();

const cold = await compileOnce();
const warm = await compileOnce();
console.log(JSON.stringify({ cold, warm }));

async function compileOnce() {
  const backend = await chooseBackend({}, platform, () => {});
  const winograd = chooseWinograd(undefined, platform);
  const started = performance.now();
  const { entry } = entryOf(workload);
  const traced = performance.now();
  const program = compileEntry(entry, { target: backend.target, winograd, maxBatch: workload.batch });
  const planned = performance.now();
  await backend.encode(program.kernels);
  const encoded = performance.now();
  backend.release();
  return {
    backend: backend.name,
    trace: traced - started,
    plan: planned - traced,
    encode: encoded - planned,
    all: encoded - started,
    kernels: program.kernels.length,
    steps: program.steps.length + program.prepare.length,
  };
}
