/**
 * A training run that keeps itself on disk: a folder with its configuration, log, models and checkpoint, which a later
 * process goes on from. One process at a time. This is what `fovea train` does.
 */
import { rm } from "node:fs/promises";
import { FileError, TrainingError } from "../base/errors.js";
import {
  anything,
  callback,
  checkOptions,
  expecting,
  type Fields,
  flag,
  isRecord,
  needed,
  number,
  object,
  text,
} from "../base/options.js";
import { checkDataset } from "../data/sets/check-dataset.js";
import type { Dataset, DatasetSplits } from "../data/sets/dataset.js";
import type { Device } from "../devices/device.js";
import { MACHINE_OPTIONS, type MachineOptions } from "../devices/machine-options.js";
import { openDevice } from "../devices/open.js";
import type { TrainingMemory } from "../devices/training-memory.js";
import { saveModel } from "../model/model-file-node.js";
import { scaledFor } from "../model/trained-model.js";
import { loadWeights } from "../model/weights/load-node.js";
import { findNotFinite, type Weights } from "../model/weights/weights.js";
import { create, type Model } from "../models/index.js";
import { parameterCount, parametersOf } from "../nn/index.js";
import { optimizerFrom } from "../train/defaults.js";
import { bestEpoch } from "../train/evaluate/best-epoch.js";
import type { Evaluation } from "../train/evaluate/evaluator.js";
import type { EpochRecord, Progress, TrainHooks } from "../train/records.js";
import { parameterRules } from "../train/techniques/parameter-rules.js";
import { Trainer } from "../train/trainer.js";
import {
  type Checkpoint,
  identify,
  type RunIdentity,
  readCheckpoint,
  restoreCheckpoint,
  saveCheckpoint,
} from "./checkpoint-node.js";
import { parseConfig, type TrainingConfig } from "./config.js";
import { checkpointIn, createRunFolder, exists, keepBefore, type RunFolder, writeLog } from "./folder-node.js";
import { lockRun } from "./lock-node.js";
import { TensorBoardLog } from "./tensorboard-node.js";

/** Options of `runTraining`. */
export interface RunOptions {
  /** The configuration: all that decides what is computed. */
  readonly config: TrainingConfig;
  /** The data set. */
  readonly data: DatasetSplits;
  /**
   * The folder of a new run.
   * @default the first of runs/NETWORK-DATA, runs/NETWORK-DATA-2, ... that is free
   */
  readonly out?: string | undefined;
  /**
   * The folder of a run to go on with, as `openRunFolder` returns it.
   * @default none: a new run
   */
  readonly resume?: RunFolder | undefined;
  /** The device that computes, and its settings. */
  readonly session: MachineOptions;
  /** Seconds between checkpoints, besides those at the end of each epoch. */
  readonly checkpointEverySeconds: number;
  /**
   * Whether event files for TensorBoard are written into the folder. A resumed run goes on with those that it has.
   * @default false
   */
  readonly tensorboard?: boolean | undefined;
  /**
   * Returns, from the history, what each of the log's lines has beside its record.
   * @default none
   */
  readonly logged?: ((history: readonly EpochRecord[]) => readonly object[]) | undefined;
}

const RUN_OPTIONS: Fields<RunOptions> = {
  config: needed(anything),
  data: needed(expecting("the halves { train, test }", isRecord)),
  out: text,
  resume: expecting("a run's folder, as openRunFolder gives it", isRecord),
  session: needed(object(MACHINE_OPTIONS)),
  checkpointEverySeconds: needed(number({ from: 0 })),
  tensorboard: flag,
  logged: callback,
};

