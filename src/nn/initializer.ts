/**
 * Initial values of parameters, as data: which distribution, with which numbers. PyTorch's names and defaults.
 *
 * Glorot and Bengio 2010 ("xavier") keep the variance of activations and gradients through a layer of symmetric units;
 * He et al. 2015 ("kaiming") through rectified ones. With a negative slope a, kaiming's bound is sqrt(6 / ((1 + a^2)
 * fanIn)); PyTorch's layers take a = sqrt(5), which is 1 / sqrt(fanIn).
 */
import { OptionError } from "../base/errors.js";
import { atOnce, type Steps } from "../base/steps.js";

/** How a parameter starts: a distribution and its numbers, as data. The names are PyTorch's. */
export type Initializer =
  | {
      /** Every number is `value`. */
      readonly kind: "constant";
      /** The number. */
      readonly value: number;
    }
  | {
      /** Uniform between `low` and `high`. */
      readonly kind: "uniform";
      /** The least number. */
      readonly low: number;
      /** The upper limit. */
      readonly high: number;
    }
  | {
      /** Uniform within a bound of its own for each entry of the last axis. */
      readonly kind: "uniformEach";
      /** Number i lies within plus and minus bounds[i mod bounds.length]. */
      readonly bounds: readonly number[];
    }
  | {
      /** The normal distribution. */
      readonly kind: "normal";
      /** Its mean. */
      readonly mean: number;
      /** Its standard deviation. */
      readonly standardDeviation: number;
    }
  | {
      /**
       * Computed from the training pictures, as `nn.whiteningConv2d` says. Without pictures it is PyTorch's uniform
       * distribution.
       */
      readonly kind: "whitening";
      /** Numbers that a filter reads: kernel height x kernel width x channels. */
      readonly fanIn: number;
      /** Added to each variance. */
      readonly eps: number;
      /** Training pictures, at most, from which patches are taken. */
      readonly pictures: number;
    }
  | {
      /**
       * For convolutions: filter i passes channel i on. Filters beyond the last channel have PyTorch's uniform
       * distribution.
       */
      readonly kind: "identity";
      /** Height and width of the filters. */
      readonly kernel: readonly [number, number];
      /** Channels of the input. */
      readonly in: number;
      /** Filters. */
      readonly out: number;
    }
  | {
      /**
       * For transposed convolutions: each channel is interpolated bilinearly and goes to the channel of the same index,
       * as fully convolutional networks begin their upsampling (Long, Shelhamer, Darrell 2015).
       */
      readonly kind: "bilinear";
      /** Height and width of the filters. */
      readonly kernel: readonly [number, number];
      /** Channels: the extent of the last axis. */
      readonly maps: number;
    }
  | {
      /**
       * He et al. 2015: variance 2 / ((1 + negativeSlope^2) fanIn), uniform or normal. PyTorch: `kaiming_uniform_`,
       * `kaiming_normal_`.
       */
      readonly kind: "kaimingUniform" | "kaimingNormal";
      /** Numbers that an output reads: kernel height x kernel width x channels, or features. */
      readonly fanIn: number;
      /** Slope of the rectifier that follows, for negative numbers; 0 for `relu`. */
      readonly negativeSlope: number;
    }
  | {
      /**
       * Glorot and Bengio 2010: variance 2 gain^2 / (fanIn + fanOut), uniform or normal. PyTorch: `xavier_uniform_`,
       * `xavier_normal_`.
       */
      readonly kind: "xavierUniform" | "xavierNormal";
      /** Numbers that an output reads. */
      readonly fanIn: number;
      /** Outputs that read a number. */
      readonly fanOut: number;
      /** A factor of the standard deviation; 1 for linear and sigmoid units, 5/3 for tanh, sqrt(2) for relu. */
      readonly gain: number;
    };

/** Where random numbers come from; seeded by the caller. */
export interface Generator {
  /** 0 <= u < 1. */
  uniform(): number;
  /** Mean 0, standard deviation 1. */
  normal(): number;
}

/** What PyTorch's convolution and linear layers start their weights with: uniform within 1 / sqrt(fanIn). */
export function defaultWeights(fanIn: number): Initializer {
  return { kind: "kaimingUniform", fanIn, negativeSlope: Math.sqrt(5) };
}

