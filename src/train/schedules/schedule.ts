/**
 * How the learning rate runs over the steps of a training: a factor of the optimiser's own rate, after a linear
 * warm-up. A step is an update: with gradient accumulation, of several batches.
 */
import { OptionError, unknownName } from "../../base/errors.js";
import { type Fields, mismatch, needed, number, oneOf, variants, whole } from "../../base/options.js";
import { cosineOfPi, integerPower, power } from "../../base/portable-math.js";
import { WATCHED_OF_PIXELS } from "../techniques/techniques.js";
import { type MeasuredEpoch, type PlateauSchedule, plateauPart } from "./plateau.js";

/**
 * How the learning rate runs over the steps of a training: a factor of the optimizer's `lr`. A step is an update; with
 * gradient accumulation it has several batches.
 */
export type Schedule =
  | {
      /** The full rate throughout. */
      readonly kind: "constant";
      /**
       * Steps over which the rate rises linearly to its full size, before the schedule begins.
       * @default 0
       */
      readonly warmupSteps?: number;
    }
  | {
      /** Times `gamma` after each epoch. PyTorch: `ExponentialLR`. */
      readonly kind: "exponential";
      /** The factor of an epoch, above 0. */
      readonly gamma: number;
      /**
       * Steps over which the rate rises linearly to its full size, before the schedule begins.
       * @default 0
       */
      readonly warmupSteps?: number;
    }
  | {
      /**
       * Falls from the full rate to `final` times it at the last step, as (1 - step / steps)^power does. PyTorch:
       * `PolynomialLR`. A power of 0.9 is usual where pixels are labelled (Chen et al. 2016).
       */
      readonly kind: "polynomial";
      /**
       * The exponent, above 0; 1 is a straight line.
       * @default 1
       */
      readonly power?: number;
      /**
       * The part of the full rate at the end, from 0 to 1.
       * @default 0
       */
      readonly final?: number;
      /**
       * Steps over which the rate rises linearly to its full size, before the schedule begins.
       * @default 0
       */
      readonly warmupSteps?: number;
    }
  | {
      /**
       * Cosines from the full rate down to `final` times it, begun again after each period (Loshchilov and Hutter
       * 2016). PyTorch: `CosineAnnealingWarmRestarts`.
       */
      readonly kind: "warm-restarts";
      /** Epochs of the first period, from 1. */
      readonly period: number;
      /**
       * How many times as long each period is as the one before, a whole number.
       * @default 1
       */
      readonly growth?: number;
      /**
       * The part of the full rate at the end of a period, from 0 to 1.
       * @default 0
       */
      readonly final?: number;
      /**
       * Steps over which the rate rises linearly to its full size, before the schedule begins.
       * @default 0
       */
      readonly warmupSteps?: number;
    }
  | PlateauSchedule
  | {
      /** Times `gamma` after each epoch of `milestones`. PyTorch: `MultiStepLR`. */
      readonly kind: "step";
      /** Epochs after which the rate falls, rising, from 1. */
      readonly milestones: readonly number[];
      /**
       * The factor of each fall, above 0.
       * @default 0.1
       */
      readonly gamma?: number;
      /**
       * Steps over which the rate rises linearly to its full size, before the schedule begins.
       * @default 0
       */
      readonly warmupSteps?: number;
    }
  | {
      /**
       * Half a cosine from the full rate down to `final` times it (Loshchilov and Hutter 2016). PyTorch:
       * `CosineAnnealingLR`.
       */
      readonly kind: "cosine";
      /**
       * The part of the full rate at the end, from 0 to 1.
       * @default 0
       */
      readonly final?: number;
      /**
       * Steps over which the rate rises linearly to its full size, before the schedule begins.
       * @default 0
       */
      readonly warmupSteps?: number;
    }
  | {
      /**
       * One cycle (Smith and Topin 2017): up to the full rate and down again, along cosines or straight lines. PyTorch:
       * `OneCycleLR`.
       */
      readonly kind: "one-cycle";
      /**
       * The part of all steps in which the rate rises, from 0 to 1.
       * @default 0.3
       */
      readonly rise?: number;
      /**
       * The part of the full rate at the first step, from 0 to 1.
       * @default 1/25
       */
      readonly initial?: number;
      /**
       * The part of the full rate at the last step, from 0 to 1.
       * @default 4e-6
       */
      readonly final?: number;
      /**
       * Along what it rises and falls.
       * @default "cosine"
       */
      readonly shape?: "cosine" | "linear";
      /** None: it has a rise of its own. */
      readonly warmupSteps?: undefined;
    }
  | {
      /**
       * A triangle (Jordan 2024): straight up to the full rate in the whole number of steps that is the part `rise` of
       * all, and straight down to `final` times it, which the step after the last would have.
       */
      readonly kind: "triangular";
      /**
       * The part of all steps in which the rate rises, from 0 to 1.
       * @default 0.25
       */
      readonly rise?: number;
      /**
       * The part of the full rate at the first step, from 0 to 1.
       * @default 0
       */
      readonly initial?: number;
      /**
       * The part of the full rate at the end, from 0 to 1.
       * @default 0
       */
      readonly final?: number;
      /** None: it has a rise of its own. */
      readonly warmupSteps?: undefined;
    };

/** The extent of a training, from which a schedule is computed. Steps count from 0. */
export interface ScheduleExtent {
  /** Steps of the training. */
  readonly totalSteps: number;
  /** Steps of an epoch. */
  readonly stepsPerEpoch: number;
  /** Figures of the epochs before the step's, for `plateau`. */
  readonly history?: readonly MeasuredEpoch[];
}

/**
 * The learning rate of step `step` (0, 1, ...).
 *
 * @example
 * ```js
 * import { learningRateAt } from "fovea";
 *
 * const rate = (step) => learningRateAt({ kind: "cosine" }, 0.1, step, { totalSteps: 100, stepsPerEpoch: 10 });
 * console.log([0, 50, 99].map((step) => rate(step).toFixed(4))); // [ '0.1000', '0.0500', '0.0000' ]
 * ```
 */
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
export const optionsOfSchedule = (kind: Kind): readonly string[] =>
  Object.keys(FIELDS[kind]).filter((option) => option !== "warmupSteps" || !RISING.includes(kind));

/** Those that have a rise of their own in place of a warm-up. */
const RISING: readonly Kind[] = ["one-cycle", "triangular"];

const check = variants("kind", FIELDS);

/** @throws OptionError on a schedule that makes no sense, which it calls by `where` */
export function checkSchedule(schedule: Schedule, where = "schedule"): void {
  check(schedule, where);
}
