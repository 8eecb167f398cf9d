/** A comparison as files in a folder: each figure as SVG and PNG, and the table behind them. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../../base/errors.js";
import { writeFileAtomically } from "../../host/atomic-write-node.js";
import { standalone } from "../figures/standalone.js";
import { newDocument, toPng } from "../report/draw-node.js";
import type { Figure } from "../report/figure.js";
import { accuracyFigures, batchFigures, type NamedFigures, timeFigures } from "./figures.js";
import type { Comparison } from "./measure.js";
import { comparisonRows, csv } from "./table.js";

/** By the name of the file without its extension. */
export function drawComparison({ networks, backend, threads }: Comparison): Map<string, Figure> {
  const document = newDocument();
  const machine = `${backend}, ${threads} ${threads === 1 ? "thread" : "threads"}.`;
  const all = [
    accuracyFigures(document, networks),
    timeFigures(document, networks),
    ...batchFigures(document, networks),
  ];
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

/** The paths of what was written. @throws FileError where it cannot be. */
export async function writeComparison(comparison: Comparison, folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true }).catch((cause: Error) => {
    throw new FileError(`${folder}: could not be made: ${cause.message}`, { cause });
  });
  const written: string[] = [];
  const write = async (name: string, content: string | Uint8Array) => {
    const path = join(folder, name);
    await writeFileAtomically(path, [content]);
    written.push(path);
  };
  for (const [name, figure] of drawComparison(comparison)) {
    await write(`${name}.svg`, figure.svg);
    await write(`${name}.png`, toPng(figure));
  }
  await write("compare.csv", csv(comparisonRows(comparison)));
  return written;
}
