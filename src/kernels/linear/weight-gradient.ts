/**
 * Weight gradient of a linear layer: dW[f][o] = sum over samples of x[f] * dy[o], the outer product of `weight-gradient.ts`
 * with samples in place of pixels. A flattened image is read as it lies; its rows of W follow the CHW order. Where the weights
 * are large, their update is computed as the gradient is stored: it would else be written and read again.
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
    return p.parts * p.channels * Math.ceil(p.outputs / p.lanes) * 0.4;
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
    pieces(
      k,
      { part: p.parts, block: blocks },
      (index, piece) => {
        const part = index.part();
        const block = k.var(index.block(), "block");
        const channel = k.mul(block, p.tile.rows);
        const source = k.var(k.ptrAdd(k.operand("x"), k.mul(k.add(k.mul(part, p.partStride), channel), 4)), "source");
        const row = k.add(k.mul(channel, p.channelRows), k.mul(part, p.partRows));
        const weights = k.var(k.mul(row, p.weightRow * 4), "weights");
        const columns = (rows: number) => {
          /** The lanes of a tile's last vector that are outputs, where others may be pads; `first`: bytes of its first output. */
          const realLanes = (width: number, first: IntArg) => {
            if (pads === 0 || p.narrow) return undefined;
            const bytes = 4 * (p.outputs - (width - 1) * p.lanes);
            if (typeof first === "number")
              return bytes - first < 4 * p.lanes ? k.firstLanes((bytes - first) / 4, p.lanes) : undefined;
            return vectors % width === 0 ? k.firstLanes(k.div(k.sub(bytes, first), 4), p.lanes) : undefined;
          };
          const tile = (width: number, first: IntArg) => {
            const acc = zeroTile(k, { rows, vectors: width }, p.lanes);
            const s = k.var(source, "s");
            const d = k.var(k.ptrAdd(k.operand("dy"), first), "d");
            const mask = p.narrow && pads > 0 ? k.firstLanes(pads, p.lanes) : undefined;
            const place = (i: number, v: number) => (i * p.channelRows * p.weightRow + v * p.lanes) * 4;
            // what the next tiles update, which comes from memory
            for (const name of update === undefined ? [] : readInPlace(update)) {
              const ahead = k.ptrAdd(k.operand(name), k.add(k.add(weights, first), 2 * p.tile.vectors * p.lanes * 4));
              for (let i = 0; i < rows; i++) for (let v = 0; v < width; v++) k.prefetch(ahead, place(i, v));
            }
            k.loop(
              0,
              k.batch,
              () => {
                if (mask) {
                  const operand = k.loadMasked(d, 0, mask);
                  for (const [i, r] of acc.entries()) k.fmaTo(r[0]!, k.broadcast(s, i * 4, p.lanes), operand);
                } else
                  accumulate(
                    k,
                    acc,
                    p.lanes,
                    (i) => [s, i * 4],
                    (v) => [d, v * p.lanes * 4],
                  );
                k.advance(s, p.inputSample * 4);
                k.advance(d, p.outputSample * 4);
              },
              { name: "sample" },
            );
            const bytes = k.add(weights, first);
            const into = update === undefined ? k.ptrAdd(k.operand("dw"), bytes) : undefined;
            const real = realLanes(width, first);
            for (const [i, r] of acc.entries()) {
              for (const [v, value] of r.entries()) {
                if (into === undefined) storeUpdate(k, update!, value, bytes, place(i, v), p.lanes);
                else if (mask) k.storeMasked(into, place(i, v), value, mask);
                else k.store(into, place(i, v), real && v === width - 1 ? k.keep(real, value) : value);
              }
            }
          };
          const bytes = p.tile.vectors * p.lanes * 4;
          const whole = Math.floor(vectors / p.tile.vectors);
          const each = (first: IntArg) => tile(p.tile.vectors, first);
          if (whole === 1) each(0);
          else if (whole > 1) k.loop(0, whole * bytes, each, { step: bytes, name: "output" });
          if (vectors % p.tile.vectors > 0) tile(vectors % p.tile.vectors, whole * bytes);
        };
        if (full > 0) k.if(block, "lt", full, () => columns(p.tile.rows));
        if (full < blocks) k.if(block, "eq", full, () => columns(p.channels % p.tile.rows));
        if (tail > 0) {
          k.if(piece.number, "eq", 0, () => {
            const end = k.operand("dw");
            const zero = k.splat(0, 1);
            for (let i = 0; i < tail; i++) k.store(end, (p.parts * p.channels * p.weightRow + i) * 4, zero);
          });
        }
      },
      { keepsEnd: true, copies: true },
    );
  },
});
