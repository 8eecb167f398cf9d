/**
 * What the trainings of pictures, scenes and positions share on the command line: the declarations of their flags, each
 * once; what was given; and the run that --resume goes on with.
 */
import { type Command, Option } from "commander";
import { OptionError } from "../../base/errors.js";
import { PRESETS } from "../../data/augment/grammar.js";
import { TRANSFORM_KINDS } from "../../data/augment/transform.js";
import { parseSize } from "../../data/open-options.js";
import { isPolicyConfig } from "../../go/training/epochs.js";
import { definitionOf } from "../../models/index.js";
import type { TrainingConfig } from "../../run/config.js";
import { openRunFolder, type RunFolder } from "../../run/folder-node.js";
import { TRAINING_DEFAULTS } from "../../train/defaults.js";
import { OPTIMIZERS, type OptimizerName } from "../../train/optimizers/index.js";
import { SCHEDULES, type Schedule } from "../../train/schedules/schedule.js";
import { WATCHED_OF_PIXELS, type Watch } from "../../train/techniques/techniques.js";
import { groupOf, type TechniqueFlags } from "../commands/train/techniques.js";
import { MODULE } from "../own/own-network.js";
import { checkUnchanged, type OwnFlags, ownNetworkOf } from "../own/record.js";
import { listOf, MAP, numberOf, oneOf, pairOf, repeated, wholeOf } from "./arguments.js";

/** Of every training. */
export interface RunFlags extends OwnFlags {
  readonly batchSize?: number;
  readonly lr?: number;
  readonly weightDecay?: number;
  readonly seed?: number;
  readonly out?: string;
  readonly resume?: string;
  readonly checkpointEvery?: number;
  readonly tensorboard?: boolean;
  readonly json?: boolean;
}

/** Of trainings that choose how they learn, not by a recipe's name. */
export interface LearningFlags extends RunFlags, TechniqueFlags {
  readonly data?: string;
  readonly size?: readonly [number, number];
  readonly option?: Readonly<Record<string, string>>;
  readonly weights?: string;
  readonly map?: Readonly<Record<string, string>>;
  readonly resetClassifier?: boolean;
  readonly augment?: string;
  readonly epochs?: number;
  readonly optimizer?: OptimizerName;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly schedule?: Schedule["kind"];
  readonly warmup?: number;
  readonly milestones?: readonly number[];
  readonly gamma?: number;
  readonly final?: number;
  readonly rise?: number;
  readonly initial?: number;
  readonly shape?: "cosine" | "linear";
  readonly power?: number;
  readonly period?: number;
  readonly growth?: number;
  readonly factor?: number;
  readonly plateauPatience?: number;
  readonly threshold?: number;
  readonly cooldown?: number;
  readonly plateauWatch?: Watch;
}

/** A flag, what the help says of it, and how its value is read. */
export function option<T>(flags: string, text: string, parse?: (text: string, before: T) => T): Option {
  const declared = new Option(flags, text);
  return parse === undefined ? declared : declared.argParser(parse);
}

/** Declares flags under a heading of the help; those without one stand first. */
export function declare(command: Command, heading: string | undefined, options: readonly Option[]): void {
  if (heading !== undefined) command.optionsGroup(heading);
  for (const declared of options) command.addOption(declared);
}

/** The same flag for each training, about which each may say something of its own. */
function shared<T>(flags: string, text: string, parse?: (text: string, before: T) => T): (own?: string) => Option {
  return (own = text) => option(flags, own, parse);
}

const { epochs, batchSize, optimizer, schedule } = TRAINING_DEFAULTS;

