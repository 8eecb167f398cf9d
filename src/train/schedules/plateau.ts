/**
 * A learning rate that falls where a measured figure no longer gets better. A function of what the epochs before have
 * come to, so that a resumed run goes on alike.
 */
import type { EpochFigures } from "../evaluate/metrics.js";
import type { Watch } from "../techniques/techniques.js";

/** Falls after epochs that bring nothing better. PyTorch: `ReduceLROnPlateau`, with a relative threshold. */
export interface PlateauSchedule {
  /** Falls after epochs that bring nothing better. PyTorch: `ReduceLROnPlateau`. */
  readonly kind: "plateau";
  /**
   * The factor of the rate at each fall.
   * @default 0.1
   */
  readonly factor?: number;
  /** Epochs without a better figure that are let pass; the rate falls after the next. @default 10 */
  readonly patience?: number;
  /** How much better counts, as a part of the best figure. @default 0.0001 */
  readonly threshold?: number;
  /** Epochs after a fall that do not count. @default 0 */
  readonly cooldown?: number;
  /** The rate falls no lower than this part of the full one. @default 0 */
  readonly final?: number;
  /** The figure, of the validation pictures or else the test pictures. @default "loss" */
  readonly watch?: Watch;
  /** Steps over which the rate rises linearly to its full size, at first. @default 0 */
  readonly warmupSteps?: number;
}

/** The figures of an epoch, as far as schedules read them. */
export interface MeasuredEpoch {
  /** Figures of the pictures that choose the best epoch. */
  readonly val?: MeasuredFigures | undefined;
  /** Figures of the test pictures. */
  readonly test?: MeasuredFigures | undefined;
}

interface MeasuredFigures extends EpochFigures {
  readonly meanIoU?: number;
}

/** The part of the full rate after some epochs: PyTorch's ReduceLROnPlateau, with a relative threshold. */
export function plateauPart(schedule: PlateauSchedule, history: readonly MeasuredEpoch[]): number {
  const { factor = 0.1, patience = 10, threshold = 1e-4, cooldown = 0, final = 0, watch = "loss" } = schedule;
  let part = 1;
  let best: number | undefined;
  let waited = 0;
  let resting = 0;
  for (const { val, test } of history) {
    const figures = val ?? test;
    if (figures === undefined) continue;
    // More is better; a loss counts by its negative.
    const figure = watch === "loss" ? -figures.loss : watch === "miou" ? (figures.meanIoU ?? 0) : figures.accuracy;
    if (best === undefined || figure > best + Math.abs(best) * threshold) {
      best = figure;
      waited = 0;
    } else waited++;
    if (resting > 0) {
      resting--;
      waited = 0;
    }
    if (waited > patience) {
      part = Math.max(final, part * factor);
      resting = cooldown;
      waited = 0;
    }
  }
  return part;
}
