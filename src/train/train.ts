/**
 * Training and measuring in one call each.
 *
 *     const run = await train(models.create("lenet5"), digits.train, { test: digits.test, epochs: 8 });
 *     const { accuracy } = await evaluate(run.model, digits.test);
 */

import { OptionError } from "../base/errors.js";
import { noteOnce } from "../base/notes.js";
import {
  abortSignal,
  anything,
  callback,
  checkKnown,
  checkOptions,
  checkValues,
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
import { type TestTimeAugmentation, VIEWS } from "../data/augment/views.js";
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
import type { CountProgress, EpochRecord, Progress, StepRecord } from "./records.js";
import type { Schedule } from "./schedules/schedule.js";
import type { TrainingTechniques } from "./techniques/techniques.js";
import { Trainer } from "./trainer.js";
import { TRAINER_OPTIONS, type TrainerOptions } from "./trainer-options.js";
import { recordRun, type TrainingRun } from "./training-run.js";

/** Options of `train`. All are optional. */
export interface TrainOptions extends MachineOptions, TrainingTechniques {
  /**
   * A data set that is measured after each epoch. Its classes are matched with those of the training data by name.
   * @default none: nothing is measured but the training itself
   */
  readonly test?: Dataset;
  /**
   * A data set that chooses the best epoch in place of `test`, which is then measured only.
   * @default none: `test` chooses
   */
  readonly val?: Dataset;
  /**
   * How often each training picture is used, from 1.
   * @default 8
   */
  readonly epochs?: number;
  /**
   * Pictures of a step. The last batch of an epoch may be smaller.
   * @default 64
   */
  readonly batchSize?: number;
  /**
   * The update rule: `sgd`, `adam`, `adamw`, `nadam` or `rmsprop`, or an object of one's own of that form.
   * @default sgd({ lr: 0.03, momentum: 0.9, weightDecay: 5e-4 })
   */
  readonly optimizer?: Optimizer;
  /**
   * How the learning rate runs over the steps, as a factor of the optimizer's `lr`.
   * @default { kind: "cosine" }
   */
  readonly schedule?: Schedule;
  /**
   * Distorts each training picture anew in every epoch, within these amounts: `true` for `DISTORT_DEFAULTS`, an object
   * for others.
   * @default false
   */
  readonly distort?: boolean | Partial<DistortOptions>;
  /**
   * Transforms of training pictures, in place of `distort`: a preset or a list as text, such as `"cifar"` or
   * `"padCrop:4,flip,cutout:8"`, or transforms as data.
   * @default none: pictures are used as they are
   */
  readonly augment?: string | readonly Transform[];
  /**
   * Averages the probabilities of test pictures over views of each: its mirror image, shifted copies, or ten crops of a
   * larger picture.
   * @default "none"
   */
  readonly testTimeAugmentation?: TestTimeAugmentation;
  /**
   * Measures the share of test pictures whose label is among the five likeliest classes, too.
   * @default false
   */
  readonly top5?: boolean;
  /**
   * Seed of the initial weights, the order of the pictures, augmentation and dropout: a whole number from 0. The same
   * seed gives the same bits on the same kind of machine, for any number of threads.
   * @default 0
   */
  readonly seed?: number;
  /**
   * The weights that training starts from, as `loadWeights` returns them.
   * @default the network's initial weights, by `seed`
   */
  readonly initial?: Weights;
  /**
   * Whether the weights of the epoch that was best on the test pictures are kept, as `best` of the result.
   * @default true with `patience`, else false
   */
  readonly keepBest?: boolean;
  /**
   * Called after each epoch. Training waits for a promise that it returns, and rejects with what it throws.
   * @default none
   */
  onEpoch?(record: EpochRecord): void;
  /**
   * Called after each step with the figures of its batch, while later steps run. Training waits for a promise that it
   * returns.
   * @default none
   */
  onStep?(record: StepRecord): void;
  /**
   * Called often, at most once a batch, with the figures of the epoch so far: for a progress bar. Training waits for a
   * promise that it returns.
   * @default none
   */
  onProgress?(progress: Progress): void;
  /**
   * Stops after the step under way. What was learned until then is the result, with `completed: false`.
   * @default none
   */
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
  signal: abortSignal,
};

/** What each may be: an option that is in no table is refused, and one that is in none of them does not compile. */
export const TRAIN_OPTIONS: Fields<TrainOptions> = { ...MACHINE_OPTIONS, ...TRAINER_OPTIONS, ...BESIDES };

/**
 * Trains a network on pictures, from its initial weights or from `initial`.
 *
 * @example
 * ```js
 * import { datasetFromIdx, nn, sgd, train } from "fovea";
 *
 * // Four pictures of 2x2 pixels: bright on the left, or on the right.
 * const data = datasetFromIdx({
 *   name: "sides",
 *   images: { shape: [4, 2, 2], data: Uint8Array.from([9, 0, 9, 0, 0, 9, 0, 9, 8, 0, 8, 0, 0, 8, 0, 8]) },
 *   labels: { shape: [4], data: Uint8Array.from([0, 1, 0, 1]) },
 *   imagesFile: "pixels",
 *   labelsFile: "labels",
 *   classes: ["left", "right"],
 * });
 * const network = nn.sequential(nn.flatten(), nn.linear({ in: 4, out: 2 }));
 * const run = await train(network, data, { test: data, epochs: 20, batchSize: 2, optimizer: sgd({ lr: 0.1 }) });
 * console.log(run.history.at(-1)?.test?.accuracy); // 1
 * ```
 *
 * @throws OptionError on an option that is unknown or out of its range; ShapeError if a layer does not fit its input,
 * or the network's output its labels; DataError if the data is damaged or does not fit the network; MemoryError before
 * anything is allocated; TrainingError if the loss is not finite. An error after the first step carries what was
 * computed until then, as `run` (`TrainingFailure`).
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
    const { note = noteOnce } = options;
    for (const caution of trainer.cautions) await note(`train: ${caution}`);
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
function checkTested({ test, val, testTimeAugmentation, top5, keepBest, watch }: TrainOptions): void {
  if (test !== undefined || val !== undefined) return;
  const wanting = { testTimeAugmentation, top5: top5 || undefined, keepBest: keepBest || undefined, watch };
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

/** Options of `evaluate`. All are optional. */
export interface EvaluateOptions extends MachineOptions {
  /**
   * Pictures that are computed at once. It changes speed and memory, and no figure.
   * @default 256, or fewer for large pictures and where memory is short
   */
  readonly batchSize?: number;
  /**
   * Averages probabilities over views of each picture, which may then be larger than the network's input.
   * @default "none"
   */
  readonly testTimeAugmentation?: TestTimeAugmentation;
  /**
   * Measures the share of pictures whose label is among the five likeliest classes, too.
   * @default false
   */
  readonly top5?: boolean;
  /**
   * Whether the likeliest classes are binned by their probabilities, and for two classes the area under the ROC curve is computed.
   * Networks with a loss other than cross-entropy have no probabilities, and none of these figures.
   * @default false
   */
  readonly calibration?: boolean;
  /**
   * Called after each batch with the pictures that are done and their total. Measuring waits for a promise that it
   * returns, and rejects with what it throws.
   * @default none
   */
  onProgress?(progress: CountProgress): void;
  /**
   * Ends measuring after the batch under way where it is aborted: `evaluate` then rejects with the signal's reason.
   * @default none
   */
  readonly signal?: AbortSignal;
}

export const EVALUATE_OPTIONS: Fields<EvaluateOptions> = {
  ...MACHINE_OPTIONS,
  batchSize: whole(1),
  testTimeAugmentation: oneOf(VIEWS),
  top5: flag,
  calibration: flag,
  onProgress: callback,
  signal: abortSignal,
};

/**
 * Measures a trained network: loss, accuracy and confusion matrix. Pictures are scaled as the training pictures were,
 * and classes are matched by name.
 *
 * @example
 * ```js
 * import { datasetFromIdx, evaluate, models, untrained } from "fovea";
 *
 * const data = datasetFromIdx({
 *   name: "black",
 *   images: { shape: [2, 28, 28], data: new Uint8Array(2 * 28 * 28) },
 *   labels: { shape: [2], data: Uint8Array.from([3, 7]) },
 *   imagesFile: "pixels",
 *   labelsFile: "labels",
 * });
 * const { samples, loss } = await evaluate(untrained(models.create("lenet5"), { data }), data);
 * console.log(samples, loss > 0); // 2 true
 * ```
 *
 * @throws as `train`
 */
export async function evaluate(model: TrainedModel, data: Dataset, options: EvaluateOptions = {}): Promise<Evaluation> {
  checkOptions("evaluate", options, EVALUATE_OPTIONS);
  checkModel(model, "evaluate");
  checkDataset(data, "evaluate: the data");
  const { batchSize, testTimeAugmentation, top5, calibration, onProgress, signal, note = noteOnce } = options;
  signal?.throwIfAborted();
  const device = await openDevice(pick(options, MACHINE_OPTIONS));
  try {
    const evaluator = await Evaluator.create(device, model.module, model.input, {
      batchSize,
      testTimeAugmentation,
      top5,
      calibration,
    });
    await lendWeights(device, model, "evaluate");
    const { mean, std } = model.scaling;
    const named = labelledAs(data, model.classes, "the model");
    const measured = await evaluator.run({ ...named, mean, std }, (done) => {
      signal?.throwIfAborted();
      return onProgress?.({ done, total: data.length });
    });
    if (!Number.isFinite(measured.loss)) await note(notFinite(data.name, measured.loss));
    return measured;
  } finally {
    await device.close();
  }
}

const notFinite = (name: string, loss: number) =>
  `fovea: the loss on ${name} is ${loss}: the network's numbers grow too large for 32 bits; look at the pictures' scaling`;
