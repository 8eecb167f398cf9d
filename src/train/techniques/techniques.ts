/**
 * What a training does besides following the slope: groups of parameters with rates and decays of their own, frozen ones,
 * clipping, gradient accumulation, averaged weights, label smoothing, early stopping. Plain data, a part of a run's configuration.
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

/** Parameters whose names `match` (a regular expression, found anywhere in the name): later groups override earlier ones. */
export interface ParameterGroup {
  readonly match: string;
  /** Times the schedule's learning rate. */
  readonly lr?: number | undefined;
  /** In place of the optimiser's. */
  readonly weightDecay?: number | undefined;
}

export type Averaging =
  /**
   * An exponential moving average: after each update, average = decay x average + (1 - decay) x weights. With `warmup` the decay of
   * update u (from 1) is at most (1 + u) / (10 + u), so that the first weights are soon forgotten.
   */
  | { readonly kind: "ema"; readonly decay: number; readonly warmup?: boolean | undefined }
  /**
   * Lookahead (Zhang, Lucas, Hinton, Ba 2019): after every so many updates, average = decay x average + (1 - decay) x weights, and
   * the weights go on from the average. With `ramp` r the decay grows from zero, decay x (update / updates)^r.
   */
  | {
      readonly kind: "lookahead";
      readonly every: number;
      readonly decay?: number | undefined;
      readonly ramp?: number | undefined;
    };

export interface Techniques {
  readonly groups?: readonly ParameterGroup[] | undefined;
  /** Leaves normalisations' parameters and biases (every parameter of one axis) out of weight decay. */
  readonly noDecay?: "norms-and-biases" | undefined;
  /** Parameters whose names match one of these regular expressions stay as they are. */
  readonly freeze?: readonly string[] | undefined;
  /** What a batch norm of frozen parameters takes: its running statistics, which stay as they are (so unless said), or the batch's. */
  readonly frozenNorms?: "running" | "batch" | undefined;
  /** Scales all gradients together so that their norm, over all that is trained, is this at most. */
  readonly clipNorm?: number | undefined;
  /** Limits each number of each gradient to this size. */
  readonly clipValue?: number | undefined;
  /** Batches whose gradients make one update. */
  readonly accumulate?: number | undefined;
  /** Measure and keep averaged weights (running statistics are averaged alike). */
  readonly average?: Averaging | undefined;
  /** The share of the target that is spread over all classes, in training; measuring goes without. */
  readonly labelSmoothing?: number | undefined;
  /** Mixes pictures in pairs, with shares from Beta(mixup, mixup) (mixup.ts). */
  readonly mixup?: number | undefined;
  /** Stops after so many epochs without a better one on the test pictures. */
  readonly patience?: number | undefined;
  /**
   * What tells a better epoch, for `patience` and for the network that is kept as the best: mean IoU on the test pictures where pixels
   * are labelled, else accuracy, unless said, of equals the one of less loss; or that loss.
   */
  readonly watch?: Watch | undefined;
}

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

type AveragingOptions<K extends Averaging["kind"]> = Omit<Extract<Averaging, { readonly kind: K }>, "kind">;

const decay = number({ from: 0, below: 1 }, "from 0 to less than 1");
const AVERAGING: { readonly [K in Averaging["kind"]]: Fields<AveragingOptions<K>> } = {
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
export const TECHNIQUES: Fields<Techniques> = {
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
export function checkTechniques(techniques: Techniques): void {
  checkValues(techniques, TECHNIQUES);
  if (techniques.clipNorm !== undefined && techniques.clipValue !== undefined) {
    throw new OptionError("clipNorm and clipValue are both given; clip by one of them");
  }
}
