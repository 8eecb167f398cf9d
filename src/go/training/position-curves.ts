/**
 * The curves of a run on positions of games: over the positions that it has seen, top-1 and top-5 on the test sample,
 * and both losses.
 */
import { draw, type Paper } from "../../analysis/figures/paper.js";
import type { Figure } from "../../analysis/report/figure.js";
import { colour, type Role } from "../../analysis/report/palette.js";
import type { EpochRecord } from "../../train/records.js";

interface Curve {
  readonly name: string;
  readonly role: Role;
  readonly dashed: boolean;
  readonly points: readonly { readonly positions: number; readonly value: number }[];
}

const WIDTH = 430;
const HEIGHT = 290;

/**
 * @param history at least one evaluation
 * @param each positions between evaluations
 */
export function positionsFigures(
  paper: Paper,
  history: readonly EpochRecord[],
  each: number,
): { readonly accuracy: Figure; readonly loss: Figure } {
  const points = (figureOf: (record: EpochRecord) => number | undefined) =>
    history.flatMap((record) => {
      const value = figureOf(record);
      return value === undefined || !Number.isFinite(value) ? [] : [{ positions: record.epoch * each, value }];
    });
  const percent = (value: number) => `${Number((100 * value).toFixed(2))}%`;
  return {
    accuracy: figure(paper, "test accuracy", percent, [
      { name: "top-5", role: "training", dashed: false, points: points(({ test }) => test?.top5) },
      { name: "top-1", role: "test", dashed: true, points: points(({ test }) => test?.accuracy) },
    ]),
    loss: figure(paper, "loss", (value) => String(Number(value.toPrecision(3))), [
      { name: "training", role: "training", dashed: false, points: points(({ train }) => train.loss) },
      { name: "test", role: "test", dashed: true, points: points(({ test }) => test?.loss) },
    ]),
  };
}

function figure(paper: Paper, label: string, format: (value: number) => string, curves: readonly Curve[]): Figure {
  const { dot, gridY, line, text } = paper.plot;
  const most = Math.max(...curves.flatMap(({ points }) => points.map(({ positions }) => positions)));
  const [unit, name] =
    most >= 2e6 ? [1e6, "million positions"] : most >= 2e3 ? [1e3, "thousand positions"] : [1, "positions"];
  const x = { x: ({ positions }: { readonly positions: number }) => positions / unit, y: "value" } as const;
  return draw(paper, `${label} by positions`, {
    width: WIDTH,
    height: HEIGHT,
    marginTop: 42,
    marginLeft: 58,
    marginRight: 18,
    marginBottom: 44,
    x: { label: name, labelAnchor: "center", labelArrow: "none", labelOffset: 38, domain: [0, most / unit], ticks: 5 },
    y: { label, labelArrow: "none", labelOffset: 56, nice: true, ticks: 5, tickFormat: format },
    marks: [
      gridY({ stroke: colour("line"), strokeOpacity: 1, ticks: 5 }),
      ...curves.flatMap(({ name, role, dashed, points }, i) => [
        line(points, { ...x, stroke: colour(role), strokeWidth: 2, ...(dashed ? { strokeDasharray: "6 3" } : {}) }),
        dot(points, {
          ...x,
          r: 3.5,
          stroke: colour(role),
          strokeWidth: dashed ? 2 : 0,
          fill: colour(dashed ? "paper" : role),
          title: ({ positions, value }: { positions: number; value: number }) =>
            `${positions.toLocaleString("en")} positions, ${name} ${format(value)}`,
        }),
        text([`${dashed ? "○" : "●"} ${name}`], {
          frameAnchor: "top-right",
          textAnchor: "end",
          dx: i === 0 ? -68 : 0,
          dy: -33,
          fill: colour(role),
          fontWeight: 600,
        }),
      ]),
    ],
  });
}