/** And their biases: the same interval. */
export function defaultBias(fanIn: number): Initializer {
  const bound = 1 / Math.sqrt(fanIn);
  return { kind: "uniform", low: -bound, high: bound };
}

/**
 * Fills `target`, in logical order (HWIO for convolutions, [F, O] for linear), with numbers drawn one after another.
 */
export function initialize(target: Float32Array, initializer: Initializer, generator: Generator): void {
  atOnce(initializeSteps(target, initializer, generator));
}

/** Numbers of a step of initializeSteps: about a millisecond's. */
const NUMBERS = 8192;

/** The same in steps. */
export function* initializeSteps(target: Float32Array, initializer: Initializer, generator: Generator): Steps<void> {
  const draw = drawer(initializer, generator);
  for (let from = 0; from < target.length; from += NUMBERS) {
    const to = Math.min(target.length, from + NUMBERS);
    for (let i = from; i < to; i++) target[i] = draw(i);
    yield;
  }
}

/** @throws OptionError where the initializer makes no sense. */
export function checkInitializer(initializer: Initializer): void {
  drawer(initializer, { uniform: () => 0, normal: () => 0 });
}

function drawer(init: Initializer, generator: Generator): (i: number) => number {
  const between = (low: number, high: number) => () => low + (high - low) * generator.uniform();
  const around = (mean: number, deviation: number) => () => mean + deviation * generator.normal();
  switch (init.kind) {
    case "constant":
      return () => init.value;
    case "uniform":
      return between(init.low, init.high);
    case "uniformEach": {
      const { bounds } = init;
      return (i) => bounds[i % bounds.length]! * (2 * generator.uniform() - 1);
    }
    case "normal":
      return around(init.mean, init.standardDeviation);
    case "whitening":
      return drawer(defaultWeights(init.fanIn), generator);
    case "identity":
      return identity(init, drawer(defaultWeights(init.kernel[0] * init.kernel[1] * init.in), generator));
    case "bilinear":
      return bilinear(init);
    case "kaimingUniform":
    case "kaimingNormal": {
      const variance = 2 / ((1 + init.negativeSlope ** 2) * checked("fanIn", init.fanIn));
      return spread(init.kind === "kaimingUniform", variance);
    }
    case "xavierUniform":
    case "xavierNormal": {
      const variance = (2 * init.gain ** 2) / checked("fanIn + fanOut", init.fanIn + init.fanOut);
      return spread(init.kind === "xavierUniform", variance);
    }
  }

  /** A uniform distribution within b has variance b^2 / 3. */
  function spread(uniform: boolean, variance: number): () => number {
    const bound = Math.sqrt(3 * variance);
    return uniform ? between(-bound, bound) : around(0, Math.sqrt(variance));
  }
}

/** Number i of HWIO; `others` draws for the filters behind the last channel, and only for them. */
function identity(
  { kernel: [ky, kx], in: inputs, out }: Extract<Initializer, { kind: "identity" }>,
  others: (i: number) => number,
): (i: number) => number {
  const centre = (ky >> 1) * kx + (kx >> 1);
  return (i) => {
    const filter = i % out;
    if (filter >= inputs) return others(i);
    const row = Math.floor(i / out);
    return row % inputs === filter && Math.floor(row / inputs) === centre ? 1 : 0;
  };
}

/** Number i of [ky, kx, maps, maps]. */
function bilinear({ kernel: [ky, kx], maps }: Extract<Initializer, { kind: "bilinear" }>): (i: number) => number {
  /** The hat over the kernel's middle that falls to zero right outside it. */
  const hat = (at: number, extent: number) => {
    const half = Math.ceil(extent / 2);
    return 1 - Math.abs(at - (extent - 1) / 2) / half;
  };
  return (i) => {
    const pixel = Math.floor(i / (maps * maps));
    const same = i % maps === Math.floor(i / maps) % maps;
    return same ? hat(Math.floor(pixel / kx), ky) * hat(pixel % kx, kx) : 0;
  };
}

function checked(name: string, value: number): number {
  if (!(value > 0)) throw new OptionError(`initializer: ${name} is ${value}, expected more than 0`);
  return value;
}
