/** What a training takes besides its network and its data, and what each of it may be. */

import { OptionError } from "../base/errors.js";
import { checkValues, expecting, type Fields, flag, needed, object, oneOf, whole } from "../base/options.js";
import type { Transform } from "../data/augment/augment.js";
import { DISTORT_FIELDS, type DistortOptions } from "../data/augment/distort-options.js";
import { parseTransforms } from "../data/augment/transform.js";
import { type TestTimeAugmentation, VIEWS } from "../data/augment/views.js";
import type { Dataset } from "../data/sets/dataset.js";
import type { Weights } from "../model/weights/weights.js";
import { checkAccumulation } from "./accumulation.js";
import { anOptimizer, type Optimizer } from "./optimizers/optimizer.js";
import { checkSchedule, type Schedule } from "./schedules/schedule.js";
import { checkTechniques, TECHNIQUES, type TrainingTechniques } from "./techniques/techniques.js";

export interface TrainerOptions extends TrainingTechniques {
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly seed: number;
  /** What the network starts from; its initial weights unless said. */
  readonly initial?: Weights | undefined;
  /** How training pictures are distorted; not at all where left out. */
  readonly distort?: DistortOptions | undefined;
  /** What training pictures go through, in place of distortion. */
  readonly augment?: readonly Transform[] | undefined;
  /** The views of each test picture whose probabilities are averaged; only the picture by default. */
  readonly testTimeAugmentation?: TestTimeAugmentation | undefined;
  /** Whether the label among the five likeliest classes is counted, too, when measuring. */
  readonly top5?: boolean | undefined;
}

/** More epochs than this would never end. */
const MOST_EPOCHS = 1_000_000;

/** How long a training is, and how it draws. */
export const LENGTHS: Fields<Pick<TrainerOptions, "epochs" | "batchSize" | "seed">> = {
  epochs: needed(whole(1, MOST_EPOCHS)),
  batchSize: needed(whole(1)),
  seed: needed(
    expecting("a whole number from 0 to 2^53 - 1", (seed) => Number.isSafeInteger(seed) && (seed as number) >= 0),
  ),
};

export const TRAINER_OPTIONS: Fields<TrainerOptions> = {
  ...LENGTHS,
  ...TECHNIQUES,
  optimizer: needed(anOptimizer),
  schedule: needed((schedule) => checkSchedule(schedule as Schedule)),
  initial: expecting("a map of weights, as loadWeights gives it", (weights) => weights instanceof Map),
  distort: object(DISTORT_FIELDS),
  augment: (transforms, name) => void parseTransforms(transforms, name),
  testTimeAugmentation: oneOf(VIEWS),
  top5: flag,
};

/** @throws OptionError where an option is not what it may be, or two of them, or the data, exclude each other. */
export function checkTrainerOptions(
  options: TrainerOptions,
  {
    train,
    val,
    test,
  }: { readonly train: Dataset; readonly val?: Dataset | undefined; readonly test?: Dataset | undefined },
): void {
  checkValues(options, TRAINER_OPTIONS);
  checkTechniques(options);
  if (options.patience !== undefined && test === undefined && val === undefined) {
    throw new OptionError(
      `patience is ${options.patience}, but there are no test pictures to tell a better epoch by; give some, or leave patience out`,
    );
  }
  if (options.schedule.kind === "plateau" && test === undefined && val === undefined) {
    throw new OptionError(
      "schedule plateau: there are no test pictures to measure epochs by; give some, or take another schedule",
    );
  }
  const { batchSize, accumulate = 1 } = options;
  if (train.length > 0) checkAccumulation({ pictures: train.length, batchSize, accumulate });
}
