/** From the flags of `fovea train` to the configuration of a run, or to the same one that a resumed run had. */

import { OptionError } from "../../../base/errors.js";
import { DISTORT_DEFAULTS } from "../../../data/augment/distort-options.js";
import { needsOwnSize } from "../../../data/augment/geometry.js";
import { describeAugmentation, parseAugmentation } from "../../../data/augment/grammar.js";
import { measuredOn } from "../../../data/augment/pca.js";
import type { Transform } from "../../../data/augment/transform.js";
import type { TestTimeAugmentation } from "../../../data/augment/views.js";
import { type OpenOptions, parseBrokenLimit } from "../../../data/open-options.js";
import type { Dataset, DatasetSplits } from "../../../data/sets/dataset.js";
import type { HalvesChoice } from "../../../data/sources/halves-choice.js";
import type { Shape } from "../../../graph/shape.js";
import { create, definitionOf, type ModelOptions } from "../../../models/index.js";
import { differences, type ModuleRecord, type TrainingConfig } from "../../../run/config.js";
import {
  type OptimizerConfig,
  optimizerConfig,
  optimizerFrom,
  TRAINING_DEFAULTS,
  usualOptimizer,
} from "../../../train/defaults.js";
import { OPTIMIZERS, optionsOfOptimizer } from "../../../train/optimizers/index.js";
import { checkSchedule, optionsOfSchedule, SCHEDULES, type Schedule } from "../../../train/schedules/schedule.js";
import { networkOptions } from "../../options/arguments.js";
import { type ScalingFlags, scalingOf } from "../../options/scaling.js";
import { flagOf, type LearningFlags } from "../../options/training.js";
import { techniquesOf } from "./techniques.js";

/** What was given on the command line; what was not is undefined. */
export interface TrainFlags extends LearningFlags, ScalingFlags {
  readonly betas?: readonly number[];
  readonly eps?: number;
  readonly dampening?: number;
  readonly alpha?: number;
  readonly centered?: boolean;
  readonly momentumDecay?: number;
  readonly decoupledWeightDecay?: boolean;
  readonly distort?: boolean;
  readonly crops?: TestTimeAugmentation;
  readonly maxBroken?: string;
  readonly stream?: boolean;
  readonly workers?: number;
  readonly train?: string;
  readonly val?: string;
  readonly test?: string;
}

export async function newConfig(
  network: string,
  data: string,
  { train: pictures, halves }: Pick<DatasetSplits, "train" | "halves">,
  flags: TrainFlags,
  module?: ModuleRecord,
): Promise<TrainingConfig> {
  const options = { ...fitted(network, pictures), ...networkOptions(network, flags.option) };
  const base: TrainingConfig = {
    ...defaultsOf(network),
    network,
    options: create(network, options).options,
    ...(module && { module }),
    data,
  };
  const config: TrainingConfig = { ...withFlags(base, flags), ...(halves && { halves: said(halves) }) };
  const { augment } = config;
  return augment === undefined ? config : { ...config, augment: await measuredOn(augment, pictures) };
}

/** Without what is not said, as it is read again. */
const said = (halves: HalvesChoice): HalvesChoice =>
  Object.fromEntries(Object.entries(halves).filter(([, folder]) => folder !== undefined));

/** What a network takes where the data does not decide it; undefined where it takes what the data has. */
export function usualInput(network: string, options: ModelOptions): Shape | undefined {
  const { defaults, input } = definitionOf(network);
  const usual = input({ ...defaults, ...options });
  return usual.includes(0) ? undefined : usual;
}

/**
 * The channels of pictures for a network, where these do not decide its own: where it has no such option, or that was
 * given.
 */
export function channelsFor(network: string, options: ModelOptions): number | undefined {
  const { defaults, input } = definitionOf(network);
  const isOpen = Object.hasOwn(defaults, "channels") && options["channels"] === undefined;
  const channels = input({ ...defaults, ...options })[2];
  return isOpen || (channels !== 1 && channels !== 3) ? undefined : channels;
}

