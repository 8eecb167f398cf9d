/**
 * How long a program takes to compile, no step run: `node bench/fovea/compile.mjs '{"network": "resnet50", "what": "train",
 * "batch": 16}'` prints milliseconds by part, of the first time in this process ("cold") and of the second ("warm", in a session of
 * its own, so that nothing but the engine's own compiled code is left from the first).
 *
 *     trace   the network as a graph, differentiated; for training also the optimiser's update
 *     plan    fusion, choice of kernels, the kernels in the kernel language, the plan of the memory
 *     load    machine code, and memory for the program
 */
import { Session } from "#fovea/runtime/session.js";
import { entryOf } from "./programs.mjs";
import { compileEntry } from "#fovea/compile/compile.js";

const THREADS = 2;
const workload = JSON.parse(process.argv[2]);

const cold = await compileOnce();
const warm = await compileOnce();
console.log(JSON.stringify({ cold, warm }));

async function compileOnce() {
  const session = await Session.create({ threads: THREADS, note: () => {} });
  const { backend, target, winograd } = session;
  const started = performance.now();
  const { entry } = entryOf(workload);
  const traced = performance.now();
  const program = compileEntry(entry, { target, winograd, maxBatch: workload.batch });
  const planned = performance.now();
  await session.load(program, { slots: 1 });
  const loaded = performance.now();
  const { code } = session.memory;
  await session.close();
  return {
    backend,
    trace: traced - started,
    plan: planned - traced,
    load: loaded - planned,
    all: loaded - started,
    kernels: program.kernels.length,
    steps: program.steps.length + program.prepare.length,
    codeBytes: code,
  };
}
