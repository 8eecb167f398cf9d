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

/** The figures of one epoch. Plain data. */
export interface EpochRecord {
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Means over the epoch's training pictures, each as its batch was computed: dropout and augmentation included. */
  readonly train: EpochFigures;
  /**
   * Figures of the test pictures after the epoch, with `meanIoU` where pixels are labelled and `top5` where it was
   * asked for. Absent without test pictures.
   */
  readonly test?: EpochFigures & {
    /** Mean over classes of intersection over union, where pixels are labelled. */
    readonly meanIoU?: number;
    /** Share of the pictures whose label is among the five likeliest classes, from 0 to 1. */
    readonly top5?: number;
    /** Means of the network's own metrics, by name. */
    readonly metrics?: Readonly<Record<string, number>>;
  };
  /** Figures of the pictures that choose the best epoch, where `val` was given. */
  readonly val?: EpochFigures;
  /** The learning rate of the epoch's last step. */
  readonly learningRate: number;
  /** Norms of the gradient before clipping, over the epoch's updates, where `clipNorm` is set. */
  readonly gradientNorm?: NormFigures;
  /** Seconds of training, on this machine. */
  readonly trainSeconds: number;
  /** Seconds of measuring, on this machine. */
  readonly testSeconds: number;
  /** The share of the training time that was spent waiting for pictures, from 0 to 1; absent below 0.05. */
  readonly waited?: number;
}

/** Where an epoch is. */
export interface Progress {
  /** Whether pictures are learned from or measured. */
  readonly phase: "train" | "val" | "test";
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Epochs of the training. */
  readonly epochs: number;
  /** Pictures of the phase that are done. */
  readonly done: number;
  /** Pictures of the phase. */
  readonly total: number;
  /** Mean loss of the pictures that are done. */
  readonly loss: number;
  /** Share of the pictures that are done whose class is right, from 0 to 1. */
  readonly accuracy: number;
  /** In training, the share of the epoch's time until now that was spent waiting for pictures, from 0 to 1. */
  readonly waited?: number;
}

/** Below this part of the time, waiting for pictures is not worth a word. */
export const NOTABLE_WAIT = 0.05;

/** The figures of one step. */
export interface StepRecord {
  /** Number of the step, from 1. A step is a batch. */
  readonly step: number;
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Mean loss of the batch. */
  readonly loss: number;
  /** Share of the batch whose class is right, from 0 to 1. */
  readonly accuracy: number;
  /** The learning rate of the step. */
  readonly learningRate: number;
  /** Norm of the gradient before clipping, of the update that the batch ended, where `clipNorm` is set. */
  readonly gradientNorm?: number;
}

/** How much of some work is done. */
export interface CountProgress {
  /** Items that are done. */
  readonly done: number;
  /** Items in all. */
  readonly total: number;
}

export interface TrainHooks {
  /** Called after each step, while later ones run; those after them wait for it. */
  step?(record: StepRecord): void;
  /** Called often, at most once a batch, and waited for like `step`. */
  progress?(progress: Progress): void;
  /**
   * Called after each epoch, when nothing runs: the place to save. `test` is what the record's test figures are from.
   */
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
