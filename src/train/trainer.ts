/**
 * Trains a classifier, epoch by epoch: the steps (epoch-loop.ts), then what they have come to on the other halves. It
 * can stop and go on at any step. All that a run depends on is in `TrainerState` and the device's states: a run that
 * was restored ends in the same bits as one never stopped.
 */

import type { TrainingError } from "../base/errors.js";
import type { Dataset } from "../data/sets/dataset.js";
import type { Device, Executable } from "../devices/device.js";
import type { TrainingMemory } from "../devices/training-memory.js";
import type { Shape } from "../graph/shape.js";
import { readWeights, type Weight } from "../model/weights/weights.js";
import type { Module } from "../nn/index.js";
import { epochRecord } from "./epoch-record.js";
import { isExhausted } from "./evaluate/best-epoch.js";
import type { Evaluation } from "./evaluate/evaluator.js";
import { type Feeder, openFeeder } from "./feeder.js";
import type { TrainerState, TrainHooks, TrainingData } from "./records.js";
import { setUpTraining, type TrainingParts } from "./set-up.js";
import { averageName } from "./techniques/averaging.js";
import type { TrainerOptions } from "./trainer-options.js";

export class Trainer {
  readonly device: Device;
  readonly options: TrainerOptions;
  readonly #network: Module;
  readonly #data: TrainingData;
  readonly #parts: TrainingParts;

  /** Compiles, loads and initialises. Throws before any memory is taken if the plan does not fit. */
  static async create(
    device: Device,
    network: Module,
    input: Shape,
    data: TrainingData,
    options: TrainerOptions,
  ): Promise<Trainer> {
    const parts = await setUpTraining(device, network, input, data, options);
    return new Trainer(device, network, data, options, parts);
  }

  private constructor(
    device: Device,
    network: Module,
    data: TrainingData,
    options: TrainerOptions,
    parts: TrainingParts,
  ) {
    this.device = device;
    this.options = options;
    this.#network = network;
    this.#data = data;
    this.#parts = parts;
  }

  get state(): TrainerState {
    return this.#parts.loop.state;
  }

  /** The training step, the update where it is one of its own, and the evaluation. */
  get executables(): readonly Executable[] {
    const { step, apply, evaluation } = this.#parts.executables;
    return [step, ...(apply === undefined ? [] : [apply]), evaluation];
  }

  get stepsPerEpoch(): number {
    return this.#parts.loop.length;
  }

  /** Whether patience is at its end: the run is over before its last epoch. */
  get exhausted(): boolean {
    return isExhausted(this.state.history, this.options.patience, this.options.watch);
  }

  /** What is allowed and seldom meant, in one sentence each. */
  get cautions(): readonly string[] {
    return this.#parts.cautions;
  }

  /** What was planned for the step, the update and the evaluation, by what it is for. */
  get memory(): TrainingMemory {
    return this.#parts.executables.memory;
  }

  /** A copy of the weights as they are after the steps done; the averages, where weights are averaged. */
  weights(): Promise<Map<string, Weight>> {
    const { averaged, unread } = this.#parts;
    const stateOf = (name: string) => (averaged.has(name) ? averageName(name) : name);
    return readWeights(this.device, this.#network, unread, stateOf);
  }

  /** Goes on from a state; the device's states must have been written by the caller. */
  restore(state: TrainerState): void {
    this.#parts.loop.restore(state);
  }

  /** Trains to the end of the last epoch, or until asked to stop; true if it came to the end. */
  async run(hooks: TrainHooks = {}): Promise<boolean> {
    const { loop, feed } = this.#parts;
    const feeder = openFeeder(loop.step, this.#data.train, feed);
    try {
      return await this.#runEpochs(hooks, feeder);
    } finally {
      await feeder.close();
    }
  }

  async #runEpochs(hooks: TrainHooks, feeder: Feeder): Promise<boolean> {
    const { loop } = this.#parts;
    while (this.state.epoch < this.options.epochs && !this.exhausted) {
      if (await hooks.shouldStop?.()) return false;
      if (!(await loop.run(hooks, feeder))) return false;
      const val = await this.#measure("val", hooks);
      const test = await this.#measure("test", hooks);
      const record = epochRecord(this.state, { val, test }, loop.learningRate(this.state.step - 1));
      loop.end(record);
      await hooks.epoch?.(record, test);
    }
    return true;
  }

  /** Loss, accuracy and confusion matrix over a whole data set; each sample once. */
  evaluate(data: Dataset): Promise<Evaluation> {
    return this.#parts.evaluator.run(data);
  }

  /** What to throw where the loss or a weight after the steps done is not finite. */
  notFinite(what?: string): TrainingError {
    return this.#parts.loop.notFinite(what);
  }

  /** The pictures of a half, if there are any. */
  async #measure(phase: "val" | "test", hooks: TrainHooks): Promise<Evaluation | undefined> {
    const data = this.#data[phase];
    if (data === undefined) return undefined;
    const { epoch } = this.state;
    const at = { phase, epoch: epoch + 1, epochs: this.options.epochs, total: data.length } as const;
    const measured = await this.#parts.evaluator.run(data, (done, { loss, accuracy }) =>
      hooks.progress?.({ ...at, done, loss, accuracy }),
    );
    // The last update of an epoch is one that no training loss has seen.
    if (!Number.isFinite(measured.loss)) throw this.notFinite();
    return measured;
  }
}
