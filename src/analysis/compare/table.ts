/** A comparison as a table: a row for each network and batch size, for files with commas between the values. */
import { onOneLine } from "../../base/text.js";
import type { Comparison } from "./measure.js";

export const COLUMNS = [
  "network",
  "input",
  "parameters",
  "multiply_adds",
  "top1_percent",
  "data_set",
  "source",
  "batch",
  "planned_bytes",
  "ms_a_picture",
  "runs",
] as const;

/** A row of a comparison's table, by column. */
export type Row = Readonly<Record<(typeof COLUMNS)[number], string | number>>;

/** A comparison as a table: a row a network and batch size, by column. Unknown figures are empty. */
export function comparisonRows({ networks }: Comparison): Row[] {
  return networks.flatMap(({ name, input, parameters, multiplyAdds, published, batches }) =>
    batches.map(({ batch, memoryBytes, millisecondsAPicture, runs }) => ({
      network: name,
      input: input.join("x"),
      parameters,
      multiply_adds: multiplyAdds,
      top1_percent: published?.top1 ?? "",
      data_set: published?.data ?? "",
      source: [published?.source, published?.note].filter((text) => text !== undefined).join("; "),
      batch,
      planned_bytes: memoryBytes ?? "",
      ms_a_picture: millisecondsAPicture === undefined ? "" : Number(millisecondsAPicture.toPrecision(6)),
      runs: runs ?? "",
    })),
  );
}

/**
 * RFC 4180, but for lines that end as files do here. A text that a spreadsheet would compute stands behind a quote,
 * which it hides.
 */
export function csv(
  rows: readonly Readonly<Record<string, string | number>>[],
  columns: readonly string[] = COLUMNS,
): string {
  const cell = (value: string | number) => {
    if (typeof value === "number") return String(value);
    const text = onOneLine(/^[=+\-@\t\r]/.test(value) ? `'${value}` : value);
    return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [columns.join(","), ...rows.map((row) => columns.map((name) => cell(row[name] ?? "")).join(","))];
  return `${lines.join("\n")}\n`;
}
