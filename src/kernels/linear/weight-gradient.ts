/**
 * Weight gradient of a linear layer: dW[f][o] = sum over samples of x[f] * dy[o], the outer product of
 * `weight-gradient.ts` with samples in place of pixels. A flattened image is read as it lies; its rows of W follow the
 * CHW order. Where the weights are large, their update is computed as the gradient is stored: it would else be written
 * and read again.
 */
import { defineKernel } from "../../codegen/definition.js";
import type { IntArg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import type { Lanes, Target } from "../../target/target.js";
import { layoutOf, vectorLanes } from "../contract/layout.js";
import type { Lowering, Strategy, Work } from "../contract/strategy.js";
import { canUpdate, readInPlace, storeUpdate, type Update, updateOf, updateOperands } from "../fusion/update.js";
import { pieces } from "../language/pieces.js";
import { accumulate, chooseTile, type TileSize, zeroTile } from "../language/tile.js";
import { type View, view } from "../language/view.js";
import { featureOf } from "./linear.js";

interface Outer {
  readonly parts: number; // rows of pixels in x
  readonly partStride: number;
  readonly channels: number;
  /** Rows of the weights from one row of pixels to the next, and from one channel to the next. */
  readonly partRows: number;
  readonly channelRows: number;
  readonly inputSample: number;
  readonly outputs: number;
  readonly outputSample: number;
  readonly narrow: boolean;
  readonly weightRow: number;
  readonly lanes: Lanes;
  readonly tile: TileSize;
}

export const linearWeightGradient: Strategy = {
  name: "linearWeightGradient",
  ops: ["linearWeightGrad"],
  fuses: false,
  updates: (node, update, target) => canUpdate(node, update, target),
  accepts: () => true,
  cost: (node, target) => {
    const p = outerOf(node, target);
    return p.parts * p.channels * Math.ceil(p.outputs / p.lanes) * target.costs.multiplyAdd.outer;
  },
  lower,
};

/** `inStore`: registers that the store needs beside the tile. */
function outerOf(node: Value, target: Target, inStore = 0): Outer {
  const [x, dy] = node.inputs as [Value, Value];
  const input = layoutOf(x, target);
  const output = layoutOf(dy, target);
  const lanes: Lanes = output.channelStride <= 4 ? 4 : vectorLanes(output, target);
  return {
    parts: input.rows,
    partStride: input.channelStride,
    channels: input.channels,
    partRows: featureOf(input, 1, 0),
    channelRows: featureOf(input, 0, 1),
    inputSample: input.sampleStride,
    outputs: output.channels,
    outputSample: output.sampleStride,
    narrow: output.channelStride <= 4,
    weightRow: layoutOf(node, target).channelStride,
    lanes,
    tile: chooseTile(
      target,
      input.channels,
      Math.ceil(output.channels / lanes),
      inStore + (output.channelStride <= 4 ? 2 : 0),
    ),
  };
}

function lower({ root, update: group }: Work, to: Lowering): void {
  const updated = group === undefined ? undefined : updateOf(root, group, to);
  // while storing, the registers of the operands are free
  const p = outerOf(root, to.target, Math.max(0, (updated?.registers ?? 0) - 2));
  const [x, dy] = root.inputs as [Value, Value];
  const { sampleStride, rows, channelStride } = to.layout(root);
  const tail = sampleStride - rows * channelStride;
  const kernel = to.kernel(weightGradientKernel, { ...p, tail, update: updated?.update });
  const count = p.parts * Math.ceil(p.channels / p.tile.rows);
  to.step(kernel, [to.buffer(x), to.buffer(dy), ...(updated?.buffers ?? [to.buffer(root)])], { count });
}

interface WeightGradient extends Outer {
  /** Elements behind the last row of weights. */
  readonly tail: number;
  /** What is stored in place of the gradient, if anything is. */
  readonly update: Update | undefined;
}

const weightGradientKernel = defineKernel<WeightGradient>("linearWeightGradient", {
  operands: ({ update }) => [
    ["x", "read"],
    ["dy", "read"],
    ...(update === undefined ? [["dw", "write"] as const] : updateOperands(update)),
  ],
  write(k, p) {
    const { tail, update } = p;
    const blocks = Math.ceil(p.channels / p.tile.rows);
    const full = Math.floor(p.channels / p.tile.rows);
    const vectors = Math.ceil(p.outputs / p.lanes);
    const pads = p.outputs % p.lanes;
    const tileOutputs = p.tile.vectors * p.lanes;
    const dy = view(k, "dy", { sample: p.outputSample, output: 1 });
    const dw = view(k, "dw", { channel: p.weightRow, output: 1 });
    pieces(
      k,
      { part: p.parts, block: blocks },
      (index, piece) => {
        const part = index.part();
        const block = k.var(index.block(), "block");
        const channel = k.mul(block, p.tile.rows);
        const x = view(k, "x", { sample: p.inputSample, channel: 1 }).pointer();
        const source = x.at({ channel: k.add(k.mul(part, p.partStride), channel) }).keep("source");
        const row = k.add(k.mul(channel, p.channelRows), k.mul(part, p.partRows));
        const weights = dw.at({ channel: row }).keep("weights");
        const columns = (rows: number) => {
          /** The lanes of a tile's last vector that are outputs, where others may be pads. */
          const realLanes = (width: number, first: IntArg) => {
            if (pads === 0 || p.narrow) return undefined;
            const bytes = dy.bytes({ output: p.outputs - (width - 1) * p.lanes });
            const { element } = dy;
            if (typeof first === "number") {
              const left = bytes / element - first;
              return left < p.lanes ? k.firstLanes(left, p.lanes) : undefined;
            }
            return vectors % width === 0 ? k.firstLanes(k.div(k.sub(bytes, first), element), p.lanes) : undefined;
          };
          const tile = (width: number, first: IntArg) => {
            const acc = zeroTile(k, { rows, vectors: width }, p.lanes);
            const s = source.keep("s");
            const d = behind(dy.pointer(), first).keep("d");
            const mask = p.narrow && pads > 0 ? k.firstLanes(pads, p.lanes) : undefined;
            const place = (i: number, v: number) => ({ channel: i * p.channelRows, output: v * p.lanes });
            // what the next tiles update, which comes from memory
            for (const name of update === undefined ? [] : readInPlace(update)) {
              const updated = dw.of(name).pointer();
              const next = behind(weights, first).moved({ output: 2 * tileOutputs });
              const ahead = updated.plus(next.offset()).pointer();
              for (let i = 0; i < rows; i++) for (let v = 0; v < width; v++) ahead.prefetch(place(i, v));
            }
            const sample = () => {
              if (mask) {
                const operand = k.loadMasked(...d.place({}), mask);
                for (const [i, r] of acc.entries()) k.fmaTo(r[0]!, s.broadcast(p.lanes, { channel: i }), operand);
              } else
                accumulate(
                  k,
                  acc,
                  p.lanes,
                  (i) => s.place({ channel: i }),
                  (v) => d.place({ output: v * p.lanes }),
                );
              s.advance({ sample: 1 });
              d.advance({ sample: 1 });
            };
            k.loop(0, k.batch, sample, { name: "sample" });
            const at = behind(weights, first).here();
            const into = update === undefined ? at.pointer() : undefined;
            const real = realLanes(width, first);
            for (const [i, r] of acc.entries()) {
              for (const [v, value] of r.entries()) {
                if (into === undefined) storeUpdate(k, update!, value, at.offset(), dw.bytes(place(i, v)), p.lanes);
                else if (mask) k.storeMasked(...into.place(place(i, v)), value, mask);
                else into.store(real && v === width - 1 ? k.keep(real, value) : value, place(i, v));
              }
            }
          };
          const whole = Math.floor(vectors / p.tile.vectors);
          const each = (first: IntArg) => tile(p.tile.vectors, first);
          const bytes = dy.bytes({ output: tileOutputs });
          if (whole === 1) each(0);
          else if (whole > 1) k.loop(0, whole * bytes, each, { step: bytes, name: "output" });
          if (vectors % p.tile.vectors > 0) tile(vectors % p.tile.vectors, whole * tileOutputs);
        };
        if (full > 0) k.if(block, "lt", full, () => columns(p.tile.rows));
        if (full < blocks) k.if(block, "eq", full, () => columns(p.channels % p.tile.rows));
        if (tail > 0) {
          k.if(piece.number, "eq", 0, () => {
            const end = dw.pointer();
            const zero = k.splat(0, 1);
            for (let i = 0; i < tail; i++) end.store(zero, { channel: p.parts * p.channels, output: i });
          });
        }
      },
      { keepsEnd: true, copies: true },
    );
  },
});

/** The same place further along the outputs: so many of them, or so many bytes that are in a register. */
function behind<Axis extends string>(of: View<Axis | "output">, first: IntArg): View<Axis | "output"> {
  if (typeof first !== "number") return of.plus(first);
  return of.moved({ output: first } as { readonly [A in Axis | "output"]?: number });
}
