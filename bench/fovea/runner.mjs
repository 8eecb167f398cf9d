/**
 * fovea as one of the systems that are measured, in Node (peer.mjs) or in a page (peers/page).
 *
 * Training is timed as it runs: steps are queued, a few ahead of the workers ("queued"); "awaited" waits for each step
 * before it submits the next. The batch lies in the program's memory already, as it does for the peers. Inference writes
 * the input and reads the output for each call. A layer is queued too, always on the same memory, as its peers have it.
 */
import { Session } from "#fovea/devices/cpu/session.js";
import { filling } from "../numbers.mjs";
import { compileWorkload, TIMED_RATE } from "./programs.mjs";

const SLOTS = 4;
const CHECKED_STEPS = 4;
/** The first is the one that ratios are taken with. */
const MODES = { train: ["queued", "awaited"], infer: ["awaited"], layers: ["queued"] };

export class FoveaRunner {
  #options;
  #session;
  #prepared;

  /** @param {{threads: number, backend?: string}} options */
  constructor(options) {
    this.#options = { ...options, note: () => {} };
  }

  async backend() {
    const session = await Session.create(this.#options);
    await session.close();
    return session.backend;
  }

  async prepare(workload, numbers) {
    await this.#session?.close();
    this.#session = await Session.create(this.#options);
    const { program } = compileWorkload(workload, this.#session.target, this.#session.winograd);
    const count = workload.what === "train" ? SLOTS : 1;
    const loaded = await this.#session.load(program, { slots: count });
    const { inputs, states } = filling(numbers);
    const slots = [];
    for (let n = 0; n < count; n++) {
      const slot = await loaded.acquire();
      for (const { name } of program.inputs) if (inputs.has(name)) slot.fill(name, inputs.get(name));
      slots.push(slot);
    }
    this.#prepared = { workload, program, input: inputs.get("input"), states, slots };
    await this.#reset();
    return { modes: MODES[workload.what] };
  }

  /** Training: the losses of the first steps. Inference: the logits. A layer: its result. */
  async check() {
    const { workload, slots } = this.#prepared;
    const slot = slots[0];
    if (workload.what === "train") {
      await this.#reset(workload.checkRate);
      const losses = [];
      for (let n = 0; n < CHECKED_STEPS; n++) {
        await slot.run(workload.batch);
        losses.push(slot.output("loss").reduce((a, b) => a + b, 0) / workload.batch);
      }
      await this.#reset();
      return Float32Array.from(losses);
    }
    await slot.run(workload.batch);
    return slot.output(workload.what === "infer" ? "logits" : "result");
  }

  /** Milliseconds a call. */
  async run(mode, calls) {
    const { workload, slots, input } = this.#prepared;
    const { batch } = workload;
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
    return (performance.now() - started) / calls;
  }

  /** Weights as they were given, everything else zero, and the learning rate of the steps to come. */
  async #reset(learningRate = TIMED_RATE) {
    const { program, states, slots } = this.#prepared;
    for (const { name, layout } of this.#session.states()) {
      const size = layout.rows * layout.channels;
      await this.#session.writeState(name, states.get(name) ?? new Float32Array(size));
    }
    if (program.inputs.some((port) => port.name === "learningRate"))
      for (const slot of slots) slot.fill("learningRate", [learningRate]);
  }
}
