/** Squeeze-and-excitation: the means of the channels decide how much each channel counts. */
import type { Fields } from "../base/options.js";
import { callback, needed } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { shapeText } from "../graph/shape.js";
import { multiply } from "../ops/elementwise/arithmetic.js";
import { mean } from "../ops/reduce.js";
import { reshape } from "../ops/shape.js";
import { refuse } from "../ops/support.js";
import { relu, sigmoid } from "./activation.js";
import { checkLayer, checkWhole, count } from "./check.js";
import { conv2d } from "./conv.js";
import type { Initializer } from "./initializer.js";
import { Module } from "./module.js";

/** Options of `nn.squeezeExcitation`. */
export interface SqueezeExcitationOptions {
  /** Channels of the input: the extent of its last axis. torchvision: `input_channels`. */
  readonly channels: number;
  /** Channels between the two convolutions. torchvision: `squeeze_channels`. */
  readonly squeeze: number;
  /**
   * Makes the activation between the two convolutions.
   * @default nn.relu
   */
  readonly activation?: () => Module;
  /**
   * Makes the activation that gives the factors.
   * @default nn.sigmoid
   */
  readonly gate?: () => Module;
}

const FIELDS: Fields<SqueezeExcitationOptions> = {
  channels: needed(count),
  squeeze: needed(count),
  activation: callback,
  gate: callback,
};

const ZERO: Initializer = { kind: "constant", value: 0 };

/** He's normal distribution of the fan-out of a 1x1 convolution. */
const fanOut = (channels: number): Initializer => ({ kind: "kaimingNormal", fanIn: channels, negativeSlope: 0 });

/** Squeeze-and-excitation, as `nn.squeezeExcitation` makes it. Its parts have torchvision's names. */
export class SqueezeExcitation extends Module {
  /** The 1x1 convolution from `channels` to `squeeze`. */
  readonly fc1: Module;
  /** The activation between the two convolutions. */
  readonly activation: Module;
  /** The 1x1 convolution from `squeeze` to `channels`. */
  readonly fc2: Module;
  /** The activation that gives the factors. torchvision: `scale_activation`. */
  readonly gate: Module;

  constructor(options: SqueezeExcitationOptions) {
    super();
    checkLayer("squeezeExcitation", options, FIELDS);
    const { channels, squeeze, activation = relu, gate = sigmoid } = options;
    checkWhole("squeezeExcitation", { channels, squeeze });
    this.fc1 = conv2d({ in: channels, out: squeeze, kernel: 1, weightInit: fanOut(squeeze), biasInit: ZERO });
    this.activation = activation();
    this.fc2 = conv2d({ in: squeeze, out: channels, kernel: 1, weightInit: fanOut(channels), biasInit: ZERO });
    this.gate = gate();
  }

  override forward(x: Value): Value {
    if (x.shape.length !== 3)
      refuse(
        "squeezeExcitation",
        x.graph.path,
        `its input is ${shapeText(x)}, expected an image [height, width, channels]`,
      );
    const means = reshape(mean(x, { axes: [0, 1] }), [1, 1, x.shape[2]!]);
    const excited = this.fc2.forward(this.activation.forward(this.fc1.forward(means)) as Value) as Value;
    return multiply(x, this.gate.forward(excited) as Value);
  }
}

/**
 * Squeeze-and-excitation (Hu et al. 2017): the mean of each channel goes through two 1x1 convolutions and becomes a factor from 0 to 1 for the channel. The
 * shape stays, [height, width, channels]. torchvision: `ops.SqueezeExcitation`.
 *
 * @throws OptionError on an option that is unknown or out of its range; ShapeError when it is traced, if the channels do not fit
 */
export const squeezeExcitation = takingOptions(
  "nn.squeezeExcitation",
  FIELDS,
  (options: SqueezeExcitationOptions) => new SqueezeExcitation(options),
);
