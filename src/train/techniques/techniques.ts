/**
 * What a training does besides following the slope: groups of parameters with rates and decays of their own, frozen
 * ones, clipping, gradient accumulation, averaged weights, label smoothing, early stopping. Plain data, a part of a
 * run's configuration.
 */
import { OptionError } from "../../base/errors.js";
import {
  checkKnown,
  checkValues,
  expecting,
  type Fields,
  flag,
  isRecord,
  listOf,
  mismatch,
  needed,
  number,
  oneOf,
  text,
  variants,
  whole,
} from "../../base/options.js";
import { patternOf } from "./patterns.js";

/** Hyper-parameters of some of the parameters. Later groups override earlier ones. */
export interface ParameterGroup {
  /** A regular expression that is found anywhere in a parameter's name, such as `"bias$"` or `"^features"`. */
  readonly match: string;
  /**
   * A factor of the schedule's learning rate, from 0.
   * @default 1
   */
  readonly lr?: number | undefined;
  /**
   * Weight decay in place of the optimizer's, from 0.
   * @default the optimizer's
   */
  readonly weightDecay?: number | undefined;
}

/** How weights are averaged over updates. */
export type WeightAveraging =
  | {
      /** An exponential moving average: after each update, average = decay x average + (1 - decay) x weights. */
      readonly kind: "ema";
      /** The share of the average that is kept at an update, from 0 to less than 1; 0.999 is usual. */
      readonly decay: number;
      /**
       * Whether the decay of update u (from 1) is at most (1 + u) / (10 + u), so that the first weights are soon
       * forgotten.
       * @default false
       */
      readonly warmup?: boolean | undefined;
    }
  | {
      /**
       * Lookahead (Zhang, Lucas, Hinton, Ba 2019): after every n-th update, average = decay x average + (1 - decay) x
       * weights, and the weights go on from the average.
       */
      readonly kind: "lookahead";
      /** Updates between averages, from 1. */
      readonly every: number;
      /**
       * The share of the average that is kept, from 0 to less than 1.
       * @default 0.5
       */
      readonly decay?: number | undefined;
      /**
       * The exponent r with which the decay grows from zero: decay x (update / updates)^r. A whole number.
       * @default 0: the decay is the same throughout
       */
      readonly ramp?: number | undefined;
    };

/** Options of training besides the optimizer. All are optional, and plain data. */
export interface TrainingTechniques {
  /**
   * Parameters with a learning rate or weight decay of their own.
   * @default none
   */
  readonly groups?: readonly ParameterGroup[] | undefined;
  /**
   * `"norms-and-biases"` leaves parameters of one axis out of weight decay: those of normalisations, and biases.
   * @default none: weight decay applies to all parameters
   */
  readonly noDecay?: "norms-and-biases" | undefined;
  /**
   * Regular expressions. Parameters whose names match one of them stay as they are.
   * @default none
   */
  readonly freeze?: readonly string[] | undefined;
  /**
   * The statistics that a batch norm of frozen parameters uses in training: its running ones, which then stay as they
   * are, or the batch's.
   * @default "running"
   */
  readonly frozenNorms?: "running" | "batch" | undefined;
  /**
   * Scales all gradients together so that their Euclidean norm, over all trained parameters, is this at most. PyTorch:
   * `clip_grad_norm_`. It excludes `clipValue`.
   * @default none
   */
  readonly clipNorm?: number | undefined;
  /**
   * Limits each number of each gradient to this size, above 0. PyTorch: `clip_grad_value_`. It excludes `clipNorm`.
   * @default none
   */
  readonly clipValue?: number | undefined;
  /**
   * Batches whose gradients make one update.
   * @default 1
   */
  readonly accumulate?: number | undefined;
  /**
   * Averages the weights over updates, running statistics among them. The averages are measured and returned.
   * @default none
   */
  readonly average?: WeightAveraging | undefined;
  /**
   * Label smoothing (Szegedy et al. 2016): this share of the target, from 0 to less than 1, is spread over all classes
   * in training. Measuring uses none.
   * @default 0
   */
  readonly labelSmoothing?: number | undefined;
  /**
   * Mixup (Zhang et al. 2018): mixes pictures and labels in pairs, with shares from Beta(mixup, mixup). Above 0; 0.2 is
   * usual.
   * @default none
   */
  readonly mixup?: number | undefined;
  /**
   * Early stopping: ends after this many epochs in a row that were not better on the test pictures, from 1.
   * @default none: all epochs run
   */
  readonly patience?: number | undefined;
  /**
   * The figure that ranks epochs, for `patience` and `keepBest`: `"accuracy"`, `"loss"`, or mean intersection over
   * union, `"miou"`. Ties go to the lower loss.
   * @default "miou" where pixels are labelled, else "accuracy"
   */
  readonly watch?: Watch | undefined;
}

