/** Blocks that the networks for small machines share, under torchvision's names. */
import type { Value } from "../graph/graph.js";
import type { Shape } from "../graph/shape.js";
import { batchNorm2d, type Conv2d, conv2d, Dropout, Module, relu, sequential, sigmoid } from "../nn/index.js";
import { add, mean, multiply, reshape } from "../ops/index.js";
import { constant, heNormal } from "./parts.js";

export interface ConvNormOptions {
  readonly in: number;
  readonly out: number;
  /** An odd number; padded so that stride 1 keeps the picture's size. @default 3 */
  readonly kernel?: number;
  /** @default 1 */
  readonly stride?: number;
  /** @default 1 */
  readonly groups?: number;
  /** @default 1 */
  readonly dilation?: number;
  /** Of the norm. */
  readonly norm?: NormOptions;
  /** What ends it, if anything. */
  readonly activation?: (() => Module) | undefined;
}

export interface NormOptions {
  readonly eps?: number;
  readonly momentum?: number;
}

/** A convolution without bias, He's normal distribution of the fan-out. */
export function plainConvolution(options: Omit<ConvNormOptions, "norm" | "activation">): Conv2d {
  const { kernel = 3, dilation = 1, ...others } = options;
  const padding = (dilation * (kernel - 1)) / 2;
  return conv2d({ ...others, kernel, dilation, padding, bias: false, weightInit: heNormal(kernel ** 2 * options.out) });
}

/** Convolution, batch normalisation and activation, named 0, 1 and 2: torchvision's Conv2dNormActivation. */
export function convNorm({ norm, activation, ...options }: ConvNormOptions): Module {
  const layers = [plainConvolution(options), batchNorm2d({ channels: options.out, ...norm })];
  return sequential(...layers, ...(activation === undefined ? [] : [activation()]));
}

/** A multiple of 8 that is nearest to `channels`, and no more than a tenth below it. */
export function roundChannels(channels: number, divisor = 8): number {
  const rounded = Math.max(divisor, Math.floor((channels + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * channels ? rounded + divisor : rounded;
}

export interface SqueezeExcitationOptions {
  readonly channels: number;
  /** Channels between. */
  readonly squeeze: number;
  /** @default relu */
  readonly activation?: () => Module;
  /** What makes factors of the second convolution. @default sigmoid */
  readonly gate?: () => Module;
}

/**
 * Squeeze-and-excitation (Hu, Shen, Albanie, Sun, Wu 2017): the mean of each channel, through two 1x1 convolutions, becomes a factor for it.
 * torchvision's SqueezeExcitation, whose convolutions are `fc1` and `fc2`.
 */
export class SqueezeExcitation extends Module {
  readonly fc1: Module;
  readonly activation: Module;
  readonly fc2: Module;
  readonly scale_activation: Module;

  constructor({ channels, squeeze, activation = relu, gate = sigmoid }: SqueezeExcitationOptions) {
    super();
    this.fc1 = conv2d({ in: channels, out: squeeze, kernel: 1, weightInit: heNormal(squeeze), biasInit: constant(0) });
    this.activation = activation();
    this.fc2 = conv2d({ in: squeeze, out: channels, kernel: 1, weightInit: heNormal(channels), biasInit: constant(0) });
    this.scale_activation = gate();
  }

  override forward(x: Value): Value {
    const means = reshape(mean(x, { axes: [0, 1] }), [1, 1, x.shape[2]!]);
    const excited = this.fc2.forward(this.activation.forward(this.fc1.forward(means)));
    return multiply(x, this.scale_activation.forward(excited));
  }
}

/** In training, factors 0 with this probability and else what makes up for it, for parts of each sample. */
abstract class PartDropout extends Module {
  readonly #dropout: Dropout;

  constructor(probability: number) {
    super();
    this.#dropout = new Dropout(probability);
  }

  /** One number a part. */
  protected abstract partsOf(x: Value): Shape;

  override children(): ReturnType<Module["children"]> {
    return [["dropout", this.#dropout]];
  }

  override forward(x: Value): Value {
    const one = x.graph.constant(1, { shape: this.partsOf(x), batched: true });
    const kept = this.#dropout.forward(one);
    return kept === one ? x : multiply(x, kept);
  }
}

/**
 * Stochastic depth (Huang, Sun, Liu, Sedra, Weinberger 2016): in training each sample goes without the branch with this probability, and what
 * remains is divided by the probability that it does.
 */
export class StochasticDepth extends PartDropout {
  protected override partsOf(): Shape {
    return [];
  }
}

/** Dropout of whole maps (Tompson, Goroshin, Jain, LeCun, Bregler 2014): PyTorch's Dropout2d. */
export class MapDropout extends PartDropout {
  protected override partsOf(x: Value): Shape {
    return [1, 1, x.shape[2]!];
  }
}

/** A branch under its publisher's name, to which its input is added where the two are alike. */
export class Branch extends Module {
  readonly #depth: Module | undefined;

  constructor(
    readonly name: string,
    readonly layers: Module,
    readonly isAdded: boolean,
    /** Of going without it in training. */
    probability = 0,
  ) {
    super();
    this.#depth = isAdded && probability > 0 ? new StochasticDepth(probability) : undefined;
  }

  override children(): ReturnType<Module["children"]> {
    return [
      [this.name, this.layers],
      ...(this.#depth === undefined ? [] : [["stochastic_depth", this.#depth] as [string, Module]]),
    ];
  }

  override forward(x: Value): Value {
    const y = this.layers.forward(x);
    if (!this.isAdded) return y;
    return add(x, this.#depth === undefined ? y : this.#depth.forward(y));
  }
}