export const FLAGS = {
  data: shared(
    "--data <data>",
    "mnist; a folder with a sub-folder a class, tar shards, CIFAR or IDX files; or with its kind, as cifar10:FOLDER",
  ),
  size: shared(
    "--size <pixels>",
    "to which pictures are brought, such as 64 or HEIGHTxWIDTH (default: their own)",
    parseSize,
  ),
  weights: shared("--weights <file>", "start from published weights, a .safetensors or .pth file"),
  map: shared(...MAP),
  resetClassifier: shared("--reset-classifier", "start the last layer of those weights anew, for other classes"),
  module: shared(...MODULE),
  changedModule: shared("--changed-module", "goes on with a run though the file of its network has changed"),
  option: shared(
    "--option <key=value>",
    "an option of the network, such as classes=26; may be repeated",
    pairOf("--option"),
  ),
  augment: shared(
    "--augment <list>",
    `what training pictures go through: ${Object.keys(PRESETS).join(", ")}, or a list such as padCrop:4,flip,cutout:8 ` +
      `(of ${TRANSFORM_KINDS.join(", ")})`,
  ),
  epochs: shared(
    "--epochs <n>",
    `passes over the training pictures (default: ${epochs}, or the network's own)`,
    wholeOf("--epochs", 1),
  ),
  batchSize: shared(
    "--batch-size <n>",
    `pictures a step (default: ${batchSize}, or the network's own)`,
    wholeOf("--batch-size", 1),
  ),
  seed: shared("--seed <n>", "of the first weights and the order of pictures (default: 0)", wholeOf("--seed", 0)),

  optimizer: shared(
    "--optimizer <name>",
    `${OPTIMIZERS.join(", ")} (default: ${optimizer.name})`,
    oneOf("--optimizer", OPTIMIZERS),
  ),
  lr: shared(
    "--lr <rate>",
    `learning rate (default: ${optimizer.lr}, or the network's own; 0.001 for adam and adamw)`,
    numberOf("--lr"),
  ),
  momentum: shared("--momentum <m>", `of sgd (default: ${optimizer.momentum})`, numberOf("--momentum")),
  nesterov: shared("--nesterov", "Nesterov's momentum, of sgd"),
  weightDecay: shared(
    "--weight-decay <w>",
    `pulls weights towards zero (default: ${optimizer.weightDecay}, or the network's own; 0 for adam, 0.01 for adamw)`,
    numberOf("--weight-decay"),
  ),
  group: shared(
    "--group <pattern:settings>",
    "parameters whose names match a regular expression: lr, a factor of the rate, and decay, such as 'bias$:lr=64,decay=0'; may be repeated",
    groupOf,
  ),
  noDecay: shared(
    "--no-decay <which>",
    "leave norms-and-biases out of weight decay",
    oneOf("--no-decay", ["norms-and-biases"]),
  ),
  clipNorm: shared("--clip-norm <n>", "scale all gradients together to this norm at most", numberOf("--clip-norm")),
  accumulate: shared(
    "--accumulate <n>",
    "batches whose gradients make one update (default: 1)",
    wholeOf("--accumulate", 1),
  ),
  labelSmoothing: shared(
    "--label-smoothing <s>",
    "share of the target that is spread over all classes",
    numberOf("--label-smoothing"),
  ),
  freeze: shared(
    "--freeze <pattern>",
    "keep parameters whose names match a regular expression as they are, such as 'layer[1-3]'; may be repeated",
    repeated,
  ),
  ema: shared("--ema <decay>", "a moving average of the weights after each update, such as 0.999", numberOf("--ema")),
  emaWarmup: shared("--ema-warmup", "let the decay grow with the first updates"),

  patience: shared(
    "--patience <n>",
    "stop after n epochs without a better one on the test pictures",
    wholeOf("--patience", 1),
  ),
  out: shared("--out <folder>", "where the run is kept (default: runs/NETWORK-DATA, the next free one)"),
  resume: shared("--resume <run>", "goes on with the run in this folder"),
  checkpointEvery: shared(
    "--checkpoint-every <s>",
    "seconds between checkpoints within an epoch (default: 30)",
    numberOf("--checkpoint-every"),
  ),
  tensorboard: shared("--tensorboard", "write event files for TensorBoard into the folder of the run"),
  noReport: shared("--no-report", "leave out report.html and its pictures, which take a second or two at the end"),
  json: shared("--json", "JSON lines on standard output, for programs"),
} as const;

