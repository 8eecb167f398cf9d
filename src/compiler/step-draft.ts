/** A step of a program before its place in the order is known. */

import type { Kernel } from "../codegen/ir.js";
import type { Buffer, Pieces, ReferenceCall } from "../kernels/contract/emitter.js";
import type { PlannedUnit } from "./program.js";

export interface Draft {
  readonly kernel: Kernel;
  readonly operands: readonly Buffer[];
  readonly pieces: Pieces;
  readonly label: string;
  readonly nanoseconds: { fixed: number; perSample: number };
  readonly unit: PlannedUnit;
  readonly reference?: ReferenceCall | undefined;
}
