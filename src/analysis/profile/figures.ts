/**
 * A profile's pictures: the time of each layer as bars, and the roofline (Williams, Waterman and Patterson, 2009):
 * operations a second against operations a byte, under what arithmetic and memory allow. Forward is a full shape and
 * backward an outlined one, so that they can be told apart without colours, too.
 */

import type { Markish } from "@observablehq/plot";
import { type Box, boxesAlong, type Labelled } from "../compare/labels.js";
import {
  along,
  FRAME,
  logAxis,
  MARGINS,
  namedDots,
  panel,
  plainNumber,
  RANGE_Y,
  SIZE,
  SOFT,
} from "../compare/plane.js";
import { paint } from "../figures/palette.js";
import { draw, type Paper } from "../figures/paper.js";
import { type Figure, shortened } from "../report/figure.js";
import type { ProfileRow, Roofline } from "./rows.js";

const FORWARD = paint("family1");
const BACKWARD = paint("family2");
const OUTSIDE = paint("soft");

type Side = "forward" | "backward" | "outside layers";
const LOOKS: Readonly<Record<Side, { readonly fill: string; readonly opacity: number; readonly stroke: string }>> = {
  forward: { fill: FORWARD, opacity: 0.9, stroke: FORWARD },
  backward: { fill: BACKWARD, opacity: 0.25, stroke: BACKWARD },
  "outside layers": { fill: OUTSIDE, opacity: 0.35, stroke: OUTSIDE },
};

const sideOf = ({ pass }: ProfileRow): Side => (pass === "forward" || pass === "backward" ? pass : "outside layers");

// --- Time

/** More bars than this, and layers are drawn by the blocks that they are in. */
const MOST_BARS = 44;
const BAR = 19;
const NAME = 26;

export interface Bar {
  readonly name: string;
  readonly side: Side;
  readonly from: number;
  readonly to: number;
}

const WORDS: Readonly<Record<string, string>> = {
  packing: "packing of weights",
  update: "update",
  loss: "loss and metrics",
  other: "other ops",
};

/** Bars, forward first and backward behind it, in the order of the layers; what belongs to no layer comes last. */
export function barsOf(rows: readonly ProfileRow[]): Bar[] {
  const isLayer = (row: ProfileRow) => row.pass === "forward" || row.pass === "backward";
  const inLayers = rows.filter(isLayer);
  // Forward first: the backward pass comes in the opposite order.
  const ordered = [
    ...inLayers.filter(({ pass }) => pass === "forward"),
    ...inLayers.filter(({ pass }) => pass === "backward"),
  ];
  const depth = depthFor(ordered.map(({ layer }) => layer));
  const nameOf = (row: ProfileRow) => (isLayer(row) ? cut(row.layer, depth) || "(network)" : WORDS[row.pass]!);
  const names = [...new Set([...ordered, ...rows.filter((row) => !isLayer(row))].map(nameOf))];
  return names.flatMap((name) => {
    let at = 0;
    const bars: Bar[] = [];
    for (const side of Object.keys(LOOKS) as Side[]) {
      const time = rows
        .filter((row) => nameOf(row) === name && sideOf(row) === side)
        .reduce((sum, { milliseconds }) => sum + milliseconds, 0);
      if (time > 0) bars.push({ name, side, from: at, to: at + time });
      at += time;
    }
    return bars;
  });
}

const cut = (path: string, depth: number): string => path.split(".").slice(0, depth).join(".");

function depthFor(layers: readonly string[]): number {
  let depth = Math.max(1, ...layers.map((layer) => layer.split(".").length));
  while (depth > 1 && new Set(layers.map((layer) => cut(layer, depth))).size > MOST_BARS) depth--;
  return depth;
}

