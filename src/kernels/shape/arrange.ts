/**
 * Channels in another order, with zeros between: one row after the other, runs of neighbours copied as runs. One piece
 * is one sample, or, without a batch, a few rows.
 */

import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { ArrangeAttributes } from "../../graph/attributes.js";
import { elementsNanoseconds } from "../contract/cost.js";
import { type RowLayout, rowLayout } from "../contract/layout.js";
import type { Strategy } from "../contract/strategy.js";
import { storeTail, storeZeros } from "../language/channels.js";
import { eachPiece } from "../language/pieces.js";
import { view } from "../language/view.js";
import { copyRun } from "./copy.js";

/** Rows of an unbatched value that one piece has. */
const ROWS = 8;

interface Run {
  /** The first channel read, or -1 for zeros. */
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** A table as stretches of neighbouring channels and of zeros. */
function runsOf(table: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (const [to, from] of table.entries()) {
    const last = runs[runs.length - 1];
    const joins = last !== undefined && (last.from < 0 ? from < 0 : from === last.from + last.length);
    if (joins) runs[runs.length - 1] = { ...last, length: last.length + 1 };
    else runs.push({ from, to, length: 1 });
  }
  return runs;
}

export const arrangeStrategy: Strategy = {
  name: "arrange",
  ops: ["arrange"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const { table } = root.attributes as ArrangeAttributes;
    const [x] = root.inputs;
    const input = to.layout(x!);
    const output = to.layout(root);
    const kernel = to.kernel(arrangeKernel, {
      input: rowLayout(input),
      output: rowLayout(output),
      runs: runsOf(table),
    });
    const pieces = root.batched ? { count: 1, samples: 1 } : { count: Math.ceil(output.rows / ROWS) };
    to.step(kernel, [to.buffer(x!), to.buffer(root)], pieces);
  },
};

interface Arrangement {
  readonly input: RowLayout;
  readonly output: RowLayout;
  readonly runs: readonly Run[];
}

const arrangeKernel = defineKernel<Arrangement>("arrange", {
  operands: [
    ["x", "read"],
    ["y", "write"],
  ],
  write(k, { input, output, runs }) {
    const x = view(k, "x", { sample: input.sampleStride, row: input.channelStride, channel: 1 });
    const y = view(k, "y", { sample: output.sampleStride, row: output.channelStride, channel: 1 });
    const row = (from: typeof x, into: typeof y) => {
      const target = into.pointer();
      for (const run of runs) {
        if (run.from < 0) storeZeros(k, ...target.place({ channel: run.to }), run.length);
        else {
          const source = x
            .pointer()
            .plus(from.moved({ channel: run.from }).offset())
            .address();
          copyRun(k, source, target.moved({ channel: run.to }).address(), run.length);
        }
      }
      storeZeros(k, ...target.place({ channel: output.channels }), output.channelStride - output.channels);
    };
    const rows = (from: typeof x, into: typeof y, first: Reg, last: Reg) =>
      k.loop(first, last, (r) => row(from.at({ row: r }).here(), into.at({ row: r }).here()), {
        frame: false,
        name: "row",
      });
    const piece = (p: Reg) => {
      if (output.batched) {
        const into = y.at({ sample: p }).here();
        rows(x.at({ sample: p }).here(), into, k.int(0), k.int(output.rows));
        storeTail(k, output, into.address());
        return;
      }
      const first = k.mul(p, ROWS);
      rows(x.plus(k.int(0)), y.plus(k.int(0)), first, k.min(k.add(first, ROWS), output.rows));
      k.if(p, "eq", 0, () => storeTail(k, output, k.operand("y")));
    };
    eachPiece(k, piece);
  },
});
