/** What `fovea explain` says: sizes, costs, matrices and worked steps as text. */
import type { AxisArithmetic } from "../../../analysis/explain/axis.js";
import { type ConvolutionExplanation, convolutionStep } from "../../../analysis/explain/convolution.js";
import { type PoolExplanation, poolStep } from "../../../analysis/explain/pooling.js";
import { percent, table, twoColumns } from "../../terminal/output.js";
import { showCount } from "../../terminal/progress.js";

export type Explanation = ConvolutionExplanation | PoolExplanation;

/** Columns of a matrix that a reader still takes in. */
const WIDEST = 40;
const MOST_ROWS = 36;

export function explanationText(explanation: Explanation, options: { readonly steps: number }): string {
  const parts = [
    headText(explanation),
    sizeText(explanation),
    explanation.kind === "conv" ? costText(explanation) : "",
    explanation.kind === "conv" ? matrixText(explanation) : "",
    imageText(explanation),
    explanation.kind === "conv" ? kernelText(explanation) : "",
    stepsText(explanation, options.steps),
    resultText(explanation),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

// --- What was asked

export function headText(explanation: Explanation): string {
  const { input, window } = explanation;
  const details = [
    `stride ${twoOf(window.stride)}`,
    paddingText(explanation),
    ...(window.dilation.some((d) => d !== 1) ? [`dilation ${twoOf(window.dilation)}`] : []),
  ];
  if (explanation.kind === "pool") {
    const { pool, ceil } = explanation;
    return `${pool} pool: ${input.join("x")} image, windows of ${window.kernel.join("x")}, ${details.join(", ")}${ceil ? ", incomplete windows kept" : ""}`;
  }
  const { filters, groups } = explanation;
  const size = [...window.kernel, input[2]! / groups].join("x");
  return `convolution: ${input.join("x")} image, ${counted(filters, "filter")} of ${size}, ${details.join(", ")}${groups === 1 ? "" : `, ${groups} groups`}`;
}

function paddingText({ window, same }: Explanation): string {
  const [top, bottom, left, right] = window.padding;
  const even = top === bottom && left === right;
  const sides = even
    ? twoOf([top, left])
    : [`top ${top}`, `bottom ${bottom}`, `left ${left}`, `right ${right}`].filter((s) => !s.endsWith(" 0")).join(", ");
  return same ? `padding "same" (${sides})` : `padding ${sides}`;
}

const twoOf = ([y, x]: readonly number[]) => (y === x ? `${y}` : `${y}x${x}`);
const counted = (n: number, what: string) => `${showCount(n)} ${what}${n === 1 ? "" : "s"}`;

// --- Sizes

export function sizeText({ rows, columns, output, same, ...explanation }: Explanation): string {
  const rule = explanation.kind === "pool" && explanation.ceil ? "ceil" : "floor";
  const notes = [...remarks("rows", rows), ...remarks("columns", columns)];
  const spans = [rows, columns].some(({ dilation }) => dilation !== 1)
    ? [
        ["span", "dilation x (kernel - 1) + 1"] as const,
        ["  of rows", `${rows.dilation} x (${rows.kernel} - 1) + 1 = ${rows.span}`] as const,
        ["  of columns", `${columns.dilation} x (${columns.kernel} - 1) + 1 = ${columns.span}`] as const,
      ]
    : [];
  const reach = spans.length > 0 ? "span" : "kernel";
  return [
    "Output size",
    twoColumns([
      ...spans,
      ["size", `${rule}((image + padding before + padding behind - ${reach}) / stride) + 1`],
      ["rows", rows.formula],
      ["columns", columns.formula],
      ...(same
        ? [
            [
              "same",
              `image / stride, rounded up: ${[rows, columns].map((a) => `${a.input} / ${a.stride} = ${a.output}`).join(", ")}`,
            ] as const,
          ]
        : []),
      ["output", output.join("x")],
    ]),
    ...notes.map((note) => `  ${note}`),
  ].join("\n");
}

function remarks(name: string, axis: AxisArithmetic): string[] {
  const { rounded, places, output, lost, beyond, skipped } = axis;
  const notes: string[] = [];
  const one = name === "rows" ? "row" : "column";
  if (rounded !== "no") {
    const from = Number(places.toFixed(3));
    const what =
      rounded === "up"
        ? `the last window reaches ${counted(beyond, one)} beyond the ${axis.after > 0 ? "padding" : "image"}`
        : `the last ${lostText(lost, one)} ${lost.input + lost.padding === 1 ? "is" : "are"} read by no window`;
    notes.push(`${name}: ${from} is not whole and is rounded ${rounded} to ${output}; ${what}`);
  }
  if (skipped > 0) {
    const why =
      axis.stride > axis.span ? `the stride ${axis.stride} is longer than the window` : "they fall between taps";
    notes.push(`${name}: ${counted(skipped, one)} of the image ${skipped === 1 ? "is" : "are"} skipped: ${why}`);
  }
  return notes;
}

function lostText({ input, padding }: AxisArithmetic["lost"], one: string): string {
  if (input === 0) return `${counted(padding, one)} of the padding`;
  if (padding === 0) return `${counted(input, one)} of the image`;
  return `${counted(input, one)} of the image and ${padding} of the padding`;
}

// --- Costs and the equal dense layer

export function costText({ convolution, dense, edges, onPadding }: ConvolutionExplanation): string {
  const row = (name: string, { weights, biases, multiplyAdds }: ConvolutionExplanation["dense"]) => [
    name,
    showCount(weights),
    showCount(biases),
    showCount(weights + biases),
    showCount(multiplyAdds),
  ];
  const padding =
    onPadding === 0 ? "" : ` ${counted(onPadding, "multiply-add")} of the convolution meet a zero of the padding.`;
  return [
    "Cost, against the fully connected layer that computes the same",
    indented(
      table(
        ["layer", "weights", "biases", "parameters", "multiply-adds"],
        [row("convolution", convolution), row("fully connected", dense)],
      ),
    ),
    `  Of the ${showCount(dense.weights)} edges ${showCount(edges)} are there (${percent(edges / dense.weights)}), and they share ${counted(convolution.weights, "weight")}.${padding}`,
  ].join("\n");
}

/**
 * The matrix where it fits a page: numbers where they are known, else letters, the same letter being the same weight.
 */
export function matrixText({ matrix, weights, output, input, filters, convolution }: ConvolutionExplanation): string {
  if (matrix === undefined || matrix.columns > WIDEST || matrix.rows / filters > MOST_ROWS) return "";
  const cell = (at: number) =>
    at < 0 ? "." : weights === undefined ? letter(at, convolution.weights) : short(weights[at]!);
  const rowsOf = (filter: number) =>
    Array.from({ length: matrix.rows / filters }, (_, pixel) => {
      const row = pixel * filters + filter;
      return Array.from(matrix.weightAt.subarray(row * matrix.columns, (row + 1) * matrix.columns), cell);
    });
  const what = weights === undefined ? "equal letters are one weight" : "the numbers are the kernel's";
  const which = filters === 1 ? "" : "; the rows of filter 0";
  return [
    `The equal matrix: ${matrix.rows} outputs (${output.join("x")}) by ${matrix.columns} inputs (${input.join("x")}); no edge at a dot, ${what}${which}`,
    indented(grid(rowsOf(0))),
  ].join("\n");
}

const letter = (at: number, count: number) => (count <= 26 ? String.fromCharCode(97 + at) : `w${at}`);

// --- Numbers

function imageText({ values, input }: Explanation): string {
  if (values === undefined || input[0]! > MOST_ROWS || input[1]! > WIDEST) return "";
  return ["Image", ...planes(values, input, (c) => (input[2] === 1 ? "" : `channel ${c}`))].join("\n");
}

function kernelText({ weights, window, input, groups, filters }: ConvolutionExplanation): string {
  if (weights === undefined || filters > 8) return "";
  const perGroup = input[2]! / groups;
  const shape = [...window.kernel, perGroup * filters];
  // The weights lie channel by channel, in each of which the filters are next to each other.
  return [
    filters === 1 ? "Kernel" : "Kernels",
    ...planes(weights, shape, (plane) => {
      const [channel, filter] = [Math.floor(plane / filters), plane % filters];
      return [...(filters > 1 ? [`filter ${filter}`] : []), ...(perGroup > 1 ? [`channel ${channel}`] : [])].join(", ");
    }),
  ].join("\n");
}

export function resultText({ result, output, kind }: Explanation): string {
  if (result === undefined) return "";
  const [height, width, maps] = output as [number, number, number];
  if (height > MOST_ROWS || width > WIDEST || maps > 8) {
    const least = result.reduce((a, b) => Math.min(a, b));
    const most = result.reduce((a, b) => Math.max(a, b));
    return `Output: ${output.join("x")} numbers from ${short(least)} to ${short(most)}`;
  }
  const name = kind === "conv" ? "filter" : "channel";
  return ["Output", ...planes(result, output, (c) => (maps === 1 ? "" : `${name} ${c}`))].join("\n");
}

/** Each plane of an image as a block; all cells as wide as the widest. */
function planes(values: Float64Array, shape: readonly number[], title: (plane: number) => string): string[] {
  const [height, width, count] = shape as [number, number, number];
  return Array.from({ length: count }, (_, c) => {
    const rows = Array.from({ length: height }, (_, y) =>
      Array.from({ length: width }, (_, x) => short(values[(y * width + x) * count + c]!)),
    );
    const name = title(c);
    return `${name === "" ? "" : `  ${name}\n`}${indented(grid(rows), name === "" ? 2 : 4)}`;
  });
}

function grid(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.flat().map((cell) => cell.length));
  return rows.map((row) => row.map((cell) => cell.padStart(width)).join(" ")).join("\n");
}

const indented = (text: string, by = 2) => text.replace(/^/gm, " ".repeat(by));

/** At most four digits. */
export const short = (value: number): string => String(Number(value.toPrecision(4)) + 0);

// --- Steps

function stepsText(explanation: Explanation, most: number): string {
  if (explanation.result === undefined || most === 0) return "";
  const [rows, columns, maps] = explanation.output as [number, number, number];
  const all = rows * columns * maps;
  const count = Math.min(most, all);
  const lines = Array.from({ length: count }, (_, i) => {
    const [map, row, column] = placeOf(i, rows, columns);
    return explanation.kind === "conv"
      ? convolutionLine(explanation, row, column, map)
      : poolLine(explanation, row, column, map);
  });
  const head = count < all ? `The first ${count} of ${showCount(all)} steps (--steps shows more)` : "Step by step";
  return [head, ...lines.map((line) => `  ${line}`)].join("\n");
}

/** Map after map, and in each row after row. */
const placeOf = (i: number, rows: number, columns: number): [map: number, row: number, column: number] => [
  Math.floor(i / (rows * columns)),
  Math.floor(i / columns) % rows,
  i % columns,
];

function placeText(row: number, column: number, map: number, maps: number): string {
  return `${maps > 1 ? `map ${map}, ` : ""}row ${row}, column ${column}:`;
}

function convolutionLine(explanation: ConvolutionExplanation, row: number, column: number, filter: number): string {
  const { terms, result } = convolutionStep(explanation, { row, column, filter });
  const shown = terms.length > 27 ? terms.slice(0, 9) : terms;
  const sum = shown.map(({ x, weight, inPadding }) => `${inPadding ? "_" : short(x)}*${bracketed(weight)}`).join(" + ");
  const rest = shown.length < terms.length ? ` + ${terms.length - shown.length} more` : "";
  return `${placeText(row, column, filter, explanation.filters)} ${sum}${rest} = ${short(result)}`;
}

const bracketed = (value: number) => (value < 0 ? `(${short(value)})` : short(value));

function poolLine(explanation: PoolExplanation, row: number, column: number, channel: number): string {
  const { taps, divisor, result } = poolStep(explanation, { row, column, channel });
  const pixels = taps.map(({ x }) => (explanation.pool === "max" ? short(x) : bracketed(x)));
  const numbers = pixels.length === 0 ? ["no pixel"] : pixels;
  const maps = explanation.output[2]!;
  const working =
    explanation.pool === "max"
      ? `max(${numbers.join(", ")})`
      : `${divisor === 1 ? "" : "("}${numbers.join(" + ")}${divisor === 1 ? "" : `) / ${divisor}`}`;
  return `${placeText(row, column, channel, maps)} ${working} = ${short(result)}`;
}
