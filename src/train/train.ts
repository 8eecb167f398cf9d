/**
 * Training and measuring in one call each.
 *
 *     const run = await train(models.create("lenet5"), digits.train, { test: digits.test, epochs: 8 });
 *     const { accuracy } = await evaluate(run.model, digits.test);
 */

import { OptionError } from "../base/errors.js";
import { noteOnce } from "../base/notes.js";
import {
  anything,
  callback,
  checkKnown,
  checkOptions,
  checkValues,
  expecting,
  type Fields,
  flag,
  oneOf,
  pick,
  whole,
} from "../base/options.js";
import { distortionsOf } from "../data/augment/distort.js";
import type { DistortOptions } from "../data/augment/distort-options.js";
import { parseAugmentation } from "../data/augment/grammar.js";
import { parseTransforms, type Transform } from "../data/augment/transform.js";
import { VIEWS, type ViewName } from "../data/augment/views.js";
import { checkDataset } from "../data/sets/check-dataset.js";
import type { Dataset } from "../data/sets/dataset.js";
import { labelledAs } from "../data/sets/labelled-as.js";
import { MACHINE_OPTIONS, type MachineOptions } from "../devices/machine-options.js";
import { openDevice } from "../devices/open.js";
import type { Shape } from "../graph/shape.js";
import {
  checkModel,
  checkNetwork,
  type Network,
  networkParts,
  scaledFor,
  type TrainedModel,
} from "../model/trained-model.js";
import { lendWeights, type Weights } from "../model/weights/weights.js";
import { optimizerFrom, TRAINING_DEFAULTS } from "./defaults.js";
import { type Evaluation, Evaluator } from "./evaluate/evaluator.js";
import type { Optimizer } from "./optimizers/optimizer.js";
import type { EpochRecord, Progress, StepRecord } from "./records.js";
import type { Schedule } from "./schedules/schedule.js";
import type { Techniques } from "./techniques/techniques.js";
import { Trainer } from "./trainer.js";
import { TRAINER_OPTIONS, type TrainerOptions } from "./trainer-options.js";
import { recordRun, type TrainingRun } from "./training-run.js";

export interface TrainOptions extends MachineOptions, Techniques {
  /** Measured after each epoch. Classes are told by their names. */
  readonly test?: Dataset;
  /** Chooses the best epoch in place of the test pictures, which then do nothing but measure. */
  readonly val?: Dataset;
  /** @default 8 */
  readonly epochs?: number;
  /** @default 64 */
  readonly batchSize?: number;
  /** @default sgd({ lr: 0.03, momentum: 0.9, weightDecay: 5e-4 }) */
  readonly optimizer?: Optimizer;
  /** How the learning rate runs: half a cosine down to zero unless said. */
  readonly schedule?: Schedule;
  /** Distorts each training picture anew in every epoch: true for the usual amounts. */
  readonly distort?: boolean | Partial<DistortOptions>;
  /** What training pictures go through: a preset or a list, such as "cifar" or "padCrop:4,flip,cutout:8", or transforms. */
  readonly augment?: string | readonly Transform[];
  /** Averages test figures over views of each picture. */
  readonly views?: ViewName;
  /** Counts the test pictures whose label is among the five likeliest classes, too. */
  readonly top5?: boolean;
  /** A whole number; the same seed gives the same bits on the same kind of machine. 0 unless said. */
  readonly seed?: number;
  /** What training starts from, as `loadWeights` gives it; the network's initial weights unless said. */
  readonly initial?: Weights;
  /** Keeps the weights of the epoch that was best on the test pictures; done with `patience` unless false. */
  readonly keepBest?: boolean;
  /** Callbacks may be asynchronous: training waits for them, and ends with what they throw. */
  onEpoch?(record: EpochRecord): void | Promise<void>;
  onStep?(record: StepRecord): void;
  onProgress?(progress: Progress): void;
  /** Stops after the step under way; what was learned until then is the result. */
  readonly signal?: AbortSignal;
}

/** Those that the trainer knows nothing of. */
const BESIDES: Fields<Omit<TrainOptions, keyof MachineOptions | keyof TrainerOptions>> = {
  test: anything,
  val: anything,
  keepBest: flag,
  onEpoch: callback,
  onStep: callback,
  onProgress: callback,
  signal: expecting(
    "the signal of an AbortController",
    (signal) => typeof (signal as AbortSignal | null)?.aborted === "boolean",
  ),
};

/** What each may be: an option that is in no table is refused, and one that is in none of them does not compile. */
export const TRAIN_OPTIONS: Fields<TrainOptions> = { ...MACHINE_OPTIONS, ...TRAINER_OPTIONS, ...BESIDES };

/**
 * Trains a network on pictures.
 * @throws OptionError on an option that is unknown or out of its range, ShapeError where a layer does not fit its input or the
 * network's answer its labels, DataError where the data is not what it should be or does not fit the network, MemoryError before
 * anything is allocated, and TrainingError where the loss is not finite. An error after the first step carries what was computed
 * until then, as `run` (TrainingFailure).
 */
