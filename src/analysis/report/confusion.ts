/**
 * The confusion matrix as a figure: rows are what the pictures show, columns what the network says. The colour is the
 * logarithm of the count, clipped, so that the few mistakes show beside the many hits; viridis reads the same for
 * colour-blind eyes.
 */
import type { ConfusionMatrix } from "../../train/evaluate/metrics.js";
import { draw, type Paper } from "../figures/paper.js";
import { type Figure, shortened } from "./figure.js";
import { colour } from "./palette.js";

/** More classes than this are too many to read. */
const MOST_CLASSES = 40;

interface Cell {
  readonly actual: string;
  readonly predicted: string;
  readonly count: number;
  readonly title: string;
}

export interface ConfusionFigure extends Figure {
  /** What was left out, or nothing. */
  readonly note: string;
}

export function confusionFigure(paper: Paper, matrix: ConfusionMatrix, classes: readonly string[]): ConfusionFigure {
  const { cell, text } = paper.plot;
  const kept = mostConfused(matrix);
  // A scale tells its bands apart by name, and two classes may be called the same.
  const name = (label: number) => `${label}`;
  const cells: Cell[] = kept.flatMap((a) =>
    kept.map((p) => ({
      actual: name(a),
      predicted: name(p),
      count: matrix[a]![p]!,
      title: `${classes[a]} taken for ${classes[p]}: ${matrix[a]![p]!}`,
    })),
  );
  const counts = (wrong: boolean) => cells.filter((c) => !wrong || c.actual !== c.predicted).map(({ count }) => count);
  // Hits are many times more than mistakes, which then would be all of one colour.
  const most = Math.max(2, Math.min(Math.max(...counts(false)), 20 * Math.max(1, ...counts(true))));
  const domain = kept.map(name);
  const tick = (label: string) => shortened(classes[Number(label)] ?? label, 12);
  const longest = Math.max(...domain.map((label) => [...tick(label)].length));
  const side = kept.length <= 12 ? 38 : kept.length <= 20 ? 28 : 18;
  const numbers = side >= 28;
  const place = { x: "predicted", y: "actual" } as const;
  const [marginLeft, marginRight, marginBottom] = [36 + 7.5 * longest, 58, 14];
  const marginTop = longest > 2 ? 48 + 5.5 * longest : 58;
  const isBright = ({ count }: Cell) => Math.log(2 * count) / Math.log(2 * most) > 0.6;
  const counted = cells.filter(({ count }) => count > 0);
  const digits = { ...place, text: (d: Cell) => shown(d.count), fontSize: side === 38 ? 12 : 9.5 };
  const recall = kept.map((a) => {
    const row = matrix[a]!;
    const all = row.reduce((sum, n) => sum + n, 0);
    return { actual: name(a), text: all === 0 ? "" : `${((100 * row[a]!) / all).toFixed(1)}%` };
  });
  const figure = draw(paper, "confusion matrix", {
    width: Math.round(marginLeft + marginRight + side * kept.length),
    height: Math.round(marginTop + marginBottom + side * kept.length),
    marginLeft,
    marginRight,
    marginTop,
    marginBottom,
    x: {
      domain,
      axis: "top",
      label: "the network says",
      labelAnchor: "center",
      labelArrow: "none",
      labelOffset: marginTop - 14,
      tickFormat: tick,
      tickSize: 0,
      tickRotate: longest > 2 ? -45 : 0,
      padding: 0,
    },
    y: {
      domain,
      label: "the picture shows",
      labelAnchor: "center",
      labelArrow: "none",
      labelOffset: marginLeft - 8,
      tickFormat: tick,
      tickSize: 0,
      padding: 0,
    },
    // Not from 1 on, which would be the darkest colour.
    color: { type: "log", scheme: "viridis", domain: [0.5, most], clamp: true },
    marks: [
      cell(cells, { ...place, fill: colour("empty"), inset: 0.75 }),
      cell(counted, { ...place, fill: "count", inset: 0.75, title: "title" }),
      ...(numbers
        ? [
            text(counted.filter(isBright), { ...digits, fill: "#1b0a26" }),
            text(
              counted.filter((d) => !isBright(d)),
              { ...digits, fill: "#ffffff" },
            ),
          ]
        : []),
      text(recall, {
        y: "actual",
        text: "text",
        frameAnchor: "right",
        textAnchor: "start",
        dx: 8,
        fontSize: side === 18 ? 10 : 12,
        fill: colour("soft"),
      }),
    ],
  });
  const note =
    kept.length < matrix.length ? `The ${kept.length} of ${matrix.length} classes with the most mistakes.` : "";
  return { ...figure, note };
}

/** The labels of the classes that take part in most mistakes, in their order. */
function mostConfused(matrix: ConfusionMatrix): number[] {
  const labels = matrix.map((_, label) => label);
  if (labels.length <= MOST_CLASSES) return labels;
  const mistakes = labels.map((label) =>
    labels.reduce((sum, other) => sum + (other === label ? 0 : matrix[label]![other]! + matrix[other]![label]!), 0),
  );
  return labels
    .sort((a, b) => mistakes[b]! - mistakes[a]!)
    .slice(0, MOST_CLASSES)
    .sort((a, b) => a - b);
}

const shown = (count: number) => (count < 10_000 ? String(count) : `${Math.round(count / 1000)}k`);
