/** Loss and accuracy over the epochs, on the training and the test pictures. */
import type { EpochRecord } from "../../train/records.js";
import { draw, type Paper } from "../figures/paper.js";
import type { Figure } from "./figure.js";
import { colour } from "./palette.js";

interface Point {
  readonly epoch: number;
  readonly value: number;
}

interface Curve {
  readonly label: string;
  readonly training: readonly Point[];
  readonly test: readonly Point[];
  format(value: number): string;
  readonly log: boolean;
}

const WIDTH = 430;
const HEIGHT = 290;
/** Losses further apart than this are drawn on a logarithmic scale. */
const WIDE_RANGE = 30;

/** @param history at least one epoch */
export function curves(paper: Paper, history: readonly EpochRecord[]): { loss: Figure; accuracy: Figure } {
  const points = (half: "train" | "test", figure: "loss" | "accuracy") =>
    history.flatMap((record) => {
      const value = record[half]?.[figure];
      return value === undefined || !Number.isFinite(value) ? [] : [{ epoch: record.epoch, value }];
    });
  const losses = [...points("train", "loss"), ...points("test", "loss")].map(({ value }) => value);
  const log = Math.min(...losses) > 0 && Math.max(...losses) > WIDE_RANGE * Math.min(...losses);
  return {
    loss: curve(paper, {
      label: log ? "loss (logarithmic)" : "loss",
      training: points("train", "loss"),
      test: points("test", "loss"),
      format: (value) => String(Number(value.toPrecision(3))),
      log,
    }),
    accuracy: curve(paper, {
      label: "accuracy",
      training: points("train", "accuracy"),
      test: points("test", "accuracy"),
      format: (value) => `${Number((100 * value).toFixed(2))}%`,
      log: false,
    }),
  };
}

function curve(paper: Paper, { label, training, test, format, log }: Curve): Figure {
  const { dot, gridY, line, ruleX, text } = paper.plot;
  const epochs = [...training, ...test].map(({ epoch }) => epoch);
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
  const values = [...training, ...test].map(({ value }) => value);
  const range: readonly [number, number] = [Math.min(...values) / 1.2, Math.max(...values) * 1.2];
  const ticks = log ? logTicks(...range) : 5;
  const x = { x: "epoch", y: "value" } as const;
  const named = (half: string) => (point: Point) => `epoch ${point.epoch}, ${half} ${format(point.value)}`;
  const legend = (words: string, role: "training" | "test", dx: number) => [
    text([words], { frameAnchor: "top-right", textAnchor: "end", dx, dy: -33, fill: colour(role), fontWeight: 600 }),
  ];
  return draw(paper, `${label} by epoch`, {
    width: WIDTH,
    height: HEIGHT,
    marginTop: 42,
    marginLeft: 58,
    marginRight: 18,
    marginBottom: 44,
    x: {
      label: "epoch",
      labelAnchor: "center",
      labelArrow: "none",
      labelOffset: 38,
      // One epoch stands in the middle.
      domain: first === last ? [first - 1, first + 1] : [first, last],
      ticks: wholeTicks(first, last),
      tickFormat: (epoch: number) => String(epoch),
    },
    y: {
      label,
      labelArrow: "none",
      labelOffset: 56,
      type: log ? "log" : "linear",
      zero: !log && label === "loss",
      ...(log ? { domain: range } : { nice: true }),
      ticks,
      tickFormat: format,
    },
    marks: [
      gridY({ stroke: colour("line"), strokeOpacity: 1, ticks }),
      ruleX([first === last ? first - 1 : first], { stroke: colour("line") }),
      line(training, { ...x, stroke: colour("training"), strokeWidth: 2 }),
      line(test, { ...x, stroke: colour("test"), strokeWidth: 2, strokeDasharray: "6 3" }),
      ...(epochs.length <= 80
        ? [
            dot(training, { ...x, fill: colour("training"), r: 3.5, title: named("training") }),
            dot(test, {
              ...x,
              stroke: colour("test"),
              strokeWidth: 2,
              fill: colour("paper"),
              r: 3.5,
              title: named("test"),
            }),
          ]
        : []),
      ...legend("● training", "training", test.length > 0 ? -68 : 0),
      ...(test.length > 0 ? legend("○ test", "test", 0) : []),
    ],
  });
}

/** At most ten whole numbers, a round step apart. */
function wholeTicks(first: number, last: number): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((n) => (last - first) / n <= 10) ?? last - first;
  const ticks = [];
  for (let epoch = first; epoch <= last; epoch++) if (step === 1 || epoch % step === 0) ticks.push(epoch);
  return ticks;
}

/** 1, 2 and 5 times powers of ten; the powers alone where these are many. */
function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low);
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
    for (const digit of decades > 1.8 ? [1] : [1, 2, 5]) ticks.push(Number(`${digit}e${power}`));
  return ticks.filter((tick) => tick >= low && tick <= high);
}
