/** Normalisation of a sample over its last axes: layer norm, and RMS norm, which leaves the mean where it is. */
import { OptionError } from "../../base/errors.js";
import { type Fields, flag, mismatch, needed, whole } from "../../base/options.js";
import { takingOptions } from "../../base/positional.js";
import type { Value } from "../../graph/graph.js";
import { type Shape, sameShape, shapeText } from "../../graph/shape.js";
import { add, multiply, power, scale, square, subtract } from "../../ops/elementwise/arithmetic.js";
import { expand, mean } from "../../ops/reduce.js";
import { refuse } from "../../ops/support.js";
import { checkLayer, count } from "../check.js";
import { Module, Parameter } from "../module.js";

/** Options of `nn.rmsNorm`. */
export interface RmsNormOptions {
  /**
   * The extents of the last axes, over which each sample is normalised; a number for the last one alone, which is the
   * channels of an image. PyTorch: `normalized_shape`.
   */
  readonly shape: number | Shape;
  /**
   * Added to the mean square, above 0.
   * @default 1e-5; 2^-23 for rmsNorm
   */
  readonly eps?: number;
  /**
   * Whether a factor for each number of `shape` is learned, and of a layer norm an offset. PyTorch:
   * `elementwise_affine`.
   * @default true
   */
  readonly affine?: boolean;
}

/** Options of `nn.layerNorm`. */
export interface LayerNormOptions extends RmsNormOptions {
  /**
   * Whether the offset is learned, where there is an affine part.
   * @default true
   */
  readonly bias?: boolean;
}

function extents(value: unknown, name: string): void {
  if (typeof value === "number") whole(1)(value, name);
  else if (!Array.isArray(value) || value.length === 0)
    throw mismatch(name, value, "the extents of the last axes, such as 96 or [7, 7, 96]");
  else for (const [i, extent] of value.entries()) whole(1)(extent, `${name}[${i}]`);
}

const RMS: Fields<RmsNormOptions> = { shape: needed(extents), eps: count, affine: flag };
const LAYER: Fields<LayerNormOptions> = { ...RMS, bias: flag };

/** What the two have in common. */
abstract class NormOverLastAxes extends Module {
  /** The extents over which it normalises. */
  readonly shape: Shape;
  /** The factors, of that shape; undefined where none are learned. */
  readonly weight: Parameter | undefined;
  protected readonly eps: number;

  protected constructor(
    private readonly layer: string,
    { shape, eps, affine = true }: RmsNormOptions,
    usualEps: number,
  ) {
    super();
    this.shape = typeof shape === "number" ? [shape] : shape;
    this.eps = eps ?? usualEps;
    if (!(this.eps > 0)) throw new OptionError(`${layer}: eps is ${eps}, expected more than 0`);
    this.weight = affine ? new Parameter(this.shape, { kind: "constant", value: 1 }) : undefined;
  }

  protected check(x: Value): void {
    const last = x.shape.slice(-this.shape.length);
    if (sameShape(last, this.shape)) return;
    const [wanted, is] = [this.shape, x.shape].map((shape) => shapeText({ shape }));
    const cure = `set shape to ${this.shape.length === 1 ? x.shape.at(-1) : `[${last.join(", ")}]`}`;
    refuse(this.layer, x.graph.path, `shape ${wanted} does not fit the last axes of its input ${is}; ${cure}`);
  }

  /** The mean of each sample over these axes, once for each number of `x`. */
  protected meanOf(value: Value): Value {
    const axes = value.shape.map((_, axis) => axis).slice(value.shape.length - this.shape.length);
    return expand(mean(value, { axes }), value, { axes, batch: false, mean: false });
  }

  /** x / sqrt(its mean square + eps), with the factors. */
  protected scaled(x: Value): Value {
    const y = multiply(x, power(scale(this.meanOf(square(x)), 1, this.eps), -0.5));
    return this.weight === undefined ? y : multiply(y, this.weight.in(x));
  }
}

/** Layer normalisation, as `nn.layerNorm` makes it. */
export class LayerNorm extends NormOverLastAxes {
  /** The offsets, of `shape`; undefined where none are learned. */
  readonly bias: Parameter | undefined;

  constructor(options: LayerNormOptions) {
    super("layerNorm", options, 1e-5);
    const { affine = true, bias = true } = options;
    this.bias = affine && bias ? new Parameter(this.shape, { kind: "constant", value: 0 }) : undefined;
  }

  override forward(x: Value): Value {
    this.check(x);
    const y = this.scaled(subtract(x, this.meanOf(x)));
    return this.bias === undefined ? y : add(y, this.bias.in(x));
  }
}

/** RMS normalisation, as `nn.rmsNorm` makes it. */
export class RmsNorm extends NormOverLastAxes {
  constructor(options: RmsNormOptions) {
    super("rmsNorm", options, 2 ** -23);
  }

  override forward(x: Value): Value {
    this.check(x);
    return this.scaled(x);
  }
}

/**
 * Layer normalisation (Ba, Kiros and Hinton 2016) of each sample over its last axes: (x - mean) / sqrt(variance + eps)
 * x weight + bias, the same in training and prediction. The shape stays. Of an image [height, width, channels], `shape:
 * channels` normalises each pixel, as ConvNeXt does. PyTorch: `nn.LayerNorm`, whose axes stand in the order of fovea's,
 * channels last.
 *
 * @throws OptionError on an option that is unknown or out of its range; ShapeError when it is traced, if the shape does
 * not fit
 */
export const layerNorm = takingOptions("nn.layerNorm", LAYER, (options: LayerNormOptions) => {
  checkLayer("layerNorm", options, LAYER);
  return new LayerNorm(options);
});

/**
 * RMS normalisation (Zhang and Sennrich 2019) of each sample over its last axes: x / sqrt(mean of x^2 + eps) x weight.
 * The shape stays. PyTorch: `nn.RMSNorm`.
 *
 * @throws OptionError on an option that is unknown or out of its range; ShapeError when it is traced, if the shape does
 * not fit
 */
export const rmsNorm = takingOptions("nn.rmsNorm", RMS, (options: RmsNormOptions) => {
  checkLayer("rmsNorm", options, RMS);
  return new RmsNorm(options);
});
