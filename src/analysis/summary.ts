/**
 * What a network consists of and what it costs: each layer's output, parameters and multiply-adds for one picture, and
 * the memory that a training at a batch is planned to take.
 */
import { MemoryError } from "../base/errors.js";
import { checkOptions, type Fields, whole } from "../base/options.js";
import type { Device } from "../devices/device.js";
import { MACHINE_OPTIONS, type MachineOptions } from "../devices/machine-options.js";
import { openDevice } from "../devices/open.js";
import type { TrainingMemory } from "../devices/training-memory.js";
import type { Shape } from "../graph/shape.js";
import { type AnyNetwork, inputOf, moduleOf } from "../model/trained-model.js";
import type { AnyInputs, Module } from "../nn/index.js";
import { inputShapes } from "../nn/inputs.js";
import { usualOptimizer } from "../train/defaults.js";
import { anOptimizer, type Optimizer } from "../train/optimizers/optimizer.js";
import { evaluationEntry, trainingEntries } from "../train/step.js";
import { type InferenceMemory, planInference } from "./inference.js";
import { type LayerSummary, layersOf, trainingMultiplyAdds } from "./layers.js";

export type { InferenceMemory } from "./inference.js";
export type { LayerSummary } from "./layers.js";

/** Bytes that a training is planned to take. */
export interface MemorySummary extends TrainingMemory {
  /** Pictures of a step. */
  readonly batch: number;
  /** Name of the optimizer. */
  readonly optimizer: string;
}

/** The layers of a network, and their costs. */
export interface Summary {
  /** Its input, as it was given. */
  readonly input: AnyInputs;
  /** Its layers, in the order in which they compute. */
  readonly layers: readonly LayerSummary[];
  /** Numbers in all parameters. */
  readonly parameters: number;
  /**
   * Multiply-adds of convolutions and linear layers for one picture, forward, without biases, as torchvision's tables
   * count them.
   */
  readonly multiplyAdds: number;
  /** Forward and backward, on one picture. */
  readonly trainingMultiplyAdds: number;
  /** Bytes of all layers' outputs for one picture; less where layers are computed as one. */
  readonly activationBytes: number;
  /** Bytes that training is planned to take, where a batch is given. */
  readonly training?: MemorySummary;
  /** Bytes that inference is planned to take, where a batch is given. */
  readonly inference?: InferenceMemory;
  /** Why one of the two cannot be planned at this batch. */
  readonly refusal?: string;
}

/** Options of `summarize`. All are optional. */
export interface SummaryOptions extends Pick<MachineOptions, "device" | "backend" | "memoryLimit" | "note"> {
  /**
   * Shape of one picture, [height, width, channels]; of several inputs as `trace` takes them.
   * @default the network's own, which a module does not have
   */
  readonly input?: AnyInputs | undefined;
  /**
   * Plans the memory of inference and training at this batch.
   * @default none: no memory is planned
   */
  readonly batch?: number;
  /**
   * The optimizer of the training that is planned.
   * @default sgd({ lr: 0.03, momentum: 0.9, weightDecay: 5e-4 })
   */
  readonly optimizer?: Optimizer;
}

const SUMMARY_OPTIONS: Fields<SummaryOptions> = {
  device: MACHINE_OPTIONS.device,
  backend: MACHINE_OPTIONS.backend,
  memoryLimit: MACHINE_OPTIONS.memoryLimit,
  note: MACHINE_OPTIONS.note,
  input: inputShapes,
  batch: whole(1),
  optimizer: anOptimizer,
};

/**
 * Tells what a network consists of and costs: each layer's output, parameters, multiply-adds and receptive field for
 * one picture, and at a batch the memory that inference and training are planned to take.
 *
 * @example
 * ```js
 * import { models, summarize } from "fovea";
 *
 * const { parameters, layers } = await summarize(models.create("lenet5"));
 * console.log(parameters, layers.find(({ path }) => path === "conv1")?.output); // 61706 [ 28, 28, 6 ]
 * ```
 *
 * @throws ShapeError if a layer does not fit its input; OptionError if a batch is to be planned for a network of
 * several inputs or outputs, of which training and classifiers know nothing
 */
export async function summarize(network: AnyNetwork, options: SummaryOptions = {}): Promise<Summary> {
  checkOptions("summarize", options, SUMMARY_OPTIONS, "summarize: ");
  const module = moduleOf(network, "summarize");
  const input = inputOf(network, options.input);
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
  const { device: name, backend, memoryLimit, note, batch, optimizer = usualOptimizer() } = options;
  const device = await openDevice({ device: name, backend, memoryLimit, note });
  try {
    const [network, shape] = [module as Module, input as Shape];
    const inference = await planned(async () => ({ inference: await planInference(device, network, shape, batch) }));
    const training = await planned(async () => ({
      training: await planTraining(device, network, shape, batch, optimizer),
    }));
    return { ...summary, ...inference, ...training };
  } finally {
    await device.close();
  }
}

/** A plan that cannot be made says why, beside what can be told. */
async function planned<T extends object>(plan: () => Promise<T>): Promise<T | { readonly refusal: string }> {
  try {
    return await plan();
  } catch (error) {
    if (error instanceof MemoryError) return { refusal: error.message };
    throw error;
  }
}

/** What a Trainer takes. */
async function planTraining(
  device: Device,
  module: Module,
  input: Shape,
  batch: number,
  optimizer: Optimizer,
): Promise<MemorySummary> {
  const memory = await device.planTraining({
    step: trainingEntries(module, input, optimizer).step,
    maxBatch: batch,
    evaluation: evaluationEntry(module, input).entry,
  });
  return { batch, optimizer: optimizer.name, ...memory };
}
