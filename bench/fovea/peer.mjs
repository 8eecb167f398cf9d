/**
 * fovea as one of the systems that are measured. FOVEA_BACKEND chooses the backend.
 *
 * Training is timed as it runs: steps are queued, a few ahead of the workers ("queued"); "awaited" waits for each step
 * before it submits the next. The batch lies in the program's memory already, as it does for the peers. Inference writes
 * the input and reads the output for each call. A layer is queued too, always on the same memory, as its peers have it.
 */
import { writeFileSync } from "node:fs";
import { Session } from "#fovea/runtime/session.js";
import { serve } from "../serve.mjs";
import { compileWorkload, numbersOf, TIMED_RATE } from "./programs.mjs";

const THREADS = 2;
const SLOTS = 4;
const CHECKED_STEPS = 4;
/** The first is the one that ratios are taken with. */
const MODES = { train: ["queued", "awaited"], infer: ["awaited"], layers: ["queued"] };

let session;
let prepared;

serve({
  async hello() {
    session = await Session.create({ threads: THREADS });
    const backend = session.backend;
    await session.close();
    session = undefined;
    return { system: "fovea", details: { backend, threads: THREADS, node: process.version } };
  },

  async prepare({ workload, folder }) {
    await session?.close();
    session = await Session.create({ threads: THREADS });
    const { program } = compileWorkload(workload, session.target, session.winograd);
    const count = workload.what === "train" ? SLOTS : 1;
    const loaded = await session.load(program, { slots: count });
    const numbers = numbersOf(workload, folder);
    const slots = [];
    for (let n = 0; n < count; n++) {
      const slot = await loaded.acquire();
      for (const { name } of program.inputs) if (numbers.inputs.has(name)) slot.fill(name, numbers.inputs.get(name));
      slots.push(slot);
    }
    prepared = { workload, program, numbers, slots };
    await reset();
    return { modes: MODES[workload.what] };
  },

  /** Training: the losses of the first steps. Inference: the logits. A layer: its result. */
  async check({ file }) {
    const { workload, slots } = prepared;
    const slot = slots[0];
    if (workload.what === "train") {
      await reset(workload.checkRate);
      const losses = [];
      for (let n = 0; n < CHECKED_STEPS; n++) {
        await slot.run(workload.batch);
        losses.push(slot.output("loss").reduce((a, b) => a + b, 0) / workload.batch);
      }
      write(file, Float32Array.from(losses));
      await reset();
    } else {
      await slot.run(workload.batch);
      write(file, slot.output(workload.what === "infer" ? "logits" : "result"));
    }
  },

  async run({ mode, calls }) {
    const { workload, slots, numbers } = prepared;
    const { batch } = workload;
    const input = numbers.inputs.get("input");
    let started;
    if (workload.what === "infer") {
      const slot = slots[0];
      started = performance.now();
      for (let n = 0; n < calls; n++) {
        slot.fill("input", input);
        await slot.run(batch);
        slot.output("probabilities");
      }
    } else if (mode === "awaited") {
      started = performance.now();
      for (let n = 0; n < calls; n++) await slots[n % slots.length].run(batch);
    } else {
      const running = [];
      started = performance.now();
      for (let n = 0; n < calls; n++) {
        if (n >= SLOTS) await running[n % SLOTS];
        running[n % SLOTS] = slots[n % slots.length].run(batch);
      }
      await Promise.all(running);
    }
    return { ms: (performance.now() - started) / calls };
  },
});

/** Weights as they were given, everything else zero, and the learning rate of the steps to come. */
async function reset(learningRate = TIMED_RATE) {
  const { program, numbers, slots } = prepared;
  for (const { name, layout } of session.states()) {
    const size = layout.rows * layout.channels;
    await session.writeState(name, numbers.states.get(name) ?? new Float32Array(size));
  }
  if (program.inputs.some((port) => port.name === "learningRate"))
    for (const slot of slots) slot.fill("learningRate", [learningRate]);
}

function write(file, data) {
  writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