export function timeFigure(paper: Paper, rows: readonly ProfileRow[]): Figure {
  const { barX, gridX, ruleX, text } = paper.plot;
  const bars = barsOf(rows);
  const names = [...new Set(bars.map(({ name }) => name))];
  const total = bars.reduce((sum, { from, to }) => sum + to - from, 0);
  const ends = names.map((name) => {
    const own = bars.filter((bar) => bar.name === name);
    const to = Math.max(...own.map((bar) => bar.to));
    return { name, to, text: `${milliseconds(to)} ms, ${((100 * to) / total).toFixed(1)}%` };
  });
  const longest = Math.max(...ends.map(({ to }) => to));
  const width = SIZE.width + 60;
  const labels = Math.min(NAME, Math.max(...names.map((name) => name.length)));
  const sides = (Object.keys(LOOKS) as Side[]).filter((side) => bars.some((bar) => bar.side === side));
  return draw(paper, "time of each layer", {
    width,
    height: MARGINS.marginTop + MARGINS.marginBottom + BAR * names.length,
    ...MARGINS,
    marginLeft: 20 + 7.4 * labels,
    x: {
      domain: [0, longest * 1.2],
      label: "time of a batch (ms)",
      labelAnchor: "center",
      labelArrow: "none",
      labelOffset: 42,
    },
    y: { domain: names, label: null, tickSize: 0, padding: 0.28, tickFormat: (name: string) => shortened(name, NAME) },
    marks: [
      gridX({ stroke: paint("line"), strokeOpacity: 0.6 }),
      ...sides.map((side) => {
        const { fill, opacity, stroke } = LOOKS[side];
        return barX(
          bars.filter((bar) => bar.side === side),
          { x1: "from", x2: "to", y: "name", fill, fillOpacity: opacity, stroke, strokeWidth: 1, title: barTitle },
        );
      }),
      text(ends, { x: "to", y: "name", text: "text", textAnchor: "start", dx: 6, ...SOFT, fontSize: 11 }),
      ruleX([0], { stroke: paint("ink") }),
      ...key(paper, sides),
    ],
  });
}

const barTitle = ({ name, side, from, to }: Bar): string => `${name}, ${side}: ${milliseconds(to - from)} ms`;
const milliseconds = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toFixed(3);

/** What is what, above the frame. */
function key({ plot: { dot, text } }: Paper, sides: readonly Side[], from = 0): Markish[] {
  let x = from;
  return sides.flatMap((side) => {
    const { fill, opacity, stroke } = LOOKS[side];
    const at = x;
    x += 34 + 7 * side.length;
    const corner = { frameAnchor: "top-left" as const, dy: -18 };
    const square = { symbol: "square" as const, r: 6, fill, fillOpacity: opacity, stroke, strokeWidth: 1 };
    return [
      dot([0], { ...corner, dx: at + 6, ...square }),
      text([side], { ...corner, dx: at + 18, textAnchor: "start", lineAnchor: "middle", fontSize: 12 }),
    ];
  });
}

// --- Roofline

interface Point extends Labelled {
  readonly row: ProfileRow;
  readonly side: Side;
  readonly title: string;
}

const LARGEST_RADIUS = 16;
const MOST_NAMES = 7;
/** Points that are nearer to each other share a name. */
const NEAR = 22;
/** Room for the words at the end of the roof. */
const ROOF_WORDS = 90;
const WIDTH = SIZE.width + ROOF_WORDS;
const RIGHT = MARGINS.marginRight + ROOF_WORDS;
const RANGE_X: [number, number] = [MARGINS.marginLeft, WIDTH - RIGHT];
/** Rows that take less of the time are left out: they would only hide others. */
const LEAST_SHARE = 0.002;

