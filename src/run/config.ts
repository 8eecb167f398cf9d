/**
 * All that decides what a training computes, as one plain object: printed at the start, kept in the run's folder and in
 * every checkpoint, and refused where a key is not known. What only decides how fast (threads) is not in it.
 */

import { checkValues } from "../base/options.js";
import { checkDistortion } from "../data/augment/distort.js";
import { DISTORT_DEFAULTS, type DistortOptions } from "../data/augment/distort-options.js";
import { parseTransforms, type Transform } from "../data/augment/transform.js";
import { checkTestTimeAugmentation, type TestTimeAugmentation } from "../data/augment/views.js";
import type { Scaling } from "../data/sets/dataset.js";
import type { HalvesChoice } from "../data/sources/halves-choice.js";
import type { ModelOptions } from "../models/index.js";
import type { OptimizerConfig } from "../train/defaults.js";
import { optimizerFrom } from "../train/defaults.js";
import { checkSchedule, type Schedule } from "../train/schedules/schedule.js";
import { checkTechniques, type ParameterGroup, type TrainingTechniques } from "../train/techniques/techniques.js";
import { LENGTHS } from "../train/trainer-options.js";
import { BRANCH_FIELDS, checkBranchFields } from "./branch-fields.js";
import {
  type Check,
  checkFields,
  type FieldChecks,
  flag,
  isRecord,
  names,
  number,
  numbers,
  optional,
  record,
  records,
  text,
  texts,
  variant,
} from "./config-checks.js";

/** Where the code of a network is that is not of the zoo. Nothing runs it by this record. */
export interface ModuleRecord {
  /** The file; in a run's config.json from its folder on. */
  readonly path: string;
  /** Name of the file's export. */
  readonly export: string;
  /** SHA-256 of the file when the run was begun, in hexadecimal digits. The files that it imports are not in it. */
  readonly sha256: string;
}

/**
 * All that decides what a training computes, as plain data: the content of a run folder's config.json. Threads and
 * devices are not in it.
 */
export interface TrainingConfig extends TrainingTechniques {
  /** A registered name of a network, such as `"lenet5"`. */
  readonly network: string;
  /** All options of the network. */
  readonly options: ModelOptions;
  /** File, export and hash of a network of one's own. */
  readonly module?: ModuleRecord | undefined;
  /** As `openDataset` takes it. */
  readonly data: string;
  /** How often each training picture is used. */
  readonly epochs: number;
  /** Pictures of a step. */
  readonly batchSize: number;
  /** Name and hyper-parameters of the optimizer. */
  readonly optimizer: OptimizerConfig;
  /** How the learning rate runs over the steps. */
  readonly schedule: Schedule;
  /** Seed of the initial weights, the order of the pictures, augmentation and dropout. */
  readonly seed: number;
  /**
   * A .safetensors or .pth file whose weights training starts from.
   * @default the network's initial weights
   */
  readonly weights?: string | undefined;
  /** The network's names by those of that file, where fovea does not know them. */
  readonly map?: Readonly<Record<string, string>> | undefined;
  /** Starts the classifier of those weights anew. */
  readonly resetClassifier?: boolean | undefined;
  /** How pixels are scaled, where that was said; else as the network or the data has it. */
  readonly scaling?: Scaling | undefined;
  /** To which pictures are brought, [height, width], where that was said. */
  readonly size?: readonly number[] | undefined;
  /** How many pictures may be broken, where that was said: "20", "0.1%". */
  readonly maxBroken?: string | undefined;
  /**
   * Folders of the picture files that it learned from and was measured with. Without it, they are found and split as
   * fovea 0.1 did.
   */
  readonly halves?: HalvesChoice | undefined;
  /**
   * Whether picture files stay on disk.
   * @default by the size of the data
   */
  readonly stream?: boolean | undefined;
  /** The file with the classes of labelled pixels, where the data does not bring one. */
  readonly classList?: string | undefined;
  /**
   * Distortion of training pictures.
   * @default none
   */
  readonly distort?: DistortOptions | undefined;
  /**
   * Transforms of training pictures.
   * @default none
   */
  readonly augment?: readonly Transform[] | undefined;
  /** The views of each test picture whose probabilities are averaged. */
  readonly testTimeAugmentation?: TestTimeAugmentation | undefined;
  /** Whether the label among the five likeliest classes is counted, too, when measuring. */
  readonly top5?: boolean | undefined;
  /** What a branch holds there is its own to read (branch-fields.ts). */
  readonly [BRANCH_FIELDS.go]?: unknown;
}

// --- Reading: every key known, of the right kind, and there

const scaling: Check = (v) =>
  isRecord(v) && numbers(v["mean"]) === undefined && numbers(v["std"]) === undefined ? undefined : "mean and std";

