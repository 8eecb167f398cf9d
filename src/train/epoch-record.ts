/** What is kept of an epoch. */
import type { Evaluation } from "./evaluate/evaluator.js";
import { figures, normFigures } from "./evaluate/metrics.js";
import { type EpochRecord, NOTABLE_WAIT, type TrainerState } from "./records.js";

export interface Measured {
  readonly val: Evaluation | undefined;
  readonly test: Evaluation | undefined;
}

/** Of the epoch that a state is at the end of; `learningRate` is that of its last step. */
export function epochRecord(state: TrainerState, { val, test }: Measured, learningRate: number): EpochRecord {
  const { epoch, sums, norms, seconds, waited = 0 } = state;
  return {
    epoch: epoch + 1,
    train: figures(sums),
    ...(val === undefined ? {} : { val: testFigures(val) }),
    ...(test === undefined ? {} : { test: testFigures(test) }),
    learningRate,
    ...(norms && { gradientNorm: normFigures(norms) }),
    trainSeconds: seconds,
    testSeconds: (val?.seconds ?? 0) + (test?.seconds ?? 0),
    ...(waited >= NOTABLE_WAIT * seconds ? { waited: waited / seconds } : {}),
  };
}

function testFigures({ loss, accuracy, meanIoU, top5, metrics }: Evaluation): NonNullable<EpochRecord["test"]> {
  return {
    loss,
    accuracy,
    ...(meanIoU === undefined ? {} : { meanIoU }),
    ...(top5 === undefined ? {} : { top5 }),
    ...(metrics && { metrics }),
  };
}
