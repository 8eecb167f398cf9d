/**
 * A profile's pictures: the time of each layer as bars, and the roofline (Williams, Waterman and Patterson, 2009): operations a
 * second against operations a byte, under what arithmetic and memory allow. Forward is a full shape and backward an outlined
 * one, so that they can be told apart without colours, too.
 */
import { barX, dot, gridX, line, type Markish, ruleX, text } from "@observablehq/plot";
import { type Box, boxesAlong, type Labelled } from "../compare/labels.js";
import {
  along,
  logAxis,
  MARGINS,
  namedDots,
  panel,
  plainNumber,
  RANGE_Y,
  rangeX,
  SIZE,
  SOFT,
} from "../compare/plane.js";
import { paint } from "../figures/palette.js";
import { draw, type Figure, shortened } from "../report/figure.js";
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
  const nameOf = (row: ProfileRow) => (isLayer(row) ? cut(row.layer, depth) : WORDS[row.pass]!);
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

export function timeFigure(document: Document, rows: readonly ProfileRow[]): Figure {
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
  return draw(document, "time of each layer", {
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
      ...key(sides),
    ],
  });
}

const barTitle = ({ name, side, from, to }: Bar): string => `${name}, ${side}: ${milliseconds(to - from)} ms`;
const milliseconds = (value: number): string => plainNumber(Number(value.toPrecision(3)));

/** What is what, above the frame. */
function key(sides: readonly Side[]): Markish[] {
  let x = 0;
  return sides.flatMap((side) => {
    const { fill, opacity, stroke } = LOOKS[side];
    const at = x;
    x += 34 + 7 * side.length;
    const corner = { frameAnchor: "top-left" as const, dy: -18 };
    const square = { symbol: "square" as const, r: 6, fill, fillOpacity: opacity, stroke, strokeWidth: 1 };
    return [
      dot([0], { ...corner, dx: at + 6, ...square }),
      text([side], { ...corner, dx: at + 18, textAnchor: "start", fontSize: 12 }),
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
const MOST_NAMES = 9;
/** Rows that take less of the time are left out: they would only hide others. */
const LEAST_SHARE = 0.002;

export function rooflineFigure(document: Document, rows: readonly ProfileRow[], machine: Roofline): Figure {
  const shown = rows
    .filter(
      ({ operations, share, pass }) =>
        operations > 0 && share >= LEAST_SHARE && (pass === "forward" || pass === "backward"),
    )
    // Large ones lie below small ones.
    .sort((a, b) => b.milliseconds - a.milliseconds);
  const bend = machine.gflops / machine.gigabytesPerSecond;
  const x = logAxis([...shown.map(({ intensity }) => intensity), bend, bend * 4], rangeX(MARGINS.marginRight), 1.6);
  const y = logAxis([...shown.map(({ gflops }) => gflops), machine.gflops, machine.gflops / 8], RANGE_Y, 1.8);
  const most = Math.max(...shown.map((row) => row.milliseconds), 0);
  const points = shown.map((row): Point => {
    return {
      row,
      side: sideOf(row),
      text: row.layer,
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
  const middle = { x: (start.x + corner.x) / 2, y: (start.y + corner.y) / 2 };
  const peakWords = `peak ${plainNumber(machine.gflops)} GFLOP/s`;
  const taken: Box[] = [
    ...boxesAlong(start.x, start.y, corner.x, corner.y),
    ...boxesAlong(corner.x, corner.y, end.x, end.y),
    { left: end.x - 7 * peakWords.length - 6, right: end.x, top: end.y - 20, bottom: end.y },
  ];
  const named = points.slice(0, MOST_NAMES);
  const sides = (["forward", "backward"] as const).filter((side) => points.some((point) => point.side === side));
  return panel(document, {
    label: "roofline",
    x,
    y,
    xLabel: "operations a byte moved",
    yLabel: "billion operations a second (GFLOP/s)",
    marks: [
      line([start, corner, end], { x: "x", y: "y", stroke: paint("ink"), strokeWidth: 1.8 }),
      text([end], { x: "x", y: "y", text: [peakWords], dy: -10, dx: -4, textAnchor: "end", ...SOFT }),
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
      ...names(named, points, taken),
      ...key(sides),
    ],
  });
}

/** The names of the points that take most of the time, beside them and over no other point. */
function names(named: readonly Point[], points: readonly Point[], taken: readonly Box[]): Markish[] {
  const others = points
    .slice(named.length)
    .map(({ x, y, radius: r }): Box => ({ left: x - r, right: x + r, top: y - r, bottom: y + r }));
  const plain = named.map(({ x, y, radius, text, title, side }) => ({
    x,
    y,
    radius,
    text,
    title,
    colour: LOOKS[side].stroke,
  }));
  // The dots themselves are drawn already, forward and backward in their own ways.
  const [, , ...leadersAndNames] = namedDots(plain, [...taken, ...others]);
  return leadersAndNames;
}