/** Of the learning rate's schedule, which is the same for all who may choose one. */
export const scheduleOptions = (): readonly Option[] => [
  option("--schedule <kind>", `${SCHEDULES.join(", ")} (default: ${schedule.kind})`, oneOf("--schedule", SCHEDULES)),
  option(
    "--warmup <steps>",
    "steps in which the rate rises from zero (default: 0, or the network's own)",
    wholeOf("--warmup", 0),
  ),
  option("--milestones <epochs>", "of step: after which epochs the rate falls, such as 3,5", listOf("--milestones")),
  option(
    "--gamma <factor>",
    "of step, exponential: what the rate is multiplied by at a milestone (default: 0.1), or after each epoch",
    numberOf("--gamma"),
  ),
  option(
    "--final <part>",
    "of schedules that fall: the last rate, as a part of the highest (default: 0; one-cycle 4e-6)",
    numberOf("--final"),
  ),
  option(
    "--rise <part>",
    "of one-cycle, triangular: the part of the steps in which it rises (default: 0.3, 0.25)",
    numberOf("--rise"),
  ),
  option("--initial <part>", "of one-cycle, triangular: the first rate (default: 0.04, 0)", numberOf("--initial")),
  option("--shape <shape>", "of one-cycle: cosine (default) or linear", oneOf("--shape", ["cosine", "linear"])),
  option("--power <p>", "of polynomial: the exponent (default: 1)", numberOf("--power")),
  option("--period <epochs>", "of warm-restarts: the epochs of the first cosine", wholeOf("--period", 1)),
  option(
    "--growth <n>",
    "of warm-restarts: how many times as long each next cosine is (default: 1)",
    wholeOf("--growth", 1),
  ),
  option(
    "--factor <factor>",
    "of plateau: what the rate is multiplied by at a fall (default: 0.1)",
    numberOf("--factor"),
  ),
  option(
    "--plateau-patience <n>",
    "of plateau: epochs without a lower loss that are let pass (default: 10)",
    wholeOf("--plateau-patience", 0),
  ),
  option("--threshold <part>", "of plateau: how much lower counts (default: 0.0001)", numberOf("--threshold")),
  option(
    "--plateau-watch <figure>",
    `of plateau: the figure that is to get better, ${WATCHED_OF_PIXELS.join(", ")} (default: loss)`,
    oneOf("--plateau-watch", WATCHED_OF_PIXELS),
  ),
  option("--cooldown <n>", "of plateau: epochs after a fall that do not count (default: 0)", wholeOf("--cooldown", 0)),
];

/** Where and how often a run is kept. */
export function keepingOptions({ out, checkpointEvery: checkpointEverySeconds = 30, tensorboard }: RunFlags) {
  return { out, checkpointEverySeconds, tensorboard };
}

export type TrainingCommand = "train" | "segment train" | "go train";

/** The command that begins runs of this configuration, and goes on with them. */
function commandOf(config: TrainingConfig): TrainingCommand {
  if (isPolicyConfig(config)) return "go train";
  return definitionOf(config.network).task === "segmentation" ? "segment train" : "train";
}

/**
 * The run of `command` that --resume names. Flags named in `begunWith` decided it when it was begun, and are not in its
 * configuration in the same words, so that they are refused even where they would say the same.
 * @throws OptionError where one of them or --out is given, or the run is another command's.
 */
export async function resumedRun<Flags extends RunFlags>(
  command: TrainingCommand,
  run: string,
  flags: Flags,
  begunWith: readonly (keyof Flags & string)[] = [],
): Promise<{ readonly folder: RunFolder; readonly config: TrainingConfig }> {
  if (flags.out !== undefined) throw new OptionError("--out: a resumed run stays in its folder; leave --out out");
  const again = begunWith.filter((name) => flags[name] !== undefined).map(flagOf);
  if (again.length > 0) {
    throw new OptionError(`--resume: a run goes on as it was begun; leave out ${again.join(", ")}, or start a new run`);
  }
  const found = await openRunFolder(run);
  const own = await ownNetworkOf({ folder: found.folder.path, config: found.config }, flags);
  if (own !== undefined) checkUnchanged(own, found.config, flags);
  const owner = commandOf(found.config);
  if (owner !== command) {
    throw new OptionError(`--resume ${run}: is a run of ${owner}; go on with fovea ${owner} --resume ${run}`);
  }
  return found;
}

export const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
