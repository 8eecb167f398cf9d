/**
 * The pictures of Canziani, Paszke and Culurciello (2017): accuracy against operations with the area of a dot for
 * parameters (their figure 2), time against operations (9), and time and memory against the batch size (3 and 5).
 */

import type { Markish } from "@observablehq/plot";
import { lineChart } from "../figures/line-chart.js";
import { paint } from "../figures/palette.js";
import type { Paper } from "../figures/paper.js";
import type { Figure } from "../report/figure.js";
import { colourOf, dashOf } from "./families.js";
import { type Box, boxesAlong } from "./labels.js";
import type { ComparedNetwork } from "./measure.js";
import {
  along,
  FRAME,
  linearAxis,
  logAxis,
  MARGINS,
  type NamedDot,
  namedDots,
  panel,
  plainNumber,
  RANGE_Y,
  rangeX,
  SIZE,
  SOFT,
} from "./plane.js";

export interface NamedFigures {
  readonly name: string;
  readonly title: string;
  readonly note: string;
  /** Side by side. */
  readonly figures: readonly Figure[];
}

const GIGA = 1e9;
const OPERATIONS = "multiply-adds for one picture (billions)";

// --- Accuracy against operations

/** One panel a data set: accuracies on different ones cannot be compared. */
export function accuracyFigures(paper: Paper, networks: readonly ComparedNetwork[]): NamedFigures | undefined {
  const known = networks.filter(({ published }) => published !== undefined);
  if (known.length === 0) return undefined;
  const sets = [...new Set(known.map(({ published }) => published!.data))];
  const missing = networks.filter(({ published }) => published === undefined).map(({ name }) => name);
  return {
    name: "accuracy-operations",
    title: "Accuracy against operations",
    note: `Published top-1 accuracy; the area of a dot is the number of parameters.${missing.length === 0 ? "" : ` No published accuracy: ${missing.join(", ")}.`}`,
    figures: sets.map((data) =>
      accuracyPanel(
        paper,
        data,
        known.filter(({ published }) => published!.data === data),
        sets.length === 1 && known.length > MANY ? WIDE : SIZE.width,
      ),
    ),
  };
}

const LARGEST_RADIUS = 30;
/** More networks than these get the width of two panels, where there is one alone: names stand beside their own dots. */
const MANY = 8;
const WIDE = 960;

function accuracyPanel(paper: Paper, data: string, networks: readonly ComparedNetwork[], width: number): Figure {
  const frame = { ...FRAME, right: width - 4 };
  const largest = Math.max(...networks.map(({ parameters }) => parameters));
  const x = logAxis(
    networks.map(({ multiplyAdds }) => multiplyAdds / GIGA),
    rangeX(MARGINS.marginRight, width),
    1.7,
  );
  const tops = networks.map(({ published }) => published!.top1);
  const y = linearAxis(tops, RANGE_Y, Math.max(0.3, (Math.max(...tops) - Math.min(...tops)) * 0.12));
  const radius = (parameters: number) => Math.max(2.5, LARGEST_RADIUS * Math.sqrt(parameters / largest));
  const dots = [...networks]
    // Large ones lie below small ones.
    .sort((a, b) => b.parameters - a.parameters)
    .map(({ name, multiplyAdds, parameters, published }): NamedDot => {
      const giga = multiplyAdds / GIGA;
      return {
        text: name,
        x: along(x, giga),
        y: along(y, published!.top1),
        radius: radius(parameters),
        colour: colourOf(name),
        title: `${name}: ${published!.top1}%, ${plainNumber(giga)} billion multiply-adds, ${(parameters / 1e6).toPrecision(3)} million parameters`,
      };
    });
  const samples = niceSizes(networks.map(({ parameters }) => parameters));
  return panel(paper, {
    label: `${data}: top-1 accuracy against operations`,
    x,
    y,
    xLabel: OPERATIONS,
    yLabel: `top-1 accuracy on ${data} (%)`,
    width,
    marks: [...namedDots(paper, dots, [keyBox(samples, radius, frame)], frame), ...sizeKey(paper, samples, radius)],
  });
}

