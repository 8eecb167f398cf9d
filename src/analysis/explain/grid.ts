/** A grid of cells with a number in each, or a grey where numbers cannot be read: as SVG text, under a title. */
import { paint } from "../figures/palette.js";
import { centred, line, rect, words } from "../figures/svg.js";

export interface Cell {
  readonly fill: string;
  readonly text: string;
  /** A second, smaller text below. */
  readonly under?: string;
  readonly soft?: boolean;
  readonly bold?: boolean;
  readonly dashed?: boolean;
  readonly crossed?: boolean;
}

export interface Block {
  readonly width: number;
  readonly height: number;
  readonly body: readonly string[];
}

export interface BlockOptions {
  readonly title: string;
  /** Of the plane, below the title. */
  readonly name: string;
  readonly cells: (y: number, x: number) => Cell;
  readonly outline?: string;
  /** Drawn over the cells, in pixels from their corner. */
  readonly over?: readonly string[];
}

export const TITLE = 22;

export function block(
  rows: number,
  columns: number,
  cell: number,
  { title, name, cells, outline, over = [] }: BlockOptions,
): Block {
  const top = (title === "" ? 0 : TITLE) + (name === "" ? 0 : 16);
  const [width, height] = [columns * cell, rows * cell];
  const large = cell >= 26;
  const body: string[] = [];
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const { fill, text, under = "", soft, bold, dashed, crossed } = cells(y, x);
      const [left, upper] = [x * cell, top + y * cell];
      body.push(
        rect(left, upper, cell, cell, {
          fill,
          ...(large
            ? { stroke: paint("line"), ...(dashed ? { "stroke-dasharray": "3 2" } : {}) }
            : { "shape-rendering": "crispEdges" }),
        }),
      );
      // Lighter than the number, which stands over it.
      if (crossed)
        body.push(line(left, upper + cell, left + cell, upper, { stroke: paint("line"), "stroke-width": 2 }));
      if (!large || text === "") continue;
      const size = Math.min(cell * 0.4, (1.55 * cell) / Math.max(2, text.length), 14);
      const lift = under === "" ? 0 : cell * 0.16;
      body.push(
        centred(left + cell / 2, upper + cell / 2 - lift, text, size, {
          fill: paint(soft ? "soft" : "ink"),
          ...(bold ? { "font-weight": 600 } : {}),
        }),
      );
      if (under !== "")
        body.push(
          centred(
            left + cell / 2,
            upper + cell * 0.77,
            under,
            Math.min(cell * 0.29, (1.5 * cell) / Math.max(3, under.length)),
            {
              fill: paint("kernelLine"),
            },
          ),
        );
    }
  if (outline !== undefined)
    body.push(rect(0, top, width, height, { fill: "none", stroke: outline, "stroke-width": 2 }));
  const heading = title === "" ? [] : [words(0, 13, title, { "font-size": 12.5, fill: paint("soft") })];
  const label = name === "" ? [] : [words(0, top - 5, name, { "font-size": 11.5, fill: paint("soft") })];
  return {
    width: Math.max(width, title.length * 6.6),
    height: top + height,
    body: [...heading, ...label, ...body, `<g transform="translate(0 ${top})">${over.join("")}</g>`],
  };
}

/** Greys from the least number (black) to the largest (white). */
export function shades(values: Float64Array): (value: number) => string {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return (value) => {
    const grey = Math.round((255 * (value - least)) / (most - least || 1));
    return `rgb(${grey},${grey},${grey})`;
  };
}

// --- Numbers as text

export const short = (value: number): string => String(Number(value.toPrecision(4)) + 0).replace("-", "−");
export const bracketed = (value: number): string => (value < 0 ? `(${short(value)})` : short(value));
