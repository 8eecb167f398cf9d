/**
 * A convolution or a pool as a sequence of pictures, one for each number of the output: the image with its padding and
 * the window on it, the kernel, and the output as far as it is filled. Pictures of many pixels show greys in place of
 * numbers.
 */
import { OptionError } from "../../base/errors.js";
import { paint } from "../figures/palette.js";
import { centred, line, rect, svg, words, wrapped } from "../figures/svg.js";
import type { Figure } from "../report/figure.js";
import type { AxisArithmetic } from "./axis.js";
import { type ConvolutionExplanation, convolutionStep } from "./convolution.js";
import { type Block, block, bracketed, shades, short, TITLE } from "./grid.js";
import { type PoolExplanation, poolStep } from "./pooling.js";

/** A convolution or a pool, explained. */
export type Explanation = ConvolutionExplanation | PoolExplanation;

/** Cells along a side of which numbers can still be read, and that are drawn at all. */
const MOST_NUMBERS = 18;
const MOST_CELLS = 96;
/** Channels that are drawn, of those that a window sees. */
const MOST_PLANES = 4;

/** Steps that a sequence has: one a number of the output. */
export const stepCount = ({ output }: Explanation): number => output.reduce((a, b) => a * b, 1);

/** Pixels along the longer side, padding included. */
function extentOf({ input, window }: Explanation): number {
  const [top, bottom, left, right] = window.padding;
  return Math.max(input[0]! + top + bottom, input[1]! + left + right);
}

/** Whether the image is small enough for its numbers to be drawn; of larger ones the greys are. */
export const showsNumbers = (explanation: Explanation): boolean => extentOf(explanation) <= MOST_NUMBERS;

/**
 * The picture of one step, counted map after map and row after row.
 * @throws OptionError where the image is too large to be drawn, ShapeError where its numbers are not known.
 */
export function frame(explanation: Explanation, step: number): Figure {
  const { output, input } = explanation;
  const [rows, columns] = output as [number, number, number];
  const place = {
    map: Math.floor(step / (rows * columns)),
    row: Math.floor(step / columns) % rows,
    column: step % columns,
  };
  const extent = extentOf(explanation);
  if (extent > MOST_CELLS) {
    throw new OptionError(
      `explain: an image of ${input.join("x")} is too large to be drawn, expected at most ${MOST_CELLS} pixels a side; ` +
        "give a picture's --size, or leave --svg out",
    );
  }
  const cell =
    extent <= 9 ? 38 : extent <= 12 ? 32 : extent <= MOST_NUMBERS ? 26 : Math.max(3, Math.floor(400 / extent));
  return explanation.kind === "conv"
    ? convolutionFrame(explanation, place, step, cell)
    : poolFrame(explanation, place, step, cell);
}

interface Place {
  readonly map: number;
  readonly row: number;
  readonly column: number;
}

function convolutionFrame(explanation: ConvolutionExplanation, place: Place, step: number, cell: number): Figure {
  const { input, output, window, filters, groups, values, weights, result } = explanation;
  const { terms, result: sum } = convolutionStep(explanation, { ...place, filter: place.map });
  const perGroup = input[2]! / groups;
  const shown = Math.min(perGroup, MOST_PLANES);
  const first = terms[0]!.channel;
  const name = (c: number) => (perGroup === 1 ? "" : `channel ${first + c}`);
  const images = Array.from({ length: shown }, (_, c) =>
    imageGrid(explanation, values!, first + c, place, cell, {
      title: c === 0 ? `image ${input.slice(0, 2).join("×")}${paddingWords(explanation)}` : "",
      name: name(c),
      under: (ky, kx) => `×${short(weights![((ky * window.kernel[1] + kx) * perGroup + c) * filters + place.map]!)}`,
    }),
  );
  const kernels = Array.from({ length: shown }, (_, c) =>
    block(window.kernel[0], window.kernel[1], Math.max(cell, 30), {
      title: c === 0 ? (filters > 1 ? `kernel of filter ${place.map}` : "kernel") : "",
      name: "",
      cells: (y, x) => {
        const value = weights![((y * window.kernel[1] + x) * perGroup + c) * filters + place.map]!;
        return { fill: paint("kernelFill"), text: short(value) };
      },
      outline: paint("kernelLine"),
    }),
  );
  const out = outputGrid(explanation, result!, place, cell);
  const written = terms
    .filter(({ inPadding }) => !inPadding)
    .map(({ x, weight }) => `${short(x)}·${bracketed(weight)}`);
  const padded = terms.length - written.length;
  const working = `${written.length === 0 ? "0" : listed(written, " + ")}${padded > 0 ? ` + ${padded} × 0` : ""} = ${short(sum)}`;
  const more = shown < perGroup ? ` Drawn are ${shown} of ${perGroup} channels.` : "";
  return compose(
    `Step ${step + 1} of ${stepCount(explanation)}: row ${place.row}, column ${place.column}${filters > 1 ? `, filter ${place.map}` : ""}`,
    [{ blocks: images }, { sign: "*" }, { blocks: kernels }, { sign: "=" }, { blocks: [out] }],
    [working, ...(more === "" ? [] : [more.trim()])],
    legend(explanation),
    `output ${output.join("x")}`,
  );
}

