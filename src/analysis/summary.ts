/**
 * What a network consists of and what it costs: each layer's output, parameters and multiply-adds for one picture, and the
 * memory that a training at a batch is planned to take.
 */
import type { Target } from "../codegen/ir.js";
import { compileEntry } from "../compile/compile.js";
import { MemoryError } from "../errors.js";
import type { Shape } from "../graph/value.js";
import type { Module } from "../nn/index.js";
import { Session, type SessionOptions } from "../runtime/session.js";
import { optimizerFrom, TRAINING_DEFAULTS } from "../train/config.js";
import { EVALUATION_BATCH } from "../train/evaluator.js";
import type { Optimizer } from "../train/optimizer.js";
import { QUEUE_LENGTH } from "../train/queue.js";
import { evaluationEntry, predictionEntry, trainingEntries } from "../train/step.js";
import { type Network, networkParts } from "../train/trained-model.js";
import { type LayerSummary, layersOf, trainingMultiplyAdds } from "./layers.js";

export type { LayerSummary } from "./layers.js";

export interface MemorySummary {
  readonly batch: number;
  readonly optimizer: string;
  /** Bytes: trainable numbers, what the optimiser keeps, activations and temporaries, packed weights, pictures under way. */
  readonly parameters: number;
  readonly optimizerState: number;
  readonly scratch: number;
  readonly prepared: number;
  readonly slots: number;
  readonly total: number;
}

/** Of a classifier that takes so many pictures at once. */
export type InferenceMemory = Omit<MemorySummary, "optimizer" | "optimizerState">;

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

export interface SummaryOptions extends Pick<SessionOptions, "backend" | "note"> {
  /** What it takes; a network of the zoo says it itself, but may be asked about another size. */
  readonly input?: Shape | undefined;
  /** Plans inference and training at this batch. */
  readonly batch?: number;
  readonly optimizer?: Optimizer;
}

/** @throws ShapeError where a layer does not fit its input. */
export async function summarize(network: Network, options: SummaryOptions = {}): Promise<Summary> {
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
  const { backend, note } = options;
  const session = await Session.create({ backend, note });
  const { target } = session;
  await session.close();
  const optimizer = options.optimizer ?? optimizerFrom(TRAINING_DEFAULTS.optimizer);
  const { batch } = options;
  return {
    ...summary,
    ...planned(() => ({ inference: planInference(module, input, target, batch) })),
    ...planned(() => ({ training: planTraining(module, input, target, batch, optimizer) })),
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

/** Slots of a classifier: one is filled while the other is computed. */
const CLASSIFIER_SLOTS = 2;

/** What a compiled classifier takes, as `compile` makes it. */
export function planInference(module: Module, input: Shape, target: Target, batch: number): InferenceMemory {
  const { bytes, states } = compileEntry(predictionEntry(module, input).entry, { target, maxBatch: batch });
  const regions = {
    parameters: states.reduce((sum, state) => sum + Math.ceil(state.place.bytes / 64) * 64, 0),
    scratch: bytes.scratch,
    prepared: bytes.prepared,
    slots: CLASSIFIER_SLOTS * bytes.slot,
  };
  return { batch, ...regions, total: Object.values(regions).reduce((sum, size) => sum + size, 0) };
}

/** What a Trainer would take, to the byte but for tables of addresses: it loads a training step and an evaluation. */
function planTraining(
  module: Module,
  input: Shape,
  target: Target,
  batch: number,
  optimizer: Optimizer,
): MemorySummary {
  const step = compileEntry(trainingEntries(module, input, optimizer).step, { target, maxBatch: batch });
  const evaluation = compileEntry(evaluationEntry(module, input).entry, { target, maxBatch: EVALUATION_BATCH });
  const stored = (kind: string) =>
    step.states.filter((s) => s.kind === kind).reduce((sum, s) => sum + Math.ceil(s.place.bytes / 64) * 64, 0);
  const regions = {
    parameters: stored("parameter") + stored("statistic"),
    optimizerState: stored("optimizer") + stored("gradient"),
    scratch: Math.max(step.bytes.scratch, evaluation.bytes.scratch),
    prepared: step.bytes.prepared + evaluation.bytes.prepared,
    slots: QUEUE_LENGTH * (step.bytes.slot + evaluation.bytes.slot),
  };
  const total = Object.values(regions).reduce((sum, bytes) => sum + bytes, 0);
  return { batch, optimizer: optimizer.name, ...regions, total };
}
