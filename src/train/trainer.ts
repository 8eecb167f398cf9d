/**
 * Trains a classifier: compiles the training and evaluation programs into one session, keeps a queue of steps before the
 * workers, and can stop and go on at any step. All that a run depends on is in `TrainerState` and the session's states: a run
 * that was restored ends in the same bits as one never stopped.
 */

import { TrainingError } from "../base/errors.js";
import type { Program } from "../compiler/program.js";
import type { Dataset } from "../data/sets/dataset.js";
import { batchCount, epochOrder, inOrder } from "../data/sets/sampler.js";
import type { LoadedProgram } from "../devices/cpu/loaded-program.js";
import type { Slot } from "../devices/cpu/memory/slot.js";
import { afterwards, inSequence, QUEUE_LENGTH, runQueue } from "../devices/cpu/queue.js";
import type { Session } from "../devices/cpu/session.js";
import type { Shape } from "../graph/shape.js";
import { inTurns } from "../host/event-loop.js";
import { planTrainingInTurns } from "../model/plan.js";
import {
  checkWeights,
  initialWeightsOnDemand,
  readWeights,
  type Weight,
  type Weights,
  weightsBeside,
  writeWeights,
} from "../model/weights/weights.js";
import { type Module, RANDOM_INPUT } from "../nn/index.js";
import { type Batches, batchesOf, endsGroup, shareOf, updateAt, updatesOf } from "./accumulation.js";
import { Apply } from "./apply.js";
import { augmenting } from "./augmenting.js";
import { checkBatch } from "./check-batch.js";
import { checkLabels } from "./check-labels.js";
import { isExhausted } from "./evaluate/best-epoch.js";
import { type Evaluation, Evaluator } from "./evaluate/evaluator.js";
import {
  addBatch,
  addNorm,
  type EpochFigures,
  type EpochSums,
  figures,
  type NormFigures,
  type NormSums,
  normFigures,
  noSums,
} from "./evaluate/metrics.js";
import { type Feeder, type FeederOptions, openFeeder } from "./feeder.js";
import { learningRateAt } from "./schedule.js";
import { rateOf, trainingEntries } from "./step.js";
import { averageName, averagingScalars } from "./techniques/averaging.js";
import { drawMixture, mixSlot } from "./techniques/mixup.js";
import { whitenedOn } from "./techniques/whitening.js";
import { checkTrainerOptions, type TrainerOptions } from "./trainer-options.js";
import { type TrainingMemory, trainingMemory } from "./training-memory.js";

export type { TrainerOptions } from "./trainer-options.js";

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

export class Trainer {
  readonly session: Session;
  readonly options: TrainerOptions;
  readonly #network: Module;
  readonly #data: TrainingData;
  readonly #step: LoadedProgram;
  readonly #apply: Apply | undefined;
  readonly #evaluator: Evaluator;
  /** Weights that no program reads. */
  readonly #unread: Weights;
  readonly #averaged: ReadonlySet<string>;
  readonly #feed: FeederOptions;
  #state: TrainerState = { step: 0, epoch: 0, batch: 0, sums: noSums(), seconds: 0, history: [] };