/** The plan of a run, known before its first step. */
export interface RunPlan {
  /** The folder of the run. */
  readonly folder: RunFolder;
  /** Numbers in all parameters. */
  readonly parameters: number;
  /** Numbers in the parameters that are not trained. */
  readonly frozen: number;
  /** How the processor is used. */
  readonly backend: string;
  /** Threads that compute. */
  readonly threads: number;
  /** Bytes that the training takes, by what they are for. */
  readonly memory: TrainingMemory;
  /** Steps of an epoch. */
  readonly stepsPerEpoch: number;
  /** Where the run goes on; undefined for a new one. */
  readonly resumedAt:
    | {
        /** Steps done. */
        readonly step: number;
        /** Epochs done. */
        readonly epoch: number;
        /** Batches done of the epoch. */
        readonly batch: number;
      }
    | undefined;
  /** Texts about the start or the resumption, for the user. */
  readonly notes: readonly string[];
}

/** Who is told of a run. What is asynchronous is waited for, and what it throws ends the run, which can be resumed. */
export interface RunListener {
  /** Called once, before the first step. */
  onPlan?(plan: RunPlan): void;
  /** Called after each step, and while pictures are measured. */
  onProgress?(progress: Progress): void;
  /** Called after an epoch and its files. */
  onEpoch?(record: EpochRecord): void;
  /** Stops the run after the step under way where it is aborted; it can be resumed. @default never */
  readonly signal?: AbortSignal | undefined;
}

/** The result of a run. */
export interface RunResult {
  /** The folder of the run. */
  readonly folder: RunFolder;
  /** False where it was stopped on the way. */
  readonly completed: boolean;
  /** Whether patience ended it before its last epoch. */
  readonly stoppedEarly: boolean;
  /** The epoch whose weights are in best.safetensors; undefined where nothing was tested. */
  readonly best: EpochRecord | undefined;
  /** One record an epoch. */
  readonly history: readonly EpochRecord[];
  /** Whether there are event files for TensorBoard. */
  readonly tensorboard: boolean;
  /** Steps that were done. */
  readonly step: number;
  /** Figures of the test pictures after the last whole epoch, if there was one since the run was started or resumed. */
  readonly evaluation: Evaluation | undefined;
}

/**
 * Trains to the end, or until stopped, and keeps the run on disk: a folder with its configuration, log, models and
 * checkpoint. Whatever ends it, a later process can go on with the folder. This is what `fovea train` does.
 *
 * @example
 * ```js
 * import { datasetFromIdx } from "fovea";
 * import { openRunFolder, runTraining } from "fovea/node";
 *
 * const data = datasetFromIdx({
 *   name: "noise",
 *   images: { shape: [8, 28, 28], data: Uint8Array.from({ length: 8 * 28 * 28 }, (_, i) => (i * 37) % 256) },
 *   labels: { shape: [8], data: Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7]) },
 *   imagesFile: "pixels",
 *   labelsFile: "labels",
 * });
 * const result = await runTraining({
 *   config: {
 *     network: "lenet5",
 *     options: { classes: 8 },
 *     data: "noise",
 *     epochs: 2,
 *     batchSize: 4,
 *     optimizer: { name: "sgd", lr: 0.01, momentum: 0.9, nesterov: false, weightDecay: 0 },
 *     schedule: { kind: "constant" },
 *     seed: 0,
 *   },
 *   data: { train: data, test: data },
 *   out: "run",
 *   session: { threads: 1 },
 *   checkpointEverySeconds: 60,
 * });
 * const { config } = await openRunFolder("run");
 * console.log(result.completed, result.step, config.epochs); // true 4 2
 * ```
 *
 * @throws OptionError on an option that is unknown, missing or out of its range; FileError if the folder holds
 * something or cannot be written; and as `train`
 */
