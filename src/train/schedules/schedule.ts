/**
 * How the learning rate runs over the steps of a training: a factor of the optimiser's own rate, after a linear warm-up. A step is an
 * update: with gradient accumulation, of several batches.
 */
import { OptionError, unknownName } from "../../base/errors.js";
import { type Fields, mismatch, needed, number, oneOf, variants, whole } from "../../base/options.js";
import { cosineOfPi, integerPower, power } from "../../base/portable-math.js";
import { WATCHED_OF_PIXELS } from "../techniques/techniques.js";
import { type MeasuredEpoch, type PlateauSchedule, plateauPart } from "./plateau.js";

export type Schedule =
  | { readonly kind: "constant"; readonly warmupSteps?: number }
  /** Times `gamma` after each epoch: PyTorch's ExponentialLR. */
  | { readonly kind: "exponential"; readonly gamma: number; readonly warmupSteps?: number }
  /**
   * Falls from the full rate to `final` times it (0) at the last step, as (1 - step / steps)^`power` (1) does: PyTorch's PolynomialLR, whose
   * power is 0.9 where pixels are labelled (Chen et al. 2016).
   */
  | { readonly kind: "polynomial"; readonly power?: number; readonly final?: number; readonly warmupSteps?: number }
  /**
   * Cosines from the full rate down to `final` times it (0), begun again after `period` epochs, each `growth` times (1) as long as the one before
   * (Loshchilov and Hutter 2016): PyTorch's CosineAnnealingWarmRestarts.
   */
  | {
      readonly kind: "warm-restarts";
      readonly period: number;
      readonly growth?: number;
      readonly final?: number;
      readonly warmupSteps?: number;
    }
  /** Falls after epochs that bring nothing better: PyTorch's ReduceLROnPlateau. */
  | PlateauSchedule
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
  /** What the epochs before the step's have come to, for `plateau`. */
  readonly history?: readonly MeasuredEpoch[];
}

/** The learning rate of step `step` (0, 1, ...). */
export function learningRateAt(schedule: Schedule, lr: number, step: number, extent: ScheduleExtent): number {
  const warmup = schedule.warmupSteps ?? 0;
  if (step < warmup) return (lr * (step + 1)) / warmup;
  switch (schedule.kind) {
    case "constant":
      return lr;
    case "exponential":
      return lr * integerPower(schedule.gamma, Math.floor(step / extent.stepsPerEpoch));
    case "polynomial": {
      const part = Math.min(1, (step - warmup) / Math.max(1, extent.totalSteps - warmup));
      return lr * straight(schedule.final ?? 0, 1, power(1 - part, schedule.power ?? 1));
    }
    case "warm-restarts": {
      const { growth = 1, final = 0 } = schedule;
      let period = schedule.period * extent.stepsPerEpoch;
      let since = step - warmup;
      if (growth === 1) since %= period;
      for (; since >= period; period *= growth) since -= period;
      return lr * alongCosine(1, final, since / period);
    }
    case "plateau":
      return lr * plateauPart(schedule, extent.history ?? []);
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
    default:
      throw unknownName("schedule kind", String((schedule as Schedule).kind), Object.keys(FIELDS));
  }
}

const straight = (from: number, to: number, part: number) => from + (to - from) * part;
const alongCosine = (from: number, to: number, part: number) => to + (from - to) * 0.5 * (1 + cosineOfPi(part));

type Kind = Schedule["kind"];
type OptionsOf<K extends Kind> = Omit<Extract<Schedule, { readonly kind: K }>, "kind">;

const warmupSteps = whole(0);
const part = number({ from: 0, to: 1 }, "a part of the learning rate from 0 to 1");
const rise = number({ from: 0, to: 1 }, "a part of all steps from 0 to 1");
const noWarmup = (kind: string) => () => {
  throw new OptionError(`schedule ${kind}: has a rise of its own; leave the warm-up out`);
};

function risingEpochs(value: unknown, name: string): void {
  if (!Array.isArray(value)) throw mismatch(name, value, "rising whole epochs above 0, such as [30, 60]");
  if (!value.every((m, i) => Number.isInteger(m) && m > (value[i - 1] ?? 0))) {
    const are = value.join(", ") || "none";
    throw new OptionError(`${name} are ${are}, expected rising whole epochs above 0`);
  }
}

const FIELDS: { readonly [K in Kind]: Fields<OptionsOf<K>> } = {
  constant: { warmupSteps },
  exponential: { gamma: needed(number({ above: 0 })), warmupSteps },
  polynomial: { power: number({ above: 0, to: 100 }), final: part, warmupSteps },
  "warm-restarts": { period: needed(whole(1)), growth: whole(1), final: part, warmupSteps },
  plateau: {
    factor: number({ above: 0, below: 1 }),
    patience: whole(0),
    threshold: number({ from: 0, below: 1 }),
    cooldown: whole(0),
    final: part,
    watch: oneOf(WATCHED_OF_PIXELS),
    warmupSteps,
  },
  step: { milestones: needed(risingEpochs), gamma: number({ above: 0 }), warmupSteps },
  cosine: { final: part, warmupSteps },
  "one-cycle": {
    rise,
    initial: part,
    final: part,
    shape: oneOf(["cosine", "linear"]),
    warmupSteps: noWarmup("one-cycle"),
  },
  triangular: { rise, initial: part, final: part, warmupSteps: noWarmup("triangular") },
};

/** The kinds by name, and the options of one. */
export const SCHEDULES = Object.keys(FIELDS) as readonly Kind[];
export const optionsOfSchedule = (kind: Kind): readonly string[] => Object.keys(FIELDS[kind]);

const check = variants("kind", FIELDS);

/** @throws OptionError on a schedule that makes no sense, which it calls by `where` */
export function checkSchedule(schedule: Schedule, where = "schedule"): void {
  check(schedule, where);
}