/** Whether a list of transforms says a size itself does not depend on the network's. */
const SOME_SIZE: Shape = [224, 224, 3];

/**
 * How the data of a run, new or resumed, is opened. Transforms that say the size themselves see pictures in their own.
 */
export function openOptionsOf(
  config: Pick<TrainingConfig, "size" | "maxBroken" | "stream"> & {
    readonly augment?: string | readonly Transform[] | undefined;
  },
  usual: Shape | undefined,
  note: (text: string) => void,
  workers?: number,
): OpenOptions {
  const { size, maxBroken, stream, augment } = config;
  const pair = (extents: readonly number[]) => [extents[0]!, extents[1]!] as const;
  const transforms = typeof augment === "string" ? parseAugmentation(augment, usual ?? SOME_SIZE) : augment;
  return {
    size: size && pair(size),
    usualSize: usual && pair(usual),
    maxBroken: maxBroken === undefined ? undefined : parseBrokenLimit(maxBroken),
    stream,
    ownSize: transforms?.some(needsOwnSize) ?? false,
    workers,
    note,
  };
}

/** The common defaults, with what the network asks for. */
function defaultsOf(network: string): Omit<TrainingConfig, "network" | "options" | "data"> {
  const { lr, weightDecay, warmupSteps, ...others } = definitionOf(network).training ?? {};
  const { optimizer, schedule } = TRAINING_DEFAULTS;
  return {
    ...TRAINING_DEFAULTS,
    ...others,
    optimizer: { ...optimizer, lr: lr ?? optimizer.lr, weightDecay: weightDecay ?? optimizer.weightDecay },
    schedule: { ...schedule, ...(warmupSteps === undefined ? {} : { warmupSteps }) },
  };
}

/**
 * The configuration that a run was begun with; flags given again must say the same.
 * @throws OptionError naming each that does not, and both values.
 */
export function resumedConfig(saved: TrainingConfig, network: string | undefined, flags: TrainFlags): TrainingConfig {
  const options = { ...saved.options, ...networkOptions(network ?? saved.network, flags.option) };
  const wanted = withFlags({ ...saved, network: network ?? saved.network, options }, flags);
  const changed = differences(wanted, saved);
  if (changed.length > 0) {
    throw new OptionError(
      `--resume: a run goes on as it was begun, but ${changed.join("; ")}; leave these out, or start a new run`,
    );
  }
  return saved;
}

/** What the data says about a network's options: its classes, channels and size. */
function fitted(network: string, { classes, shape }: Dataset): ModelOptions {
  const [height, width, channels] = shape;
  const extents = { height: height!, width: width!, channels: channels! };
  const found: ModelOptions = { classes: classes.length, ...extents, ...(height === width && { size: height! }) };
  const { defaults } = definitionOf(network);
  return Object.fromEntries(Object.entries(found).filter(([name]) => Object.hasOwn(defaults, name)));
}

function withFlags(base: TrainingConfig, flags: TrainFlags): TrainingConfig {
  const scaling = scalingOf(flags)(definitionOf(base.network).input(base.options)[2]!);
  return {
    ...base,
    epochs: flags.epochs ?? base.epochs,
    batchSize: flags.batchSize ?? base.batchSize,
    optimizer: optimizerWith(base.optimizer, flags),
    schedule: scheduleWith(base.schedule, flags),
    seed: flags.seed ?? base.seed,
    ...(flags.distort ? { distort: DISTORT_DEFAULTS } : {}),
    ...augmentWith(base, flags),
    ...(flags.crops === undefined ? {} : { testTimeAugmentation: flags.crops }),
    ...techniquesOf(flags),
    ...(flags.weights === undefined ? {} : { weights: flags.weights }),
    ...(flags.map === undefined ? {} : { map: flags.map }),
    ...(flags.resetClassifier ? { resetClassifier: true } : {}),
    ...(scaling === undefined ? {} : { scaling }),
    ...(flags.size === undefined ? {} : { size: flags.size }),
    ...(flags.maxBroken === undefined ? {} : { maxBroken: flags.maxBroken }),
    ...(flags.stream === undefined ? {} : { stream: flags.stream }),
  };
}

