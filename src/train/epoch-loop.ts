/** The steps of an epoch: keeps a queue of them before the workers, and can stop and go on behind any. */
import { TrainingError } from "../base/errors.js";
import type { Dataset } from "../data/sets/dataset.js";
import { epochOrder, inOrder } from "../data/sets/sampler.js";
import type { Executable, Slot } from "../devices/device.js";
import { afterwards, inSequence, runQueue } from "../devices/queue.js";
import { type Batches, batchesOf, endsGroup } from "./accumulation.js";
import type { Apply } from "./apply.js";
import { addBatch, addNorm, figures, noSums } from "./evaluate/metrics.js";
import type { Written } from "./feed.js";
import type { Feeder } from "./feeder.js";
import type { EpochRecord, Progress, StepRecord, TrainerState, TrainHooks } from "./records.js";
import type { StepInputs } from "./step-inputs.js";
import { drawMixture, mixInto } from "./techniques/mixup.js";
import type { TrainerOptions } from "./trainer-options.js";

export interface EpochLoopParts {
  readonly step: Executable;
  /** The update behind a group of batches, where the step only adds their gradients up. */
  readonly apply: Apply | undefined;
  readonly inputs: StepInputs;
  readonly train: Dataset;
  readonly batches: Batches;
  readonly options: Pick<TrainerOptions, "epochs" | "seed" | "mixup" | "clipNorm">;
}

export class EpochLoop {
  readonly #parts: EpochLoopParts;
  #state: TrainerState = { step: 0, epoch: 0, batch: 0, sums: noSums(), seconds: 0, history: [] };

  constructor(parts: EpochLoopParts) {
    this.#parts = parts;
  }

  /** What runs a step. */
  get step(): Executable {
    return this.#parts.step;
  }

