/**
 * Softmax, cross-entropy from logits, and their gradients. Exponentials are of x - max, so none overflows; a label is
 * compared with the class indices and never becomes an address, and one that is no class gives NaN (0 / 0).
 */

import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { CrossEntropyAttributes } from "../../graph/attributes.js";
import type { Value } from "../../graph/graph.js";
import { elementsNanoseconds } from "../contract/cost.js";
import type { Strategy } from "../contract/strategy.js";
import { storeChannels } from "../language/channels.js";
import {
  type ClassRow,
  type ClassRows,
  type ClassRowsSpec,
  classRowsCode,
  classRowsSpec,
  lowerClassRows,
} from "../language/class-rows.js";
import { exp, log } from "../language/math.js";

export const softmaxStrategy: Strategy = {
  name: "softmax",
  ops: ["softmax", "softmaxGrad", "crossEntropy", "crossEntropyGrad"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const [first, second] = root.inputs;
    const rows = (numbers?: Value) => classRowsSpec(root, first!, numbers, to);
    switch (root.op.name) {
      case "softmax":
        return lowerClassRows(to, root, softmaxKernel, rows());
      case "softmaxGrad":
        return lowerClassRows(to, root, softmaxGradKernel, rows());
      case "crossEntropy":
        return lowerClassRows(to, root, crossEntropyKernel, { ...rows(second), target: targetOf(root) });
      default:
        return lowerClassRows(to, root, crossEntropyGradKernel, { ...rows(second), target: targetOf(root) });
    }
  },
};

/** What the loss compares with. */
interface Target {
  readonly smoothing: number;
  /** A label that counts for nothing. */
  readonly ignore: number | undefined;
  readonly classes: number;
}

interface LossRows extends ClassRowsSpec {
  readonly target: Target;
}

function targetOf(root: Value): Target {
  const { smoothing = 0, ignore } = root.attributes as CrossEntropyAttributes;
  return { smoothing, ignore, classes: root.inputs[0]!.shape.at(-1)! };
}

/** Stores e^(x - max) to `into` and returns the sum in every lane. */
function exponentials(rows: ClassRows, row: ClassRow, into: string | undefined, most: Reg): Reg {
  const { k, lanes } = rows;
  const sum = k.acc(0, lanes);
  rows.each((v) => {
    const x = rows.load("x", row, v, Number.NEGATIVE_INFINITY);
    const e = exp(k, k.fsub(x, most));
    if (into !== undefined) storeChannels(k, rows.vectors, rows.pointer(into, row, v), 0, v.index, e, false);
    k.updateTo(sum, "fadd", e);
  });
  return rows.fold(sum);
}

function softmaxRow(rows: ClassRows, row: ClassRow): void {
  const { k } = rows;
  const sum = exponentials(rows, row, "y", rows.maximum("x", row));
  rows.each((v) => {
    const y = k.fdiv(rows.load("y", row, v), sum);
    storeChannels(k, rows.vectors, rows.pointer("y", row, v), 0, v.index, y, false);
  });
}

/** dx = y (dy - sum of y dy) */
function softmaxGradRow(rows: ClassRows, row: ClassRow): void {
  const { k, lanes } = rows;
  const sum = k.acc(0, lanes);
  rows.each((v) => k.fmaTo(sum, rows.load("y", row, v), rows.load("dy", row, v)));
  const dot = rows.fold(sum);
  rows.each((v) => {
    const dx = k.fmul(rows.load("y", row, v), k.fsub(rows.load("dy", row, v), dot));
    storeChannels(k, rows.vectors, rows.pointer("dx", row, v), 0, v.index, dx, false);
  });
}

function labelOf(rows: ClassRows, row: ClassRow): Reg {
  const { k } = rows;
  return k.broadcastI32(k.ptrAdd(k.operand("label"), row.number), 0, rows.lanes);
}

