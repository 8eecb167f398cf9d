/**
 * Adding up rows of vectors in a fixed order with several accumulators, and the division that makes a sum a mean. Long
 * sums are set down in blocks, whose sums are added up in turn: each number is then rounded beside a few hundred others
 * and not beside all of them, where a mean over an image of equal pixels lost four of seven digits.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { Lanes } from "../../target/target.js";
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
  /** The most rows that there are of a sample; all count as one block where undefined. */
  readonly most?: number;
  /** Vectors that are summed side by side. */
  readonly count: number;
  readonly lanes: Lanes;
  /** Adds to each of `sums` what lies at a byte offset. */
  add(sums: readonly Reg[], at: Reg): void;
}

/** Terms that an accumulator takes before a sum is cut into blocks, and those of a block. */
export const LONG = 512;
export const BLOCK = 128;

/** Rows of a block where `rows` rows of `each` terms are added up in `unroll` accumulators. */
function blockOf(rows: number, each: number, unroll: number): number | undefined {
  if (rows * each <= LONG * unroll) return undefined;
  return unroll * Math.max(1, Math.floor(BLOCK / each));
}

/**
 * The sums of `count` vectors over all rows: row i goes to accumulator i mod `unroll` (2 or 4), and these are added
 * pairwise.
 */
export function addRows(k: KernelBuilder, r: Rows, unroll: 2 | 4 = 4): Reg[] {
  const accumulators = () => Array.from({ length: r.count }, () => k.acc(0, r.lanes));
  const start = k.var(r.start, "start");
  const each = r.inner.reduce((n, { extent }) => n * extent, 1);
  const block = r.most === undefined ? undefined : blockOf(r.most, each, unroll);
  if (block === undefined) {
    const sums = Array.from({ length: unroll }, accumulators);
    const body = (sample: Reg) => {
      addRange(k, r, sums, k.add(k.mul(sample, r.sample.bytes), start), r.rows.from, r.rows.to);
    };
    k.loop(r.sample.from, r.sample.to, body, { name: "n" });
    return pairwise(k, r, sums);
  }
  const totals = accumulators();
  const body = (sample: Reg) => {
    const base = k.var(k.add(k.mul(sample, r.sample.bytes), start), "base");
    const one = (from: Reg) => {
      const sums = Array.from({ length: unroll }, accumulators);
      const to = k.var(k.min(k.add(from, block), r.rows.to), "to");
      addRange(k, r, sums, base, from, to);
      for (const [i, sum] of pairwise(k, r, sums).entries()) k.updateTo(totals[i]!, "fadd", sum);
    };
    k.loop(r.rows.from, r.rows.to, one, { step: block, name: "block" });
  };
  k.loop(r.sample.from, r.sample.to, body, { name: "n" });
  return totals;
}

/** Adds rows from..to-1 of the sample at `base`. */
function addRange(k: KernelBuilder, r: Rows, sums: readonly (readonly Reg[])[], base: Reg, from: Reg, to: Reg): void {
  const unroll = sums.length;
  const add = (unit: number, bytes: Reg) => {
    nest(k, r.inner, [bytes], ([at]) => r.add(sums[unit]!, at!), false);
  };
  const many = k.add(from, k.mul(k.div(k.sub(to, from), unroll), unroll));
  const four = (row: Reg) => {
    const first = k.add(base, k.mul(row, r.rows.bytes));
    for (let unit = 0; unit < unroll; unit++) add(unit, unit === 0 ? first : k.add(first, unit * r.rows.bytes));
  };
  k.loop(from, many, four, { step: unroll, name: "row" });
  k.loop(many, to, (row) => add(0, k.add(base, k.mul(row, r.rows.bytes))), { name: "row" });
}

function pairwise(k: KernelBuilder, r: Rows, sums: readonly (readonly Reg[])[]): Reg[] {
  return Array.from({ length: r.count }, (_, i) => {
    const [a, b, c, d] = sums.map((unit) => unit[i]!) as [Reg, Reg, Reg?, Reg?];
    return c === undefined || d === undefined ? k.fadd(a, b) : k.fadd(k.fadd(a, b), k.fadd(c, d));
  });
}