/** A figure that ranks epochs: accuracy, loss, or mean intersection over union. */
export type Watch = "accuracy" | "loss" | "miou";
/** Of networks that label pictures, and of those that label pixels. */
export const WATCHED = ["accuracy", "loss"] as const;
export const WATCHED_OF_PIXELS = ["miou", ...WATCHED] as const;

/** How people call what is watched. */
export const watchName = (watch: Watch = "accuracy"): string => (watch === "miou" ? "mean IoU" : watch);

const atLeastZero = number({ from: 0 });
const GROUP: Omit<Fields<ParameterGroup>, "match"> = { lr: atLeastZero, weightDecay: atLeastZero };

function checkGroup(value: unknown, name: string): void {
  if (!isRecord(value)) throw mismatch(name, value, 'an object such as { match: "bias$", lr: 2 }');
  const { match, lr, weightDecay } = value;
  text(match, `${name}: match`);
  const called = `group "${match}"`;
  checkKnown<ParameterGroup>(called, value as unknown as ParameterGroup, { match: text, ...GROUP });
  patternOf("group", match as string);
  if (lr === undefined && weightDecay === undefined) {
    throw new OptionError(`${called}: sets nothing; give it lr (a factor of the learning rate) or weight decay`);
  }
  checkValues(value, GROUP, `${called}: `);
}

function checkFreeze(value: unknown, name: string): void {
  text(value, name);
  patternOf("freeze", value as string);
}

type AveragingOptions<K extends WeightAveraging["kind"]> = Omit<Extract<WeightAveraging, { readonly kind: K }>, "kind">;

const decay = number({ from: 0, below: 1 }, "from 0 to less than 1");
const AVERAGING: { readonly [K in WeightAveraging["kind"]]: Fields<AveragingOptions<K>> } = {
  ema: {
    decay: Object.assign(
      (value: unknown, name: string) => {
        if (value === undefined) throw new OptionError(`${name} is missing; 0.999 is usual`);
        decay(value, name);
      },
      { needed: true as const },
    ),
    warmup: flag,
  },
  lookahead: { every: needed(whole(1)), decay, ramp: whole(0, 1000) },
};

/** Below this, the logarithms by which shares are drawn overflow. */
const LEAST_MIXUP = 1e-300;

/** What each may be; patterns are held against a network by `parameterRules`. */
export const TECHNIQUES: Fields<TrainingTechniques> = {
  groups: listOf(checkGroup, 'a list such as [{ match: "bias$", lr: 2 }]'),
  noDecay: oneOf(["norms-and-biases"]),
  freeze: listOf(checkFreeze, 'a list of patterns such as ["layer[1-3]"]'),
  frozenNorms: oneOf(["running", "batch"]),
  clipNorm: number({ above: 0 }),
  clipValue: number({ above: 0 }),
  accumulate: whole(1),
  average: variants("kind", AVERAGING),
  labelSmoothing: number({ from: 0, below: 1 }, "a share from 0 to less than 1"),
  mixup: expecting("a number above 0", (alpha) => typeof alpha === "number" && alpha >= LEAST_MIXUP && alpha <= 1e6),
  patience: whole(1),
  watch: oneOf(WATCHED_OF_PIXELS),
};

/** @throws OptionError where one is not what it may be, or two exclude each other. */
export function checkTechniques(techniques: TrainingTechniques): void {
  checkValues(techniques, TECHNIQUES);
  if (techniques.clipNorm !== undefined && techniques.clipValue !== undefined) {
    throw new OptionError("clipNorm and clipValue are both given; clip by one of them");
  }
}
