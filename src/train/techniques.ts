/**
 * What a training does besides following the slope: groups of parameters with rates and decays of their own, frozen ones,
 * clipping, gradient accumulation, averaged weights, label smoothing, early stopping. Plain data, a part of a run's configuration.
 */
import { OptionError } from "../errors.js";
import { patternOf } from "./parameter-rules.js";

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

/** Those of an object that may hold more. */
export function techniquesIn(options: Techniques): Techniques {
  const { groups, noDecay, freeze, frozenNorms, clipNorm, clipValue, accumulate, average, labelSmoothing } = options;
  const { patience, watch } = options;
  const update = { groups, noDecay, freeze, frozenNorms, clipNorm, clipValue, accumulate, average };
  return { ...update, labelSmoothing, patience, watch };
}

/** @throws OptionError where a number is out of range; patterns are held against a network by `parameterRules`. */
export function checkTechniques(techniques: Techniques): void {
  const { groups = [], freeze = [], clipNorm, clipValue, accumulate, average, labelSmoothing, patience } = techniques;
  for (const { match, lr, weightDecay } of groups) {
    patternOf("group", match);
    if (lr === undefined && weightDecay === undefined) {
      throw new OptionError(
        `group "${match}": sets nothing; give it lr (a factor of the learning rate) or weight decay`,
      );
    }
    least(`group "${match}": lr`, lr, 0);
    least(`group "${match}": weight decay`, weightDecay, 0);
  }
  for (const pattern of freeze) patternOf("freeze", pattern);
  oneOf("noDecay", techniques.noDecay, ["norms-and-biases"]);
  oneOf("frozenNorms", techniques.frozenNorms, ["running", "batch"]);
  oneOf("watch", techniques.watch, WATCHED_OF_PIXELS);
  above("clipNorm", clipNorm);
  above("mixup", techniques.mixup);
  above("clipValue", clipValue);
  if (clipNorm !== undefined && clipValue !== undefined) {
    throw new OptionError("clipNorm and clipValue are both given; clip by one of them");
  }
  whole("accumulate", accumulate);
  whole("patience", patience);
  if (labelSmoothing !== undefined && !(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new OptionError(`labelSmoothing is ${labelSmoothing}, expected a share from 0 to less than 1`);
  }
  if (average !== undefined) checkAveraging(average);
}

function checkAveraging(average: Averaging): void {
  oneOf("average kind", average.kind, ["ema", "lookahead"]);
  const { decay } = average;
  if (decay !== undefined && !(decay >= 0 && decay < 1)) {
    throw new OptionError(`average ${average.kind}: decay is ${decay}, expected from 0 to less than 1`);
  }
  if (average.kind === "ema") {
    if (decay === undefined) throw new OptionError("average ema: decay is missing; 0.999 is usual");
    return;
  }
  whole("average lookahead: every", average.every);
  if (average.ramp !== undefined && !(Number.isInteger(average.ramp) && average.ramp >= 0)) {
    throw new OptionError(`average lookahead: ramp is ${average.ramp}, expected a whole number of at least 0`);
  }
}

function oneOf(name: string, value: string | undefined, known: readonly string[]): void {
  if (value !== undefined && !known.includes(value)) {
    throw new OptionError(`${name} is "${value}", expected ${known.map((k) => `"${k}"`).join(" or ")}`);
  }
}

function least(name: string, value: number | undefined, low: number): void {
  if (value !== undefined && !(value >= low && value < Number.POSITIVE_INFINITY)) {
    throw new OptionError(`${name} is ${value}, expected a number of at least ${low}`);
  }
}

function above(name: string, value: number | undefined): void {
  if (value !== undefined && !(value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new OptionError(`${name} is ${value}, expected a number above 0`);
  }
}

function whole(name: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
    throw new OptionError(`${name} is ${value}, expected a whole number of at least 1`);
  }
}
