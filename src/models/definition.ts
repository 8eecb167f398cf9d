/**
 * What describes a network: its options with their defaults, what it takes and answers, and how it is built. A variant
 * is another row, never a subclass. Definitions are plain data that registry.ts lists, so that what is not used is left
 * out of a page.
 */
import type { Shape } from "../graph/shape.js";
import type { Loss } from "../nn/loss.js";
import type { Module } from "../nn/module.js";

/** A hyper-parameter of a network: plain data. */
export type ModelOption = number | string | boolean | readonly number[];
/** Hyper-parameters of a network, by name. Files hold them beside the weights. */
export type ModelOptions = Readonly<Record<string, ModelOption>>;

/** A registered network: its options with their defaults, its input and output, and how it is built. */
export interface ModelDefinition<O extends ModelOptions = ModelOptions> {
  /** The name that `models.create` is called with. */
  readonly name: string;
  /** One line: what it is, and where it comes from. */
  readonly description: string;
  /**
   * Its task: one class a picture, or one for every pixel.
   * @default "classification"
   */
  readonly task?: Task;
  /** Every option with its default. */
  readonly defaults: O;
  /**
   * The largest number that an option may be.
   * @default 65536 for each
   */
  readonly most?: { readonly [option in keyof O]?: number };
  /** Trainable numbers with the default options: asserted by the suite. */
  readonly parameters: number;
  /** One sample's shape, [height, width, channels]. */
  input(options: O): Shape;
  /** Classes of the network with these options. */
  classes(options: O): number;
  /**
   * The loss that it is trained with.
   * @default softmax cross-entropy
   */
  loss?(options: O): Loss;
  /**
   * A pixel byte p becomes (p / 255 - mean) / std.
   * @default that of the data set
   */
  readonly scaling?: PixelScaling;
  /**
   * Hyper-parameters that it learns well with.
   * @default those of the command line
   */
  readonly training?: TrainingHints;
  /**
   * Makes the network.
   * @throws OptionError if an option is out of its range
   */
  build(options: O): Module;
}

/** The task of a network: a class for the picture, or one for every pixel. */
export type Task = "classification" | "segmentation";

/** Hyper-parameters for SGD with momentum. */
export interface TrainingHints {
  /** How often each training picture is used. */
  readonly epochs?: number;
  /** Pictures of a step. */
  readonly batchSize?: number;
  /** The learning rate. */
  readonly lr?: number;
  /** Weight decay. */
  readonly weightDecay?: number;
  /** Steps over which the learning rate rises at first. */
  readonly warmupSteps?: number;
}

/** How pixels are scaled: a byte p becomes (p / 255 - mean) / std. */
export interface PixelScaling {
  /** One mean a channel. */
  readonly mean: readonly number[];
  /** One standard deviation a channel. */
  readonly std: readonly number[];
}

/** A network of the zoo, as `models.create` makes it. */
export interface Model {
  /** Its registered name. */
  readonly name: string;
  /** All options, defaults included; with the classes that the network has now, if its classifier was reset. */
  readonly options: ModelOptions;
  /** The network. */
  readonly module: Module;
  /** Shape of one picture, [height, width, channels]. */
  readonly input: Shape;
  /** Classes that it tells apart now. */
  readonly classes: number;
  /** The scaling of pixels that the network wants; undefined where it takes the data set's. */
  readonly scaling?: PixelScaling | undefined;
}

/** The definition as it is, its options' types checked against its defaults and then forgotten. */
export function defineModel<O extends ModelOptions>(definition: ModelDefinition<O>): ModelDefinition {
  return definition as unknown as ModelDefinition;
}
