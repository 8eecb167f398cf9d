/**
 * A convolution in which each output map sees only some of the input maps (LeCun et al. 1998, table I, for layer C3).
 *
 * Only the kernels that there are are stored and trained: the weight is [kernel y, kernel x, 1, connections], the
 * connections ordered by input map and then by output map. They are spread over the whole HWIO tensor, with zeros between, in
 * front of an ordinary convolution, which is faster than sixteen small ones. In files the weight is that whole tensor
 * (OIHW, as others load it), see `toWhole` and `fromWhole`.
 */
import { OptionError } from "../base/errors.js";
import { callback, type Fields, listOf, needed } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { type Shape, shapeText } from "../graph/shape.js";
import { add } from "../ops/arithmetic.js";
import { arrange } from "../ops/arrange.js";
import { conv2d as conv2dOf } from "../ops/conv.js";
import { reshape } from "../ops/shape.js";
import { refuse } from "../ops/support.js";
import { type Padding, type Pair, pair } from "../ops/window.js";
import { checkLayer, checkWhole, count, pairOf, WINDOW } from "./check.js";
import type { Initializer } from "./initializer.js";
import { Module, Parameter } from "./module.js";

export interface PartialConv2dOptions {
  /** Channels. */
  readonly in: number;
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly padding?: Padding;
  readonly dilation?: Pair;
  /** For each output map the input maps that it sees. */
  readonly connections: readonly (readonly number[])[];
  /** Of the kernels of an output map and of its bias, given how many numbers the map sees: within 1 / sqrt(fanIn) unless said. */
  readonly bound?: (fanIn: number) => number;
}

const FIELDS: Fields<PartialConv2dOptions> = {
  in: needed(count),
  kernel: needed(pairOf),
  ...WINDOW,
  connections: needed(listOf(listOf(count, "a list of input maps"), "for each output map the input maps that it sees")),
  bound: callback,
};

export class PartialConv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  /** The whole tensor's kernels in the order [in, out]: the connection's number, or -1. */
  readonly table: readonly number[];

  constructor(readonly options: PartialConv2dOptions) {
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

  /** [kernel y, kernel x, in, out] of the convolution that is computed. */
  get wholeShape(): readonly [number, number, number, number] {
    const { kernel, in: inputs, connections } = this.options;
    return [...pair(kernel), inputs, connections.length];
  }

  /** The whole HWIO tensor: zeros where nothing is connected. */
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
   * The stored kernels of a whole HWIO tensor.
   * @throws OptionError where one that is not connected is not zero.
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
    return add(conv2dOf(x, weight, { ...this.options, groups: 1 }), this.bias.in(x));
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

export const partialConv2d = takingOptions(
  "nn.partialConv2d",
  FIELDS,
  (options: PartialConv2dOptions) => new PartialConv2d(options),
);