export function rooflineFigure(paper: Paper, rows: readonly ProfileRow[], machine: Roofline): Figure {
  const { dot, line, text } = paper.plot;
  const shown = rows
    .filter(
      ({ operations, share, pass }) =>
        operations > 0 && share >= LEAST_SHARE && (pass === "forward" || pass === "backward"),
    )
    // Large ones lie below small ones.
    .sort((a, b) => b.milliseconds - a.milliseconds);
  const bend = machine.gflops / machine.gigabytesPerSecond;
  const x = logAxis([...shown.map(({ intensity }) => intensity), bend, bend * 4], RANGE_X, 1.6);
  const y = logAxis([...shown.map(({ gflops }) => gflops), machine.gflops, machine.gflops / 8], RANGE_Y, 1.8);
  const most = Math.max(...shown.map((row) => row.milliseconds), 0);
  const points = shown.map((row): Point => {
    return {
      row,
      side: sideOf(row),
      text: row.layer || "(network)",
      x: along(x, row.intensity),
      y: along(y, row.gflops),
      radius: Math.max(2.5, LARGEST_RADIUS * Math.sqrt(row.milliseconds / most)),
      title: `${row.layers.join(", ")} ${row.pass} (${row.computes}, ${row.strategy}): ${milliseconds(row.milliseconds)} ms, ${plainNumber(row.gflops)} GFLOP/s, ${plainNumber(row.intensity)} operations a byte, ${Math.round(100 * row.ofRoofline)}% of the roofline`,
    };
  });
  // The roof as far as the frame goes.
  const at = (intensity: number) => ({
    x: along(x, intensity),
    y: along(y, Math.min(machine.gflops, intensity * machine.gigabytesPerSecond)),
  });
  const low = Math.max(x.domain[0], y.domain[0] / machine.gigabytesPerSecond);
  const [start, corner, end] = [at(low), at(bend), at(x.domain[1])] as const;
  const slope = (180 / Math.PI) * Math.atan2(corner.y - start.y, corner.x - start.x);
  const middle = { x: start.x + 0.7 * (corner.x - start.x), y: start.y + 0.7 * (corner.y - start.y) };
  const taken: Box[] = [
    ...boxesAlong(start.x, start.y, corner.x, corner.y),
    ...boxesAlong(corner.x, corner.y, end.x, end.y),
    { left: middle.x - 45, right: middle.x + 30, top: middle.y - 45, bottom: middle.y },
  ];
  const sides = (["forward", "backward"] as const).filter((side) => points.some((point) => point.side === side));
  return panel(paper, {
    label: "roofline",
    x,
    y,
    xLabel: "operations a byte moved",
    yLabel: "billion operations a second (GFLOP/s)",
    width: WIDTH,
    marginRight: RIGHT,
    marks: [
      line([start, corner, end], { x: "x", y: "y", stroke: paint("ink"), strokeWidth: 1.8 }),
      text([end], {
        x: "x",
        y: "y",
        text: [`peak\n${plainNumber(machine.gflops)} GFLOP/s`],
        dx: 8,
        textAnchor: "start",
        lineAnchor: "middle",
        ...SOFT,
      }),
      text([middle], {
        x: "x",
        y: "y",
        text: [`memory ${plainNumber(machine.gigabytesPerSecond)} GB/s`],
        rotate: slope,
        dx: 9 * Math.sin((slope * Math.PI) / 180),
        dy: -9 * Math.cos((slope * Math.PI) / 180),
        ...SOFT,
      }),
      ...sides.map((side) => {
        const { fill, opacity, stroke } = LOOKS[side];
        const own = points.filter((point) => point.side === side);
        const look = { fill, fillOpacity: opacity * 0.6, stroke, strokeWidth: 1.2 };
        return dot(own, { x: "x", y: "y", r: "radius", ...look, title: "title" });
      }),
      ...names(paper, points, taken),
      ...key(paper, sides, 300),
    ],
  });
}

/** The names of the points that take most of the time, largest first, beside them and over no other point. */
function names(paper: Paper, points: readonly Point[], taken: readonly Box[]): Markish[] {
  const named: { readonly point: Point; readonly near: Point[] }[] = [];
  const others: Box[] = [];
  for (const point of points) {
    const { x, y, radius: r } = point;
    const home = named.find((one) => Math.hypot(one.point.x - x, one.point.y - y) < NEAR);
    if (home !== undefined) home.near.push(point);
    else if (named.length < MOST_NAMES) named.push({ point, near: [] });
    if (named.at(-1)?.point !== point) others.push({ left: x - r, right: x + r, top: y - r, bottom: y + r });
  }
  const dots = named.map(({ point: { x, y, radius, title, side, text }, near }) => {
    const more = new Set(near.map((other) => other.text).filter((other) => other !== text)).size;
    return { x, y, radius, title, colour: LOOKS[side].stroke, text: more === 0 ? text : `${text} + ${more}` };
  });
  // The dots themselves are drawn already, forward and backward in their own ways.
  const [, , ...leadersAndNames] = namedDots(paper, dots, [...taken, ...others], { ...FRAME, right: RANGE_X[1] });
  return leadersAndNames;
}
