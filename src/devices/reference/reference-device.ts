/**
 * A device that computes what every op means (`graph/evaluate.ts`): each value in float64 from float32 inputs and
 * states; what it gives and keeps is rounded to float32 at the end of a run. Its memory is no view of anything: inputs
 * are copied in and outputs copied out.
 */
import { BackendError, MemoryError, OptionError, unknownName } from "../../base/errors.js";
import { checkOptions, type Fields } from "../../base/options.js";
import type { Entry } from "../../graph/graph.js";
import { sizeOf } from "../../graph/shape.js";
import { nextTurn } from "../../host/event-loop.js";
import { checkEntry, checkTraining, checkWish } from "../check-entry.js";
import type {
  CompileWish,
  Device,
  DeviceState,
  Numbers,
  PlanWish,
  TrainingExecutables,
  TrainingWish,
} from "../device.js";
import { checkNumbers } from "../given-numbers.js";
import { MACHINE_OPTIONS, type MachineOptions } from "../machine-options.js";
import { type MemoryUse, type PlannedMemory, totalOf } from "../memory-use.js";
import type { TrainingMemory } from "../training-memory.js";
import { rounded, zeros } from "./numbers.js";
import {
  checkReference,
  planReference,
  planReferenceTraining,
  type ReferencePlan,
  referenceMemory,
  type TrainingPlans,
} from "./plan.js";
import { type KeptState, ReferenceExecutable } from "./reference-executable.js";

export interface ReferenceOptions extends Pick<MachineOptions, "memoryLimit" | "note"> {
  /** Is waited for wherever numbers go to the device or come from it. A test makes it slow. */
  readonly transfer?: () => Promise<unknown>;
}

const OPTIONS: Fields<Pick<MachineOptions, "memoryLimit" | "note">> = {
  memoryLimit: MACHINE_OPTIONS.memoryLimit,
  note: MACHINE_OPTIONS.note,
};

/** @throws OptionError on options that only a processor has a use for. */
export async function openReference(options: Pick<MachineOptions, "memoryLimit" | "note">): Promise<Device> {
  checkOptions('device "reference"', options, OPTIONS);
  return new ReferenceDevice(options);
}

export class ReferenceDevice implements Device {
  readonly name = "reference";
  readonly backend = "reference";
  readonly arithmetic = "float64";
  readonly threads = 1;
  readonly #limit: number;
  readonly #transfer: () => Promise<unknown>;
  readonly #states = new Map<string, KeptState>();
  readonly #plans = new Set<ReferencePlan>();
  #last: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor({ memoryLimit = Number.POSITIVE_INFINITY, transfer = nextTurn }: ReferenceOptions = {}) {
    this.#limit = memoryLimit;
    this.#transfer = transfer;
  }

  get memory(): MemoryUse {
    return referenceMemory(this.#plans);
  }

  async compile(entry: Entry, wish: CompileWish = {}): Promise<ReferenceExecutable> {
    this.#open();
    checkEntry(entry);
    checkWish(wish);
    const { maxBatch, slots } = wish;
    const plans = (batch: number | undefined) => [...this.#plans, planReference(entry, batch, slots)];
    let chosen = plans(maxBatch);
    // Left to the device, there are as many samples as fit.
    while (maxBatch === undefined && chosen.at(-1)!.maxBatch > 1 && !this.#fits(chosen))
      chosen = plans(chosen.at(-1)!.maxBatch >> 1);
    checkReference(chosen, this.#limit);
    return this.#load(chosen.at(-1)!);
  }

  async plan(entry: Entry, { maxBatch, slots }: PlanWish): Promise<PlannedMemory> {
    this.#open();
    checkEntry(entry);
    checkWish({ maxBatch, slots });
    const memory = referenceMemory([planReference(entry, maxBatch, slots)]);
    return { ...memory, total: totalOf(memory), engine: 0 };
  }

  async planTraining(wish: TrainingWish): Promise<TrainingMemory> {
    this.#open();
    checkTraining(wish);
    return this.#planTraining(wish).memory;
  }

  async compileTraining(wish: TrainingWish): Promise<TrainingExecutables> {
    this.#open();
    checkTraining(wish);
    const { step, apply, evaluation, memory } = this.#planTraining(wish);
    return {
      step: this.#load(step),
      apply: apply && this.#load(apply),
      evaluation: this.#load(evaluation),
      memory,
    };
  }

  states(): readonly DeviceState[] {
    return [...this.#states.values()].map(({ name, kind, shape }) => ({ name, kind, shape }));
  }

  readState(name: string): Promise<Numbers> {
    const state = this.#state(name);
    return this.submit(async () => {
      await this.#transfer();
      return state.numbers().slice();
    });
  }

  writeState(name: string, data: Numbers | readonly number[]): Promise<void> {
    const state = this.#state(name);
    return this.submit(async () => {
      checkNumbers(data, `state "${name}"`);
      const size = sizeOf(state.shape);
      if (data.length !== size)
        throw new OptionError(`state "${name}": ${data.length} numbers given, expected ${size}`);
      const numbers = rounded(data, state.dtype);
      await this.#transfer();
      state.numbers = () => numbers;
    });
  }

  lendState(name: string, source: () => Numbers): Promise<void> {
    const state = this.#state(name);
    return this.submit(() => {
      state.numbers = source;
    });
  }

  async idle(): Promise<void> {
    await this.#last;
  }

  close(): Promise<void> {
    this.#closed ??= this.idle().then(() => {
      this.#states.clear();
      this.#plans.clear();
    });
    return this.#closed;
  }

  /** Does a job after all before it. */
  submit<T>(job: () => T | Promise<T>): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(new BackendError("the device was closed"));
    const done = this.#last.then(nextTurn).then(job);
    this.#last = done.catch(() => {});
    return done;
  }

  #planTraining(wish: TrainingWish): TrainingPlans {
    const plans = planReferenceTraining(wish);
    const { step, apply, evaluation } = plans;
    checkReference([...this.#plans, step, ...(apply === undefined ? [] : [apply]), evaluation], this.#limit);
    return plans;
  }

  #load(plan: ReferencePlan): ReferenceExecutable {
    this.#plans.add(plan);
    for (const { name, kind, shape, dtype } of plan.states) {
      if (this.#states.has(name)) continue;
      const empty = zeros(dtype, sizeOf(shape));
      this.#states.set(name, { name, kind, shape, dtype, numbers: () => empty });
    }
    return new ReferenceExecutable(plan, {
      states: this.#states,
      submit: (job) => this.submit(job),
      transfer: this.#transfer,
      isLoaded: () => this.#plans.has(plan),
      unload: async () => {
        if (this.#closed !== undefined) await this.#closed;
        else await this.submit(() => void this.#plans.delete(plan));
      },
    });
  }

  #fits(plans: readonly ReferencePlan[]): boolean {
    try {
      checkReference(plans, this.#limit);
      return true;
    } catch (error) {
      if (error instanceof MemoryError) return false;
      throw error;
    }
  }

  #open(): void {
    if (this.#closed !== undefined) throw new BackendError("the device was closed");
  }

  #state(name: string): KeptState {
    this.#open();
    const state = this.#states.get(name);
    if (state === undefined) throw unknownName("state", name, [...this.#states.keys()]);
    return state;
  }
}