/** log(sum of e^(x - max)) - (1 - s) (x[label] - max) - s / K sum of (x - max) */
function lossRow(rows: ClassRows, row: ClassRow, { smoothing, ignore, classes }: Target): void {
  const { k, lanes } = rows;
  const most = rows.maximum("x", row);
  const sum = exponentials(rows, row, undefined, most);
  const picked = k.acc(0, lanes);
  const found = k.acc(0, lanes);
  const all = smoothing === 0 ? undefined : k.acc(0, lanes);
  rows.each((v) => {
    const is = rows.isLabel(labelOf(rows, row), v);
    const zero = k.splat(0, lanes);
    const x = k.fsub(rows.load("x", row, v), most);
    k.updateTo(picked, "fadd", k.select(is, x, zero));
    if (all !== undefined) k.updateTo(all, "fadd", rows.real(x, v));
    k.updateTo(found, "fadd", k.select(is, k.splat(1, lanes), zero));
  });
  const atLabel = k.fdiv(rows.fold(picked), rows.fold(found));
  const target =
    all === undefined
      ? atLabel
      : k.fma(atLabel, k.splat(1 - smoothing, lanes), k.fmul(rows.fold(all), k.splat(smoothing / classes, lanes)));
  const loss = unlessIgnored(rows, row, ignore, k.fsub(log(k, sum), target));
  k.store(k.ptrAdd(k.operand("loss"), row.number), 0, k.splatLane0(loss, 1));
}

/** 0 in the rows whose label is ignored. */
function unlessIgnored(rows: ClassRows, row: ClassRow, ignore: number | undefined, value: Reg): Reg {
  if (ignore === undefined) return value;
  const { k, lanes } = rows;
  const ignored = k.cmpI32("eq", labelOf(rows, row), k.splatI32(ignore, lanes));
  return k.select(ignored, k.splat(0, lanes), value);
}

/** (softmax - (1 - s) [k = label] - s / K) dy */
function lossGradRow(rows: ClassRows, row: ClassRow, { smoothing, ignore, classes }: Target): void {
  const { k, lanes } = rows;
  const sum = exponentials(rows, row, "dx", rows.maximum("x", row));
  const count = k.acc(0, lanes);
  rows.each((v) => {
    const is = rows.isLabel(labelOf(rows, row), v);
    k.updateTo(count, "fadd", k.select(is, k.splat(1, lanes), k.splat(0, lanes)));
  });
  const found = rows.fold(count);
  const dy = k.broadcast(k.ptrAdd(k.operand("dy"), row.number), 0, lanes);
  const scale = k.fmul(dy, k.fdiv(found, found));
  rows.each((v) => {
    const [label, others] = [1 - smoothing + smoothing / classes, smoothing / classes];
    const target = k.select(rows.isLabel(labelOf(rows, row), v), k.splat(label, lanes), k.splat(others, lanes));
    const dx = unlessIgnored(rows, row, ignore, k.fmul(k.fsub(k.fdiv(rows.load("dx", row, v), sum), target), scale));
    storeChannels(k, rows.vectors, rows.pointer("dx", row, v), 0, v.index, dx, false);
  });
}

const softmaxKernel = defineKernel<ClassRowsSpec>(
  "softmax",
  classRowsCode(
    [
      ["x", "read"],
      ["y", "readwrite"],
    ],
    softmaxRow,
  ),
);

const softmaxGradKernel = defineKernel<ClassRowsSpec>(
  "softmaxGrad",
  classRowsCode(
    [
      ["y", "read"],
      ["dy", "read"],
      ["dx", "write"],
    ],
    softmaxGradRow,
  ),
);

const crossEntropyKernel = defineKernel<LossRows>(
  "crossEntropy",
  classRowsCode(
    [
      ["x", "read"],
      ["label", "read"],
      ["loss", "write"],
    ],
    (rows, row, { target }) => lossRow(rows, row, target),
  ),
);

const crossEntropyGradKernel = defineKernel<LossRows>(
  "crossEntropyGrad",
  classRowsCode(
    [
      ["x", "read"],
      ["label", "read"],
      ["dy", "read"],
      ["dx", "readwrite"],
    ],
    (rows, row, { target }) => lossGradRow(rows, row, target),
  ),
);
