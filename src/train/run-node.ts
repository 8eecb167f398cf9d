/**
 * A training run that keeps itself on disk: a folder with its configuration, log, model and checkpoint, which a later
 * process goes on from. This is what `fovea train` does.
 */
import type { DatasetSplits } from "../data/dataset.js";
import { TrainingError } from "../errors.js";
import { create, type Model } from "../models/index.js";
import { parameterCount } from "../nn/index.js";
import { Session, type SessionOptions } from "../runtime/session.js";
import { identify, type RunIdentity, readCheckpoint, restoreCheckpoint, saveCheckpoint } from "./checkpoint-node.js";
import { optimizerFrom, type TrainingConfig } from "./config.js";
import type { Evaluation } from "./evaluator.js";
import { loadWeights } from "./load-weights-node.js";
import { saveModel } from "./model-file-node.js";
import { createRunFolder, exists, type RunFolder, writeLog } from "./run-folder-node.js";
import { scaledFor } from "./trained-model.js";
import { type EpochRecord, type Progress, Trainer } from "./trainer.js";
import { findNotFinite, type Weights } from "./weights.js";

export interface RunOptions {
  readonly config: TrainingConfig;
  readonly data: DatasetSplits;
  /** The folder of a new run; the next free one in runs/ unless said. */
  readonly out?: string | undefined;
  /** The folder of a run to go on with. */
  readonly resume?: RunFolder | undefined;
  readonly session: Pick<SessionOptions, "backend" | "threads" | "memoryLimit" | "note">;
  /** Seconds between checkpoints, besides those at the end of each epoch. */
  readonly checkpointEverySeconds: number;
}

/** What a run is about to do, known before the first step. */
export interface RunPlan {
  readonly folder: RunFolder;
  readonly parameters: number;
  readonly backend: string;
  readonly threads: number;
  /** Bytes by region. */
  readonly memory: Session["memory"];
  readonly stepsPerEpoch: number;
  /** Where the run goes on; undefined for a new one. */
  readonly resumedAt: { readonly step: number; readonly epoch: number; readonly batch: number } | undefined;
  /** What the reader should know about the resumption. */
  readonly notes: readonly string[];
}

export interface RunListener {
  planned?(plan: RunPlan): void;
  progress?(progress: Progress): void;
  /** After an epoch and its files. */
  epoch?(record: EpochRecord): void;
  shouldStop?(): boolean;
}

export interface RunResult {
  readonly folder: RunFolder;
  /** False where it was stopped on the way. */
  readonly completed: boolean;
  readonly history: readonly EpochRecord[];
  readonly step: number;
  /** Of the test pictures after the last whole epoch, if there was one since the run was started or resumed. */
  readonly evaluation: Evaluation | undefined;
}

/** Trains to the end, or until stopped; whatever ends it, the folder can be resumed. */
export async function runTraining(options: RunOptions, listener: RunListener = {}): Promise<RunResult> {
  const session = await Session.create(options.session);
  try {
    return await trainInSession(session, options, listener);
  } finally {
    await session.close();
  }
}

async function trainInSession(session: Session, options: RunOptions, listener: RunListener): Promise<RunResult> {
  const { config } = options;
  const model = create(config.network, config.options);
  const data = { train: scaledFor(model, options.data.train), test: scaledFor(model, options.data.test) };
  const { epochs, batchSize, schedule, seed, distort } = config;
  const optimizer = optimizerFrom(config.optimizer);
  const initial = await startingWeights(model, options);
  const trainer = await Trainer.create(session, model.module, model.input, data, {
    epochs,
    batchSize,
    optimizer,
    schedule,
    seed,
    initial,
    distort,
  });
  const identity = identify(trainer, config, data);
  const notes = options.resume === undefined ? [] : await restore(trainer, options.resume, identity);
  const folder = options.resume ?? (await createRunFolder(config, options.out));
  const { step, epoch, batch } = trainer.state;
  listener.planned?.({
    folder,
    parameters: parameterCount(model.module),
    backend: session.backend,
    threads: session.threads,
    memory: session.memory,
    stepsPerEpoch: trainer.stepsPerEpoch,
    resumedAt: options.resume === undefined ? undefined : { step, epoch, batch },
    notes,
  });

  let savedAt = performance.now();
  const checkpoint = async () => {
    await saveCheckpoint(folder.checkpoint, trainer, identity);
    savedAt = performance.now();
  };
  const saveResults = async () => {
    const weights = await trainer.weights();
    const broken = findNotFinite(weights);
    if (broken !== undefined) throw trainer.notFinite(`a weight of "${broken}"`);
    const { name, options, module, input } = model;
    const { classes, mean, std } = data.train;
    const scaling = { mean, std };
    await saveModel(folder.model, { module, input, classes, scaling, weights, network: { name, options } });
    await writeLog(folder, trainer.state.history);
  };

  let saved = false;
  let evaluation: Evaluation | undefined;
  const completed = await trainer.run({
    progress: (progress) => listener.progress?.(progress),
    shouldStop: () => listener.shouldStop?.() ?? false,
    wantsCheckpoint: () => performance.now() - savedAt >= options.checkpointEverySeconds * 1000,
    checkpoint,
    // The checkpoint comes last: a run killed before it does the epoch again and writes the same files.
    async epoch(record, test) {
      evaluation = test;
      await saveResults();
      await checkpoint();
      saved = true;
      listener.epoch?.(record);
    },
  });
  if (!completed && trainer.state.batch > 0) await checkpoint();
  // A run that was over when it was resumed wrote nothing above, and its files may have been lost.
  if (completed && !saved) await saveResults();
  const { history, step: done } = trainer.state;
  return { folder, completed, history, step: done, evaluation };
}

/** A run that has a checkpoint goes on from that, and its weights' file may be gone. */
async function startingWeights(model: Model, { config, resume }: RunOptions): Promise<Weights | undefined> {
  const { weights, resetClassifier, seed } = config;
  if (weights === undefined || (resume !== undefined && (await exists(resume.checkpoint)))) return undefined;
  return (await loadWeights(weights, model, { resetClassifier, seed })).weights;
}

/** A run killed before its first checkpoint starts anew, which comes to the same. */
async function restore(trainer: Trainer, folder: RunFolder, identity: RunIdentity): Promise<string[]> {
  if (!(await exists(folder.checkpoint))) return ["there is no checkpoint yet: the run starts at its beginning"];
  const saved = await readCheckpoint(folder.checkpoint);
  if (saved.state.epoch > trainer.options.epochs) {
    throw new TrainingError(`${folder.checkpoint}: has ${saved.state.epoch} epochs, more than the run's own`);
  }
  return restoreCheckpoint(trainer, saved, identity);
}
