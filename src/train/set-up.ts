/** Sets a training up on a device: compiles its entries together and writes the weights that it starts from. */
import type { Device, TrainingExecutables } from "../devices/device.js";
import type { Shape } from "../graph/shape.js";
import { inTurns } from "../host/event-loop.js";
import {
  checkWeights,
  initialWeightsOnDemand,
  type Weights,
  weightsBeside,
  writeWeights,
} from "../model/weights/weights.js";
import type { Module } from "../nn/index.js";
import { classesOf } from "../nn/loss.js";
import { Apply } from "./apply.js";
import { augmenting } from "./augmenting.js";
import { cautionsOf } from "./cautions.js";
import { checkBatch } from "./check-batch.js";
import { checkLabels } from "./check-labels.js";
import { EpochLoop } from "./epoch-loop.js";
import { Evaluator } from "./evaluate/evaluator.js";
import type { FeederOptions } from "./feeder.js";
import type { TrainingData } from "./records.js";
import { trainingEntries } from "./step.js";
import { StepInputs } from "./step-inputs.js";
import { averageName } from "./techniques/averaging.js";
import { whitenedOn } from "./techniques/whitening.js";
import { checkTrainerOptions, type TrainerOptions } from "./trainer-options.js";

export interface TrainingParts {
  readonly executables: TrainingExecutables;
  readonly loop: EpochLoop;
  readonly evaluator: Evaluator;
  /** Weights that no executable reads. */
  readonly unread: Weights;
  /** The names of states that have averages. */
  readonly averaged: ReadonlySet<string>;
  /** What is seldom meant, in one sentence each. */
  readonly cautions: readonly string[];
  /** How training pictures are drawn. */
  readonly feed: FeederOptions;
}

/** Throws before any memory is taken if the plan does not fit. */
export async function setUpTraining(
  device: Device,
  network: Module,
  input: Shape,
  data: TrainingData,
  options: TrainerOptions,
): Promise<TrainingParts> {
  checkTrainerOptions(options, data);
  if (options.initial !== undefined) await inTurns(checkWeights(network, options.initial, "initial: the weights"));
  const labelsPixels = checkLabels(network, data, options);
  // Pictures to be labelled are tested in their own size, whatever size is cut out of them to train on.
  const testInput = labelsPixels ? (data.test?.shape ?? input) : input;
  const { train } = data;
  const { top5, seed, batchSize, accumulate = 1 } = options;
  const entries = trainingEntries(network, input, options.optimizer, options);
  const { traced, rates } = entries;
  const classes = classesOf(network, traced.output);
  const { augmenter, transforms, testTimeAugmentation } = labelsPixels
    ? { augmenter: undefined, transforms: options.augment, testTimeAugmentation: undefined }
    : await augmenting(data, input, classes, options);
  const maxBatch = Math.min(batchSize, train.length);
  checkBatch(traced, maxBatch);
  const averaged = new Set(entries.averaged);
  const isGrouped = accumulate > 1;
  const executables = await device.compileTraining({
    step: isGrouped ? entries.accumulate : entries.step,
    maxBatch,
    apply: isGrouped ? entries.apply : undefined,
    evaluation: Evaluator.entry(network, testInput, { averaged, testTimeAugmentation, top5 }).entry,
  });
  const { step, evaluation } = executables;
  const apply = executables.apply && (await Apply.create(executables.apply));
  const evaluator = await Evaluator.create(device, network, testInput, {
    testTimeAugmentation,
    top5,
    executable: evaluation,
  });
  const initial = options.initial ?? (await whitenedOn(initialWeightsOnDemand(network, seed), network, train));
  await writeWeights(device, initial);
  for (const name of averaged) await device.writeState(averageName(name), initial.get(name)!.data);
  const batches = { pictures: train.length, batchSize, accumulate };
  const inputs = new StepInputs(options, batches, rates);
  return {
    executables,
    loop: new EpochLoop({ step, apply, inputs, train, batches, options }),
    evaluator,
    unread: weightsBeside(device, initial),
    averaged,
    feed: { seed, distort: options.distort, augmenter, transforms },
    cautions: cautionsOf(network, traced, data, options, batches),
  };
}
