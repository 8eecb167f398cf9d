/**
 * A convolution taken apart: the size of its output, its cost against the fully connected layer that computes the same,
 * that layer's matrix, and each product of each sum. Images are [height, width, channels], weights HWIO.
 *
 * The numbers are those of the op itself (its float64 meaning); nothing is computed in a second way here.
 */
import { OptionError, ShapeError } from "../../base/errors.js";
import { evaluate } from "../../graph/evaluate.js";
import { Graph } from "../../graph/graph.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { tensor } from "../../graph/tensor.js";
import { type ConvAttributes, type ConvOptions, conv2d, conv2dOp } from "../../ops/conv.js";
import { checkCounts, type Pair, pair, type Window } from "../../ops/window.js";
import { type AxisArithmetic, axesOf, tapsOnImage } from "./axis.js";

/** A convolution to explain. */
export interface ConvolutionQuestion extends ConvOptions {
  /** Shape of the image, [height, width, channels]. */
  readonly input: Shape;
  /**
   * The image's numbers, row-major, channels last.
   * @default none: only sizes are explained
   */
  readonly values?: ArrayLike<number> | undefined;
  /** Height and width of the filters: one number for both, or [height, width]. */
  readonly kernel: Pair;
  /**
   * Filters: channels of the output.
   * @default 1
   */
  readonly filters?: number;
  /**
   * The filters' numbers, [kernel height, kernel width, channels / groups, filters], row-major.
   * @default none: only sizes are explained
   */
  readonly weights?: ArrayLike<number> | undefined;
  /**
   * Whether there is a bias a filter, which counts as a parameter.
   * @default true
   */
  readonly bias?: boolean;
}

/** Weights, biases and multiply-adds of a layer. */
export interface LayerCost {
  /** Numbers of its weights. */
  readonly weights: number;
  /** Numbers of its biases. */
  readonly biases: number;
  /** Multiply-adds for one image. */
  readonly multiplyAdds: number;
}

/** The matrix by which a dense layer would compute the same. */
export interface EqualMatrix {
  /** Outputs, row-major, channels last. */
  readonly rows: number;
  /** Inputs, row-major, channels last. */
  readonly columns: number;
  /** For each row and column the position in the weights, or -1 where there is no edge. */
  readonly weightAt: Int32Array;
}

/** A convolution in numbers: its sizes and costs, and its result where image and filters were given. */
export interface ConvolutionExplanation {
  /** It is a convolution. */
  readonly kind: "conv";
  /** Shape of the image, [height, width, channels]. */
  readonly input: Shape;
  /** Shape of the output, [height, width, filters]. */
  readonly output: Shape;
  /** Kernel, stride, padding and dilation in full. */
  readonly window: Window;
  /** Whether the padding was chosen so that output = input / stride. */
  readonly same: boolean;
  /** Groups of channels. */
  readonly groups: number;
  /** Filters. */
  readonly filters: number;
  /** The arithmetic of the output's height. */
  readonly rows: AxisArithmetic;
  /** The arithmetic of the output's width. */
  readonly columns: AxisArithmetic;
  /** Weights, biases and multiply-adds of the convolution. */
  readonly convolution: LayerCost;
  /** The same of a dense layer, in which every input is joined to every output. */
  readonly dense: LayerCost;
  /** Edges of the dense layer that the convolution has; the others are absent. */
  readonly edges: number;
  /** Multiply-adds that meet a zero of the padding. */
  readonly onPadding: number;
  /** The equal matrix, for small cases. */
  readonly matrix?: EqualMatrix;
  /** The image's numbers, where they were given. */
  readonly values?: Float64Array;
  /** The filters' numbers, where they were given. */
  readonly weights?: Float64Array;
  /** The output's numbers, row-major, where image and filters were given. */
  readonly result?: Float64Array;
}

/** Products that are still worked out: the op's meaning is plain and slow. */
const MOST_PRODUCTS = 1e9;
/** Numbers in a matrix that is still made. */
const LARGEST_MATRIX = 20_000;

