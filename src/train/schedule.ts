/**
 * How the learning rate runs over the steps of a training: a factor of the optimiser's own rate, after a linear warm-up. A step is an
 * update: with gradient accumulation, of several batches.
 */
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
  | { readonly kind: "cosine"; readonly final?: number; readonly warmupSteps?: number }
  /**
   * One cycle (Smith and Topin 2017), PyTorch's OneCycleLR: from `initial` times the rate (1/25) up to it in the part `rise` of all
   * steps (0.3), and down to `final` times it (4e-6) at the last; along cosines, or straight lines.
   */
  | {
      readonly kind: "one-cycle";
      readonly rise?: number;
      readonly initial?: number;
      readonly final?: number;
      readonly shape?: "cosine" | "linear";
      readonly warmupSteps?: undefined;
    }
  /**
   * A triangle, as fast recipes have it (Jordan 2024): straight up from `initial` times the rate (0) to it in the whole number of steps
   * that is the part `rise` of all (0.25), and straight down towards `final` times it (0), where the step after the last would be.
   */
  | {
      readonly kind: "triangular";
      readonly rise?: number;
      readonly initial?: number;
      readonly final?: number;
      readonly warmupSteps?: undefined;
    };

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
    case "one-cycle": {
      const { rise = 0.3, initial = 1 / 25, final = 4e-6, shape = "cosine" } = schedule;
      const last = Math.max(1, extent.totalSteps - 1);
      const peak = Math.max(0, rise * extent.totalSteps - 1);
      const between = shape === "linear" ? straight : alongCosine;
      if (step < peak) return lr * between(initial, 1, step / peak);
      return lr * between(1, final, peak < last ? Math.min(1, (step - peak) / (last - peak)) : 0);
    }
    case "triangular": {
      const { rise = 0.25, initial = 0, final = 0 } = schedule;
      const peak = Math.floor(rise * extent.totalSteps);
      if (step < peak) return lr * straight(initial, 1, step / peak);
      return lr * straight(1, final, Math.min(1, (step - peak) / Math.max(1, extent.totalSteps - peak)));
    }
  }
}

const straight = (from: number, to: number, part: number) => from + (to - from) * part;
const alongCosine = (from: number, to: number, part: number) => to + (from - to) * 0.5 * (1 + cosineOfPi(part));

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
  if ("warmupSteps" in schedule && (schedule.kind === "one-cycle" || schedule.kind === "triangular")) {
    throw new OptionError(`schedule ${schedule.kind}: has a rise of its own; leave the warm-up out`);
  }
  const { rise, initial, final, shape } = schedule as Extract<Schedule, { readonly kind: "one-cycle" }>;
  for (const [name, part] of Object.entries({ initial, final })) {
    if (part !== undefined && !(part >= 0 && part <= 1)) {
      throw new OptionError(
        `schedule ${schedule.kind}: ${name} is ${part}, expected a part of the learning rate from 0 to 1`,
      );
    }
  }
  if (rise !== undefined && !(rise >= 0 && rise <= 1)) {
    throw new OptionError(`schedule ${schedule.kind}: rise is ${rise}, expected a part of all steps from 0 to 1`);
  }
  if (shape !== undefined && shape !== "cosine" && shape !== "linear") {
    throw new OptionError(`schedule ${schedule.kind}: shape is "${shape}", expected "cosine" or "linear"`);
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
