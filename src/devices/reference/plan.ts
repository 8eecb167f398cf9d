/** What the reference device takes: every value of an entry at once, in float64. */
import { MemoryError } from "../../base/errors.js";
import { reachable } from "../../graph/evaluate.js";
import { type Entry, inputOp, type StateAttributes, stateOp, type Value } from "../../graph/graph.js";
import { bytesOfValue, type Signature, sizeOf } from "../../graph/shape.js";
import type { DeviceState, PortDescription, TrainingWish } from "../device.js";
import { type MemoryUse, totalOf } from "../memory-use.js";
import { QUEUE_LENGTH } from "../queue.js";
import type { TrainingMemory } from "../training-memory.js";

/** An entry as the device runs it. */
export interface ReferencePlan {
  readonly entry: Entry;
  readonly maxBatch: number;
  readonly slots: number;
  readonly inputs: readonly PortDescription[];
  readonly outputs: readonly PortDescription[];
  readonly states: readonly StateDescription[];
  /** Bytes of the slots, and of all values at the largest batch. */
  readonly bytes: { readonly slots: number; readonly scratch: number };
}

export interface StateDescription extends DeviceState {
  readonly dtype: StateAttributes["dtype"];
}

/** Samples of a run where nobody says how many. */
const BATCH = 32;

export function planReference(entry: Entry, maxBatch = BATCH, slots = QUEUE_LENGTH): ReferencePlan {
  const values = reachable([
    ...Object.values(entry.outputs),
    ...entry.assigns.flatMap(({ state, value }) => [state, value]),
  ]);
  const inputs = values.filter(({ op }) => op.name === inputOp.name).map((value) => portOf(nameOf(value), value));
  const outputs = Object.entries(entry.outputs).map(([name, value]) => portOf(name, value));
  const states = values
    .filter(({ op }) => op.name === stateOp.name)
    .map(({ attributes }) => {
      const { name, kind, shape, dtype } = attributes as StateAttributes;
      return { name, kind, shape, dtype };
    });
  const samples = ({ batched }: Signature) => (batched ? maxBatch : 1);
  const bytes = {
    slots: slots * [...inputs, ...outputs].reduce((total, port) => total + bytesOfValue(port) * samples(port), 0),
    scratch: values.reduce((total, value) => total + 8 * sizeOf(value.shape) * samples(value), 0),
  };
  return { entry, maxBatch, slots, inputs, outputs, states, bytes };
}

const nameOf = ({ attributes }: Value) => (attributes as { readonly name: string }).name;
const portOf = (name: string, { shape, batched, dtype }: Value): PortDescription => ({ name, shape, batched, dtype });

const bytesOfState = (state: StateDescription) => bytesOfValue({ ...state, batched: false });

/** What the plans take together. */
export function referenceMemory(plans: Iterable<ReferencePlan>): MemoryUse {
  const all = [...plans];
  const states = new Map(all.flatMap((plan) => plan.states.map((state) => [state.name, state])));
  return {
    store: [...states.values()].reduce((total, state) => total + bytesOfState(state), 0),
    prepared: 0,
    slots: all.reduce((total, { bytes }) => total + bytes.slots, 0),
    scratch: Math.max(0, ...all.map(({ bytes }) => bytes.scratch)),
    tables: 0,
    code: 0,
  };
}

/** @throws MemoryError where they take more than the limit. */
export function checkReference(plans: readonly ReferencePlan[], limit: number): void {
  const total = totalOf(referenceMemory(plans));
  if (total <= limit) return;
  const batch = Math.max(...plans.map(({ maxBatch }) => maxBatch));
  throw new MemoryError(
    `memory: the reference device needs ${total} bytes at batch ${batch}, but memoryLimit allows ${limit}; choose a smaller batch`,
  );
}

export interface TrainingPlans {
  readonly step: ReferencePlan;
  readonly apply: ReferencePlan | undefined;
  readonly evaluation: ReferencePlan;
  readonly memory: TrainingMemory;
}

export function planReferenceTraining(wish: TrainingWish): TrainingPlans {
  const step = planReference(wish.step, wish.maxBatch);
  const apply = wish.apply && planReference(wish.apply, 1);
  const evaluation = planReference(wish.evaluation);
  const training = apply === undefined ? [step] : [step, apply];
  const memory = referenceMemory(training);
  const states = new Map(training.flatMap((plan) => plan.states.map((state) => [state.name, state])));
  const stored = (...kinds: DeviceState["kind"][]) =>
    [...states.values()]
      .filter(({ kind }) => kinds.includes(kind))
      .reduce((total, state) => total + bytesOfState(state), 0);
  const total = totalOf(referenceMemory([...training, evaluation]));
  return {
    step,
    apply,
    evaluation,
    memory: {
      parameters: stored("parameter", "statistic"),
      optimizerState: stored("optimizer", "gradient"),
      activations: memory.scratch,
      gradients: 0,
      packedWeights: 0,
      pictures: memory.slots,
      other: 0,
      evaluation: total - totalOf(memory),
      total,
      engine: 0,
      recomputed: [],
      extraTime: 0,
    },
  };
}
