/**
 * How much a first step takes: `node bench/fovea/memory.mjs '{"network": "vgg16", "what": "train", "batch": 8}'` prints the plan, the
 * growth of this process's resident size from before the network is made until after its first and its last step, and milliseconds a
 * step. A process of its own for each row, since memory that was touched once stays.
 */
import { readFileSync } from "node:fs";
import { create } from "#fovea/models/index.js";
import { predictionEntry, evaluationEntry, trainingEntries } from "#fovea/train/step.js";
import { plannedMemory, planEvaluation, planTraining, programsOf, totalOf } from "#fovea/train/plan.js";
import { QUEUE_LENGTH } from "#fovea/train/queue.js";
import { Session } from "#fovea/runtime/session.js";
import { sgd } from "#fovea/train/optimizer.js";
import { initialWeightsOnDemand, writeWeights } from "#fovea/train/weights.js";
import { trainingMemory } from "#fovea/train/training-memory.js";

const { network, options = {}, what, batch, memoryLimit, steps = 3 } = JSON.parse(process.argv[2]);

/** Now, and the most so far. */
function resident() {
  const status = readFileSync("/proc/self/status", "utf8");
  const read = (name) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)[1]);
  return { now: read("VmRSS"), most: read("VmHWM") };
}

const before = resident().now;
const { module, input } = create(network, options);
const session = await Session.create({ memoryLimit, note: () => {} });
let started = performance.now();
const { programs, program, slots, parts } = plan();
const compileMs = performance.now() - started;
const loaded = await session.load(program, { slots });
for (const other of programs) if (other !== program) await session.load(other, { slots });
await writeWeights(session, initialWeightsOnDemand(module, 0));
const slot = await loaded.acquire();
for (const { name, layout } of program.inputs) {
  const count = layout.rows * layout.channels * (layout.batched ? batch : 1);
  const number = { learningRate: () => 1e-3, labels: (i) => i % 7, random: (i) => i }[name] ?? ((i) => ((i * 37) % 101) / 50 - 1);
  slot.fill(name, Array.from({ length: count }, (_, i) => number(i)));
}
const times = [];
let first;
for (let step = 0; step < steps; step++) {
  started = performance.now();
  await slot.run(batch);
  times.push(performance.now() - started);
  first ??= resident();
}
const last = resident();
console.log(
  JSON.stringify({
    planned: totalOf(plannedMemory(programs, session, slots)),
    // Without what the first step does not touch: an evaluation's packed weights, and pictures of other slots.
    touched: program.bytes.store + program.bytes.prepared + program.bytes.slot + program.bytes.scratch,
    parts,
    growth: first.now - before,
    peak: first.most - before,
    lastGrowth: last.now - before,
    stepMs: Math.min(...times.slice(1)),
    compileMs,
  }),
);
await session.close();

function plan() {
  if (what === "train") {
    const wish = {
      step: trainingEntries(module, input, sgd({ lr: 1e-3, momentum: 0.9 })).step,
      maxBatch: batch,
      evaluation: evaluationEntry(module, input).entry,
    };
    const planned = planTraining(session, wish);
    return { programs: programsOf(planned), program: planned.step, slots: QUEUE_LENGTH, parts: trainingMemory(planned, session) };
  }
  const program = planEvaluation(session, predictionEntry(module, input).entry, batch, 2);
  return { programs: [program], program, slots: 2 };
}
