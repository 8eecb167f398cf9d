/**
 * Batch normalisation (Ioffe and Szegedy 2015) over batch, height and width, under PyTorch's names. It trains with the
 * statistics of the batch and keeps running ones, with the unbiased variance; it predicts with the running ones, as one
 * multiply-add a number whose factors depend on states alone. A frozen layer trains as it predicts.
 *
 * One number has no variance. Where a sample has one number a channel (a vector, a map of 1x1), a training whose
 * batches are all of one sample is refused, as in PyTorch; a last, shorter batch of one leaves the running statistics
 * as they are.
 */
import { OptionError } from "../../base/errors.js";
import { type Fields, needed } from "../../base/options.js";
import { takingOptions } from "../../base/positional.js";
import type { Value } from "../../graph/graph.js";
import { shapeText } from "../../graph/shape.js";
import { relu } from "../../ops/elementwise/activation.js";
import { add, batchCount, divide, multiply, scale, sqrt, subtract } from "../../ops/elementwise/arithmetic.js";
import { affine, channelMeans, normalize, squaredDeviations } from "../../ops/normalization.js";
import { refuse } from "../../ops/support.js";
import { checkLayer, checkWhole, count, INITIALIZERS } from "../check.js";
import type { Initializer } from "../initializer.js";
import { Module, Parameter, type Part, RunningStatistic, tracingOf } from "../module.js";

/** Options of `nn.batchNorm2d`. */
export interface BatchNorm2dOptions {
  /** Channels of the input: the extent of its last axis. PyTorch: `num_features`. */
  readonly channels: number;
  /**
   * Added to the variance, above 0.
   * @default 1e-5
   */
  readonly eps?: number;
  /**
   * The share of each batch's statistics in the running ones, from 0 to 1: running = (1 - momentum) x running +
   * momentum x batch.
   * @default 0.1
   */
  readonly momentum?: number;
  /**
   * Initial values of `weight`.
   * @default { kind: "constant", value: 1 }
   */
  readonly weightInit?: Initializer;
  /**
   * Initial values of `bias`.
   * @default { kind: "constant", value: 0 }
   */
  readonly biasInit?: Initializer;
}

const FIELDS: Fields<BatchNorm2dOptions> = { channels: needed(count), eps: count, momentum: count, ...INITIALIZERS };

const FILE_NAMES: Readonly<Record<string, string>> = { runningMean: "running_mean", runningVar: "running_var" };

/** Batch normalisation of each channel, as `nn.batchNorm2d` makes it. */
export class BatchNorm2d extends Module {
  /** The factor of each channel, [channels]. PyTorch: `weight`. */
  readonly weight: Parameter;
  /** The offset of each channel, [channels]. */
  readonly bias: Parameter;
  /** The running mean of each channel, [channels]: what prediction subtracts. */
  readonly runningMean: RunningStatistic;
  /** The running variance of each channel, [channels]. It is the unbiased one, as in PyTorch. */
  readonly runningVar: RunningStatistic;

  constructor(
    /** Its options, as they were given. */
    readonly options: BatchNorm2dOptions,
  ) {
    super();
    checkLayer("batchNorm2d", options, FIELDS);
    const { channels, eps = 1e-5, momentum = 0.1 } = options;
    checkWhole("batchNorm2d", { channels });
    if (!(eps > 0)) throw new OptionError(`batchNorm2d: eps is ${eps}, expected more than 0`);
    if (!(momentum >= 0 && momentum <= 1)) {
      throw new OptionError(`batchNorm2d: momentum is ${momentum}, expected a share from 0 to 1`);
    }
    this.weight = new Parameter([channels], options.weightInit ?? { kind: "constant", value: 1 });
    this.bias = new Parameter([channels], options.biasInit ?? { kind: "constant", value: 0 });
    this.runningMean = new RunningStatistic([channels], { kind: "constant", value: 0 });
    this.runningVar = new RunningStatistic([channels], { kind: "constant", value: 1 });
  }

  /** Under PyTorch's names, which files have. */
  override children(): [string, Part][] {
    return super.children().map(([name, part]) => [FILE_NAMES[name] ?? name, part]);
  }

  override forward(x: Value): Value {
    const { channels, eps = 1e-5 } = this.options;
    if (x.shape.at(-1) !== channels) {
      const text = shapeText({ shape: x.shape });
      const cure = `set channels to ${x.shape.at(-1)}`;
      refuse("batchNorm2d", x.graph.path, `channels ${channels} does not fit its input ${text}; ${cure}`);
    }
    const [weight, bias] = [this.weight.in(x), this.bias.in(x)];
    const factorOf = (variance: Value) => divide(weight, sqrt(scale(variance, 1, eps)));
    const tracing = tracingOf(x.graph);
    if (tracing?.training !== true || tracing.hasFixedStatistics(this)) {
      const factor = factorOf(this.runningVar.in(x));
      return affine(x, factor, subtract(bias, multiply(this.runningMean.in(x), factor)));
    }
    const pixels = x.shape.slice(0, -1).reduce((a, b) => a * b, 1);
    if (pixels === 1) tracing.needsSeveral();
    const count = batchCount(x.graph, pixels);
    const mean = channelMeans(x);
    const squares = squaredDeviations(x, mean);
    this.#keep(x, mean, squares, count, pixels > 1);
    return normalize(x, mean, factorOf(divide(squares, count)), bias);
  }

  #keep(x: Value, mean: Value, squares: Value, count: Value, isSeveral: boolean): void {
    const { momentum = 0.1 } = this.options;
    // max(count - 1, 1): where count is 1, nothing is kept.
    const others = scale(relu(scale(count, 1, -2)), 1, 1);
    const single = relu(scale(count, -1, 2));
    const towards = (value: Value) => (old: Value) => {
      const next = add(scale(old, 1 - momentum), scale(value, momentum));
      return isSeveral ? next : add(multiply(next, scale(single, -1, 1)), multiply(old, single));
    };
    this.runningMean.assign(x, towards(mean));
    this.runningVar.assign(x, towards(divide(squares, others)));
  }
}

/**
 * Batch normalisation (Ioffe and Szegedy 2015) of each channel over batch, height and width: (x - mean) / sqrt(variance
 * + eps) x weight + bias. Training uses the batch's statistics and updates running ones; prediction uses the running
 * ones. The shape stays: [height, width, channels] or [channels]. PyTorch: `nn.BatchNorm2d`, and `nn.BatchNorm1d` for
 * vectors.
 *
 * @example
 * ```js
 * import { nn } from "fovea";
 *
 * const block = nn.sequential(
 *   nn.conv2d({ in: 3, out: 16, kernel: 3, padding: 1, bias: false }),
 *   nn.batchNorm2d({ channels: 16 }),
 *   nn.relu(),
 * );
 * console.log(nn.parameterCount(block)); // 464
 * ```
 *
 * @throws OptionError on an option that is unknown or out of its range; ShapeError when it is traced, if the channels
 * do not fit
 */
export const batchNorm2d = takingOptions(
  "nn.batchNorm2d",
  FIELDS,
  (options: BatchNorm2dOptions) => new BatchNorm2d(options),
);
