/** Which epoch of a run was the best on the test pictures, and whether to wait for a better one. Functions of the history alone. */
import type { EpochFigures } from "./metrics.js";
import type { Watch } from "./techniques.js";

interface Tested {
  readonly epoch: number;
  readonly test?: EpochFigures | undefined;
}

/** The best record, of equals the first; undefined where nothing was tested. */
export function bestEpoch<R extends Tested>(history: readonly R[], watch: Watch = "accuracy"): R | undefined {
  let best: R | undefined;
  for (const record of history) {
    if (record.test !== undefined && (best?.test === undefined || isBetter(record.test, best.test, watch)))
      best = record;
  }
  return best;
}

function isBetter(a: EpochFigures, b: EpochFigures, watch: Watch): boolean {
  if (watch === "accuracy" && a.accuracy !== b.accuracy) return a.accuracy > b.accuracy;
  return a.loss < b.loss;
}

/** Whether the last `patience` epochs brought nothing better. */
export function isExhausted(history: readonly Tested[], patience: number | undefined, watch?: Watch): boolean {
  const best = bestEpoch(history, watch);
  return patience !== undefined && best !== undefined && history.length - history.indexOf(best) > patience;
}
