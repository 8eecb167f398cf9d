/**
 * Training and measuring in one call each.
 *
 *     const run = await train(models.create("lenet5"), digits.train, { test: digits.test, epochs: 8 });
 *     const { accuracy } = await evaluate(run.model, digits.test);
 */
import { parseAugmentation } from "../data/augment/grammar.js";
import type { Transform } from "../data/augment/transform.js";
import type { Dataset } from "../data/dataset.js";
import { DISTORT_DEFAULTS, type DistortOptions } from "../data/distort.js";
import { labelledAs } from "../data/labelled-as.js";
import type { ViewName } from "../data/views.js";
import { Session, type SessionOptions } from "../runtime/session.js";
import { bestEpoch } from "./best-epoch.js";
import { optimizerFrom, TRAINING_DEFAULTS } from "./config.js";
import { type Evaluation, Evaluator } from "./evaluator.js";
import type { Optimizer } from "./optimizer.js";
import type { Schedule } from "./schedule.js";
import { type Techniques, techniquesIn } from "./techniques.js";
import { type Network, networkParts, scaledFor, type TrainedModel } from "./trained-model.js";
import { type EpochRecord, type Progress, type StepRecord, Trainer } from "./trainer.js";
import { findNotFinite, lendWeights, type Weights } from "./weights.js";

type Machine = Pick<SessionOptions, "backend" | "threads" | "relaxedSimd" | "winograd" | "memoryLimit" | "note">;

export interface TrainOptions extends Machine, Techniques {
  /** Measured after each epoch. Classes are told by their names. */
  readonly test?: Dataset;
  /** Chooses the best epoch in place of the test pictures, which then do nothing but measure. */
  readonly val?: Dataset;
  /** 8 unless said. */
  readonly epochs?: number;
  /** 64 unless said. */
  readonly batchSize?: number;
  /** `sgd({ lr: 0.03, momentum: 0.9, weightDecay: 5e-4 })` unless said. */
  readonly optimizer?: Optimizer;
  /** How the learning rate runs: half a cosine down to zero unless said. */
  readonly schedule?: Schedule;
  /** Distorts each training picture anew in every epoch: true for the usual amounts. */
  readonly distort?: boolean | Partial<DistortOptions>;
  /** What training pictures go through: a preset or a list, such as "cifar" or "padCrop:4,flip,cutout:8", or transforms. */
  readonly augment?: string | readonly Transform[];
  /** Averages test figures over views of each picture. */
  readonly views?: ViewName;
  /** A whole number; the same seed gives the same bits on the same kind of machine. 0 unless said. */
  readonly seed?: number;
  /** What training starts from, as `loadWeights` gives it; the network's initial weights unless said. */
  readonly initial?: Weights;
  /** Keeps the weights of the epoch that was best on the test pictures; done with `patience` unless false. */
  readonly keepBest?: boolean;
  onEpoch?(record: EpochRecord): void | Promise<void>;
  onStep?(record: StepRecord): void;
  onProgress?(progress: Progress): void;
  /** Stops after the step under way; what was learned until then is the result. */
  readonly signal?: AbortSignal;
}

export interface TrainingRun {
  readonly model: TrainedModel;
  /** After the epoch that was best on the test pictures, where it was kept. */
  readonly best?: { readonly epoch: number; readonly model: TrainedModel };
  /** One record an epoch. */
  readonly history: readonly EpochRecord[];
  /** False where `signal` stopped it. */
  readonly completed: boolean;
  /** Whether patience ended it before its last epoch. */
  readonly stoppedEarly: boolean;
}

/**
 * Trains a network on pictures.
 * @throws ShapeError where a layer does not fit its input, DataError where the network does not fit the data, MemoryError
 * before anything is allocated, and TrainingError where the loss is not finite.
 */
export async function train(network: Network, data: Dataset, options: TrainOptions = {}): Promise<TrainingRun> {
  const {
    onEpoch,
    onStep,
    onProgress,
    signal,
    backend,
    threads,
    relaxedSimd,
    winograd,
    memoryLimit,
    note,
    distort = false,
    augment,
    keepBest = options.patience !== undefined,
  } = options;
  const learned = scaledFor(network, data);
  const [val, test] = [options.val, options.test].map(
    (half) => half && labelledAs(scaledFor(network, half), data.classes, data.name),
  );
  const { module, input, network: name } = networkParts(network, data.shape);
  const session = await Session.create({ backend, threads, relaxedSimd, winograd, memoryLimit, note });
  try {
    const trainer = await Trainer.create(
      session,
      module,
      input,
      { train: learned, val, test },
      {
        epochs: options.epochs ?? TRAINING_DEFAULTS.epochs,
        batchSize: options.batchSize ?? TRAINING_DEFAULTS.batchSize,
        optimizer: options.optimizer ?? optimizerFrom(TRAINING_DEFAULTS.optimizer),
        schedule: options.schedule ?? TRAINING_DEFAULTS.schedule,
        seed: options.seed ?? TRAINING_DEFAULTS.seed,
        distort: distort === false ? undefined : { ...DISTORT_DEFAULTS, ...(distort === true ? {} : distort) },
        augment: typeof augment === "string" ? parseAugmentation(augment, input) : augment,
        views: options.views,
        initial: options.initial,
        ...techniquesIn(options),
      },
    );
    const { classes, mean, std } = learned;
    const modelNow = async (): Promise<TrainedModel> => {
      const weights = await trainer.weights();
      const broken = findNotFinite(weights);
      if (broken !== undefined) throw trainer.notFinite(`a weight of "${broken}"`);
      return { module, input, classes, scaling: { mean, std }, weights, network: name };
    };
    let best: TrainingRun["best"];
    const completed = await trainer.run({
      progress: (progress) => onProgress?.(progress),
      ...(onStep && { step: (record) => onStep(record) }),
      async epoch(record) {
        if (keepBest && bestEpoch(trainer.state.history, options.watch) === record) {
          best = { epoch: record.epoch, model: await modelNow() };
        }
        await onEpoch?.(record);
      },
      shouldStop: () => signal?.aborted ?? false,
    });
    const { history, epoch } = trainer.state;
    const stoppedEarly = completed && epoch < trainer.options.epochs;
    return { model: await modelNow(), ...(best && { best }), history, completed, stoppedEarly };
  } finally {
    await session.close();
  }
}

export interface EvaluateOptions extends Machine {
  /** Pictures computed at once; 256 unless said. Changes nothing but speed and memory. */
  readonly batchSize?: number;
  /** Averages probabilities over views of each picture; these may then be larger than what the network takes. */
  readonly views?: ViewName;
  /** Called after each batch. */
  onProgress?(done: number, total: number): void;
}

/** Loss, accuracy and confusion matrix of a trained network; pictures are scaled as its training pictures were, and classes told by their names. */
export async function evaluate(model: TrainedModel, data: Dataset, options: EvaluateOptions = {}): Promise<Evaluation> {
  const { backend, threads, relaxedSimd, winograd, memoryLimit, note, batchSize, views, onProgress } = options;
  const session = await Session.create({ backend, threads, relaxedSimd, winograd, memoryLimit, note });
  try {
    const evaluator = await Evaluator.create(session, model.module, model.input, { batchSize, views });
    await lendWeights(session, model.weights);
    const { mean, std } = model.scaling;
    const named = labelledAs(data, model.classes, "the model");
    return await evaluator.run({ ...named, mean, std }, (done) => onProgress?.(done, data.length));
  } finally {
    await session.close();
  }
}
