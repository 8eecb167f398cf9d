/** The position of a row's first maximum (NaN is a maximum), and whether it is the label. */
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import { elementsNanoseconds } from "../contract/cost.js";
import type { Strategy } from "../contract/strategy.js";
import { isPartial } from "../language/channels.js";
import {
  type ClassRow,
  type ClassRows,
  type ClassRowsSpec,
  classRowsCode,
  classRowsSpec,
  lowerClassRows,
} from "../language/class-rows.js";

export const argmaxStrategy: Strategy = {
  name: "argmax",
  ops: ["argmax", "correct"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const [x, labels] = root.inputs;
    const isArgmax = root.op.name === "argmax";
    const rows = classRowsSpec(root, x!, isArgmax ? root : labels, to);
    lowerClassRows(to, root, isArgmax ? argmaxKernel : correctKernel, rows);
  },
};

const argmaxKernel = defineKernel<ClassRowsSpec>(
  "argmax",
  classRowsCode(
    [
      ["x", "read"],
      ["y", "write"],
    ],
    (rows, row) => {
      const { k } = rows;
      k.store(k.ptrAdd(k.operand("y"), row.number), 0, firstMaximum(rows, row));
    },
  ),
);

const correctKernel = defineKernel<ClassRowsSpec>(
  "correct",
  classRowsCode(
    [
      ["x", "read"],
      ["label", "read"],
      ["y", "write"],
    ],
    (rows, row) => {
      const { k } = rows;
      const label = k.broadcastI32(k.ptrAdd(k.operand("label"), row.number), 0, 1);
      const equal = k.cmpI32("eq", firstMaximum(rows, row), label);
      k.store(k.ptrAdd(k.operand("y"), row.number), 0, k.select(equal, k.splat(1, 1), k.splat(0, 1)));
    },
  ),
);

/** i32x1. Indices are compared as negated floats, so that the largest is the first; exact up to 2^24 classes. */
function firstMaximum(rows: ClassRows, row: ClassRow): Reg {
  const { k, lanes, vectors } = rows;
  const none = Number.NEGATIVE_INFINITY;
  const most = rows.maximum("x", row);
  const first = k.acc(none, lanes);
  const firstNaN = k.acc(none, lanes);
  rows.each((v) => {
    const x = rows.load("x", row, v);
    const place = k.neg(k.toFloat(rows.indices(v)));
    const real = isPartial(vectors, v.index)
      ? k.select(k.firstLanes(vectors.lastLanes, lanes), place, k.splat(none, lanes))
      : place;
    k.updateTo(first, "pmax", k.select(k.cmp("eq", x, most), real, k.splat(none, lanes)));
    k.updateTo(firstNaN, "pmax", k.select(k.cmp("unordered", x, x), real, k.splat(none, lanes)));
  });
  const nan = k.reduceMax(firstNaN);
  const best = k.select(k.cmp("eq", nan, k.splat(none, 1)), k.reduceMax(first), nan);
  return k.toInt(k.neg(best));
}
