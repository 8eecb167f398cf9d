/** A network with its weights and all that it takes to use them: what training gives, files hold and `compile` takes. */
import type { Dataset, Scaling } from "../data/dataset.js";
import { OptionError } from "../errors.js";
import type { Shape } from "../graph/value.js";
import type { Model, ModelOptions } from "../models/index.js";
import { Module } from "../nn/index.js";
import { initialWeights, type Weights } from "./weights.js";

/** Which network of the zoo a module is. */
export interface NetworkName {
  readonly name: string;
  readonly options: ModelOptions;
}

export interface TrainedModel {
  readonly module: Module;
  /** One sample's shape, [height, width, channels]. */
  readonly input: Shape;
  /** Class names by label. */
  readonly classes: readonly string[];
  /** What a pixel byte p becomes: (p / 255 - mean) / std, one mean and std a channel. */
  readonly scaling: Scaling;
  /** True where neither a file nor the network said the scaling: it is that of pixels from 0 to 1. */
  readonly isScalingAssumed?: boolean;
  /** By parameter name; row-major, convolutions HWIO, linear layers [in, out]. */
  readonly weights: Weights;
  /** Undefined for a network of one's own. */
  readonly network?: NetworkName | undefined;
}

/** A network as users give it: one of the zoo, or a module of their own. */
export type Network = Model | Module;

export interface NetworkParts {
  readonly module: Module;
  readonly input: Shape;
  readonly network: NetworkName | undefined;
  /** The network's own, where it has one; else pictures are scaled as their data set says. */
  readonly scaling: Scaling | undefined;
}

/** The data set as a network sees it: with the network's own scaling, where it has one. */
export function scaledFor(network: Network, data: Dataset): Dataset {
  const { scaling } = network instanceof Module ? {} : network;
  return scaling === undefined ? data : { ...data, mean: scaling.mean, std: scaling.std };
}

/** `input` is needed for a module, which does not say what it takes. */
export function networkParts(network: Network, input?: Shape): NetworkParts {
  if (!(network instanceof Module)) {
    const { module, name, options, scaling } = network;
    return { module, input: network.input, network: { name, options }, scaling };
  }
  if (input === undefined) {
    throw new OptionError("the input's shape is not given: a module does not say what it takes; give input [h, w, c]");
  }
  return { module: network, input, network: undefined, scaling: undefined };
}

/** What a network is before any training, told apart from trained ones by nothing but its weights. */
export function untrained(
  network: Network,
  options: { readonly data: Pick<Dataset, "shape" | "classes" | "mean" | "std">; readonly seed?: number },
): TrainedModel {
  const { shape, classes, mean, std } = options.data;
  const parts = networkParts(network, shape);
  return {
    ...parts,
    classes,
    scaling: parts.scaling ?? { mean, std },
    weights: initialWeights(parts.module, options.seed ?? 0),
  };
}
