/** A classifier's program at a batch, and the memory that it is planned to take: what `compile` makes. */
import { compileEntry } from "../compiler/compile.js";
import type { Program } from "../compiler/program.js";
import { engineBytes } from "../devices/cpu/memory/memory-check.js";
import { type Host, plannedMemory } from "../devices/cpu/planning/plan.js";
import { type MemoryUse, totalOf } from "../devices/memory-use.js";
import type { Shape } from "../graph/shape.js";
import { predictionEntry } from "../model/prediction.js";
import type { Module } from "../nn/index.js";

/**
 * Bytes by part: parameters and statistics as they are (store), without those of which only packed ones are kept; packed weights
 * (prepared); activations (scratch); pictures (slots).
 */
export interface InferenceMemory extends MemoryUse {
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
  const engine = engineBytes(memory.code, host.room);
  return { batch: program.maxBatch, ...memory, total: totalOf(memory), engine };
}

/** @throws MemoryError where a value is larger than can be held. */
export const planInference = (module: Module, input: Shape, host: Host, batch: number): InferenceMemory =>
  inferenceMemory(inferenceProgram(module, input, host, batch), host);
