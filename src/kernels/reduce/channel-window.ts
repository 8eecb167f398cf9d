/**
 * Sums over a window of neighbouring channels. Where the whole window is inside a row, vectors of channels are added as
 * they lie, unaligned; the last of them may overlap the one before. Channels near the ends have a shorter window of
 * their own, one number at a time. One piece is a part of a sample.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Lanes } from "../../target/target.js";
import { elementsNanoseconds } from "../contract/cost.js";
import { type RowLayout, rowLayout } from "../contract/layout.js";
import type { Strategy } from "../contract/strategy.js";
import { storeTail, storeZeros } from "../language/channels.js";
import { partsOf, rangeOf, sampleAndPart } from "../language/nest.js";
import { eachPiece } from "../language/pieces.js";

interface Window {
  readonly before: number;
  readonly after: number;
}

export const channelWindowStrategy: Strategy = {
  name: "channelWindow",
  ops: ["channelWindowSum"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const layout = to.layout(root);
    const { before, after } = root.attributes as Window;
    const most = layout.channels - 1;
    const window = { before: Math.min(before, most), after: Math.min(after, most) };
    const parts = partsOf(4 * layout.sampleStride, layout.rows);
    const kernel = to.kernel(channelWindowKernel, { layout: rowLayout(layout), window, parts });
    to.step(kernel, [to.buffer(root.inputs[0]!), to.buffer(root)], { count: parts, samples: 1 });
  },
};

interface WindowSums {
  readonly layout: RowLayout;
  readonly window: Window;
  readonly parts: number;
}

const channelWindowKernel = defineKernel<WindowSums>("channelWindowSum", {
  operands: [
    ["x", "read"],
    ["y", "write"],
  ],
  write(k, { layout, window, parts }) {
    const sample = (piece: Reg) => {
      const { sample: n, part } = sampleAndPart(k, piece, parts);
      const start = k.var(k.mul(n, 4 * layout.sampleStride), "start");
      storeTail(k, layout, k.ptrAdd(k.operand("y"), start));
      const row = (r: Reg) => {
        const at = k.add(start, k.mul(r, 4 * layout.channelStride));
        writeRow(k, layout, window, k.ptrAdd(k.operand("x"), at), k.ptrAdd(k.operand("y"), at));
      };
      const { from, to: end } = rangeOf(k, part, layout.rows);
      k.loop(from, end, row, { frame: true, name: "row" });
    };
    eachPiece(k, sample);
  },
});

function writeRow(k: KernelBuilder, layout: RowLayout, { before, after }: Window, x: Reg, y: Reg): void {
  const { channels, channelStride } = layout;
  /** Channels `first` to `first + lanes - 1`, the taps within `least` to `most` about them. */
  const sum = (from: Reg, into: Reg, first: number, lanes: Lanes, least: number, most: number) => {
    let total = k.load(from, 4 * (first + least), lanes);
    for (let tap = least + 1; tap <= most; tap++) total = k.fadd(total, k.load(from, 4 * (first + tap), lanes));
    k.store(into, 4 * first, total);
  };
  // The first and one past the last channel with a whole window.
  const [begin, end] = [before, channels - after];
  const whole = end - begin;
  const lanes = ([16, 8, 4] as const).find((n) => n <= k.target.lanes && n <= whole);
  const blocks = lanes === undefined ? 0 : Math.floor(whole / lanes);
  if (lanes !== undefined) {
    const block = (at: Reg) => sum(k.ptrAdd(x, at), k.ptrAdd(y, at), begin, lanes, -before, after);
    if (blocks > 4) k.loop(0, 4 * lanes * blocks, block, { step: 4 * lanes, name: "channel" });
    else for (let b = 0; b < blocks; b++) sum(x, y, begin + b * lanes, lanes, -before, after);
    if (whole % lanes !== 0) sum(x, y, end - lanes, lanes, -before, after);
  }
  for (let c = 0; c < channels; c++) {
    if (lanes !== undefined && c >= begin && c < end) continue;
    sum(x, y, c, 1, -Math.min(before, c), Math.min(after, channels - 1 - c));
  }
  if (channelStride > channels) storeZeros(k, y, 4 * channels, channelStride - channels);
}
