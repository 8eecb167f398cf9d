/**
 * What a network consists of and what it costs: each layer's output, parameters and multiply-adds for one picture, and the
 * memory that a training at a batch is planned to take.
 */
import { MemoryError } from "../base/errors.js";
import { checkOptions, expecting, type Fields, listOf, whole } from "../base/options.js";
import { type Host, planTraining } from "../devices/cpu/planning/plan.js";
import { trainingMemory } from "../devices/cpu/planning/training-memory.js";
import { Session } from "../devices/cpu/session.js";
import { MACHINE_OPTIONS, type MachineOptions } from "../devices/machine-options.js";
import type { TrainingMemory } from "../devices/training-memory.js";
import type { Shape } from "../graph/shape.js";
import { checkNetwork, type Network, networkParts } from "../model/trained-model.js";
import type { Module } from "../nn/index.js";
import { optimizerFrom, TRAINING_DEFAULTS } from "../train/defaults.js";
import { isOptimizer, type Optimizer } from "../train/optimizer.js";
import { evaluationEntry, trainingEntries } from "../train/step.js";
import { type InferenceMemory, planInference } from "./inference.js";
import { type LayerSummary, layersOf, trainingMultiplyAdds } from "./layers.js";

export type { InferenceMemory } from "./inference.js";
export type { LayerSummary } from "./layers.js";

export interface MemorySummary extends TrainingMemory {
  readonly batch: number;
  readonly optimizer: string;
}

export interface Summary {
  readonly input: Shape;
  readonly layers: readonly LayerSummary[];
  readonly parameters: number;
  /** Of convolutions and linear layers on one picture, forward, without biases: as torchvision's tables count. */
  readonly multiplyAdds: number;
  /** Forward and backward, on one picture. */
  readonly trainingMultiplyAdds: number;
  /** Bytes of all layers' outputs for one picture; less where layers are computed as one. */
  readonly activationBytes: number;
  readonly training?: MemorySummary;
  readonly inference?: InferenceMemory;
  /** Why one of the two cannot be planned at this batch. */
  readonly refusal?: string;
}

export interface SummaryOptions extends Pick<MachineOptions, "backend" | "memoryLimit" | "note"> {
  /** What it takes; a network of the zoo says it itself, but may be asked about another size. */
  readonly input?: Shape | undefined;
  /** Plans inference and training at this batch. */
  readonly batch?: number;
  readonly optimizer?: Optimizer;
}

const SUMMARY_OPTIONS: Fields<SummaryOptions> = {
  backend: MACHINE_OPTIONS.backend,
  memoryLimit: MACHINE_OPTIONS.memoryLimit,
  note: MACHINE_OPTIONS.note,
  input: listOf(whole(1), "[height, width, channels]"),
  batch: whole(1),
  optimizer: expecting("what sgd(...), adam(...) or adamw(...) gives", isOptimizer),
};

/** @throws ShapeError where a layer does not fit its input. */
export async function summarize(network: Network, options: SummaryOptions = {}): Promise<Summary> {
  checkOptions("summarize", options, SUMMARY_OPTIONS, "summarize: ");
  checkNetwork(network, "summarize");
  const parts = networkParts(network, options.input);
  const { module } = parts;
  const input = options.input ?? parts.input;
  const layers = layersOf(module, input);
  const total = (of: (layer: LayerSummary) => number) => layers.reduce((sum, layer) => sum + of(layer), 0);
  const summary: Summary = {
    input,
    layers,
    parameters: total((layer) => layer.parameters),
    multiplyAdds: total((layer) => layer.multiplyAdds),
    trainingMultiplyAdds: trainingMultiplyAdds(module, input),
    activationBytes: total((layer) => layer.activationBytes),
  };
  if (options.batch === undefined) return summary;
  const { backend, memoryLimit, note } = options;
  const session = await Session.create({ backend, memoryLimit, note });
  const { target, winograd, room } = session;
  const host: Host = { target, winograd, room };
  await session.close();
  const optimizer = options.optimizer ?? optimizerFrom(TRAINING_DEFAULTS.optimizer);
  const { batch } = options;
  return {
    ...summary,
    ...planned(() => ({ inference: planInference(module, input, host, batch) })),
    ...planned(() => ({ training: planMemory(module, input, host, batch, optimizer) })),
  };
}

/** A plan that cannot be made says why, beside what can be told. */
function planned<T extends object>(plan: () => T): T | { readonly refusal: string } {
  try {
    return plan();
  } catch (error) {
    if (error instanceof MemoryError) return { refusal: error.message };
    throw error;
  }
}

/** What a Trainer takes. */
function planMemory(module: Module, input: Shape, host: Host, batch: number, optimizer: Optimizer): MemorySummary {
  const programs = planTraining(host, {
    step: trainingEntries(module, input, optimizer).step,
    maxBatch: batch,
    evaluation: evaluationEntry(module, input).entry,
  });
  return { batch, optimizer: optimizer.name, ...trainingMemory(programs, host) };
}