/**
 * Explains a convolution: sizes, formulas, costs beside those of a dense layer, and the result where image and filters
 * are given.
 *
 * @example
 * ```js
 * import { explainConvolution } from "fovea/analysis";
 *
 * const { output, rows, convolution } = explainConvolution({ input: [28, 28, 1], kernel: 5, filters: 6, padding: 2 });
 * console.log(output, rows.formula); // [ 28, 28, 6 ] floor((28 + 2 + 2 - 5) / 1) + 1 = 28
 * console.log(convolution.multiplyAdds); // 117600
 * ```
 *
 * @throws ShapeError or OptionError if the question makes no sense, as `nn.conv2d` does
 */
export function explainConvolution(question: ConvolutionQuestion): ConvolutionExplanation {
  const { input, filters = 1, groups = 1, bias = true, padding } = question;
  checkFilters(filters);
  const drawn = draw(question);
  const { window, output } = drawn;
  const { rows, columns } = axesOf(window, input);
  const [inputs, outputs] = [sizeOf(input), sizeOf(output)];
  const weights = sizeOf(drawn.shape);
  const perGroup = input[2]! / groups;
  const edges = tapsOnImage(rows) * tapsOnImage(columns) * perGroup * filters;
  const explanation = {
    kind: "conv" as const,
    input,
    output,
    window,
    same: padding === "same",
    groups,
    filters,
    rows,
    columns,
    convolution: { weights, biases: bias ? filters : 0, multiplyAdds: drawn.multiplyAdds },
    dense: { weights: inputs * outputs, biases: bias ? outputs : 0, multiplyAdds: inputs * outputs },
    edges,
    onPadding: drawn.multiplyAdds - edges,
    ...(inputs * outputs <= LARGEST_MATRIX ? { matrix: matrixOf(question, inputs, outputs) } : {}),
  };
  const given = {
    ...(question.values === undefined ? {} : { values: numbers("the image", question.values, input) }),
    ...(question.weights === undefined ? {} : { weights: numbers("the kernel", question.weights, drawn.shape) }),
  };
  if (given.values === undefined || given.weights === undefined) return { ...explanation, ...given };
  if (drawn.multiplyAdds > MOST_PRODUCTS)
    throw new OptionError(
      `explain: ${input.join("x")} with ${filters} filters takes ${drawn.multiplyAdds} products, expected at most ` +
        `${MOST_PRODUCTS} to be worked out; take a smaller image (of a picture: --size 64)`,
    );
  return { ...explanation, ...given, result: drawn.run(given.values, given.weights, 1) };
}

function checkFilters(filters: number): void {
  if (!Number.isInteger(filters) || filters < 1)
    throw new ShapeError(`conv2d: filters is ${filters}, expected a whole number from 1`);
}

function numbers(what: string, values: ArrayLike<number>, shape: Shape): Float64Array {
  if (values.length !== sizeOf(shape))
    throw new ShapeError(`conv2d: ${what} has ${values.length} numbers, expected ${shape.join(" x ")}`);
  return Float64Array.from(values);
}

/** The op on a graph of its own: its shape rule checks the question, its meaning answers it. */
function draw({ input, kernel, filters = 1, groups = 1, stride, padding, dilation }: ConvolutionQuestion) {
  checkCounts("conv2d", "", [
    ["input", input, 1],
    ["kernel", pair(kernel), 1],
    ["filters", [filters], 1],
  ]);
  const graph = new Graph();
  const shape = [...pair(kernel), Math.max(1, Math.floor(input[2]! / groups)), filters];
  const x = graph.input("image", { shape: input });
  const w = graph.state("weights", "parameter", shape);
  const y = conv2d(x, w, {
    groups,
    ...(stride === undefined ? {} : { stride }),
    ...(padding === undefined ? {} : { padding }),
    ...(dilation === undefined ? {} : { dilation }),
  });
  const attributes = y.attributes as ConvAttributes;
  const run = (image: ArrayLike<number>, weights: ArrayLike<number>, batch: number): Float64Array => {
    const feeds = { inputs: { image: tensor([batch, ...input], image) }, states: { weights: tensor(shape, weights) } };
    return evaluate([y], feeds, batch)[0]!.data;
  };
  const { multiplyAdds } = conv2dOp.cost(y.inputs, attributes, y);
  return { shape, output: y.shape, window: attributes, multiplyAdds, run };
}