function poolFrame(explanation: PoolExplanation, place: Place, step: number, cell: number): Figure {
  const { input, output, values, result, pool } = explanation;
  const { taps, divisor, result: given } = poolStep(explanation, { ...place, channel: place.map });
  const image = imageGrid(explanation, values!, place.map, place, cell, {
    title: `image ${input.slice(0, 2).join("×")}${paddingWords(explanation)}`,
    name: input[2] === 1 ? "" : `channel ${place.map}`,
    under: () => "",
    chosen: (y, x) => taps.some((tap) => tap.chosen && tap.row === y && tap.column === x),
  });
  const pixels = taps.map(({ x }) => (pool === "max" ? short(x) : bracketed(x)));
  const numbers = pixels.length === 0 ? ["no pixel"] : pixels;
  const working =
    pool === "max"
      ? `max(${listed(numbers, ", ")}) = ${short(given)}`
      : `${divisor === 1 ? "" : "("}${listed(numbers, " + ")}${divisor === 1 ? "" : `) / ${divisor}`} = ${short(given)}`;
  return compose(
    `Step ${step + 1} of ${stepCount(explanation)}: row ${place.row}, column ${place.column}${input[2]! > 1 ? `, channel ${place.map}` : ""}`,
    [{ blocks: [image] }, { sign: "→" }, { blocks: [outputGrid(explanation, result!, place, cell)] }],
    [working],
    legend(explanation),
    `output ${output.join("x")}`,
  );
}

// --- Grids

function imageGrid(
  { input, window, rows, columns }: Explanation,
  values: Float64Array,
  channel: number,
  place: Place,
  cell: number,
  options: {
    readonly title: string;
    readonly name: string;
    readonly under: (ky: number, kx: number) => string;
    readonly chosen?: (y: number, x: number) => boolean;
  },
): Block {
  const [top, bottom, left, right] = window.padding;
  const [height, width, channels] = input as [number, number, number];
  // What the last windows of a rounded-up count reach beyond the padding is drawn like padding.
  const [down, across] = [height + top + bottom + rows.beyond, width + left + right + columns.beyond];
  const [fromY, fromX] = [place.row * window.stride[0], place.column * window.stride[1]];
  const tapOf = (at: number, from: number, kernel: number, dilation: number) => {
    const k = (at - from) / dilation;
    return Number.isInteger(k) && k >= 0 && k < kernel ? k : -1;
  };
  const shade = shades(values);
  const readRows = readBy(rows);
  const readColumns = readBy(columns);
  return block(down, across, cell, {
    title: options.title,
    name: options.name,
    ...(cell < 26 ? { outline: paint("line") } : {}),
    cells: (y, x) => {
      const [ky, kx] = [
        tapOf(y, fromY, window.kernel[0], window.dilation[0]),
        tapOf(x, fromX, window.kernel[1], window.dilation[1]),
      ];
      const isRead = ky >= 0 && kx >= 0;
      const [iy, ix] = [y - top, x - left];
      const inPadding = iy < 0 || iy >= height || ix < 0 || ix >= width;
      const value = inPadding ? 0 : values[(iy * width + ix) * channels + channel]!;
      const plain = cell >= 26 ? paint(inPadding ? "empty" : "paper") : inPadding ? paint("empty") : shade(value);
      return {
        fill: isRead && cell >= 26 ? paint("readFill") : plain,
        text: short(value),
        soft: inPadding,
        dashed: inPadding,
        bold: isRead && !inPadding,
        under: isRead ? options.under(ky, kx) : "",
        crossed: !readRows.has(y) || !readColumns.has(x),
      };
    },
    over: [
      ...(options.chosen === undefined ? [] : circles(options.chosen, input, window.padding, cell)),
      rect(fromX * cell, fromY * cell, columns.span * cell, rows.span * cell, {
        fill: "none",
        stroke: paint("readLine"),
        "stroke-width": cell >= 26 ? 3 : 2,
      }),
    ],
  });
}

function circles(
  chosen: (y: number, x: number) => boolean,
  [height, width]: readonly number[],
  [top, , left]: ConvolutionExplanation["window"]["padding"],
  cell: number,
): string[] {
  const found: string[] = [];
  for (let y = 0; y < height!; y++)
    for (let x = 0; x < width!; x++)
      if (chosen(y, x))
        found.push(
          `<circle cx="${(x + left + 0.5) * cell}" cy="${(y + top + 0.5) * cell}" r="${0.4 * cell}" fill="none" stroke="${paint("outputLine")}" stroke-width="2"/>`,
        );
  return found;
}

/** Positions, the padding counted, that some window reads. */
function readBy({ output, stride, kernel, dilation }: AxisArithmetic): Set<number> {
  const read = new Set<number>();
  for (let o = 0; o < output; o++) for (let k = 0; k < kernel; k++) read.add(o * stride + k * dilation);
  return read;
}