export async function train(network: Network, data: Dataset, options: TrainOptions = {}): Promise<TrainingRun> {
  checkKnown("train", options, TRAIN_OPTIONS);
  checkValues(options, BESIDES);
  checkTested(options);
  const { onEpoch, onStep, onProgress, signal, keepBest = options.patience !== undefined, watch } = options;
  checkNetwork(network, "train");
  checkDataset(data, "train: the data");
  for (const half of ["val", "test"] as const) {
    if (options[half] !== undefined) checkDataset(options[half], `train: ${half}`);
  }
  const learned = scaledFor(network, data);
  const [val, test] = [options.val, options.test].map(
    (half) => half && labelledAs(scaledFor(network, half), data.classes, data.name),
  );
  const { module, input, network: name } = networkParts(network, data.shape);
  const device = await openDevice(pick(options, MACHINE_OPTIONS));
  try {
    const trainer = await Trainer.create(
      device,
      module,
      input,
      { train: learned, val, test },
      trainerOptions(options, input),
    );
    checkWatched(options);
    const { classes, mean, std } = learned;
    const recorded = {
      model: (weights: Weights) => ({ module, input, classes, scaling: { mean, std }, weights, network: name }),
      keepBest,
      watch,
    };
    return await recordRun(trainer, recorded, {
      ...(onProgress && { progress: (progress) => onProgress(progress) }),
      ...(onStep && { step: (record) => onStep(record) }),
      ...(onEpoch && { epoch: (record) => onEpoch(record) }),
      shouldStop: () => signal?.aborted ?? false,
    });
  } finally {
    await device.close();
  }
}

/** All of the trainer's options, with what holds where they are not given. */
function trainerOptions(options: TrainOptions, input: Shape): TrainerOptions {
  const { optimizer, ...defaults } = TRAINING_DEFAULTS;
  const { augment, distort } = options;
  return {
    ...defaults,
    optimizer: options.optimizer ?? optimizerFrom(optimizer),
    ...pick(options as Partial<TrainerOptions>, TRAINER_OPTIONS as Fields<Partial<TrainerOptions>>),
    distort: distortionsOf(distort),
    augment: typeof augment === "string" ? parseAugmentation(augment, input) : augment && parseTransforms(augment),
  } as TrainerOptions;
}

/** Refuses what would do nothing. */
function checkTested({ test, val, views, top5, keepBest, watch }: TrainOptions): void {
  if (test !== undefined || val !== undefined) return;
  const wanting = { views, top5: top5 || undefined, keepBest: keepBest || undefined, watch };
  const [name] = Object.entries(wanting).find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) {
    throw new OptionError(`${name}: is about test pictures, and there are none; give test, or leave ${name} out`);
  }
}

function checkWatched({ watch, patience, keepBest }: TrainOptions): void {
  if (watch !== undefined && patience === undefined && !keepBest) {
    throw new OptionError(
      `watch is "${watch}", but no best epoch is looked for; give keepBest or patience, or leave watch out`,
    );
  }
}

export interface EvaluateOptions extends MachineOptions {
  /** Pictures computed at once; 256 unless said. Changes nothing but speed and memory. */
  readonly batchSize?: number;
  /** Averages probabilities over views of each picture; these may then be larger than what the network takes. */
  readonly views?: ViewName;
  /** Called after each batch; waited for where it is asynchronous. */
  onProgress?(done: number, total: number): void;
}

export const EVALUATE_OPTIONS: Fields<EvaluateOptions> = {
  ...MACHINE_OPTIONS,
  batchSize: whole(1),
  views: oneOf(VIEWS),
  onProgress: callback,
};

/**
 * Loss, accuracy and confusion matrix of a trained network; pictures are scaled as its training pictures were, and classes told by their
 * names.
 * @throws as `train`.
 */
export async function evaluate(model: TrainedModel, data: Dataset, options: EvaluateOptions = {}): Promise<Evaluation> {
  checkOptions("evaluate", options, EVALUATE_OPTIONS);
  checkModel(model, "evaluate");
  checkDataset(data, "evaluate: the data");
  const { batchSize, views, onProgress, note = noteOnce } = options;
  const device = await openDevice(pick(options, MACHINE_OPTIONS));
  try {
    const evaluator = await Evaluator.create(device, model.module, model.input, { batchSize, views });
    await lendWeights(device, model, "evaluate");
    const { mean, std } = model.scaling;
    const named = labelledAs(data, model.classes, "the model");
    const measured = await evaluator.run({ ...named, mean, std }, (done) => onProgress?.(done, data.length));
    if (!Number.isFinite(measured.loss)) await note(notFinite(data.name, measured.loss));
    return measured;
  } finally {
    await device.close();
  }
}

const notFinite = (name: string, loss: number) =>
  `fovea: the loss on ${name} is ${loss}: the network's numbers grow too large for 32 bits; look at the pictures' scaling`;
