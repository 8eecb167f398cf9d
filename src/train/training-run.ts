/** What comes of a training, and what had come of it until something threw: nothing that was computed is lost. */
import { TrainingError } from "../base/errors.js";
import type { TrainedModel } from "../model/trained-model.js";
import { findNotFinite } from "../model/weights/weights.js";
import { bestEpoch } from "./evaluate/best-epoch.js";
import type { EpochRecord, TrainHooks } from "./records.js";
import type { Watch } from "./techniques/techniques.js";
import type { Trainer } from "./trainer.js";

/** The result of a training. */
export interface TrainingRun {
  /** The network with its weights after the last step. */
  readonly model: TrainedModel;
  /** The epoch that was best on the test pictures, and the network after it. Present with `keepBest`. */
  readonly best?: {
    /** Number of the epoch, from 1. */
    readonly epoch: number;
    /** The network with its weights after that epoch. */
    readonly model: TrainedModel;
  };
  /** One record an epoch. */
  readonly history: readonly EpochRecord[];
  /** Whether it ran to its end: false if `signal` stopped it. */
  readonly completed: boolean;
  /** Whether `patience` ended it before its last epoch. */
  readonly stoppedEarly: boolean;
}

/** The state of a training when something threw. */
export interface FailedRun extends Omit<TrainingRun, "model"> {
  /** It did not run to its end. */
  readonly completed: false;
  /**
   * The network as it was when a callback threw; after the last whole epoch where the loss or a weight is not finite.
   * Absent where there was no such epoch.
   */
  readonly model?: TrainedModel;
}

/**
 * The error that ends a training, with what had been computed until then. Errors from before the first step have no
 * `run`.
 *
 *     try { await train(...); } catch (error) { const { run } = error as TrainingFailure; ... }
 */
export type TrainingFailure = Error & {
  /** What had been computed until then; absent before the first step. */
  readonly run?: FailedRun;
};

/** The error itself, with `run` on it; around what can carry nothing, such as a text, an error that does. */
function withRun(error: unknown, run: FailedRun): unknown {
  const carries = typeof error === "object" && error !== null && Object.isExtensible(error) && !("run" in error);
  const carrier = carries ? error : new TrainingError(`training ended by an error: ${String(error)}`, { cause: error });
  // Not enumerable: who prints the error does not want all weights.
  return Object.defineProperty(carrier, "run", { value: run, enumerable: false, configurable: true, writable: true });
}

export interface Recorded {
  /** The network with the weights of the trainer. */
  model(weights: TrainedModel["weights"]): TrainedModel;
  /** Whether the weights of the epoch that was best on the test pictures are kept. */
  readonly keepBest?: boolean;
  readonly watch?: Watch | undefined;
}

/** Runs a trainer to its end, or until it is to stop. What it throws is a `TrainingFailure`. */
export async function recordRun(trainer: Trainer, recorded: Recorded, hooks: TrainHooks = {}): Promise<TrainingRun> {
  const { keepBest = false, watch } = recorded;
  let best: TrainingRun["best"];
  let last: TrainedModel | undefined;
  const modelNow = async (): Promise<TrainedModel> => {
    const weights = await trainer.weights();
    const broken = findNotFinite(weights);
    if (broken !== undefined) throw trainer.notFinite(`a weight of "${broken}"`);
    return recorded.model(weights);
  };
  /** A session that failed may have no weights any more. */
  const modelThen = async (error: unknown) =>
    error instanceof TrainingError ? last : await modelNow().catch(() => last);
  try {
    const completed = await trainer.run({
      ...hooks,
      async epoch(record, test) {
        last = await modelNow();
        if (keepBest && bestEpoch(trainer.state.history, watch) === record) best = { epoch: record.epoch, model: last };
        await hooks.epoch?.(record, test);
      },
    });
    const { history, epoch } = trainer.state;
    const stoppedEarly = completed && epoch < trainer.options.epochs;
    const model = completed && last !== undefined ? last : await modelNow();
    return { model, ...(best && { best }), history, completed, stoppedEarly };
  } catch (error) {
    const model = await modelThen(error);
    const { history } = trainer.state;
    const run = {
      ...(model && { model }),
      ...(best && { best }),
      history,
      completed: false,
      stoppedEarly: false,
    } as const;
    throw withRun(error, run);
  }
}