/** Circles one in another with what their areas stand for, in the lower right corner. */
function sizeKey(
  { plot: { dot, text } }: Paper,
  samples: readonly number[],
  radius: (parameters: number) => number,
): Markish[] {
  const widest = radius(samples.at(-1)!);
  const middle = -(widest + KEY_WORDS + 8);
  return samples.flatMap((count) => {
    const r = radius(count);
    const corner = { frameAnchor: "bottom-right" as const };
    const height = -10 - 2 * r;
    return [
      dot([0], { ...corner, dx: middle, dy: -10 - r, r, stroke: paint("soft"), strokeWidth: 1 }),
      text([`${plainNumber(count / 1e6)} M`], {
        ...corner,
        dx: -8,
        dy: height + 4,
        textAnchor: "end",
        ...SOFT,
        fontSize: 11,
      }),
    ];
  });
}

const KEY_WORDS = 44;

function keyBox(samples: readonly number[], radius: (parameters: number) => number, frame: Box): Box {
  const widest = radius(samples.at(-1)!);
  return {
    left: frame.right - 2 * widest - KEY_WORDS - 34,
    right: frame.right,
    top: frame.bottom - 2 * widest - 24,
    bottom: frame.bottom,
  };
}

/** At most three round numbers up to the largest, whose circles are far enough apart for their words. */
function niceSizes(counts: readonly number[]): number[] {
  const round = (value: number) => {
    const power = 10 ** Math.floor(Math.log10(value));
    return power * ([5, 2, 1].find((digit) => digit * power <= value) ?? 1);
  };
  const largest = round(Math.max(...counts));
  return [round(largest / 12), round(largest / 3), largest];
}

// --- Time against operations

/** At one batch size a panel: the smallest and the largest that all networks were measured at. */
export function timeFigures(paper: Paper, networks: readonly ComparedNetwork[]): NamedFigures | undefined {
  const measured = networks.filter(({ batches }) => batches.some((b) => b.millisecondsAPicture !== undefined));
  const common = (measured[0]?.batches ?? [])
    .map(({ batch }) => batch)
    .filter((batch) => measured.every((network) => timeAt(network, batch) !== undefined));
  if (measured.length === 0 || common.length === 0) return undefined;
  const shown = [...new Set([common[0]!, common.at(-1)!])];
  return {
    name: "time-operations",
    title: "Time against operations",
    note: "Dotted: the middle one of the networks' speeds, in billions of multiply-adds a second.",
    figures: shown.map((batch) => timePanel(paper, measured, batch, shown)),
  };
}

const timeAt = ({ batches }: ComparedNetwork, batch: number): number | undefined =>
  batches.find((b) => b.batch === batch)?.millisecondsAPicture;