  /** Steps of an epoch. */
  get length(): number {
    return batchesOf(this.#parts.batches);
  }

  /** Of step 0, 1, ... of all epochs. */
  learningRate(step: number): number {
    return this.#parts.inputs.learningRate(step, this.#state.history);
  }

  /** What the steps done have come to. */
  get state(): TrainerState {
    return this.#state;
  }

  /** Goes on from a state, a copy of which is kept. */
  restore(state: TrainerState): void {
    const { sums, norms } = state;
    this.#state = { ...state, sums: { ...sums }, ...(norms && { norms: { ...norms } }) };
  }

  /** Goes on with the next epoch. */
  end(record: EpochRecord): void {
    const { step, epoch, history } = this.#state;
    this.#state = { step, epoch: epoch + 1, batch: 0, sums: noSums(), seconds: 0, history: [...history, record] };
  }

  /** What to throw where the loss or a weight after the steps done is not finite. */
  notFinite(what = "the loss"): TrainingError {
    const { step, epoch } = this.#state;
    const rate = this.learningRate(step);
    return new TrainingError(
      `${what} is not finite at step ${step + 1} (epoch ${epoch + 1}) with learning rate ${rate}: try a lower ` +
        `learning rate (${rate / 10} for a start), a warm-up, or look for values in the data that are not finite`,
    );
  }

  /** The rest of the current epoch; false if stopped on the way. */
  async run(hooks: TrainHooks, feeder: Feeder): Promise<boolean> {
    const { step, train, batches, options } = this.#parts;
    const { epoch } = this.#state;
    const order = train.inOrder ? inOrder(train.length) : epochOrder(train.length, options.seed, epoch);
    const total = batchesOf(batches);
    while (this.#state.batch < total) {
      const first = this.#state.batch;
      const time = timeSince(this.#state);
      await runQueue(step, total - first, {
        fill: (slot, i) => this.#fill(slot, first + i, order, feeder),
        waited: (milliseconds) => time.wait(milliseconds),
        behind: (slot, i) => this.#update(slot, first + i),
        done: (slot, i, count) => {
          const told = this.#take(slot, first + i, count, time());
          return inSequence([() => hooks.step?.(told.record), () => hooks.progress?.(told.progress)], () =>
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

  /** Fills a slot for a batch of the epoch; gives how many pictures it has. */
  #fill(slot: Slot, batch: number, order: Uint32Array, feeder: Feeder): number | Promise<number> {
    const { step, inputs, batches, options } = this.#parts;
    const { batchSize } = batches;
    const { epoch } = this.#state;
    const indices = order.subarray(batch * batchSize, (batch + 1) * batchSize);
    const mixture =
      options.mixup === undefined ? undefined : drawMixture(options.mixup, options.seed, epoch, batch, indices.length);
    const written = mixture && ((pictures: Written) => mixInto(slot, pictures, mixture));
    return afterwards(feeder.fill(slot, indices, epoch, written), () => {
      inputs.fill(step, slot, this.#stepOf(batch), this.#state.history);
      return indices.length;
    });
  }

  /** Submits the update behind a batch that ends a group. */
  #update(slot: Slot, batch: number): Promise<void> | undefined {
    const { apply, inputs, batches } = this.#parts;
    if (apply === undefined || !endsGroup(batches, batch)) return undefined;
    const applying = apply.slotBehind(slot);
    inputs.fill(apply.executable, applying, this.#stepOf(batch), this.#state.history);
    return applying.run(1);
  }

  /** Takes a batch's results into the state. */
  #take(slot: Slot, batch: number, count: number, { seconds, waited }: EpochTime) {
    const { train, options } = this.#parts;
    const { sums, step, epoch, norms } = this.#state;
    const { loss: lossBefore, correct: correctBefore } = sums;
    if (!addBatch(sums, slot.output("loss"), slot.output("correct"), count)) throw this.notFinite();
    const norm = this.#normAfter(slot, batch);
    const next = { ...this.#state, step: step + 1, batch: batch + 1, seconds, waited };
    this.#state = norm === undefined ? next : { ...next, norms: addNorm(norms, norm) };
    const record: StepRecord = {
      step: step + 1,
      epoch: epoch + 1,
      loss: (sums.loss - lossBefore) / count,
      accuracy: (sums.correct - correctBefore) / count,
      learningRate: this.learningRate(step),
      ...(norm === undefined ? {} : { gradientNorm: norm }),
    };
    const { loss, accuracy } = figures(sums);
    const progress: Progress = {
      phase: "train",
      epoch: epoch + 1,
      epochs: options.epochs,
      total: train.length,
      done: sums.samples,
      loss,
      accuracy,
      waited: waited / seconds,
    };
    return { record, progress };
  }

  /** The step (0, 1, ... of all epochs) of a batch of this epoch. */
  #stepOf(batch: number): number {
    return this.#state.epoch * batchesOf(this.#parts.batches) + batch;
  }

  /**
   * The gradient's norm of the update that ended with a batch of the epoch, where there was one and it was computed.
   */
  #normAfter(slot: Slot, batch: number): number | undefined {
    const { apply, batches, options } = this.#parts;
    if (options.clipNorm === undefined || !endsGroup(batches, batch)) return undefined;
    const norm = (apply?.slotBehind(slot) ?? slot).output("gradientNorm")[0]!;
    if (!Number.isFinite(norm)) throw this.notFinite("the gradient's norm");
    return norm;
  }
}

/** Seconds spent on the epoch, and those of them in which the workers waited for pictures. */
type EpochTime = Required<Pick<TrainerState, "seconds" | "waited">>;

/** The time of the epoch, from a state on that is gone on from now. */
function timeSince({ seconds, waited = 0 }: TrainerState) {
  const started = performance.now();
  let idle = 0;
  const now = (): EpochTime => ({
    seconds: seconds + (performance.now() - started) / 1000,
    waited: waited + idle / 1000,
  });
  return Object.assign(now, {
    wait(milliseconds: number) {
      idle += milliseconds;
    },
  });
}
