/**
 * Trains a classifier: compiles the training and evaluation programs into one session, keeps a queue of steps before the
 * workers, and can stop and go on at any step. All that a run depends on is in `TrainerState` and the session's states: a run
 * that was restored ends in the same bits as one never stopped.
 */
import { compileEntry } from "../compile/compile.js";
import type { Program } from "../compile/program.js";
import { fillBatch } from "../data/batch.js";
import type { Dataset } from "../data/dataset.js";
import { batchCount, epochOrder, inOrder } from "../data/sampler.js";
import { DataError, OptionError, TrainingError } from "../errors.js";
import type { Shape } from "../graph/value.js";
import { initialize, type Module, type Traced } from "../nn/index.js";
import { Random } from "../random.js";
import type { LoadedProgram } from "../runtime/loaded-program.js";
import type { Session } from "../runtime/session.js";
import type { Slot } from "../runtime/slot.js";
import {
  addBatch,
  type ConfusionMatrix,
  confusionMatrix,
  type EpochFigures,
  type EpochSums,
  figures,
  noSums,
} from "./metrics.js";
import type { Optimizer } from "./optimizer.js";
import { checkSchedule, learningRateAt, type Schedule } from "./schedule.js";
import { evaluationEntry, trainingEntries } from "./step.js";

export interface TrainerOptions {
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly seed: number;
}

/** Where a run is: with the session's states, all that it needs to go on. Plain data. */
export interface TrainerState {
  /** Steps done. */
  readonly step: number;
  readonly epoch: number;
  /** Batches done of the epoch. */
  readonly batch: number;
  readonly sums: EpochSums;
  readonly history: readonly EpochRecord[];
}

export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  readonly train: EpochFigures;
  readonly test?: EpochFigures;
  readonly learningRate: number;
  /** Seconds of training and of evaluation, on this machine. */
  readonly trainSeconds: number;
  readonly testSeconds: number;
}

export interface Evaluation extends EpochFigures {
  readonly samples: number;
  readonly confusion: ConfusionMatrix;
  readonly predictions: Int32Array;
  readonly seconds: number;
}

export interface Progress {
  readonly phase: "train" | "test";
  readonly epoch: number;
  readonly epochs: number;
  /** Images done of the phase, and in all of it. */
  readonly done: number;
  readonly total: number;
  readonly loss: number;
  readonly accuracy: number;
}

export interface TrainHooks {
  /** Called often, at most once a batch. */
  progress?(progress: Progress): void;
  /** Called after each epoch, when nothing runs: the place to save. */
  epoch?(record: EpochRecord): void | Promise<void>;
  /** Asked after each step: true stops before the next one. */
  shouldStop?(): boolean;
  /** Asked after each step: true lets the queue run dry and calls `checkpoint`. */
  wantsCheckpoint?(): boolean;
  checkpoint?(): void | Promise<void>;
}

const QUEUE = 4;
const EVALUATION_BATCH = 256;

export class Trainer {
  readonly session: Session;
  readonly programs: readonly Program[];
  readonly #traced: Traced;
  readonly #options: TrainerOptions;
  readonly #train: Dataset;
  readonly #test: Dataset | undefined;
  readonly #step: LoadedProgram;
  readonly #evaluate: LoadedProgram;
  #state: TrainerState = { step: 0, epoch: 0, batch: 0, sums: noSums(), history: [] };

  /** Compiles, loads and initialises. Throws before any memory is taken if the plan does not fit. */
  static async create(
    session: Session,
    network: Module,
    input: Shape,
    data: { readonly train: Dataset; readonly test?: Dataset | undefined },
    options: TrainerOptions,
  ): Promise<Trainer> {
    checkOptions(options);
    const training = trainingEntries(network, input, options.optimizer);
    const classes = training.traced.output.shape.at(-1)!;
    for (const set of [data.train, data.test]) if (set !== undefined) checkData(set, input, classes);
    const { target } = session;
    const maxBatch = Math.min(options.batchSize, data.train.length);
    const step = compileEntry(training.step, { target, maxBatch });
    const evaluate = compileEntry(evaluationEntry(network, input).entry, { target, maxBatch: EVALUATION_BATCH });
    const loaded = [
      await session.load(step, { slots: QUEUE }),
      await session.load(evaluate, { slots: QUEUE }),
    ] as const;
    const trainer = new Trainer(session, training.traced, data, options, loaded);
    await trainer.#initialise();
    return trainer;
  }

