/**
 * Normalisation of a sample by groups of its channels: group norm, and instance norm, whose groups are single channels.
 */
import { OptionError } from "../../base/errors.js";
import { type Fields, flag, needed } from "../../base/options.js";
import { takingOptions } from "../../base/positional.js";
import type { Value } from "../../graph/graph.js";
import { shapeText } from "../../graph/shape.js";
import { add, multiply, power, scale, square, subtract } from "../../ops/elementwise/arithmetic.js";
import { expand, mean } from "../../ops/reduce.js";
import { reshape } from "../../ops/shape.js";
import { refuse } from "../../ops/support.js";
import { checkLayer, checkWhole, count } from "../check.js";
import { Module, Parameter } from "../module.js";

/** Options of `nn.instanceNorm2d`. */
export interface InstanceNorm2dOptions {
  /** Channels of the input: the extent of its last axis. PyTorch: `num_features`. */
  readonly channels: number;
  /**
   * Added to the variance, above 0.
   * @default 1e-5
   */
  readonly eps?: number;
  /**
   * Whether a factor and an offset a channel are learned.
   * @default false
   */
  readonly affine?: boolean;
}

/** Options of `nn.groupNorm`. */
export interface GroupNormOptions extends Omit<InstanceNorm2dOptions, "affine"> {
  /** Into how many groups the channels are cut; it divides their number. PyTorch: `num_groups`. */
  readonly groups: number;
  /**
   * Whether a factor and an offset a channel are learned.
   * @default true
   */
  readonly affine?: boolean;
}

const INSTANCE: Fields<InstanceNorm2dOptions> = { channels: needed(count), eps: count, affine: flag };
const GROUP: Fields<GroupNormOptions> = { groups: needed(count), ...INSTANCE };

/** Normalisation by groups of channels, as `nn.groupNorm` and `nn.instanceNorm2d` make it. */
export class GroupNorm extends Module {
  /** The factor of each channel, [channels]; undefined where none is learned. */
  readonly weight: Parameter | undefined;
  /** The offset of each channel, [channels]; undefined where none is learned. */
  readonly bias: Parameter | undefined;

  constructor(
    /** Its options, as they were given; `affine` as it is taken. */
    readonly options: GroupNormOptions,
    private readonly layer = "groupNorm",
  ) {
    super();
    const { channels, groups, eps = 1e-5, affine = true } = options;
    checkWhole(layer, { groups, channels });
    if (channels % groups !== 0)
      throw new OptionError(
        `${layer}: groups ${groups} does not divide the ${channels} channels; expected one of its divisors`,
      );
    if (!(eps > 0)) throw new OptionError(`${layer}: eps is ${eps}, expected more than 0`);
    this.weight = affine ? new Parameter([channels], { kind: "constant", value: 1 }) : undefined;
    this.bias = affine ? new Parameter([channels], { kind: "constant", value: 0 }) : undefined;
  }

  override forward(x: Value): Value {
    const { channels, groups, eps = 1e-5 } = this.options;
    if (x.shape.at(-1) !== channels)
      refuse(
        this.layer,
        x.graph.path,
        `channels ${channels} does not fit its input ${shapeText({ shape: x.shape })}; set channels to ${x.shape.at(-1)}`,
      );
    const pixels = x.shape.slice(0, -1).map((_, axis) => axis);
    /** Of each group, once for each of its channels, [channels]. */
    const meanOf = (value: Value): Value => {
      const each = pixels.length === 0 ? value : mean(value, { axes: pixels });
      if (groups === channels) return each;
      const parts = reshape(each, [groups, channels / groups]);
      const group = mean(parts, { axes: [1] });
      return reshape(expand(group, parts, { axes: [1], batch: false, mean: false }), [channels]);
    };
    const centred = subtract(x, meanOf(x));
    const factor = power(scale(meanOf(square(centred)), 1, eps), -0.5);
    if (this.weight === undefined || this.bias === undefined) return multiply(centred, factor);
    return add(multiply(centred, multiply(factor, this.weight.in(x))), this.bias.in(x));
  }
}

/**
 * Group normalisation (Wu and He 2018): the channels of a sample are cut into groups, and each group is normalised over
 * its channels and all pixels: (x - mean) / sqrt(variance + eps) x weight + bias. It is the same in training and
 * prediction. The shape stays. PyTorch: `nn.GroupNorm`.
 *
 * @throws OptionError on an option that is unknown or out of its range; ShapeError when it is traced, if the channels
 * do not fit
 */
export const groupNorm = takingOptions("nn.groupNorm", GROUP, (options: GroupNormOptions) => {
  checkLayer("groupNorm", options, GROUP);
  return new GroupNorm(options);
});

/**
 * Instance normalisation (Ulyanov et al. 2016): each channel of a sample is normalised over its pixels, with the
 * statistics of the sample in training and prediction. The shape stays. PyTorch: `nn.InstanceNorm2d` without running
 * statistics, its default.
 *
 * @throws OptionError on an option that is unknown or out of its range; ShapeError when it is traced, if the channels
 * do not fit, or there is one pixel alone, which has no variance
 */
export const instanceNorm2d = takingOptions("nn.instanceNorm2d", INSTANCE, (options: InstanceNorm2dOptions) => {
  checkLayer("instanceNorm2d", options, INSTANCE);
  return new InstanceNorm2d(options);
});

/** Normalisation of each channel by itself, as `nn.instanceNorm2d` makes it. */
export class InstanceNorm2d extends GroupNorm {
  constructor({ channels, eps, affine = false }: InstanceNorm2dOptions) {
    super({ channels, groups: channels, affine, ...(eps !== undefined && { eps }) }, "instanceNorm2d");
  }

  override forward(x: Value): Value {
    const pixels = x.shape.slice(0, -1).reduce((a, b) => a * b, 1);
    if (pixels === 1)
      refuse(
        "instanceNorm2d",
        x.graph.path,
        `its input ${shapeText({ shape: x.shape })} has one pixel, which has no variance; expected several`,
      );
    return super.forward(x);
  }
}
