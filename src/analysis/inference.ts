/** A classifier's program at a batch, and the memory that it is planned to take: what `compile` makes. */
import { compileEntry } from "../compile/compile.js";
import type { Program } from "../compile/program.js";
import type { Shape } from "../graph/value.js";
import type { Module } from "../nn/index.js";
import { engineBytes } from "../runtime/memory-check.js";
import { type Host, type PlannedMemory, plannedMemory, totalOf } from "../train/plan.js";
import { predictionEntry } from "../train/step.js";

/**
 * Bytes by part: parameters and statistics as they are (store), without those of which only packed ones are kept; packed weights
 * (prepared); activations (scratch); pictures (slots).
 */
export interface InferenceMemory extends PlannedMemory {
  readonly batch: number;
  readonly total: number;
  /** About what the engine takes beside that: its heap, and its threads. */
  readonly engine: number;
}

/** One slot is filled while the other is computed. */
const CLASSIFIER_SLOTS = 2;

/** @throws MemoryError where a value is larger than can be held. */
export function inferenceProgram(module: Module, input: Shape, { target, winograd }: Host, batch: number): Program {
  return compileEntry(predictionEntry(module, input).entry, { target, winograd, maxBatch: batch });
}

export function inferenceMemory(program: Program, host: Host): InferenceMemory {
  const memory = plannedMemory([program], host, CLASSIFIER_SLOTS, true);
  const engine = engineBytes(memory.code, host.room.threads);
  return { batch: program.maxBatch, ...memory, total: totalOf(memory), engine };
}

/** @throws MemoryError where a value is larger than can be held. */
export const planInference = (module: Module, input: Shape, host: Host, batch: number): InferenceMemory =>
  inferenceMemory(inferenceProgram(module, input, host, batch), host);