/** The transforms that a flag names; those of a run that has the same keep what was measured for them. */
function augmentWith(base: TrainingConfig, flags: TrainFlags): { readonly augment?: readonly Transform[] } {
  if (flags.augment === undefined) return {};
  if (flags.distort) throw new OptionError("--distort and --augment: write --augment distort, and what else there is");
  const target = definitionOf(base.network).input(base.options);
  const augment = parseAugmentation(flags.augment, target);
  const before = base.augment;
  const same = before !== undefined && describeAugmentation(before) === describeAugmentation(augment);
  return { augment: same ? before : augment };
}

function optimizerWith(base: OptimizerConfig, flags: TrainFlags): OptimizerConfig {
  const name = flags.optimizer ?? base.name;
  const { betas } = flags;
  if (betas !== undefined && betas.length !== 2) {
    throw new OptionError(`--betas ${betas.join(",")}: expected two numbers, such as 0.9,0.999`);
  }
  const given = givenOptions(
    flags,
    `optimizer ${name}`,
    optionsOfOptimizer(name),
    OPTIMIZERS.flatMap(optionsOfOptimizer),
  );
  const start = name === base.name ? base : optimizerConfig(usualOptimizer(name));
  return optimizerConfig(optimizerFrom({ ...start, ...given } as OptimizerConfig));
}

/** Options of schedules whose flags are called otherwise, since others have those names. */
const SCHEDULE_FLAGS: Readonly<Record<string, keyof TrainFlags>> = {
  warmupSteps: "warmup",
  patience: "plateauPatience",
  watch: "plateauWatch",
};

function scheduleWith(base: Schedule, flags: TrainFlags): Schedule {
  const kind = flags.schedule ?? base.kind;
  const start = (kind === base.kind ? base : {}) as Partial<Record<string, unknown>>;
  const all = SCHEDULES.flatMap(optionsOfSchedule);
  const given = givenOptions(flags, `schedule ${kind}`, optionsOfSchedule(kind), all, SCHEDULE_FLAGS);
  const schedule = { ...start, kind, ...given } as Schedule;
  if (schedule.kind === "step" && schedule.milestones === undefined) {
    throw new OptionError("--schedule step: give the epochs at which the rate falls, such as --milestones 3,5");
  }
  if (schedule.kind === "exponential" && schedule.gamma === undefined) {
    throw new OptionError(
      "--schedule exponential: give what the rate is multiplied by after each epoch, such as --gamma 0.95",
    );
  }
  if (schedule.kind === "warm-restarts" && schedule.period === undefined) {
    throw new OptionError("--schedule warm-restarts: give the epochs of the first cosine, such as --period 10");
  }
  checkSchedule(schedule);
  return schedule;
}

/**
 * The options that flags set, of those that `what` has; `all` has those of its rivals, too.
 * @throws OptionError where a flag sets an option of a rival alone
 */
function givenOptions(
  flags: TrainFlags,
  what: string,
  own: readonly string[],
  all: readonly string[],
  flagNames: Readonly<Record<string, keyof TrainFlags>> = {},
): Readonly<Record<string, unknown>> {
  const given: Record<string, unknown> = {};
  for (const option of new Set(all)) {
    const flag = flagNames[option] ?? (option as keyof TrainFlags);
    const value = flags[flag];
    if (value === undefined) continue;
    if (!own.includes(option)) {
      const dashed = flagOf(flag);
      throw new OptionError(`${dashed}: ${what} has no ${dashed.slice(2)}; leave it out`);
    }
    given[option] = value;
  }
  return given;
}