export async function runTraining(options: RunOptions, listener: RunListener = {}): Promise<RunResult> {
  checkOptions("runTraining", options, RUN_OPTIONS);
  parseConfig(options.config, "config");
  const { train, val, test } = options.data;
  checkDataset(train, "the training data");
  if (val !== undefined) checkDataset(val, "the validation data");
  checkDataset(test, "the test data");
  const ends: (() => Promise<void>)[] = [];
  try {
    if (options.resume !== undefined) ends.push(await lockRun(options.resume.lock));
    const device = await openDevice(options.session);
    ends.push(() => device.close());
    return await trainOn(device, options, listener, ends);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** `ends` takes what is to be done at the end, whatever ends it. */
async function trainOn(
  device: Device,
  options: RunOptions,
  listener: RunListener,
  ends: (() => Promise<void>)[],
): Promise<RunResult> {
  const { config, logged } = options;
  const model = create(config.network, config.options);
  const scaled = (half: Dataset) =>
    config.scaling === undefined ? scaledFor(model, half) : { ...half, ...config.scaling };
  const { train, val, test } = options.data;
  const data = { train: scaled(train), ...(val && { val: scaled(val) }), test: scaled(test) };
  const optimizer = optimizerFrom(config.optimizer);
  const { weights: initial, note } = await startingWeights(model, options);
  const trainer = await Trainer.create(device, model.module, model.input, data, { ...config, optimizer, initial });
  const identity = identify(trainer, config, data);
  const from = options.resume && (await checkpointIn(options.resume));
  const notes = options.resume === undefined ? [] : await restore(trainer, options.resume, from, identity);
  const folder = options.resume ?? (await createRunFolder(config, options.out));
  if (options.resume === undefined) ends.push(await lockRun(folder.lock));
  const { step, epoch, batch } = trainer.state;
  await listener.onPlan?.({
    folder,
    parameters: parameterCount(model.module),
    frozen: frozenCount(model, config),
    backend: device.backend,
    threads: device.threads,
    memory: trainer.memory,
    stepsPerEpoch: trainer.stepsPerEpoch,
    resumedAt: options.resume === undefined ? undefined : { step, epoch, batch },
    notes: [
      ...note,
      ...trainer.cautions,
      ...(options.resume === undefined ? trainedBelow(model, config) : []),
      ...notes,
    ],
  });

  const wantsEvents = options.tensorboard || (options.resume !== undefined && (await exists(folder.tensorboard)));
  const events = wantsEvents ? await TensorBoardLog.create(folder.tensorboard, step) : undefined;
  if (events !== undefined) ends.push(() => events.close());
  let savedAt = performance.now();
  // A damaged one is not kept.
  let isWhole = from === options.resume?.checkpoint;
  const checkpoint = async () => {
    await events?.flush();
    if (isWhole) await keepBefore(folder);
    await saveCheckpoint(folder.checkpoint, trainer, identity);
    isWhole = true;
    savedAt = performance.now();
  };
  const saveResults = async () => {
    const weights = await trainer.weights();
    const broken = findNotFinite(weights);
    if (broken !== undefined) throw trainer.notFinite(`a weight of "${broken}"`);
    const { name, options, module, input } = model;
    const { classes, mean, std } = data.train;
    const scaling = { mean, std };
    const trained = { module, input, classes, scaling, weights, network: { name, options } };
    await saveModel(folder.model, trained);
    const { history } = trainer.state;
    const best = bestEpoch(history, config.watch);
    if (best !== undefined && best === history.at(-1)) {
      await saveModel(folder.best, trained, { best: JSON.stringify({ epoch: best.epoch, ...best.test }) });
    }
    await writeLog(folder, history, await logged?.(history));
  };

  let saved = false;
  let evaluation: Evaluation | undefined;
  const hooks: TrainHooks = {
    progress: (progress) => listener.onProgress?.(progress),
    ...(events && { step: (record) => events.step(record) }),
    shouldStop: () => listener.signal?.aborted ?? false,
    wantsCheckpoint: () => performance.now() - savedAt >= options.checkpointEverySeconds * 1000,
    checkpoint,
    // The checkpoint comes last: a run killed before it does the epoch again and writes the same files.
    async epoch(record, test) {
      evaluation = test;
      events?.epoch(trainer.state.step, record);
      await saveResults();
      await checkpoint();
      saved = true;
      await listener.onEpoch?.(record);
    },
  };
  const completed = await trainer.run(hooks).catch((error: unknown) => {
    throw withFiles(error, folder, trainer.state.history, config);
  });
  if (!completed && trainer.state.batch > 0) await checkpoint();
  // A run that was over when it was resumed wrote nothing above, and its files may have been lost.
  if (completed && !saved) await saveResults();
  if (completed) await rm(folder.before, { force: true }).catch(() => {});
  const { history, step: done, epoch: epochsDone } = trainer.state;
  return {
    folder,
    completed,
    stoppedEarly: completed && epochsDone < config.epochs,
    best: bestEpoch(history, config.watch),
    history,
    tensorboard: events !== undefined,
    step: done,
    evaluation,
  };
}

/** A run that cannot go on says where that is which it had learned until then. */
function withFiles(
  error: unknown,
  { model, best }: RunFolder,
  history: readonly EpochRecord[],
  { watch }: TrainingConfig,
): unknown {
  const last = history.at(-1);
  if (!(error instanceof TrainingError) || last === undefined) return error;
  const kept = `${model} has the network after epoch ${last.epoch}, ${best} that after the best one, ${bestEpoch(history, watch)?.epoch}`;
  return new TrainingError(`${error.message}; ${kept}`, { cause: error });
}

/**
 * The weights that a run starts from, and what to say of them: a classifier for another number of classes starts anew.
 * A run that has a checkpoint goes on from that, and its weights' file may be gone.
 */
async function startingWeights(
  model: Model,
  { config, resume }: RunOptions,
): Promise<{ readonly weights: Weights | undefined; readonly note: readonly string[] }> {
  const { weights: path, map, resetClassifier = "where-needed", seed } = config;
  if (path === undefined || (resume !== undefined && (await checkpointIn(resume)) !== undefined)) {
    return { weights: undefined, note: [] };
  }
  const { weights, fresh } = await loadWeights(path, model, { map, resetClassifier, seed });
  const text = `the classifier of ${path} does not fit ${model.classes} classes: ${fresh.join(", ")} ${fresh.length === 1 ? "starts" : "start"} anew`;
  return { weights, note: resetClassifier === "where-needed" && fresh.length > 0 ? [text] : [] };
}

function frozenCount(model: Model, config: TrainingConfig): number {
  const rules = parameterRules(model.module, config);
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  return [...parametersOf(model.module)].reduce(
    (sum, [name, { shape }]) => sum + (rules.get(name)!.trained ? 0 : size(shape)),
    0,
  );
}

/** Freezing saves the backward pass only down to the lowest layer that is trained. */
function trainedBelow(model: Model, config: TrainingConfig): string[] {
  if (config.freeze === undefined) return [];
  const rules = [...parameterRules(model.module, config)];
  const lowest = rules.findIndex(([, { trained }]) => trained);
  if (lowest > rules.findLastIndex(([, { trained }]) => !trained)) return [];
  return [
    `${rules[lowest]![0]} is trained, below what is frozen: the backward pass still goes down to it; freeze it too to save that time`,
  ];
}

/** A run killed before its first checkpoint starts anew, which comes to the same. */
async function restore(
  trainer: Trainer,
  folder: RunFolder,
  from: string | undefined,
  identity: RunIdentity,
): Promise<string[]> {
  if (from === undefined) return ["there is no checkpoint yet: the run starts at its beginning"];
  const saved = await readOrOffer(from, folder);
  if (saved.state.epoch > trainer.options.epochs) {
    throw new TrainingError(`${from}: has ${saved.state.epoch} epochs, more than the run's own`);
  }
  return restoreCheckpoint(trainer, saved, identity);
}

/** @throws FileError where the checkpoint is damaged, with what else there is to go on from. */
async function readOrOffer(from: string, { path, before }: RunFolder): Promise<Checkpoint> {
  try {
    return await readCheckpoint(from);
  } catch (cause) {
    if (!(cause instanceof FileError)) throw cause;
    const other = from === before ? undefined : await readCheckpoint(before).catch(() => undefined);
    const cure =
      other === undefined
        ? `there is no other to go on from; start a new run, from the weights in ${path} if it has some: --weights`
        : `go on from the one before it, step ${other.state.step}: --resume ${before}`;
    throw new FileError(`${cause.message}; ${cure}`, { cause });
  }
}
