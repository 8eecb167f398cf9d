/**
 * What goes into a step beside pictures and labels: the learning rate, the optimiser's numbers, and what random numbers
 * are drawn by.
 */
import type { Executable, Slot } from "../devices/device.js";
import { RANDOM_INPUT } from "../nn/index.js";
import { type Batches, batchesOf, shareOf, updateAt, updatesOf } from "./accumulation.js";
import type { MeasuredEpoch } from "./schedules/plateau.js";
import { learningRateAt } from "./schedules/schedule.js";
import { averagingScalars } from "./techniques/averaging.js";
import type { TrainerOptions } from "./trainer-options.js";

export type StepInputOptions = Pick<TrainerOptions, "optimizer" | "schedule" | "seed" | "epochs" | "average">;

export class StepInputs {
  readonly #options: StepInputOptions;
  readonly #batches: Batches;
  readonly #rates: ReadonlyMap<string, number>;

  /** `rates`: the inputs that are learning rates, as multiples of the schedule's. */
  constructor(options: StepInputOptions, batches: Batches, rates: ReadonlyMap<string, number>) {
    this.#options = options;
    this.#batches = batches;
    this.#rates = rates;
  }

  /** The schedule's, of step 0, 1, ... after the epochs of `history`: schedules count updates. */
  learningRate(step: number, history: readonly MeasuredEpoch[]): number {
    const { schedule, optimizer, epochs } = this.#options;
    const stepsPerEpoch = updatesOf(this.#batches);
    const update = updateAt(this.#batches, step);
    const extent = { totalSteps: epochs * stepsPerEpoch, stepsPerEpoch, history };
    return learningRateAt(schedule, optimizer.lr, update, extent);
  }

  /** Fills those that the executable takes, for step 0, 1, ... */
  fill(executable: Pick<Executable, "inputs">, slot: Slot, step: number, history: readonly MeasuredEpoch[]): void {
    const { optimizer, seed, epochs, average } = this.#options;
    const batches = this.#batches;
    const learningRate = this.learningRate(step, history);
    const update = updateAt(batches, step) + 1;
    const scalars: Readonly<Record<string, number>> = {
      share: shareOf(batches, step % batchesOf(batches)),
      ...optimizer.scalars(update),
      ...(average && averagingScalars(average, update, epochs * updatesOf(batches))),
    };
    for (const { name } of executable.inputs) {
      const factor = this.#rates.get(name);
      const value = factor === undefined ? scalars[name] : learningRate * factor;
      if (value !== undefined) slot.fill(name, [value]);
      else if (name === RANDOM_INPUT) slot.fill(name, [seed | 0, Math.floor(seed / 2 ** 32) | 0, step]);
    }
  }
}