const fields: FieldChecks<TrainingConfig> = {
  network: text,
  options: record,
  module: optional(record),
  data: text,
  epochs: number,
  batchSize: number,
  optimizer: record,
  schedule: record,
  seed: number,
  weights: optional(text),
  map: optional(names),
  resetClassifier: optional(flag),
  scaling: optional(scaling),
  size: optional(numbers),
  maxBroken: optional(text),
  halves: optional(record),
  stream: optional(flag),
  classList: optional(text),
  distort: optional(record),
  augment: optional(records),
  testTimeAugmentation: optional(text),
  top5: optional(flag),
  [BRANCH_FIELDS.go]: optional(record),
  mixup: optional(number),
  groups: optional(records),
  noDecay: optional(text),
  freeze: optional(texts),
  frozenNorms: optional(text),
  clipNorm: optional(number),
  clipValue: optional(number),
  accumulate: optional(number),
  average: optional(record),
  labelSmoothing: optional(number),
  patience: optional(number),
  watch: optional(text),
};

const moduleFields: FieldChecks<ModuleRecord> = { path: text, export: text, sha256: text };

const halvesFields = { train: optional(text), val: optional(text), test: optional(text) };

const groupFields: FieldChecks<ParameterGroup> = { match: text, lr: optional(number), weightDecay: optional(number) };

const averageFields: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  ema: { kind: text, decay: number, warmup: optional(flag) },
  lookahead: { kind: text, every: number, decay: optional(number), ramp: optional(number) },
};

/**
 * A configuration from JSON. `where` is what errors call it.
 * @throws OptionError on a key that is unknown, missing or of the wrong kind, and on numbers out of range.
 */
export function parseConfig(value: unknown, where: string): TrainingConfig {
  checkFields(value, fields, where);
  const config = value as unknown as TrainingConfig;
  checkValues(config, LENGTHS, `${where}: `);
  optimizerFrom(config.optimizer, `${where}: optimizer`);
  checkSchedule(config.schedule, `${where}: schedule`);
  if (config.distort !== undefined) {
    const names = Object.keys(DISTORT_DEFAULTS).map((name) => [name, number] as const);
    checkFields(config.distort, Object.fromEntries(names), `${where}: distort`);
    checkDistortion(config.distort);
  }
  if (config.augment !== undefined) parseTransforms(config.augment, `${where}: augment`);
  if (config.testTimeAugmentation !== undefined) checkTestTimeAugmentation(config.testTimeAugmentation);
  if (config.module !== undefined) checkFields(config.module, moduleFields, `${where}: module`);
  if (config.halves !== undefined) checkFields(config.halves, halvesFields, `${where}: halves`);
  checkBranchFields(config, where);
  for (const [i, group] of (config.groups ?? []).entries()) checkFields(group, groupFields, `${where}: groups[${i}]`);
  const { average } = value;
  if (average !== undefined) {
    checkFields(average, variant(average, "kind", averageFields, `${where}: average`), `${where}: average`);
  }
  checkTechniques(config);
  return config;
}

/** What keys were called in the files of earlier versions, and are called today. */
const RENAMED: Readonly<Record<string, string>> = { views: "testTimeAugmentation" };

/**
 * A configuration from the JSON of a file, which may be of an earlier version.
 * @throws OptionError as `parseConfig` does.
 */
export function savedConfig(value: unknown, where: string): TrainingConfig {
  if (!isRecord(value)) return parseConfig(value, where);
  const today = Object.entries(value).map(([key, setting]) => [RENAMED[key] ?? key, setting] as const);
  return parseConfig(Object.fromEntries(today), where);
}

// --- Comparing and showing

/** Every setting by its path, `optimizer.lr`, as text. */
export function settings(value: unknown, path = ""): Map<string, string> {
  if (value === undefined) return new Map();
  if (!isRecord(value)) return new Map([[path, JSON.stringify(value)]]);
  return new Map(
    Object.entries(value).flatMap(([key, inner]) => [...settings(inner, path === "" ? key : `${path}.${key}`)]),
  );
}

/** What differs between two objects, as sentences: `epochs is 3, was 5`. `ignore` names settings that may differ. */
export function differences(now: unknown, before: unknown, ignore: readonly string[] = []): string[] {
  const [a, b] = [settings(now), settings(before)];
  return [...new Set([...b.keys(), ...a.keys()])]
    .filter((key) => !ignore.includes(key) && a.get(key) !== b.get(key))
    .map((key) => `${key} is ${a.get(key) ?? "not set"}, was ${b.get(key) ?? "not set"}`);
}

/** `sgd (lr 0.03, momentum 0.9)`: what is zero or off is left out. */
export function describeOptimizer(config: OptimizerConfig): string {
  return named(config.name, { ...config, name: false });
}

export function describeSchedule(schedule: Schedule): string {
  const { kind, warmupSteps = 0, ...rest } = schedule;
  return named(kind, { ...rest, warmup: warmupSteps });
}

const isNothing = (value: unknown) => Array.isArray(value) && value.length === 0;

/** `lenet5 (classes 10, channels 1, size 28)`. */
export function named(name: string, options: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(options)
    .filter(([, value]) => value !== 0 && value !== false && value !== undefined && !isNothing(value))
    .map(([key, value]) => (value === true ? key : `${key} ${Array.isArray(value) ? value.join(", ") : value}`));
  return shown.length === 0 ? name : `${name} (${shown.join(", ")})`;
}
