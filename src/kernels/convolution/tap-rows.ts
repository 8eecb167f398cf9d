/** The taps along y that reach the source from a row that only the running kernel knows. */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { IntArg, Reg } from "../../codegen/ir.js";
import { allReach, type Phase } from "./axis.js";

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
