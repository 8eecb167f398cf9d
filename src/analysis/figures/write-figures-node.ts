/** Figures as files in a folder, with the tables behind them. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../../base/errors.js";
import { writeFileAtomically } from "../../host/atomic-write-node.js";
import { toPng } from "../report/draw-node.js";
import type { Figure } from "../report/figure.js";

/**
 * Each figure as SVG and PNG, by the name of the file without its extension; each table by the name of its file. Gives
 * the paths of what was written.
 * @throws FileError where it cannot be.
 */
export async function writeFigures(
  folder: string,
  figures: ReadonlyMap<string, Figure>,
  tables: Readonly<Record<string, string>>,
): Promise<string[]> {
  await mkdir(folder, { recursive: true }).catch((cause: Error) => {
    throw new FileError(`${folder}: could not be made: ${cause.message}`, { cause });
  });
  const written: string[] = [];
  const write = async (name: string, content: string | Uint8Array) => {
    const path = join(folder, name);
    await writeFileAtomically(path, [content]);
    written.push(path);
  };
  for (const [name, figure] of figures) {
    await write(`${name}.svg`, figure.svg);
    await write(`${name}.png`, toPng(figure));
  }
  for (const [name, table] of Object.entries(tables)) await write(name, table);
  return written;
}
