/** How the learning rate runs over the steps of a training: a factor of the optimiser's own rate, after a linear warm-up. */
import { OptionError } from "../errors.js";

export type Schedule =
  | { readonly kind: "constant"; readonly warmupSteps?: number }
  /** Times `gamma` after each epoch of `milestones`. */
  | {
      readonly kind: "step";
      readonly milestones: readonly number[];
      readonly gamma?: number;
      readonly warmupSteps?: number;
    }
  /** Half a cosine from the full rate down to `final` times it (Loshchilov and Hutter 2016). */
  | { readonly kind: "cosine"; readonly final?: number; readonly warmupSteps?: number };

/** What a schedule is asked at: steps count from 0. */
export interface ScheduleExtent {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
}

/** The learning rate of step `step` (0, 1, ...). */
export function learningRateAt(schedule: Schedule, lr: number, step: number, extent: ScheduleExtent): number {
  const warmup = schedule.warmupSteps ?? 0;
  if (step < warmup) return (lr * (step + 1)) / warmup;
  switch (schedule.kind) {
    case "constant":
      return lr;
    case "step": {
      const epoch = Math.floor(step / extent.stepsPerEpoch);
      let rate = lr;
      for (const milestone of schedule.milestones) if (epoch >= milestone) rate *= schedule.gamma ?? 0.1;
      return rate;
    }
    case "cosine": {
      const final = schedule.final ?? 0;
      const part = Math.min(1, (step - warmup) / Math.max(1, extent.totalSteps - warmup));
      return lr * (final + (1 - final) * 0.5 * (1 + cosineOfPi(part)));
    }
  }
}

/** Throws OptionError on a schedule that makes no sense. */
export function checkSchedule(schedule: Schedule): void {
  const { warmupSteps = 0 } = schedule;
  if (!Number.isInteger(warmupSteps) || warmupSteps < 0) {
    throw new OptionError(
      `schedule ${schedule.kind}: warmupSteps is ${warmupSteps}, expected a whole number of at least 0`,
    );
  }
  if (schedule.kind === "step") {
    const { milestones, gamma = 0.1 } = schedule;
    if (!milestones.every((m, i) => Number.isInteger(m) && m > (milestones[i - 1] ?? 0))) {
      throw new OptionError(
        `schedule step: milestones are ${milestones.join(", ")}, expected rising whole epochs above 0`,
      );
    }
    if (!(gamma > 0)) throw new OptionError(`schedule step: gamma is ${gamma}, expected a number above 0`);
  }
  if (schedule.kind === "cosine" && !((schedule.final ?? 0) >= 0 && (schedule.final ?? 0) <= 1)) {
    throw new OptionError(
      `schedule cosine: final is ${schedule.final}, expected a part of the learning rate from 0 to 1`,
    );
  }
}

/** cos(pi x) for 0 <= x <= 1 to 1e-15, from products and sums alone: engines differ in Math.cos. */
export function cosineOfPi(x: number): number {
  if (x > 0.5) return -cosineOfPi(1 - x);
  const t = Math.PI * x;
  const square = t * t;
  let sum = 1;
  let term = 1;
  for (let n = 1; n <= 12; n++) {
    term *= -square / ((2 * n - 1) * (2 * n));
    sum += term;
  }
  return sum;
}
