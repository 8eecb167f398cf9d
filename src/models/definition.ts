/**
 * What describes a network: its options with their defaults, what it takes and answers, and how it is built. A variant is another row,
 * never a subclass. Definitions are plain data that registry.ts lists, so that what is not used is left out of a page.
 */
import type { Shape } from "../graph/shape.js";
import type { Loss } from "../nn/loss.js";
import type { Module } from "../nn/module.js";

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
  /** What a number of an option may be at most, where that is less than 65,536: how often something is built, above all. */
  readonly most?: { readonly [option in keyof O]?: number };
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

/** The definition as it is, its options' types checked against its defaults and then forgotten. */
export function defineModel<O extends ModelOptions>(definition: ModelDefinition<O>): ModelDefinition {
  return definition as unknown as ModelDefinition;
}
