/** Blocks that the networks for small machines share, under torchvision's names. */
import type { Value } from "../graph/graph.js";
import { batchNorm2d, type Conv2d, conv2d, Module, StochasticDepth, sequential } from "../nn/index.js";
import { add } from "../ops/index.js";
import { heNormal } from "./parts.js";

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
