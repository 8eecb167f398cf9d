/**
 * Weight gradient of a linear layer: dW[f][o] = sum over samples of x[f] * dy[o], the outer product of `weight-gradient.ts`
 * with samples in place of pixels. A flattened image is read as it lies; its rows of W follow the CHW order.
 */
import { buildKernel } from "../codegen/builder.js";
import type { Kernel, Lanes, Target } from "../codegen/ir.js";
import type { Value } from "../graph/value.js";
import { layoutOf, vectorLanes } from "./layout.js";
import { featureOf } from "./linear.js";
import type { Lowering, Strategy, Work } from "./strategy.js";
import { accumulate, chooseTile, type TileSize, zeroTile } from "./tile.js";

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
  accepts: () => true,
  cost: (node, target) => {
    const p = outerOf(node, target);
    return p.parts * p.channels * Math.ceil(p.outputs / p.lanes) * 0.4;
  },
  lower,
};

function outerOf(node: Value, target: Target): Outer {
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
    tile: chooseTile(target, input.channels, Math.ceil(output.channels / lanes), output.channelStride <= 4 ? 2 : 0),
  };
}

function lower(work: Work, to: Lowering): void {
  const p = outerOf(work.root, to.target);
  const [x, dy] = work.root.inputs as [Value, Value];
  const { sampleStride, rows, channelStride } = to.layout(work.root);
  const tail = sampleStride - rows * channelStride;
  const kernel = to.kernel(`linearWeightGradient ${JSON.stringify(p)}`, (key) => writeKernel(key, to.target, p, tail));
  const count = p.parts * Math.ceil(p.channels / p.tile.rows);
  to.step(kernel, [to.buffer(x), to.buffer(dy), to.buffer(work.result)], { count });
}

function writeKernel(key: string, target: Target, p: Outer, tail: number): Kernel {
  const operands = [["x", "read"] as const, ["dy", "read"] as const, ["dw", "write"] as const];
  const blocks = Math.ceil(p.channels / p.tile.rows);
  const full = Math.floor(p.channels / p.tile.rows);
  const vectors = Math.ceil(p.outputs / p.lanes);
  const pads = p.outputs % p.lanes;
  return buildKernel({ key, name: "linearWeightGradient", target, operands }, (k) => {
    k.loop(
      k.begin,
      k.var(k.end, "end", { frame: true }),
      (piece) => {
        const at = k.var(piece, "at");
        const part = k.div(at, blocks);
        const block = k.var(k.mod(at, blocks), "block", { frame: true });
        const channel = k.mul(block, p.tile.rows);
        const source = k.var(k.ptrAdd(k.operand("x"), k.mul(k.add(k.mul(part, p.partStride), channel), 4)), "source", {
          frame: true,
        });
        const row = k.add(k.mul(channel, p.channelRows), k.mul(part, p.partRows));
        const weights = k.var(k.ptrAdd(k.operand("dw"), k.mul(row, p.weightRow * 4)), "weights", { frame: true });
        const columns = (rows: number) => {
          for (let first = 0; first < vectors; first += p.tile.vectors) {
            const width = Math.min(p.tile.vectors, vectors - first);
            const acc = zeroTile(k, { rows, vectors: width }, p.lanes);
            const s = k.var(source, "s");
            const d = k.var(k.ptrAdd(k.operand("dy"), first * p.lanes * 4), "d");
            const mask = p.narrow && pads > 0 ? k.firstLanes(pads, p.lanes) : undefined;
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
            const into = k.ptrAdd(weights, first * p.lanes * 4);
            for (const [i, r] of acc.entries()) {
              for (const [v, value] of r.entries()) {
                const place = (i * p.channelRows * p.weightRow + v * p.lanes) * 4;
                if (mask) k.storeMasked(into, place, value, mask);
                else k.store(into, place, value);
              }
            }
          }
        };
        if (full > 0) k.if(block, "lt", full, () => columns(p.tile.rows));
        if (full < blocks) k.if(block, "eq", full, () => columns(p.channels % p.tile.rows));
        if (tail > 0) {
          k.if(piece, "eq", 0, () => {
            const end = k.operand("dw");
            const zero = k.splat(0, 1);
            for (let i = 0; i < tail; i++) k.store(end, (p.parts * p.channels * p.weightRow + i) * 4, zero);
          });
        }
      },
      { frame: true, name: "piece" },
    );
  });
}
