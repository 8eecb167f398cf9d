/** What the programs of a training take, by what it is for. */
import { align } from "../../../compiler/memory.js";
import type { StoredState } from "../../../compiler/program.js";
import { totalOf } from "../../memory-use.js";
import type { TrainingMemory } from "../../training-memory.js";
import { engineBytes } from "../memory/memory-check.js";
import { type Host, plannedMemory, programsOf, type TrainingPrograms } from "./plan.js";

/** What the engine's heap grows by as first weights are drawn and batches are put together. */
const TRAINER_BYTES = 3e6;

export function trainingMemory(programs: TrainingPrograms, host: Host): TrainingMemory {
  const all = programsOf(programs);
  const memory = plannedMemory(all, host);
  const training = plannedMemory(all.slice(0, -1), host);
  const states = new Map(all.flatMap((program) => program.states.map((state) => [state.name, state])));
  const stored = (...kinds: StoredState["kind"][]) =>
    [...states.values()]
      .filter((state) => kinds.includes(state.kind))
      .reduce((sum, { place }) => sum + align(place.bytes), 0);
  const { activations = 0, gradients = 0, panels = 0, recomputed = [], extraTime = 0 } = programs.step.scratch ?? {};
  const parts = {
    parameters: stored("parameter", "statistic"),
    optimizerState: stored("optimizer", "gradient"),
    activations,
    gradients,
    packedWeights: panels + training.prepared,
    pictures: training.slots,
    evaluation: totalOf(memory) - totalOf(training),
  };
  const total = totalOf(memory);
  const named = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  const engine = engineBytes(memory.code, host.room) + TRAINER_BYTES;
  return { ...parts, other: total - named, total, engine, recomputed, extraTime };
}
