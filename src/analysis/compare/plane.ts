/** The plane that a comparison's figures are drawn on: axes, and dots with their names beside them. */
import type { Markish } from "@observablehq/plot";
import { paint } from "../figures/palette.js";
import { draw, type Paper } from "../figures/paper.js";
import type { Figure } from "../report/figure.js";
import { type Box, besideDots, type Labelled } from "./labels.js";

export const SIZE = { width: 640, height: 440 } as const;
export const MARGINS = { marginTop: 40, marginLeft: 64, marginRight: 24, marginBottom: 50 } as const;
export const SOFT = { fill: paint("soft"), fontSize: 12 } as const;

/** One scale, so that labels can be placed in the same pixels. */
export interface Axis {
  readonly type: "log" | "linear";
  readonly domain: readonly [number, number];
  readonly range: readonly [number, number];
  readonly ticks: readonly number[];
}

export const along = ({ type, domain: [low, high], range: [from, to] }: Axis, value: number): number => {
  const part = type === "log" ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return from + part * (to - from);
};

/** With room at both ends. */
export function logAxis(values: readonly number[], range: Axis["range"], room = 1.35): Axis {
  const domain = [Math.min(...values) / room, Math.max(...values) * room] as const;
  return { type: "log", domain, range, ticks: logTicks(...domain) };
}

export function linearAxis(values: readonly number[], range: Axis["range"], room: number): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50].find((s) => (most - least + 2 * room) / s <= 8) ?? 100;
  const domain = [
    Math.floor((least - room) / step) * step,
    Math.min(100, Math.ceil((most + room) / step) * step),
  ] as const;
  const count = Math.round((domain[1] - domain[0]) / step);
  return {
    type: "linear",
    domain,
    range,
    ticks: Array.from({ length: count + 1 }, (_, i) => rounded(domain[0] + i * step)),
  };
}

/** 1, 2 and 5 times powers of ten; of many powers, those alone. */
function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low);
  const digits =
    decades > 4 ? [1] : decades > 2.2 ? [1, 3] : decades > 0.8 ? [1, 2, 5] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
    for (const digit of digits) ticks.push(Number(`${digit}e${power}`));
  return ticks.filter((tick) => tick >= low && tick <= high);
}

const rounded = (value: number): number => Number(value.toPrecision(12));
export const plainNumber = (value: number): string =>
  value >= 1000 ? value.toLocaleString("en") : String(Number(value.toPrecision(3)));

interface PanelOptions {
  readonly label: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly marks: readonly Markish[];
  readonly width?: number;
  readonly marginRight?: number;
}

/** Marks give their places in pixels, so that labels can be placed among them; the scales only draw the axes. */
export function panel(
  paper: Paper,
  { label, x, y, xLabel, yLabel, marks, width = SIZE.width, marginRight }: PanelOptions,
): Figure {
  const { gridX, gridY } = paper.plot;
  const places = (axis: Axis) => axis.ticks.map((tick) => along(axis, tick));
  const scale = (axis: Axis, name: string, offset: number) => ({
    type: "linear" as const,
    domain: [...axis.range],
    range: [...axis.range],
    label: name,
    labelArrow: "none" as const,
    labelOffset: offset,
    ticks: places(axis),
    tickFormat: (_place: number, i: number) => plainNumber(axis.ticks[i]!),
  });
  return draw(paper, label, {
    ...SIZE,
    ...MARGINS,
    width,
    ...(marginRight === undefined ? {} : { marginRight }),
    x: { ...scale(x, xLabel, 42), labelAnchor: "center" },
    y: scale(y, yLabel, 58),
    // Radii are pixels.
    r: { type: "identity" },
    marks: [
      gridX({ stroke: paint("line"), strokeOpacity: 0.6, ticks: places(x) }),
      gridY({ stroke: paint("line"), strokeOpacity: 0.6, ticks: places(y) }),
      ...marks,
    ],
  });
}

/** Dots with their names beside them. */
export interface NamedDot extends Labelled {
  readonly colour: string;
  readonly title: string;
}

export function namedDots(
  { plot }: Paper,
  dots: readonly NamedDot[],
  reserved: readonly Box[],
  frame: Box = FRAME,
): Markish[] {
  const { dot, link, text } = plot;
  const labels = besideDots(dots, frame, reserved);
  const leaders = labels.flatMap(({ leader }, i) => {
    const { x, y, colour } = dots[i]!;
    return leader === undefined ? [] : [{ x1: x, y1: y, x2: leader[0], y2: leader[1], colour }];
  });
  return [
    dot(dots, { x: "x", y: "y", r: "radius", fill: "colour", fillOpacity: 0.28, stroke: "colour", title: "title" }),
    dot(dots, { x: "x", y: "y", r: 2, fill: "colour" }),
    link(leaders, { x1: "x1", y1: "y1", x2: "x2", y2: "y2", stroke: "colour", strokeWidth: 0.8 }),
    text(
      labels.map(({ x, y }, i) => ({ x, y, text: dots[i]!.text })),
      { x: "x", y: "y", text: "text", fontSize: 12 },
    ),
  ];
}

export const rangeX = (right: number, width: number = SIZE.width): [number, number] => [
  MARGINS.marginLeft,
  width - right,
];
export const RANGE_Y: [number, number] = [SIZE.height - MARGINS.marginBottom, MARGINS.marginTop];
export const FRAME = {
  left: MARGINS.marginLeft + 4,
  right: SIZE.width - 4,
  top: MARGINS.marginTop + 2,
  bottom: SIZE.height - MARGINS.marginBottom - 2,
};
