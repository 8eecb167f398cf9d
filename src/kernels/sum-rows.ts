/** Adding up rows of vectors in a fixed order with several accumulators, and the division that makes a sum a mean. */
import type { KernelBuilder } from "../codegen/builder.js";
import type { Lanes, Reg } from "../codegen/ir.js";
import { type Dimension, nest } from "./nest.js";

/** "sum", or what to divide by: `terms`, times the batch if `batch`. */
export type Mean = "sum" | { readonly terms: number; readonly batch: boolean };

export function scaleMean(k: KernelBuilder, value: Reg, mean: Mean, lanes: Lanes): Reg {
  if (mean === "sum") return value;
  if (!mean.batch) return mean.terms === 1 ? value : k.fdiv(value, k.splat(mean.terms, lanes));
  return k.fdiv(value, k.toFloat(k.splatInt(mean.terms === 1 ? k.batch : k.mul(k.batch, mean.terms), lanes)));
}

interface Range {
  readonly from: Reg;
  readonly to: Reg;
  readonly bytes: number;
}

export interface Rows {
  /** The samples, and the rows of each; both constants of the piece. */
  readonly sample: Range;
  readonly rows: Range;
  /** Further axes inside a row. */
  readonly inner: readonly Dimension[];
  /** Byte offset of what is added first, without sample and row. */
  readonly start: Reg;
  /** Vectors that are summed side by side. */
  readonly count: number;
  readonly lanes: Lanes;
  /** Adds to each of `sums` what lies at a byte offset. */
  add(sums: readonly Reg[], at: Reg): void;
}

/** The sums of `count` vectors over all rows: row i goes to accumulator i mod `unroll` (2 or 4), and these are added pairwise. */
export function addRows(k: KernelBuilder, r: Rows, unroll: 2 | 4 = 4): Reg[] {
  const sums = Array.from({ length: unroll }, () => Array.from({ length: r.count }, () => k.acc(0, r.lanes)));
  const start = k.var(r.start, "start", { frame: true });
  const add = (unit: number, bytes: Reg) => {
    nest(k, r.inner, [bytes], ([at]) => r.add(sums[unit]!, at!), false);
  };
  const body = (sample: Reg) => {
    const base = k.add(k.mul(sample, r.sample.bytes), start);
    const many = k.add(r.rows.from, k.mul(k.div(k.sub(r.rows.to, r.rows.from), unroll), unroll));
    const four = (row: Reg) => {
      const first = k.add(base, k.mul(row, r.rows.bytes));
      for (let unit = 0; unit < unroll; unit++) add(unit, unit === 0 ? first : k.add(first, unit * r.rows.bytes));
    };
    k.loop(r.rows.from, many, four, { step: unroll, name: "row" });
    k.loop(many, r.rows.to, (row) => add(0, k.add(base, k.mul(row, r.rows.bytes))), { name: "row" });
  };
  k.loop(r.sample.from, r.sample.to, body, { frame: true, name: "n" });
  return Array.from({ length: r.count }, (_, i) => {
    const [a, b, c, d] = sums.map((unit) => unit[i]!) as [Reg, Reg, Reg?, Reg?];
    return c === undefined || d === undefined ? k.fadd(a, b) : k.fadd(k.fadd(a, b), k.fadd(c, d));
  });
}
