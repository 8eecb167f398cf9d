/** The memory that a classifier is planned to take at a batch. */
import type { Device } from "../devices/device.js";
import type { PlannedMemory } from "../devices/memory-use.js";
import type { Shape } from "../graph/shape.js";
import { predictionEntry } from "../model/prediction.js";
import type { Module } from "../nn/index.js";

/**
 * Bytes by part: parameters and statistics as they are (store), without those of which only packed ones are kept;
 * packed weights (prepared); activations (scratch); pictures (slots).
 */
export interface InferenceMemory extends PlannedMemory {
  /** Pictures at once. */
  readonly batch: number;
}

/** One slot is filled while the other is computed. */
const CLASSIFIER_SLOTS = 2;

/**
 * The memory that a classifier of a network would take at a batch. Nothing is allocated.
 * @throws MemoryError if a value is larger than the device can hold
 */
export async function planInference(
  device: Device,
  module: Module,
  input: Shape,
  batch: number,
): Promise<InferenceMemory> {
  const { entry } = predictionEntry(module, input);
  return { batch, ...(await device.plan(entry, { maxBatch: batch, slots: CLASSIFIER_SLOTS, lent: true })) };
}
