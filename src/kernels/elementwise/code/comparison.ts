/** Comparisons, choices and extremes as vector code. */
import type { CompareFloat } from "../../../codegen/ir.js";
import { maxNaN, minNaN } from "../../language/math.js";
import { always, binary, never, type PointwiseOp } from "./code.js";

/** 1 where the comparison holds, else 0; `swapped`: of b and a. */
const comparison = (kind: CompareFloat, swapped: boolean, keepsZero: () => boolean): PointwiseOp =>
  binary(
    (k, a, b, lanes) => k.select(swapped ? k.cmp(kind, b, a) : k.cmp(kind, a, b), k.splat(1, lanes), k.splat(0, lanes)),
    keepsZero,
  );

export const COMPARISONS: Readonly<Record<string, PointwiseOp>> = {
  greater: comparison("lt", true, always),
  greaterEqual: comparison("le", true, never),
  less: comparison("lt", false, always),
  lessEqual: comparison("le", false, never),
  equal: comparison("eq", false, never),
  notEqual: comparison("ne", false, always),
  maximum: binary((k, a, b) => maxNaN(k, a, b)),
  minimum: binary((k, a, b) => minNaN(k, a, b)),
  where: {
    emit: (k, [condition, a, b], _attributes, lanes) => k.select(k.cmp("ne", condition!, k.splat(0, lanes)), a!, b!),
    keepsZero: always,
  },
};
