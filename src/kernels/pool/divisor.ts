/**
 * What an average pooling divides a window's sum by: a fixed number, the taps on pixels ("valid"), or those on pixels
 * and padding ("window"). The count is a product of one number a row and one a column; the row's is a constant where
 * all rows agree, else the kernel counts.
 */

import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { Divisor } from "../../graph/attributes.js";
import type { Lanes } from "../../target/target.js";
import { type Axis, type Run, tapsOf } from "../language/taps.js";

/** Divides vectors by the divisor of one output pixel. */
export type Divide = (run: Run, value: Reg, lanes: Lanes) => Reg;

/** For the output row `oy`, whose real taps are `bounds`. */
export function divideBy(
  k: KernelBuilder,
  divisor: Divisor,
  rows: Axis,
  bounds: { readonly lo: Reg | number; readonly hi: Reg | number },
  oy: Reg,
): Divide {
  if (typeof divisor === "number") return (_run, value, lanes) => times(k, value, 1 / divisor, lanes);
  const of = (taps: { lo: number; hi: number; padded: number }) =>
    divisor === "valid" ? taps.hi - taps.lo : taps.padded;
  const counts = new Set(Array.from({ length: rows.outputs }, (_, o) => of(tapsOf(rows, o))));
  if (counts.size === 1) {
    const [count] = counts;
    return (run, value, lanes) => times(k, value, 1 / (count! * of(run)), lanes);
  }
  const count = k.var(divisor === "valid" ? difference(k, bounds) : paddedTaps(k, rows, oy), "taps");
  return (run, value, lanes) => k.fdiv(value, k.toFloat(k.splatInt(k.mul(count, of(run)), lanes)));
}

function difference(k: KernelBuilder, { lo, hi }: { readonly lo: Reg | number; readonly hi: Reg | number }): Reg {
  return typeof lo === "number" && typeof hi === "number" ? k.int(hi - lo) : k.sub(hi, lo);
}

/** Taps on pixels and padding: those before the end of the padding. */
function paddedTaps(k: KernelBuilder, a: Axis, o: Reg): Reg {
  const room = k.sub(a.extent + a.after + a.before + a.dilation - 1, k.mul(o, a.stride));
  return k.min(k.div(room, a.dilation), a.kernel);
}

function times(k: KernelBuilder, value: Reg, factor: number, lanes: Lanes): Reg {
  if (factor === 1) return value;
  const scale = k.splat(factor, lanes);
  // +0 times a negative number is -0, which a pad lane must not be.
  return factor > 0 ? k.fmul(value, scale) : k.fma(value, scale, k.splat(0, lanes));
}
