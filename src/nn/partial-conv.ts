/**
 * A convolution in which each output map sees only some of the input maps (LeCun et al. 1998, table I, for layer C3).
 *
 * Only the kernels that there are are stored and trained: the weight is [kernel y, kernel x, 1, connections], the
 * connections ordered by input map and then by output map. They are spread over the whole HWIO tensor, with zeros
 * between, in front of an ordinary convolution, which is faster than sixteen small ones. In files the weight is that
 * whole tensor (OIHW, as others load it), see `toWhole` and `fromWhole`.
 */
import { OptionError } from "../base/errors.js";
import { callback, type Fields, listOf, needed, pick } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { type Shape, shapeText } from "../graph/shape.js";
import { arrange } from "../ops/arrange.js";
import { CONV, conv2d as conv2dOf } from "../ops/conv.js";
import { add } from "../ops/elementwise/arithmetic.js";
import { reshape } from "../ops/shape.js";
import { refuse } from "../ops/support.js";
import { type Padding, type Pair, pair, pairOf, WINDOW } from "../ops/window.js";
import { checkLayer, checkWhole, count } from "./check.js";
import type { Initializer } from "./initializer.js";
import { Module, Parameter } from "./module.js";

/** Options of `nn.partialConv2d`. */
export interface PartialConv2dOptions {
  /** Channels of the input. */
  readonly in: number;
  /** Height and width of the filters in pixels: one number for both, or [height, width]. */
  readonly kernel: Pair;
  /**
   * Pixels from one window to the next: one number for both axes, or [y, x].
   * @default 1
   */
  readonly stride?: Pair;
  /**
   * Pixels of zeros around the input: one number for all sides, [y, x], a record of sides, or `"same"`.
   * @default 0
   */
  readonly padding?: Padding;
  /**
   * Pixels from one tap of a filter to the next: one number for both axes, or [y, x].
   * @default 1
   */
  readonly dilation?: Pair;
  /**
   * The input channels that each output channel reads: `connections[o]` lists them, from 0. Its length is the number of
   * output channels.
   */
  readonly connections: readonly (readonly number[])[];
  /**
   * The initial weights and bias of an output channel are uniform within `bound(fanIn)`, with fanIn = kernel height x
   * kernel width x the channels that it reads.
   * @default (fanIn) => 1 / Math.sqrt(fanIn)
   */
  readonly bound?: (fanIn: number) => number;
}

const FIELDS: Fields<PartialConv2dOptions> = {
  in: needed(count),
  kernel: needed(pairOf),
  ...WINDOW,
  connections: needed(listOf(listOf(count, "a list of input maps"), "for each output map the input maps that it sees")),
  bound: callback,
};

/** A convolution with missing connections, as `nn.partialConv2d` makes it. */
export class PartialConv2d extends Module {
  /**
   * The filters that exist, [kernel height, kernel width, 1, connections]: connections in the order of their input
   * channels, then of their output channels. Files hold the whole tensor, with zeros.
   */
  readonly weight: Parameter;
  /** One number an output channel, [out]. */
  readonly bias: Parameter;
  /**
   * For each filter of the whole tensor, in the order [in, out]: its index among the connections, or -1 if it does not
   * exist.
   */
  readonly table: readonly number[];

  constructor(
    /** Its options, as they were given. */
    readonly options: PartialConv2dOptions,
  ) {
    super();
    checkLayer("partialConv2d", options, FIELDS);
    const { in: inputs, connections, bound = (fanIn: number) => 1 / Math.sqrt(fanIn) } = options;
    const [ky, kx] = pair(options.kernel);
    checkWhole("partialConv2d", { in: inputs, out: connections.length, "kernel height": ky, "kernel width": kx });
    for (const [map, seen] of connections.entries()) checkMap(map, seen, inputs);
    const bounds = connections.map((seen) => bound(ky * kx * seen.length));
    const order = Array.from({ length: inputs }, (_, i) =>
      connections.flatMap((seen, o) => (seen.includes(i) ? [{ i, o }] : [])),
    ).flat();
    const table = new Array<number>(inputs * connections.length).fill(-1);
    for (const [n, { i, o }] of order.entries()) table[i * connections.length + o] = n;
    this.table = table;
    const weightInit: Initializer = { kind: "uniformEach", bounds: order.map(({ o }) => bounds[o]!) };
    this.weight = new Parameter([ky, kx, 1, order.length], weightInit);
    this.bias = new Parameter([connections.length], { kind: "uniformEach", bounds });
  }

  /** Shape of the whole tensor, [kernel height, kernel width, in, out]: the convolution that is computed. */
  get wholeShape(): readonly [number, number, number, number] {
    const { kernel, in: inputs, connections } = this.options;
    return [...pair(kernel), inputs, connections.length];
  }

  /**
   * Spreads `weight` over the whole tensor, [kernel height, kernel width, in, out], with zeros where nothing is
   * connected.
   */
  toWhole(data: Float32Array): Float32Array {
    const { table } = this;
    const each = this.weight.shape[3]!;
    const whole = new Float32Array((data.length / each) * table.length);
    for (const [j, n] of table.entries()) {
      if (n >= 0)
        for (let tap = 0; tap * each < data.length; tap++) whole[tap * table.length + j] = data[tap * each + n]!;
    }
    return whole;
  }

  /**
   * Picks `weight` out of a whole tensor, [kernel height, kernel width, in, out].
   * @throws OptionError if a filter that does not exist is not zero
   */
  fromWhole(whole: Float32Array): Float32Array {
    const { table } = this;
    const each = this.weight.shape[3]!;
    const data = new Float32Array((whole.length / table.length) * each);
    for (const [j, n] of table.entries()) {
      for (let tap = 0; tap * table.length < whole.length; tap++) {
        const value = whole[tap * table.length + j]!;
        if (n >= 0) data[tap * each + n] = value;
        else if (value !== 0) {
          const outputs = this.options.connections.length;
          throw new OptionError(
            `the kernel from map ${Math.floor(j / outputs)} to map ${j % outputs} is not zero, but these are not connected`,
          );
        }
      }
    }
    return data;
  }

  override forward(x: Value): Value {
    const { in: inputs } = this.options;
    if (x.shape.length !== 3 || x.shape[2] !== inputs) {
      const expected = `height x width x ${inputs}`;
      refuse(
        "partialConv2d",
        x.graph.path,
        `in ${inputs} does not fit its input ${shapeText({ shape: x.shape })}, expected ${expected}`,
      );
    }
    const whole: Shape = this.wholeShape;
    const weight = reshape(arrange(this.weight.in(x), this.table), whole);
    return add(conv2dOf(x, weight, pick(this.options, CONV)), this.bias.in(x));
  }
}

function checkMap(map: number, seen: readonly number[], inputs: number): void {
  const wrong = seen.findIndex((i, n) => !Number.isInteger(i) || i < 0 || i >= inputs || seen.indexOf(i) !== n);
  if (seen.length === 0 || wrong >= 0) {
    throw new OptionError(
      `partialConv2d: connections[${map}] is [${seen.join(", ")}], expected different maps from 0 to ${inputs - 1}`,
    );
  }
}

/**
 * A convolution in which each output channel reads only some of the input channels: layer C3 of LeNet-5 (LeCun et al.
 * 1998, table I). An image [height, width, in] becomes [height', width', connections.length], by the rules of
 * `nn.conv2d`.
 * @throws OptionError on an option that is unknown or missing, and on connections that are not channels of the input
 */
export const partialConv2d = takingOptions(
  "nn.partialConv2d",
  FIELDS,
  (options: PartialConv2dOptions) => new PartialConv2d(options),
);
