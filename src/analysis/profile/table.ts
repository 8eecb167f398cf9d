/** A profile as a table of plain values: a row for each row of each program, in the order in which they run. */
import type { Profile } from "./profile-node.js";
import type { ProfileRow } from "./rows.js";

export const PROFILE_COLUMNS = [
  "program",
  "batch",
  "layers",
  "pass",
  "computes",
  "strategy",
  "steps",
  "ms",
  "share",
  "multiply_adds",
  "operations",
  "bytes",
  "gflops",
  "operations_a_byte",
  "of_roofline",
] as const;

/** A row of a profile's table, by column. */
export type ProfileTableRow = Readonly<Record<(typeof PROFILE_COLUMNS)[number], string | number>>;

/** A profile as a table: rows of texts by column, for the terminal or a file. */
export function profileRows({ programs }: Profile): ProfileTableRow[] {
  return programs.flatMap(({ what, batch, rows }) => rows.map((row) => asTableRow(what, batch, row)));
}

const rounded = (value: number): number => Number(value.toPrecision(6));

function asTableRow(program: string, batch: number, row: ProfileRow): ProfileTableRow {
  return {
    program,
    batch,
    layers: row.layers.join(" "),
    pass: row.pass,
    computes: row.computes,
    strategy: row.strategy,
    steps: row.steps.length,
    ms: rounded(row.milliseconds),
    share: rounded(row.share),
    multiply_adds: row.multiplyAdds,
    operations: row.operations,
    bytes: row.bytes,
    gflops: rounded(row.gflops),
    operations_a_byte: rounded(row.intensity),
    of_roofline: rounded(row.ofRoofline),
  };
}