function outputGrid({ output }: Explanation, result: Float64Array, place: Place, cell: number): Block {
  const [rows, columns, maps] = output as [number, number, number];
  const now = place.row * columns + place.column;
  const shade = shades(result);
  return block(rows, columns, cell, {
    title: maps > 1 ? `output, map ${place.map} of ${maps}` : `output ${rows}×${columns}`,
    name: "",
    cells: (y, x) => {
      const at = y * columns + x;
      if (at > now) return { fill: paint("paper"), text: "" };
      const value = result[at * maps + place.map]!;
      return { fill: cell >= 26 ? paint("outputFill") : shade(value), text: short(value), bold: at === now };
    },
    outline: paint("line"),
    over: [
      rect(place.column * cell, place.row * cell, cell, cell, {
        fill: "none",
        stroke: paint("outputLine"),
        "stroke-width": cell >= 26 ? 3 : 2,
      }),
    ],
  });
}

// --- The whole picture

type Part = { readonly blocks: readonly Block[] } | { readonly sign: string };

const GAP = 18;
const LINE = 19;

function compose(
  title: string,
  parts: readonly Part[],
  notes: readonly string[],
  keys: readonly Key[],
  label: string,
): Figure {
  const column = (blocks: readonly Block[]) => blocks.reduce((sum, { height }) => sum + height + 12, -12);
  const tallest = Math.max(...parts.map((part) => ("blocks" in part ? column(part.blocks) : 0)));
  let x = 0;
  const body = [words(0, 16, title, { "font-size": 15, "font-weight": 600 })];
  const top = 32;
  for (const part of parts) {
    if ("sign" in part) {
      body.push(centred(x + 8, top + TITLE + (tallest - TITLE) / 2, part.sign, 22, { fill: paint("soft") }));
      x += 16 + GAP;
      continue;
    }
    const height = column(part.blocks);
    // A lower column stands in the middle of the highest, its title too.
    let y = top + (tallest - height) / 2;
    for (const { body: inner, height: own } of part.blocks) {
      body.push(`<g transform="translate(${x} ${y})">${inner.join("")}</g>`);
      y += own + 12;
    }
    x += Math.max(...part.blocks.map(({ width }) => width)) + GAP;
  }
  const width = Math.ceil(Math.max(x - GAP, title.length * 8.2, keys.length * 170, 380));
  let y = top + tallest + 28;
  for (const text of notes.flatMap((note) => wrapped(note, Math.floor(width / 7)))) {
    body.push(words(0, y, text, { "font-size": 13 }));
    y += LINE;
  }
  y += 2;
  for (const [i, { draw, text }] of keys.entries()) {
    body.push(draw(i * 170, y - 10), words(i * 170 + 20, y, text, { "font-size": 11.5, fill: paint("soft") }));
  }
  const height = Math.ceil(keys.length > 0 ? y + 10 : y - LINE + 12);
  return {
    svg: svg(width + 4, height, `${title}; ${label}`, [`<g transform="translate(2 0)">${body.join("")}</g>`]),
    width: width + 4,
    height,
  };
}

interface Key {
  readonly draw: (x: number, y: number) => string;
  readonly text: string;
}

function legend(explanation: Explanation): Key[] {
  const { window, rows, columns } = explanation;
  const keys: Key[] = [
    {
      draw: (x, y) => rect(x + 1, y, 12, 12, { fill: paint("readFill"), stroke: paint("readLine"), "stroke-width": 2 }),
      text: "the window, read now",
    },
  ];
  if (explanation.kind === "pool" && explanation.pool === "max")
    keys.push({
      draw: (x, y) =>
        `<circle cx="${x + 7}" cy="${y + 6}" r="6" fill="none" stroke="${paint("outputLine")}" stroke-width="2"/>`,
      text: "its maximum",
    });
  if (window.padding.some((n) => n > 0))
    keys.push({
      draw: (x, y) =>
        rect(x + 1, y, 12, 12, { fill: paint("empty"), stroke: paint("line"), "stroke-dasharray": "3 2" }),
      text: "padding",
    });
  if ([rows, columns].some(({ lost, skipped }) => lost.input + lost.padding + skipped > 0))
    keys.push({
      draw: (x, y) =>
        rect(x + 1, y, 12, 12, { fill: paint("paper"), stroke: paint("line") }) +
        line(x + 1, y + 12, x + 13, y, { stroke: paint("line"), "stroke-width": 2 }),
      text: "read by no window",
    });
  return keys;
}

function paddingWords({ window: { padding } }: Explanation): string {
  if (padding.every((n) => n === 0)) return "";
  const [top, bottom, left, right] = padding;
  if (padding.every((n) => n === top)) return `, padding ${top}`;
  const sides = Object.entries({ top, bottom, left, right }).filter(([, n]) => n > 0);
  return `, padding ${sides.map(([side, n]) => `${side} ${n}`).join(", ")}`;
}

/** Of many, the first. */
function listed(texts: readonly string[], between: string): string {
  const most = 27;
  return texts.length <= most ? texts.join(between) : `${texts.slice(0, most - 1).join(between)}${between}…`;
}
