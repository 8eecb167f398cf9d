/** What is allowed in a training and is seldom meant, in one sentence each. */
import type { Dataset } from "../data/sets/dataset.js";
import { CROSS_ENTROPY, type Module, type Traced } from "../nn/index.js";
import { type Batches, updatesOf } from "./accumulation.js";
import { TRAINING_DEFAULTS } from "./defaults.js";
import type { TrainingData } from "./records.js";
import type { TrainerOptions } from "./trainer-options.js";

export function cautionsOf(
  network: Module,
  { output }: Pick<Traced, "output">,
  data: TrainingData,
  options: TrainerOptions,
  batches: Batches,
): string[] {
  const { loss = CROSS_ENTROPY } = network;
  const { batchSize, epochs, schedule } = options;
  const pictures = data.train.length;
  const steps = epochs * updatesOf(batches);
  const { warmupSteps = 0 } = schedule;
  const found: (string | false)[] = [
    // A set smaller than the default batch is a toy.
    batchSize > Math.max(pictures, TRAINING_DEFAULTS.batchSize) &&
      `the batch size is ${batchSize}, and there are ${pictures} pictures: each epoch is one step; lower it, to ${TRAINING_DEFAULTS.batchSize} for a start`,
    loss.kind !== "maximumAPosteriori" &&
      output.op.name === "softmax" &&
      "the network ends with a softmax, and the loss takes the softmax itself: it learns slowly; leave the last one out, as answers bring probabilities all the same",
    warmupSteps > steps &&
      `the warm-up takes ${warmupSteps} steps, and the training has ${steps}: the learning rate never reaches its full value; lower the warm-up`,
    isSame(data.train, data.test) &&
      "the test pictures are the training pictures: their accuracy says nothing about other pictures; keep some pictures apart",
  ];
  return found.filter((text) => text !== false);
}

function isSame(one: Dataset, other: Dataset | undefined): boolean {
  if (other === undefined || one.length !== other.length || one.length === 0) return false;
  if (one === other || (one.images.length > 0 && one.images === other.images)) return true;
  if (one.contents !== undefined || other.contents !== undefined) return one.contents === other.contents;
  return equal(one.labels, other.labels) && equal(one.images, other.images);
}

const equal = (one: ArrayLike<number>, other: ArrayLike<number>): boolean => {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
};