  private constructor(
    session: Session,
    traced: Traced,
    data: { readonly train: Dataset; readonly test?: Dataset | undefined },
    options: TrainerOptions,
    loaded: readonly [LoadedProgram, LoadedProgram],
  ) {
    this.session = session;
    this.#traced = traced;
    this.#train = data.train;
    this.#test = data.test;
    this.#options = options;
    [this.#step, this.#evaluate] = loaded;
    this.programs = loaded.map((l) => l.program);
  }

  get state(): TrainerState {
    return this.#state;
  }

  get stepsPerEpoch(): number {
    return batchCount(this.#train.length, this.#options.batchSize);
  }

  /** The names of the trainable parameters. */
  get parameterNames(): readonly string[] {
    return [...this.#traced.parameters.keys()];
  }

  /** Goes on from a state; the session's states must have been written by the caller. */
  restore(state: TrainerState): void {
    this.#state = { ...state, sums: { ...state.sums } };
  }

  /** Trains to the end of the last epoch, or until asked to stop; true if it came to the end. */
  async run(hooks: TrainHooks = {}): Promise<boolean> {
    while (this.#state.epoch < this.#options.epochs) {
      const started = performance.now();
      if (!(await this.#runEpoch(hooks))) return false;
      const trainSeconds = (performance.now() - started) / 1000;
      const { epoch, step, sums, history } = this.#state;
      const test = this.#test === undefined ? undefined : await this.evaluate(this.#test, hooks);
      const record: EpochRecord = {
        epoch: epoch + 1,
        train: figures(sums),
        ...(test === undefined ? {} : { test: { loss: test.loss, accuracy: test.accuracy } }),
        learningRate: this.#learningRate(step - 1),
        trainSeconds,
        testSeconds: test?.seconds ?? 0,
      };
      this.#state = { step, epoch: epoch + 1, batch: 0, sums: noSums(), history: [...history, record] };
      await hooks.epoch?.(record);
      if (hooks.shouldStop?.() && this.#state.epoch < this.#options.epochs) return false;
    }
    return true;
  }

  /** Loss, accuracy and confusion matrix over a whole data set; each sample once. */
  async evaluate(data: Dataset, hooks: TrainHooks = {}): Promise<Evaluation> {
    const started = performance.now();
    const sums = noSums();
    const predictions = new Int32Array(data.length);
    const order = inOrder(data.length);
    const { epoch } = this.#state;
    await this.#queue(this.#evaluate, batchCount(data.length, EVALUATION_BATCH), {
      fill: (slot, batch) => {
        const indices = order.subarray(batch * EVALUATION_BATCH, (batch + 1) * EVALUATION_BATCH);
        fillSlot(slot, this.#evaluate, data, indices);
        return indices.length;
      },
      done: (slot, batch, count) => {
        addBatch(sums, slot.raw("loss"), slot.raw("correct"), count);
        predictions.set(slot.output("prediction").subarray(0, count), batch * EVALUATION_BATCH);
        const { loss, accuracy } = figures(sums);
        const { epochs } = this.#options;
        hooks.progress?.({
          phase: "test",
          epoch: epoch + 1,
          epochs,
          done: sums.samples,
          total: data.length,
          loss,
          accuracy,
        });
        return true;
      },
    });
    const confusion = confusionMatrix(data.labels, predictions, data.classes.length);
    return {
      ...figures(sums),
      samples: sums.samples,
      confusion,
      predictions,
      seconds: (performance.now() - started) / 1000,
    };
  }

  async #initialise(): Promise<void> {
    // One generator a parameter, named after it: adding a layer does not change the others.
    const random = new Random(this.#options.seed);
    for (const [name, { value, init }] of this.#traced.parameters) {
      const data = new Float32Array(value.shape.reduce((a, b) => a * b, 1));
      initialize(data, init, random.fork(name));
      await this.session.writeState(name, data);
    }
  }

  /** The rest of the current epoch; false if stopped on the way. */
  async #runEpoch(hooks: TrainHooks): Promise<boolean> {
    const { batchSize, epochs, seed } = this.#options;
    const { epoch } = this.#state;
    const order = epochOrder(this.#train.length, seed, epoch);
    const total = this.stepsPerEpoch;
    while (this.#state.batch < total) {
      const first = this.#state.batch;
      await this.#queue(this.#step, total - first, {
        fill: (slot, i) => {
          const indices = order.subarray((first + i) * batchSize, (first + i + 1) * batchSize);
          fillSlot(slot, this.#step, this.#train, indices);
          this.#fillScalars(slot, epoch * total + first + i);
          return indices.length;
        },
        done: (slot, _, count) => {
          const { sums, step, batch } = this.#state;
          const finite = addBatch(sums, slot.raw("loss"), slot.raw("correct"), count);
          if (!finite) throw this.#notFinite(step);
          this.#state = { ...this.#state, step: step + 1, batch: batch + 1 };
          const { loss, accuracy } = figures(sums);
          hooks.progress?.({
            phase: "train",
            epoch: epoch + 1,
            epochs,
            done: sums.samples,
            total: this.#train.length,
            loss,
            accuracy,
          });
          return !(hooks.shouldStop?.() || hooks.wantsCheckpoint?.());
        },
      });
      if (hooks.shouldStop?.()) return this.#state.batch >= total;
      if (this.#state.batch < total) await hooks.checkpoint?.();
    }
    return true;
  }

  /**
   * Keeps the workers fed: fills slots ahead of them, and takes the results in order. `done` returns false to submit no
   * more; what was submitted is finished first, so that the state is that of a whole step.
   */
  async #queue(
    program: LoadedProgram,
    batches: number,
    work: { fill(slot: Slot, batch: number): number; done(slot: Slot, batch: number, count: number): boolean },
  ): Promise<void> {
    const waiting: Promise<void>[] = [];
    let open = true;
    let failure: { error: unknown } | undefined;
    let last = Promise.resolve();
    for (let batch = 0; batch < batches && open; batch++) {
      const slot = await program.acquire();
      if (!open) {
        slot.release();
        break;
      }
      const count = work.fill(slot, batch);
      const ran = slot.run(count);
      last = Promise.all([ran, last]).then(
        () => {
          if (failure === undefined) {
            try {
              if (!work.done(slot, batch, count)) open = false;
            } catch (error) {
              failure = { error };
              open = false;
            }
          }
          slot.release();
        },
        (error: unknown) => {
          failure ??= { error };
          open = false;
          slot.release();
        },
      );
      waiting.push(last);
    }
    await Promise.all(waiting);
    if (failure !== undefined) throw failure.error;
  }

  #learningRate(step: number): number {
    const { schedule, optimizer, epochs } = this.#options;
    const stepsPerEpoch = this.stepsPerEpoch;
    return learningRateAt(schedule, optimizer.lr, step, { totalSteps: epochs * stepsPerEpoch, stepsPerEpoch });
  }

  #fillScalars(slot: Slot, step: number): void {
    const scalars = { learningRate: this.#learningRate(step), ...this.#options.optimizer.scalars(step + 1) };
    for (const { name } of this.#step.program.inputs) {
      const value = (scalars as Record<string, number>)[name];
      if (value !== undefined) slot.fill(name, [value]);
      else if (name === "random")
        slot.fill(name, [this.#options.seed | 0, Math.floor(this.#options.seed / 2 ** 32) | 0, step]);
    }
  }

  #notFinite(step: number): TrainingError {
    const rate = this.#learningRate(step);
    return new TrainingError(
      `the loss is not finite at step ${step + 1} (epoch ${this.#state.epoch + 1}) with learning rate ${rate}: try a lower ` +
        `learning rate (${rate / 10} for a start), a warm-up, or look for values in the data that are not finite`,
    );
  }
}

/** Pictures straight into the program's memory where it has no pads between them. */
function fillSlot(slot: Slot, program: LoadedProgram, data: Dataset, indices: Uint32Array): void {
  const port = program.program.inputs.find((p) => p.name === "input")!;
  const size = data.shape[0] * data.shape[1] * data.shape[2];
  const labels = slot.input("labels") as Int32Array;
  const dense = port.layout.sampleStride === size && port.layout.channelStride === port.layout.channels;
  if (dense) {
    fillBatch(data, indices, slot.input("input") as Float32Array, labels);
    return;
  }
  const images = new Float32Array(indices.length * size);
  fillBatch(data, indices, images, labels);
  slot.fill("input", images);
}

function checkOptions(options: TrainerOptions): void {
  for (const name of ["epochs", "batchSize"] as const) {
    const value = options[name];
    if (!Number.isInteger(value) || value < 1) {
      throw new OptionError(`${name} is ${value}, expected a whole number of at least 1`);
    }
  }
  if (!Number.isSafeInteger(options.seed) || options.seed < 0) {
    throw new OptionError(`seed is ${options.seed}, expected a whole number from 0 to 2^53 - 1`);
  }
  checkSchedule(options.schedule);
}

function checkData(data: Dataset, input: Shape, classes: number): void {
  if (data.length === 0) throw new DataError(`${data.name}: there are no pictures in it`);
  if (data.shape.join("x") !== input.join("x")) {
    throw new DataError(
      `${data.name}: pictures are ${data.shape.join("x")}, but the network takes ${input.join("x")} (height x width x channels); ` +
        "choose a network or a size that fits",
    );
  }
  if (data.classes.length > classes) {
    throw new DataError(
      `${data.name}: has ${data.classes.length} classes, but the network tells ${classes} apart; set its option classes to ${data.classes.length}`,
    );
  }
}
