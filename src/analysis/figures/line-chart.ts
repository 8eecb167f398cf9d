/**
 * Lines with their names at their right ends: what something comes to as something else grows. Lines are told apart by
 * colour, by dash and by name. Axes are linear or logarithmic, with round ticks over what the lines reach unless said.
 */
import { inAColumn, textWidth } from "../compare/labels.js";
import { type Axis, along, logAxis, MARGINS, panel, plainNumber, RANGE_Y, SIZE } from "../compare/plane.js";
import type { Figure } from "../report/figure.js";
import type { ChartAxis, LineChart } from "./chart-options.js";
import { type Paint, paint } from "./palette.js";
import type { Paper } from "./paper.js";

const COLOURS: readonly Paint[] = ["family1", "family2", "family3", "family4", "family5", "family6"];
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "12 4", "4 2"];
/** Between a line's end and its name. */
const LEADER = 14;
/** Lines of more points than this are drawn without dots. */
const MOST_DOTS = 40;

/** @param options lines of at least one finite point in all */
export function lineChart(paper: Paper, options: LineChart): Figure {
  const { dot, line, link, text } = paper.plot;
  const lines = options.lines
    .map(({ name, points, colour, dash }, i) => ({
      name,
      points: points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)),
      colour: colour ?? paint(COLOURS[i % COLOURS.length]!),
      dash: dash ?? DASHES[i % DASHES.length]!,
    }))
    .filter(({ points }) => points.length > 0);
  const all = lines.flatMap(({ points }) => points);
  const edge = MARGINS.marginLeft + (options.width ?? 492);
  const names = Math.max(...lines.map(({ name }) => textWidth(name)));
  const xAxis = axisOf(
    options.x,
    all.map(({ x }) => x),
    [MARGINS.marginLeft, edge],
  );
  const yAxis = axisOf(
    options.y,
    all.map(({ y }) => y),
    RANGE_Y,
  );
  const ends = lines.map(({ points }) => along(yAxis, points.at(-1)!.y));
  const places = inAColumn(ends, MARGINS.marginTop - 4, SIZE.height - MARGINS.marginBottom + 4);
  const { heading } = options;
  return panel(paper, {
    label: options.label,
    x: xAxis,
    y: yAxis,
    xLabel: options.x.label,
    yLabel: options.y.label,
    width: Math.ceil(edge + LEADER + 8 + names),
    marginRight: Math.ceil(LEADER + 8 + names),
    marks: [
      ...(heading === undefined
        ? []
        : [text([heading], { frameAnchor: "top-right", dy: -30, textAnchor: "end", fontWeight: 600 })]),
      ...lines.flatMap(({ name, points, colour, dash }, i) => {
        const placed = points.map(({ x, y }) => ({
          x: along(xAxis, x),
          y: along(yAxis, y),
          title: `${name}, ${plainNumber(x)}: ${plainNumber(y)}`,
        }));
        const [end, place] = [placed.at(-1)!, places[i]!];
        // From the last point to the name, which may have had to give way to others.
        const leader = { x1: end.x + 4, y1: end.y, x2: edge + LEADER, y2: place };
        return [
          line(placed, { x: "x", y: "y", stroke: colour, strokeWidth: 1.8, strokeDasharray: dash }),
          ...(points.length > MOST_DOTS ? [] : [dot(placed, { x: "x", y: "y", r: 2.6, fill: colour, title: "title" })]),
          link([leader], {
            x1: "x1",
            y1: "y1",
            x2: "x2",
            y2: "y2",
            stroke: colour,
            strokeOpacity: 0.6,
            strokeWidth: 0.8,
          }),
          text([{ x: edge + LEADER + 4, y: place }], {
            x: "x",
            y: "y",
            text: [name],
            textAnchor: "start",
            fontSize: 12,
          }),
        ];
      }),
    ],
  });
}

function axisOf({ scale = "linear", domain, ticks }: ChartAxis, values: readonly number[], range: Axis["range"]): Axis {
  const axis =
    scale === "log"
      ? logAxis(domain ?? values, range, domain === undefined ? 1.3 : 1)
      : linear(domain ?? values, range, domain !== undefined);
  return ticks === undefined ? axis : { ...axis, ticks };
}

/** At most seven steps of 1, 2 or 5 times a power of ten, over whole steps unless the extent is `fixed`. */
function linear(values: readonly number[], range: Axis["range"], fixed: boolean): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const extent = most > least ? most - least : Math.abs(most) || 1;
  const power = 10 ** Math.floor(Math.log10(extent / 7));
  const step = power * [1, 2, 5, 10].find((digit) => extent / (digit * power) <= 7)!;
  const [first, last] = fixed
    ? [Math.ceil(least / step - 1e-9), Math.floor(most / step + 1e-9)]
    : [Math.floor(least / step), Math.max(Math.ceil(most / step), Math.floor(least / step) + 1)];
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  return { type: "linear", domain: fixed ? [least, most] : [ticks[0]!, ticks.at(-1)!], range, ticks };
}
