/**
 * Which epoch of a run was the best on the pictures that were set apart to choose by, or else on the test pictures, and
 * whether to wait for a better one. Functions of the history alone.
 */

import type { Watch } from "../techniques/techniques.js";
import type { EpochFigures } from "./metrics.js";

interface TestFigures extends EpochFigures {
  readonly meanIoU?: number;
}

interface Tested {
  readonly epoch: number;
  readonly val?: TestFigures | undefined;
  readonly test?: TestFigures | undefined;
}

const chosenBy = ({ val, test }: Tested): TestFigures | undefined => val ?? test;

/**
 * The best record, of equals the first; undefined where nothing was tested. Where nothing is said, that is by mean IoU
 * of labelled pixels, and by accuracy of labelled pictures.
 */
export function bestEpoch<R extends Tested>(history: readonly R[], watch?: Watch): R | undefined {
  let best: R | undefined;
  for (const record of history) {
    const figures = chosenBy(record);
    const before = best && chosenBy(best);
    if (figures !== undefined && (before === undefined || isBetter(figures, before, watch))) best = record;
  }
  return best;
}

function isBetter(a: TestFigures, b: TestFigures, watch?: Watch): boolean {
  if (watch !== "loss") {
    const figure = ({ accuracy, meanIoU = accuracy }: TestFigures) => (watch === "accuracy" ? accuracy : meanIoU);
    if (figure(a) !== figure(b)) return figure(a) > figure(b);
  }
  return a.loss < b.loss;
}

/** Whether the last `patience` epochs brought nothing better. */
export function isExhausted(history: readonly Tested[], patience: number | undefined, watch?: Watch): boolean {
  const best = bestEpoch(history, watch);
  return patience !== undefined && best !== undefined && history.length - history.indexOf(best) > patience;
}