  /** Compiles, loads and initialises. Throws before any memory is taken if the plan does not fit. */
  static async create(
    session: Session,
    network: Module,
    input: Shape,
    data: TrainingData,
    options: TrainerOptions,
  ): Promise<Trainer> {
    checkTrainerOptions(options, data);
    if (options.initial !== undefined) await inTurns(checkWeights(network, options.initial, "initial: the weights"));
    const labelsPixels = checkLabels(network, data, options);
    // Pictures to be labelled are tested in their own size, whatever size is cut out of them to train on.
    const testInput = labelsPixels ? (data.test?.shape ?? input) : input;
    const grouped = (options.accumulate ?? 1) > 1;
    const { top5 } = options;
    const { step, accumulate, apply, traced, ...entries } = trainingEntries(network, input, options.optimizer, options);
    const classes = traced.output.shape.at(-1)!;
    const { augmenter, transforms, views } = labelsPixels
      ? { augmenter: undefined, transforms: options.augment, views: undefined }
      : await augmenting(data, input, classes, options);
    const maxBatch = Math.min(options.batchSize, data.train.length);
    checkBatch(traced, maxBatch);
    const averaged = new Set(entries.averaged);
    const programs = await planTrainingInTurns(session, {
      step: grouped ? accumulate : step,
      maxBatch,
      apply: grouped ? apply : undefined,
      evaluation: Evaluator.entry(network, testInput, { averaged, views, top5 }).entry,
    });
    const loaded = await session.load(programs.step, { slots: QUEUE_LENGTH });
    const applying = programs.apply && (await Apply.create(session, programs.apply));
    const evaluator = await Evaluator.create(session, network, testInput, {
      views,
      top5,
      program: programs.evaluation,
    });
    const initial =
      options.initial ?? (await whitenedOn(initialWeightsOnDemand(network, options.seed), network, data.train));
    await writeWeights(session, initial);
    for (const name of averaged) await session.writeState(averageName(name), initial.get(name)!.data);
    return new Trainer(session, network, data, options, {
      step: loaded,
      apply: applying,
      evaluator,
      unread: weightsBeside(session, initial),
      averaged,
      feed: { seed: options.seed, distort: options.distort, augmenter, transforms },
    });
  }

  private constructor(
    session: Session,
    network: Module,
    data: TrainingData,
    options: TrainerOptions,
    parts: {
      readonly step: LoadedProgram;
      readonly apply: Apply | undefined;
      readonly evaluator: Evaluator;
      readonly unread: Weights;
      readonly averaged: ReadonlySet<string>;
      readonly feed: FeederOptions;
    },
  ) {
    this.session = session;
    this.options = options;
    this.#network = network;
    this.#data = data;
    this.#step = parts.step;
    this.#apply = parts.apply;
    this.#evaluator = parts.evaluator;
    this.#unread = parts.unread;
    this.#averaged = parts.averaged;
    this.#feed = parts.feed;
  }

  get state(): TrainerState {
    return this.#state;
  }

