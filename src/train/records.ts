/** What a training tells: where it is, what came of a step and of an epoch, and who is told. */
import type { Dataset } from "../data/sets/dataset.js";
import type { Evaluation } from "./evaluate/evaluator.js";
import type { EpochFigures, EpochSums, NormFigures, NormSums } from "./evaluate/metrics.js";

/** Where a run is: with the session's states, all that it needs to go on. Plain data. */
export interface TrainerState {
  /** Steps done. */
  readonly step: number;
  readonly epoch: number;
  /** Batches done of the epoch. */
  readonly batch: number;
  readonly sums: EpochSums;
  /** Of the epoch's updates, where gradients are clipped by norm. */
  readonly norms?: NormSums;
  /** Seconds spent on the epoch. */
  readonly seconds: number;
  /** Of these, how many the workers waited for pictures. */
  readonly waited?: number;
  readonly history: readonly EpochRecord[];
}

export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  readonly train: EpochFigures;
  readonly test?: EpochFigures & { readonly meanIoU?: number; readonly top5?: number };
  /** On the pictures that the best epoch is chosen by, where they are others than the test pictures. */
  readonly val?: EpochFigures;
  /** At the last step. */
  readonly learningRate: number;
  /** Before clipping, over the epoch's updates; where gradients are clipped by norm. */
  readonly gradientNorm?: NormFigures;
  /** Seconds of training and of evaluation, on this machine. */
  readonly trainSeconds: number;
  readonly testSeconds: number;
  /** The part of the training time that was spent waiting for pictures, from 0 to 1, where it is notable. */
  readonly waited?: number;
}

export interface Progress {
  readonly phase: "train" | "val" | "test";
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Images done of the phase, and in all of it. */
  readonly done: number;
  readonly total: number;
  readonly loss: number;
  readonly accuracy: number;
  /** While training: the part of the epoch's time until now that was spent waiting for pictures, from 0 to 1. */
  readonly waited?: number;
}

/** Below this part of the time, waiting for pictures is not worth a word. */
export const NOTABLE_WAIT = 0.05;

/** One batch's figures. */
export interface StepRecord {
  /** From 1; a step is a batch. */
  readonly step: number;
  /** From 1. */
  readonly epoch: number;
  /** Means over the batch. */
  readonly loss: number;
  readonly accuracy: number;
  readonly learningRate: number;
  /** Before clipping, of the update that the batch ended, where gradients are clipped by norm. */
  readonly gradientNorm?: number;
}

export interface TrainHooks {
  /** Called after each step, while later ones run; those after them wait for it. */
  step?(record: StepRecord): void;
  /** Called often, at most once a batch, and waited for like `step`. */
  progress?(progress: Progress): void;
  /** Called after each epoch, when nothing runs: the place to save. `test` is what the record's test figures are from. */
  epoch?(record: EpochRecord, test: Evaluation | undefined): void | Promise<void>;
  /** Asked after each step: true stops before the next one. */
  shouldStop?(): boolean | Promise<boolean>;
  /** Asked after each step: true lets the queue run dry and calls `checkpoint`. */
  wantsCheckpoint?(): boolean;
  checkpoint?(): void | Promise<void>;
}

export interface TrainingData {
  readonly train: Dataset;
  /** To choose the best epoch by, where others than the test pictures are. */
  readonly val?: Dataset | undefined;
  readonly test?: Dataset | undefined;
}
