/** Rows and the taps along y that meet in a kernel, where one of the two is known only as it runs. */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { IntArg, Reg } from "../../codegen/ir.js";
import { type AxisWindow, allReach, type Phase } from "./axis.js";

/** Taps `from` to `to` - 1. */
export interface TapRows {
  readonly from: IntArg;
  readonly to: IntArg;
}

/** Those of output `row` of the phase: ceil and floor divisions made of non-negative ones. */
export function tapRows(k: KernelBuilder, y: Phase, row: Reg): TapRows {
  if (allReach(y)) return { from: 0, to: y.taps };
  const base = k.add(k.mul(row, y.scale), y.start);
  const short = k.max(k.sub(0, base), 0);
  const from = y.stride === 1 ? short : k.div(k.add(short, y.stride - 1), y.stride);
  const room = k.max(k.sub(y.extent - 1 + y.stride, base), 0);
  const to = y.stride === 1 ? room : k.div(room, y.stride);
  return { from: k.var(k.min(from, y.taps), "tapFrom"), to: k.var(k.min(to, y.taps), "tapTo") };
}

/**
 * The outputs whose tap lies inside the image: `low` to `high` - 1, of which `high` may be beyond the last output.
 * `shift`: rows from the tap of output 0 down to the first row of the image.
 */
export function rowsOfTap(
  k: KernelBuilder,
  { stride }: Pick<AxisWindow, "stride">,
  extent: number,
  shift: Reg,
): { readonly low: Reg; readonly high: Reg } {
  return {
    low: k.div(k.max(k.add(shift, stride - 1), 0), stride),
    high: k.div(k.max(k.add(shift, extent - 1 + stride), 0), stride),
  };
}
