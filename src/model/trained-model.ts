/**
 * A network with its weights and all that it takes to use them: what training gives, files hold and `createClassifier`
 * takes.
 */

import { OptionError } from "../base/errors.js";
import { checkOptions, expecting, type Fields, isRecord, mismatch, needed, shown, whole } from "../base/options.js";
import type { Dataset, Scaling } from "../data/sets/dataset.js";
import type { Shape } from "../graph/shape.js";
import type { Model, ModelOptions } from "../models/index.js";
import { type AnyModule, Module } from "../nn/index.js";
import { initialWeights, type Weights } from "./weights/weights.js";

/** Which network of the zoo a module is. */
export interface NetworkName {
  /** Its registered name, such as `"lenet5"`. */
  readonly name: string;
  /** All of its options. */
  readonly options: ModelOptions;
}

/**
 * A network with its weights, and all that it takes to use it: the result of training, and the content of a model's
 * file.
 */
export interface TrainedModel {
  /** The network. */
  readonly module: Module;
  /** Shape of one picture, [height, width, channels]. */
  readonly input: Shape;
  /** Class names by label. */
  readonly classes: readonly string[];
  /** A pixel byte p becomes (p / 255 - mean) / std, with one mean and one standard deviation a channel. */
  readonly scaling: Scaling;
  /** True if neither a file nor the network gave the scaling: pixels then go from 0 to 1. */
  readonly isScalingAssumed?: boolean;
  /** Weights by parameter name: row-major, convolutions HWIO, linear layers [in, out]. */
  readonly weights: Weights;
  /** Name and options of a network of the zoo; undefined for a network of one's own. */
  readonly network?: NetworkName | undefined;
}

/** A network to train: one of the zoo, as `models.create` makes it, or a module of one's own. */
export type Network = Model | Module;

/** A network with any inputs and outputs: one of the zoo, or a module. */
export type AnyNetwork = Model | AnyModule;

/** @throws OptionError where it is neither a module nor a network of the zoo. */
export function moduleOf(network: AnyNetwork, what: string): AnyModule {
  checkNetwork(network, what);
  return network instanceof Module ? network : network.module;
}

export interface NetworkParts {
  readonly module: Module;
  readonly input: Shape;
  readonly network: NetworkName | undefined;
  /** The network's own, where it has one; else pictures are scaled as their data set says. */
  readonly scaling: Scaling | undefined;
}

/** @throws OptionError where it is neither a module nor a network of the zoo. */
export function checkNetwork(network: unknown, what: string): asserts network is Network {
  if (network instanceof Module) return;
  if (isRecord(network) && network["module"] instanceof Module && Array.isArray(network["input"])) return;
  const cure = typeof network === "string" ? `; write models.create(${JSON.stringify(network)})` : "";
  throw new OptionError(
    `${what}: the network is ${shown(network)}, expected a module or what models.create(...) gives${cure}`,
  );
}

const isShape = (value: unknown) =>
  Array.isArray(value) && value.length === 3 && value.every((n) => Number.isSafeInteger(n) && n > 0);
const isTexts = (value: unknown) => Array.isArray(value) && value.every((name) => typeof name === "string");

/** @throws OptionError where it is not what training and loading give, naming the part that is not. */
export function checkModel(model: unknown, what: string): asserts model is TrainedModel {
  if (!isRecord(model))
    throw mismatch(`${what}: the model`, model, "a trained model, as train(...) and loadModel(...) give it");
  const { module, input, classes, scaling, weights } = model;
  if (!(module instanceof Module)) {
    const cure = isRecord(model["model"]) ? "; give its property model" : "";
    throw new OptionError(
      `${what}: the model is ${shown(model)}, expected a trained model, as train(...) and loadModel(...) give it${cure}`,
    );
  }
  const expect = (part: string, value: unknown, isRight: boolean, expected: string) => {
    if (!isRight) throw mismatch(`${what}: the model's ${part}`, value, expected);
  };
  expect("input", input, isShape(input), "the extents of a picture, [height, width, channels]");
  expect("classes", classes, isTexts(classes), "the names of its classes");
  expect("weights", weights, weights instanceof Map, "a map of weights by name");
  const channels = (input as Shape).at(-1)!;
  for (const part of ["mean", "std"] as const) {
    const numbers = isRecord(scaling) ? scaling[part] : undefined;
    const isRight = (n: unknown) => typeof n === "number" && Number.isFinite(n) && (part === "mean" || n > 0);
    const fits = Array.isArray(numbers) && numbers.length === channels && numbers.every(isRight);
    const expected = `a finite number${part === "std" ? " above 0" : ""} for each of ${channels} channels`;
    expect(`scaling.${part}`, numbers, fits, expected);
  }
}

/** The data set as a network sees it: with the network's own scaling, where it has one. */
export function scaledFor(network: Network, data: Dataset): Dataset {
  const { scaling } = network instanceof Module ? {} : network;
  return scaling === undefined ? data : { ...data, mean: scaling.mean, std: scaling.std };
}

/** What a network is given: `input`, or what a network of the zoo takes. @throws OptionError where neither says it. */
export function inputOf<Input>(network: AnyNetwork, input: Input | undefined): Input | Shape {
  const found = input ?? ("input" in network ? network.input : undefined);
  if (found !== undefined) return found;
  throw new OptionError("the input's shape is not given: a module does not say what it takes; give input [h, w, c]");
}

/** `input` is needed for a module, which does not say what it takes. */
export function networkParts(network: Network, input?: Shape): NetworkParts {
  if (!(network instanceof Module)) {
    const { module, name, options, scaling } = network;
    return { module, input: network.input, network: { name, options }, scaling };
  }
  return { module: network, input: inputOf(network, input), network: undefined, scaling: undefined };
}

/** Options of `untrained`. */
export interface UntrainedOptions {
  /** A data set, or its shape, classes and scaling, which the model takes over. */
  readonly data: Pick<Dataset, "shape" | "classes" | "mean" | "std">;
  /**
   * Seed of the initial weights, a whole number from 0.
   * @default 0
   */
  readonly seed?: number;
}

const UNTRAINED: Fields<UntrainedOptions> = {
  data: needed(expecting("a data set", isRecord)),
  seed: whole(0, Number.MAX_SAFE_INTEGER),
};

/**
 * A model of a network with its initial weights: what a training starts from.
 *
 * @example
 * ```js
 * import { models, untrained } from "fovea";
 *
 * const network = models.create("lenet5", { classes: 2 });
 * const model = untrained(network, {
 *   data: { shape: [28, 28, 1], classes: ["zero", "one"], mean: [0.13], std: [0.31] },
 * });
 * console.log(model.weights.get("conv1.weight")?.shape); // [ 5, 5, 1, 6 ]
 * ```
 *
 * @throws OptionError if it is given no network or no data
 */
export function untrained(network: Network, options: UntrainedOptions): TrainedModel {
  checkNetwork(network, "untrained");
  checkOptions("untrained", options, UNTRAINED);
  const { shape, classes, mean, std } = options.data;
  const parts = networkParts(network, shape);
  return {
    ...parts,
    classes,
    scaling: parts.scaling ?? { mean, std },
    weights: initialWeights(parts.module, options.seed ?? 0),
  };
}
