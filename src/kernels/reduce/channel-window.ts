/**
 * Sums over a window of neighbouring channels. Where the whole window is inside a row, vectors of channels are added as
 * they lie, unaligned; the last of them may overlap the one before. Channels near the ends have a shorter window of
 * their own, one number at a time. One piece is a part of a sample.
 */

import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { ChannelWindowAttributes } from "../../graph/attributes.js";
import type { Lanes } from "../../target/target.js";
import { elementsNanoseconds } from "../contract/cost.js";
import { type RowLayout, rowLayout } from "../contract/layout.js";
import type { Strategy } from "../contract/strategy.js";
import { storeTail, storeZeros } from "../language/channels.js";
import { partsOf, rangeOf, sampleAndPart } from "../language/nest.js";
import { eachPiece } from "../language/pieces.js";
import { F32, type View, view } from "../language/view.js";

export const channelWindowStrategy: Strategy = {
  name: "channelWindow",
  ops: ["channelWindowSum"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const layout = to.layout(root);
    const { before, after } = root.attributes as ChannelWindowAttributes;
    const most = layout.channels - 1;
    const window = { before: Math.min(before, most), after: Math.min(after, most) };
    const parts = partsOf(F32 * layout.sampleStride, layout.rows);
    const kernel = to.kernel(channelWindowKernel, { layout: rowLayout(layout), window, parts });
    to.step(kernel, [to.buffer(root.inputs[0]!), to.buffer(root)], { count: parts, samples: 1 });
  },
};

interface WindowSums {
  readonly layout: RowLayout;
  readonly window: ChannelWindowAttributes;
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
      const y = view(k, "y", { sample: layout.sampleStride, row: layout.channelStride, channel: 1 });
      const start = y.at({ sample: n }).keep("start");
      storeTail(k, layout, start.address());
      const row = (r: Reg) => {
        const at = start.at({ row: r }).here();
        writeRow(k, layout, window, at.of("x").pointer(), at.pointer());
      };
      const { from, to: end } = rangeOf(k, part, layout.rows);
      k.loop(from, end, row, { frame: true, name: "row" });
    };
    eachPiece(k, sample);
  },
});

type Row = View<"channel">;

function writeRow(
  k: KernelBuilder,
  layout: RowLayout,
  { before, after }: ChannelWindowAttributes,
  x: Row,
  y: Row,
): void {
  const { channels, channelStride } = layout;
  /** Channels `first` to `first + lanes - 1`, the taps within `least` to `most` about them. */
  const sum = (from: Row, into: Row, first: number, lanes: Lanes, least: number, most: number) => {
    let total = from.load(lanes, { channel: first + least });
    for (let tap = least + 1; tap <= most; tap++) total = k.fadd(total, from.load(lanes, { channel: first + tap }));
    into.store(total, { channel: first });
  };
  // The first and one past the last channel with a whole window.
  const [begin, end] = [before, channels - after];
  const whole = end - begin;
  const lanes = ([16, 8, 4] as const).find((n) => n <= k.target.lanes && n <= whole);
  const blocks = lanes === undefined ? 0 : Math.floor(whole / lanes);
  if (lanes !== undefined) {
    const block = (at: Reg) => sum(x.plus(at).pointer(), y.plus(at).pointer(), begin, lanes, -before, after);
    const bytes = x.bytes({ channel: lanes });
    if (blocks > 4) k.loop(0, bytes * blocks, block, { step: bytes, name: "channel" });
    else for (let b = 0; b < blocks; b++) sum(x, y, begin + b * lanes, lanes, -before, after);
    if (whole % lanes !== 0) sum(x, y, end - lanes, lanes, -before, after);
  }
  for (let c = 0; c < channels; c++) {
    if (lanes !== undefined && c >= begin && c < end) continue;
    sum(x, y, c, 1, -Math.min(before, c), Math.min(after, channels - 1 - c));
  }
  if (channelStride > channels) storeZeros(k, ...y.place({ channel: channels }), channelStride - channels);
}