  /** The training step and the evaluation. */
  get programs(): readonly Program[] {
    const apply = this.#apply === undefined ? [] : [this.#apply.program];
    return [this.#step.program, ...apply, this.#evaluator.program];
  }

  get stepsPerEpoch(): number {
    return batchCount(this.#data.train.length, this.options.batchSize);
  }

  /** Whether patience is at its end: the run is over before its last epoch. */
  get exhausted(): boolean {
    return isExhausted(this.#state.history, this.options.patience, this.options.watch);
  }

  /** What was planned for the step, the update and the evaluation, by what it is for. */
  get memory(): TrainingMemory {
    const [step, apply] = [this.#step.program, this.#apply?.program];
    return trainingMemory({ step, apply, evaluation: this.#evaluator.program }, this.session);
  }

  /** A copy of the weights as they are after the steps done; the averages, where weights are averaged. */
  weights(): Promise<Map<string, Weight>> {
    const stateOf = (name: string) => (this.#averaged.has(name) ? averageName(name) : name);
    return readWeights(this.session, this.#network, this.#unread, stateOf);
  }

  /** Goes on from a state; the session's states must have been written by the caller. */
  restore(state: TrainerState): void {
    const { sums, norms } = state;
    this.#state = { ...state, sums: { ...sums }, ...(norms && { norms: { ...norms } }) };
  }

  /** Trains to the end of the last epoch, or until asked to stop; true if it came to the end. */
  async run(hooks: TrainHooks = {}): Promise<boolean> {
    const feeder = openFeeder(this.#step, this.#data.train, this.#feed);
    try {
      return await this.#runEpochs(hooks, feeder);
    } finally {
      await feeder.close();
    }
  }

  async #runEpochs(hooks: TrainHooks, feeder: Feeder): Promise<boolean> {
    while (this.#state.epoch < this.options.epochs && !this.exhausted) {
      if (await hooks.shouldStop?.()) return false;
      if (!(await this.#runEpoch(hooks, feeder))) return false;
      const { epoch, step, sums, norms, seconds, waited = 0, history } = this.#state;
      const val = await this.#measure("val", hooks);
      const test = await this.#measure("test", hooks);
      const record: EpochRecord = {
        epoch: epoch + 1,
        train: figures(sums),
        ...(val === undefined ? {} : { val: testFigures(val) }),
        ...(test === undefined ? {} : { test: testFigures(test) }),
        learningRate: this.#learningRate(step - 1),
        ...(norms && { gradientNorm: normFigures(norms) }),
        trainSeconds: seconds,
        testSeconds: (val?.seconds ?? 0) + (test?.seconds ?? 0),
        ...(waited >= NOTABLE_WAIT * seconds ? { waited: waited / seconds } : {}),
      };
      this.#state = { step, epoch: epoch + 1, batch: 0, sums: noSums(), seconds: 0, history: [...history, record] };
      await hooks.epoch?.(record, test);
    }
    return true;
  }

  /** Loss, accuracy and confusion matrix over a whole data set; each sample once. */
  evaluate(data: Dataset): Promise<Evaluation> {
    return this.#evaluator.run(data);
  }

  /** What to throw where the loss or a weight after the steps done is not finite. */
  notFinite(what = "the loss"): TrainingError {
    const { step, epoch } = this.#state;
    const rate = this.#learningRate(step);
    return new TrainingError(
      `${what} is not finite at step ${step + 1} (epoch ${epoch + 1}) with learning rate ${rate}: try a lower ` +
        `learning rate (${rate / 10} for a start), a warm-up, or look for values in the data that are not finite`,
    );
  }

  /** The pictures of a half, if there are any. */
  async #measure(phase: "val" | "test", hooks: TrainHooks): Promise<Evaluation | undefined> {
    const data = this.#data[phase];
    if (data === undefined) return undefined;
    const at = {
      phase,
      epoch: this.#state.epoch + 1,
      epochs: this.options.epochs,
      total: data.length,
    } as const;
    const measured = await this.#evaluator.run(data, (done, { loss, accuracy }) =>
      hooks.progress?.({ ...at, done, loss, accuracy }),
    );
    // The last update of an epoch is one that no training loss has seen.
    if (!Number.isFinite(measured.loss)) throw this.notFinite();
    return measured;
  }

  /** The rest of the current epoch; false if stopped on the way. */
  async #runEpoch(hooks: TrainHooks, feeder: Feeder): Promise<boolean> {
    const { batchSize, epochs, seed, mixup } = this.options;
    const { train } = this.#data;
    const { epoch, sums } = this.#state;
    const order = train.inOrder ? inOrder(train.length) : epochOrder(train.length, seed, epoch);
    const total = this.stepsPerEpoch;
    const at = { phase: "train", epoch: epoch + 1, epochs, total: train.length } as const;
    while (this.#state.batch < total) {
      const first = this.#state.batch;
      const started = performance.now();
      const before = this.#state.seconds;
      let waited = this.#state.waited ?? 0;
      await runQueue(this.#step, total - first, {
        fill: (slot, i) => {
          const indices = order.subarray((first + i) * batchSize, (first + i + 1) * batchSize);
          const rest = () => {
            if (mixup !== undefined) {
              mixSlot(slot, this.#step, drawMixture(mixup, seed, epoch, first + i, indices.length));
            }
            this.#fillScalars(this.#step, slot, epoch * total + first + i);
            return indices.length;
          };
          const filled = feeder.fill(slot, indices, epoch);
          return filled instanceof Promise ? filled.then(rest) : rest();
        },
        waited: (milliseconds) => {
          waited += milliseconds / 1000;
        },
        behind: (slot, i) => {
          if (this.#apply === undefined || !endsGroup(this.#batches, first + i)) return undefined;
          const applying = this.#apply.slotBehind(slot);
          this.#fillScalars(this.#apply.loaded, applying, epoch * total + first + i);
          return applying.run(1);
        },
        done: (slot, i, count) => {
          const { loss: lossBefore, correct: correctBefore } = sums;
          if (!addBatch(sums, slot.raw("loss"), slot.raw("correct"), count)) throw this.notFinite();
          const { step, batch, norms } = this.#state;
          const norm = this.#normAfter(slot, first + i);
          const seconds = before + (performance.now() - started) / 1000;
          const next = { ...this.#state, step: step + 1, batch: batch + 1, seconds, waited };
          this.#state = norm === undefined ? next : { ...next, norms: addNorm(norms, norm) };
          const record: StepRecord = {
            step: step + 1,
            epoch: epoch + 1,
            loss: (sums.loss - lossBefore) / count,
            accuracy: (sums.correct - correctBefore) / count,
            learningRate: this.#learningRate(step),
            ...(norm === undefined ? {} : { gradientNorm: norm }),
          };
          const { loss, accuracy } = figures(sums);
          const progress: Progress = { ...at, done: sums.samples, loss, accuracy, waited: waited / seconds };
          return inSequence([() => hooks.step?.(record), () => hooks.progress?.(progress)], () =>
            afterwards(hooks.shouldStop?.(), (stops) => !(stops || hooks.wantsCheckpoint?.())),
          );
        },
      });
      if (this.#state.batch === total) break;
      if (await hooks.shouldStop?.()) return false;
      await hooks.checkpoint?.();
    }
    return true;
  }

  get #batches(): Batches {
    const { batchSize, accumulate = 1 } = this.options;
    return { pictures: this.#data.train.length, batchSize, accumulate };
  }

  /** The gradient's norm of the update that ended with batch `batch` of the epoch, where there was one and it was computed. */
  #normAfter(slot: Slot, batch: number): number | undefined {
    if (this.options.clipNorm === undefined || !endsGroup(this.#batches, batch)) return undefined;
    const norm = (this.#apply?.slotBehind(slot) ?? slot).raw("gradientNorm")[0]!;
    if (!Number.isFinite(norm)) throw this.notFinite("the gradient's norm");
    return norm;
  }

  /** Of step 0, 1, ...: schedules count updates. */
  #learningRate(step: number): number {
    const { schedule, optimizer, epochs } = this.options;
    const stepsPerEpoch = updatesOf(this.#batches);
    const update = updateAt(this.#batches, step);
    return learningRateAt(schedule, optimizer.lr, update, { totalSteps: epochs * stepsPerEpoch, stepsPerEpoch });
  }

  #fillScalars({ program }: LoadedProgram, slot: Slot, step: number): void {
    const { optimizer, seed, epochs, average } = this.options;
    const batches = this.#batches;
    const learningRate = this.#learningRate(step);
    const update = updateAt(batches, step) + 1;
    const scalars: Readonly<Record<string, number>> = {
      share: shareOf(batches, step % batchesOf(batches)),
      ...optimizer.scalars(update),
      ...(average && averagingScalars(average, update, epochs * updatesOf(batches))),
    };
    for (const { name } of program.inputs) {
      const value = rateOf(name, learningRate) ?? scalars[name];
      if (value !== undefined) slot.fill(name, [value]);
      else if (name === RANDOM_INPUT) slot.fill(name, [seed | 0, Math.floor(seed / 2 ** 32) | 0, step]);
    }
  }
}

function testFigures({ loss, accuracy, meanIoU, top5 }: Evaluation): NonNullable<EpochRecord["test"]> {
  return { loss, accuracy, ...(meanIoU === undefined ? {} : { meanIoU }), ...(top5 === undefined ? {} : { top5 }) };
}