/**
 * One input at a time is 1 and the weights are 1, 2, 3 ...: an output then is the number of the one weight that joins
 * the two, or 0.
 */
function matrixOf(question: ConvolutionQuestion, inputs: number, outputs: number): EqualMatrix {
  const { run, shape } = draw(question);
  const units = new Float64Array(inputs * inputs);
  for (let i = 0; i < inputs; i++) units[i * inputs + i] = 1;
  const numbered = Float64Array.from({ length: sizeOf(shape) }, (_, i) => i + 1);
  const found = run(units, numbered, inputs);
  const weightAt = new Int32Array(outputs * inputs);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++) weightAt[o * inputs + i] = found[i * outputs + o]! - 1;
  return { rows: outputs, columns: inputs, weightAt };
}

/** One product of a convolution's sum. */
export interface Term {
  /** Row of the image, which may be in the padding. */
  readonly row: number;
  /** Column of the image, which may be in the padding. */
  readonly column: number;
  /** Channel of the image. */
  readonly channel: number;
  /** Whether it falls on padding. */
  readonly inPadding: boolean;
  /** The image's number; 0 in the padding. */
  readonly x: number;
  /** The filter's number. */
  readonly weight: number;
}

/** How one number of the output comes about. */
export interface ConvolutionStep {
  /** Row of the output. */
  readonly row: number;
  /** Column of the output. */
  readonly column: number;
  /** Filter. */
  readonly filter: number;
  /** Kernel rows, columns, then channels, as the weights lie. */
  readonly terms: readonly Term[];
  /** The sum. */
  readonly result: number;
}

/** How one output came about. @throws ShapeError where the explanation has no numbers or no such output. */
export function convolutionStep(
  explanation: ConvolutionExplanation,
  {
    row,
    column,
    filter,
  }: {
    /** Row of the output, from 0. */
    readonly row: number;
    /** Column of the output, from 0. */
    readonly column: number;
    /** Filter, from 0. */
    readonly filter: number;
  },
): ConvolutionStep {
  const { input, output, window, filters, groups, values, weights, result } = explanation;
  if (values === undefined || weights === undefined || result === undefined)
    throw new ShapeError("conv2d: a step is worked out only where the numbers of image and kernel are given");
  const [height, width, channels] = input as [number, number, number];
  const at = (row * output[1]! + column) * filters + filter;
  if (!(row >= 0 && row < output[0]! && column >= 0 && column < output[1]! && filter >= 0 && filter < filters))
    throw new ShapeError(`conv2d: there is no output ${row}, ${column}, ${filter} in ${output.join(" x ")}`);
  const perGroup = channels / groups;
  const first = Math.floor(filter / (filters / groups)) * perGroup;
  const terms: Term[] = [];
  for (let ky = 0; ky < window.kernel[0]; ky++)
    for (let kx = 0; kx < window.kernel[1]; kx++)
      for (let c = 0; c < perGroup; c++) {
        const y = row * window.stride[0] - window.padding[0] + ky * window.dilation[0];
        const x = column * window.stride[1] - window.padding[2] + kx * window.dilation[1];
        const inPadding = y < 0 || y >= height || x < 0 || x >= width;
        terms.push({
          row: y,
          column: x,
          channel: first + c,
          inPadding,
          x: inPadding ? 0 : values[(y * width + x) * channels + first + c]!,
          weight: weights[((ky * window.kernel[1] + kx) * perGroup + c) * filters + filter]!,
        });
      }
  return { row, column, filter, terms, result: result[at]! };
}