function timePanel(
  paper: Paper,
  networks: readonly ComparedNetwork[],
  batch: number,
  shown: readonly number[],
): Figure {
  const x = logAxis(
    networks.map(({ multiplyAdds }) => multiplyAdds / GIGA),
    rangeX(MARGINS.marginRight),
    1.9,
  );
  // Panels side by side have the same heights.
  const y = logAxis(
    networks.flatMap((network) => shown.map((b) => timeAt(network, b)!)),
    RANGE_Y,
    1.7,
  );
  const dots = networks.map((network): NamedDot => {
    const [giga, ms] = [network.multiplyAdds / GIGA, timeAt(network, batch)!];
    return {
      text: network.name,
      x: along(x, giga),
      y: along(y, ms),
      radius: 4,
      colour: colourOf(network.name),
      title: `${network.name}: ${plainNumber(ms)} ms a picture, ${plainNumber(giga)} billion multiply-adds`,
    };
  });
  const speeds = networks
    .map((network) => network.multiplyAdds / (timeAt(network, batch)! * 1e6))
    .sort((a, b) => a - b);
  const speed = speeds[speeds.length >> 1]!;
  const [low, high] = [
    Math.max(x.domain[0], (speed * y.domain[0]) / 1000),
    Math.min(x.domain[1], (speed * y.domain[1]) / 1000),
  ];
  const end = (giga: number) => [along(x, giga), along(y, (1000 * giga) / speed)] as const;
  const [[x1, y1], [x2, y2]] = [end(low), end(high)];
  const { link, text } = paper.plot;
  return panel(paper, {
    label: `time a picture against operations at batch ${batch}`,
    x,
    y,
    xLabel: OPERATIONS,
    yLabel: "time a picture (ms)",
    marks: [
      link([{ x1, y1, x2, y2 }], {
        x1: "x1",
        y1: "y1",
        x2: "x2",
        y2: "y2",
        stroke: paint("soft"),
        strokeDasharray: "2 4",
        strokeWidth: 1.5,
      }),
      ...namedDots(paper, dots, boxesAlong(x1, y1, x2, y2)),
      text([`batch ${batch}`], { frameAnchor: "top-right", dy: -30, textAnchor: "end", fontWeight: 600 }),
      text([`dotted: ${plainNumber(speed)} billion a second`], {
        frameAnchor: "bottom-right",
        dx: -6,
        dy: -8,
        textAnchor: "end",
        ...SOFT,
      }),
    ],
  });
}

// --- Against the batch size

export function batchFigures(paper: Paper, networks: readonly ComparedNetwork[]): NamedFigures[] {
  const time = curves(networks, ({ millisecondsAPicture }) => millisecondsAPicture);
  const memory = curves(networks, ({ memoryBytes }) => (memoryBytes === undefined ? undefined : memoryBytes / 2 ** 20));
  const of = (name: string, title: string, note: string, unit: string, lines: readonly Curve[]): NamedFigures[] =>
    lines.length === 0
      ? []
      : [{ name, title, note, figures: [curvePanel(paper, `${title.toLowerCase()}`, unit, lines)] }];
  return [
    ...of(
      "time-batch",
      "Time a picture against batch size",
      "Measured; the median of several runs.",
      "time a picture (ms)",
      time,
    ),
    ...of(
      "memory-batch",
      "Memory against batch size",
      "Planned for inference: weights, packed weights, activations and the pictures themselves.",
      "memory (MiB)",
      memory,
    ),
  ];
}

interface Curve {
  readonly name: string;
  readonly points: readonly { readonly batch: number; readonly value: number }[];
}

function curves(
  networks: readonly ComparedNetwork[],
  of: (figures: ComparedNetwork["batches"][number]) => number | undefined,
): Curve[] {
  return networks
    .map(({ name, batches }) => ({
      name,
      points: batches.flatMap((figures) => {
        const value = of(figures);
        return value === undefined ? [] : [{ batch: figures.batch, value }];
      }),
    }))
    .filter(({ points }) => points.length > 0);
}

function curvePanel(paper: Paper, label: string, yLabel: string, lines: readonly Curve[]): Figure {
  const batches = [...new Set(lines.flatMap(({ points }) => points.map(({ batch }) => batch)))].sort((a, b) => a - b);
  const [first, last] = [batches[0]!, batches.at(-1)!];
  const drawn = lines.map(({ name }) => name);
  return lineChart(paper, {
    label,
    x: {
      label: "pictures at once (batch size)",
      scale: "log",
      domain: first === last ? [first / 2, first * 2] : [first / 1.08, last * 1.08],
      ticks: batches,
    },
    y: { label: yLabel, scale: "log" },
    lines: lines.map(({ name, points }) => ({
      name,
      points: points.map(({ batch, value }) => ({ x: batch, y: value })),
      colour: colourOf(name),
      dash: dashOf(name, drawn),
    })),
  });
}
