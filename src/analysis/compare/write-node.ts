/** A comparison as files in a folder: each figure as SVG and PNG, and the table behind them. */
import { paperOn } from "../figures/paper.js";
import { standalone } from "../figures/standalone.js";
import { writeFigures } from "../figures/write-figures-node.js";
import { newDocument } from "../report/draw-node.js";
import type { Figure } from "../report/figure.js";
import { accuracyFigures, batchFigures, type NamedFigures, timeFigures } from "./figures.js";
import type { Comparison } from "./measure.js";
import { comparisonRows, csv } from "./table.js";

/**
 * By the name of the file without its extension. @throws BackendError where a package is missing that figures are drawn
 * with.
 */
export async function drawComparison({ networks, backend, threads }: Comparison): Promise<Map<string, Figure>> {
  const paper = await paperOn(newDocument());
  const machine = `${backend}, ${threads} ${threads === 1 ? "thread" : "threads"}.`;
  const all = [accuracyFigures(paper, networks), timeFigures(paper, networks), ...batchFigures(paper, networks)];
  const isTimed = ({ name }: NamedFigures) => name.startsWith("time");
  return new Map(
    all
      .filter((named): named is NamedFigures => named !== undefined)
      .map((named) => {
        const note = isTimed(named) ? `${named.note} Measured on ${machine}` : named.note;
        return [named.name, standalone(named.figures, { title: named.title, note, columns: 2 })];
      }),
  );
}

/** The paths of what was written. @throws FileError where it cannot be; as `drawComparison`. */
export async function writeComparison(comparison: Comparison, folder: string): Promise<string[]> {
  return writeFigures(folder, await drawComparison(comparison), { "compare.csv": csv(comparisonRows(comparison)) });
}
