/**
 * The networks that fovea knows by name. A family registers itself with its options and their defaults; a variant is
 * another row, never a subclass. What is created says all of its options, so that a file can carry them and make the
 * same network again.
 */
import { OptionError, unknownName } from "../errors.js";
import type { Shape } from "../graph/value.js";
import type { Loss } from "../nn/loss.js";
import type { Module } from "../nn/module.js";
import { ImageClassifier } from "./image-classifier.js";

/** Hyper-parameters: plain data, stored beside the weights. */
export type ModelOption = number | string | boolean | readonly number[];
export type ModelOptions = Readonly<Record<string, ModelOption>>;

export interface ModelDefinition<O extends ModelOptions = ModelOptions> {
  readonly name: string;
  /** One line: what it is, and where it comes from. */
  readonly description: string;
  /** What it answers: one class a picture unless said, or one for every pixel. */
  readonly task?: Task;
  /** Every option with its default. */
  readonly defaults: O;
  /** Trainable numbers with the default options: asserted by the suite. */
  readonly parameters: number;
  /** One sample's shape, [height, width, channels]. */
  input(options: O): Shape;
  classes(options: O): number;
  /** What it is trained with; softmax cross-entropy unless said. */
  loss?(options: O): Loss;
  /** What a pixel byte p becomes, (p / 255 - mean) / std, where the network wants its own; else that of the data set. */
  readonly scaling?: PixelScaling;
  /** What it learns well with, where that is not the command line's common default. */
  readonly training?: TrainingHints;
  /** @throws OptionError where an option is out of range. */
  build(options: O): Module;
}

export type Task = "classification" | "segmentation";

/** For SGD with momentum. */
export interface TrainingHints {
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly lr?: number;
  readonly weightDecay?: number;
  readonly warmupSteps?: number;
}

/** One number a channel. */
export interface PixelScaling {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface Model {
  readonly name: string;
  /** All options, defaults included; with the classes that the network has now, if its classifier was reset. */
  readonly options: ModelOptions;
  readonly module: Module;
  readonly input: Shape;
  readonly classes: number;
  readonly scaling?: PixelScaling | undefined;
}

const definitions = new Map<string, ModelDefinition>();

export function registerModel<O extends ModelOptions>(definition: ModelDefinition<O>): void {
  if (definitions.has(definition.name)) {
    throw new OptionError(`registerModel: there is already a network "${definition.name}"; choose another name`);
  }
  definitions.set(definition.name, definition as unknown as ModelDefinition);
}

/** All registered networks that answer this, in the order of registration. */
export function list(task: Task = "classification"): readonly ModelDefinition[] {
  return [...definitions.values()].filter((definition) => (definition.task ?? "classification") === task);
}

/** The definition of a network; throws OptionError with the nearest name where there is none. */
export function definitionOf(name: string): ModelDefinition {
  const definition = definitions.get(name);
  if (definition === undefined) throw unknownName("network", name, [...definitions.keys()]);
  return definition;
}

/** A network by name. Options that are not given take their defaults; unknown ones are refused. */
export function create(name: string, options: ModelOptions = {}): Model {
  const definition = definitionOf(name);
  const known = Object.keys(definition.defaults);
  for (const [key, value] of Object.entries(options)) {
    if (!known.includes(key)) throw unknownName(`option of ${name}`, key, known);
    checkKind(name, key, value, definition.defaults[key]!);
  }
  const all = { ...definition.defaults, ...options };
  const module = definition.build(all);
  const initial = module instanceof ImageClassifier ? module.classes : all["classes"];
  if (definition.loss !== undefined) module.loss = definition.loss(all);
  return {
    name,
    // The option and not what it comes to tells whether the classifier was reset: a network may count a class of its own.
    get options() {
      const classes = module instanceof ImageClassifier ? module.classes : all["classes"];
      return "classes" in all && classes !== initial ? { ...all, classes: classes! } : all;
    },
    module,
    input: definition.input(all),
    get classes() {
      return definition.classes(this.options);
    },
    scaling: definition.scaling,
  };
}

function checkKind(name: string, key: string, value: ModelOption, standard: ModelOption): void {
  const kind = (v: ModelOption) => (Array.isArray(v) ? "list" : typeof v);
  if (kind(value) !== kind(standard)) {
    throw new OptionError(
      `${name}: option ${key} is ${JSON.stringify(value)}, expected a ${kind(standard)} such as ${JSON.stringify(standard)}`,
    );
  }
}
