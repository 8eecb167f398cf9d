/**
 * Weight gradients of convolutions of 3x3 and 5x5, stride 1, by Winograd's F(4x4, 3x3) and F(2x2, 5x5) turned round,
 *
 *     dW = G^T [ sum over tiles of (A dy A^T) * (B^T d B) ] G,
 *
 * 36 products for a tile where the definition takes 144, or 100. A piece of work makes the gradient of some input channels by some
 * outputs from a slice of all rows of tiles: block after block is transformed into the thread's workspace (V and W), and 36
 * outer products are added to S there, [36 points][input channel][output]; then S is transformed to a part of dW. The slices
 * are a number that depends on shapes only, and their parts are added in order by a second step.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Value } from "../../../graph/graph.js";
import type { Lanes, Target } from "../../../target/target.js";
import { mostPartialBytes } from "../../contract/cost.js";
import { remembered } from "../../contract/remembered.js";
import type { Lowering, Strategy, Work } from "../../contract/strategy.js";
import { storeZeros } from "../../language/channels.js";
import { pieces } from "../../language/pieces.js";
import { addSlices } from "../../language/slices.js";
import { accumulate, chooseTile, evenBlock, type TileSize } from "../../language/tile.js";
import type { ConvAttributes } from "../general/shape.js";
import { type InputBlock, transformInputBlock } from "./input.js";
import { isWinogradShape, oddLines, type TiledImage, tapsOf, tiledImage } from "./plan.js";
import { POINTS, type Taps, TILE_INPUTS, tileOutputs, transformWeightGradient } from "./transform.js";

interface GradientPlan {
  readonly taps: Taps;
  readonly lanes: Lanes;
  readonly input: InputBlock;
  readonly gradient: InputBlock;
  readonly tileRows: number;
  readonly tileColumns: number;
  readonly blockRows: number;
  readonly slices: number;
  /** Vectors of input channels and of outputs in a piece, and how many such blocks there are. */
  readonly channelVectors: number;
  readonly channelBlocks: number;
  readonly outputVectors: number;
  readonly outputBlocks: number;
  readonly tile: TileSize;
  /** Elements from one input channel to the next in S and in dW, and from point to point in S. */
  readonly sRow: number;
  readonly sPoint: number;
  readonly weightRow: number;
  readonly elements: number;
  /** Where W, S and the zeros begin in the workspace, and its end. */
  readonly wStart: number;
  readonly sStart: number;
  readonly zeroStart: number;
  readonly workspace: number;
}

const WANTED_TILES = 56;
const WANTED_PIECES = 8;
/** Vectors of 16 channels in a piece: S of 64 x 128 takes a megabyte and a bit. */
const CHANNELS = 64;
const OUTPUTS = 128;

export const winogradWeightGradient: Strategy = {
  name: "winogradWeightGradient",
  ops: ["conv2dWeightGrad"],
  fuses: false,
  accepts: (node, target) => isWinogradShape(node, target),
  cost: (node, target) => {
    const p = planOf(node, target);
    const [channels, outputs] = [p.input.source, p.gradient.source];
    const products = POINTS * channels.vectors * p.lanes * outputs.vectors * target.costs.multiplyAdd.outer;
    const transforms = target.costs.transform * (channels.vectors * p.outputBlocks + outputs.vectors * p.channelBlocks);
    return p.tileRows * p.tileColumns * (products + transforms);
  },
  lower,
};

/** `extent` in the fewest blocks of at most `most`, as even as can be. */
function even(extent: number, most: number): { size: number; blocks: number } {
  const size = evenBlock(extent, most);
  return { size, blocks: Math.ceil(extent / size) };
}

const planOf = remembered(planGradient);

function planGradient(node: Value, target: Target): GradientPlan {
  const { lanes } = target;
  const { padding } = node.attributes as ConvAttributes;
  const [x, dy] = (node.inputs as [Value, Value]).map((value) => tiledImage(value, target)) as [TiledImage, TiledImage];
  const taps = tapsOf(node);
  const tileRows = Math.ceil(dy.rows / tileOutputs(taps));
  const tileColumns = Math.ceil(dy.columns / tileOutputs(taps));
  const blockRows = Math.max(1, Math.round(WANTED_TILES / tileColumns));
  const channels = even(x.vectors, CHANNELS / lanes);
  const outputs = even(dy.vectors, OUTPUTS / lanes);
  const tile = chooseTile(target, channels.size * lanes, outputs.size);
  const block = (image: TiledImage, vectors: number, start: readonly [number, number], ofGradient: boolean) => {
    const vTile = oddLines(vectors * lanes, target);
    const vPoint = oddLines(blockRows * tileColumns * vTile, target);
    return { taps, lanes, source: image, start, tileRows, tileColumns, vTile, vPoint, ofGradient };
  };
  const input = block(x, channels.size, [-padding[0], -padding[2]], false);
  const gradient = block(dy, outputs.size, [0, 0], true);
  const sRow = outputs.size * lanes;
  const sPoint = oddLines(channels.size * lanes * sRow, target);
  const wStart = POINTS * input.vPoint;
  const sStart = wStart + POINTS * gradient.vPoint;
  const zeroStart = sStart + POINTS * sPoint;
  const elements = taps ** 2 * x.channels * dy.pixel;
  const pieces = channels.blocks * outputs.blocks;
  const most = Math.max(1, Math.floor(mostPartialBytes(target) / (4 * elements)));
  return {
    taps,
    lanes,
    input,
    gradient,
    tileRows,
    tileColumns,
    blockRows,
    slices: Math.min(Math.ceil(WANTED_PIECES / pieces), most),
    channelVectors: channels.size,
    channelBlocks: channels.blocks,
    outputVectors: outputs.size,
    outputBlocks: outputs.blocks,
    tile,
    sRow,
    sPoint,
    weightRow: dy.pixel,
    elements,
    wStart,
    sStart,
    zeroStart,
    workspace: zeroStart + Math.max(x.columns * x.pixel, dy.columns * dy.pixel),
  };
}

function lower(work: Work, to: Lowering): void {
  const node = work.root;
  const p = planOf(node, to.target);
  const [x, dy] = node.inputs as [Value, Value];
  const result = to.buffer(work.result);
  const target =
    p.slices === 1 ? result : to.temporary("partial weight gradients", { fixedBytes: p.slices * p.elements * 4 });
  const kernel = to.kernel(winogradWeightGradientKernel, p);
  const operands = [to.buffer(x), to.buffer(dy), to.workspace(p.workspace * 4), target];
  to.step(kernel, operands, { count: p.slices * p.channelBlocks * p.outputBlocks });
  if (p.slices > 1) addSlices(to, target, result, p.slices, p.elements);
}

const winogradWeightGradientKernel = defineKernel<GradientPlan>("winogradWeightGradient", {
  operands: [
    ["x", "read"],
    ["dy", "read"],
    ["workspace", "readwrite"],
    ["dw", "write"],
  ],
  write: (k, plan) => new Writer(k, plan).write(),
});

/** The channels of a piece: how many vectors and real ones the code is for, and which block it is. */
interface Part {
  readonly vectors: number;
  readonly channels: number;
}

class Writer {
  constructor(
    readonly k: KernelBuilder,
    readonly p: GradientPlan,
  ) {}

  #at(start: number): Reg {
    return this.k.ptrAdd(this.k.operand("workspace"), start * 4);
  }

  write(): void {
    const { k, p } = this;
    this.#zeroRow();
    pieces(
      k,
      { slice: p.slices, channels: p.channelBlocks, outputs: p.outputBlocks },
      (index) => {
        const slice = k.var(index.slice(), "slice");
        const channelBlock = k.var(index.channels(), "channelBlock");
        const outputBlock = k.var(index.outputs(), "outputBlock");
        const all = k.var(k.mul(k.batch, p.tileRows), "all", { frame: false });
        const chunk = k.div(k.add(all, p.slices - 1), p.slices);
        const from = k.var(k.min(k.mul(slice, chunk), all), "from");
        const to = k.var(k.min(k.add(from, chunk), all), "to");
        const dw = k.mul(slice, p.elements * 4);
        const into = k.var(k.ptrAdd(k.operand("dw"), dw), "into");
        this.#parts(channelBlock, p.channelBlocks, p.channelVectors, p.input.source, (channels) =>
          this.#parts(outputBlock, p.outputBlocks, p.outputVectors, p.gradient.source, (outputs) => {
            const channel = k.var(k.mul(channelBlock, p.channelVectors * p.lanes * 4), "channel");
            const output = k.var(k.mul(outputBlock, p.outputVectors * p.lanes * 4), "output");
            this.#clear(channels);
            k.loop(
              from,
              to,
              (first) => {
                const rows = k.var(k.min(k.sub(to, first), p.blockRows), "rows");
                this.#transform(first, rows, channels, outputs, channel, output);
                this.#products(k.var(k.mul(rows, p.tileColumns), "tiles"), channels, outputs);
              },
              { step: p.blockRows, name: "first" },
            );
            this.#store(into, channels, outputs, channel, output);
          }),
        );
      },
      { keepsEnd: true },
    );
  }

  /** Code for the blocks that are full, and for the last where it is not. */
  #parts(block: Reg, blocks: number, vectors: number, image: TiledImage, body: (part: Part) => void): void {
    const { k, p } = this;
    const before = (blocks - 1) * vectors;
    const full = { vectors, channels: vectors * p.lanes };
    const last = { vectors: image.vectors - before, channels: image.channels - before * p.lanes };
    if (last.channels === full.channels) body(full);
    else if (blocks === 1) body(last);
    else
      k.if(
        block,
        "lt",
        blocks - 1,
        () => body(full),
        () => body(last),
      );
  }

  /** What tiles read above and below the images. */
  #zeroRow(): void {
    const { k, p } = this;
    const zero = k.splat(0, p.lanes);
    const at = k.var(this.#at(p.zeroStart), "zeros");
    k.loop(0, (p.workspace - p.zeroStart) / p.lanes, () => {
      k.store(at, 0, zero);
      k.advance(at, p.lanes * 4);
    });
  }

  #clear({ channels }: Part): void {
    const { k, p } = this;
    const zero = k.splat(0, p.lanes);
    k.loop(
      0,
      POINTS,
      (point) => {
        const at = k.var(k.ptrAdd(this.#at(p.sStart), k.mul(point, p.sPoint * 4)), "at");
        k.loop(0, (channels * p.sRow) / p.lanes, () => {
          k.store(at, 0, zero);
          k.advance(at, p.lanes * 4);
        });
      },
      { name: "point" },
    );
  }

  #transform(first: Reg, rows: Reg, channels: Part, outputs: Part, channel: Reg, output: Reg): void {
    const { k, p } = this;
    const zeros = () => this.#at(p.zeroStart);
    transformInputBlock(k, p.input, {
      first,
      rows,
      vectors: channels.vectors,
      channel,
      source: () => k.operand("x"),
      v: () => this.#at(0),
      zeros,
    });
    transformInputBlock(k, p.gradient, {
      first,
      rows,
      vectors: outputs.vectors,
      channel: output,
      source: () => k.operand("dy"),
      v: () => this.#at(p.wStart),
      zeros,
    });
  }

  /** S[point] += V[point]^T W[point] for all points. */
  #products(tiles: Reg, channels: Part, outputs: Part): void {
    const { k, p } = this;
    const blocksOf = (extent: number, size: number) => {
      const list = Array.from({ length: Math.floor(extent / size) }, () => size);
      return extent % size > 0 ? [...list, extent % size] : list;
    };
    const rows = blocksOf(channels.channels, p.tile.rows);
    const columns = blocksOf(outputs.vectors, p.tile.vectors);
    k.loop(
      0,
      POINTS,
      (point) => {
        const v = k.var(k.ptrAdd(this.#at(0), k.mul(point, p.input.vPoint * 4)), "v");
        const w = k.var(k.ptrAdd(this.#at(p.wStart), k.mul(point, p.gradient.vPoint * 4)), "w", { frame: true });
        const s = k.var(k.ptrAdd(this.#at(p.sStart), k.mul(point, p.sPoint * 4)), "s", { frame: true });
        this.#runs(columns, (vectors) => {
          const a = k.var(v, "a", { frame: true });
          const into = k.var(s, "into", { frame: true });
          this.#runs(rows, (size) => {
            this.#tile(tiles, { rows: size, vectors }, a, w, into);
            k.advance(a, size * 4);
            k.advance(into, size * p.sRow * 4);
          });
          k.advance(w, vectors * p.lanes * 4);
          k.advance(s, vectors * p.lanes * 4);
        });
      },
      { name: "point" },
    );
  }

  /** A loop over equal sizes, and code of its own for the last where it differs. */
  #runs(sizes: readonly number[], body: (size: number) => void): void {
    const full = sizes.filter((size) => size === sizes[0]);
    if (full.length === 1) body(sizes[0]!);
    else this.k.loop(0, full.length, () => body(sizes[0]!), { name: "run" });
    if (full.length < sizes.length) body(sizes[sizes.length - 1]!);
  }

  #tile(tiles: Reg, size: TileSize, v: Reg, w: Reg, s: Reg): void {
    const { k, p } = this;
    const into = k.ptrAdd(s, 0);
    const place = (i: number, n: number) => (i * p.sRow + n * p.lanes) * 4;
    const acc = Array.from({ length: size.rows }, (_, i) =>
      Array.from({ length: size.vectors }, (_, n) => k.var(k.load(into, place(i, n), p.lanes), "acc")),
    );
    const a = k.var(v, "a");
    const b = k.var(w, "b");
    k.loop(
      0,
      tiles,
      () => {
        accumulate(
          k,
          acc,
          p.lanes,
          (i) => [a, i * 4],
          (n) => [b, n * p.lanes * 4],
        );
        k.advance(a, p.input.vTile * 4);
        k.advance(b, p.gradient.vTile * 4);
      },
      { frame: true, name: "tile" },
    );
    const back = k.ptrAdd(s, 0);
    for (const [i, row] of acc.entries()) for (const [n, value] of row.entries()) k.store(back, place(i, n), value);
  }

  /** dW = G^T S G. */
  #store(dw: Reg, channels: Part, outputs: Part, channel: Reg, output: Reg): void {
    const { k, p } = this;
    const tap = p.input.source.channels * p.weightRow;
    k.loop(
      0,
      channels.channels,
      (row) => {
        const at = k.add(k.mul(channel, p.weightRow), output);
        const to = k.var(k.ptrAdd(k.ptrAdd(dw, at), k.mul(row, p.weightRow * 4)), "to");
        const from = k.var(k.ptrAdd(this.#at(p.sStart), k.mul(row, p.sRow * 4)), "from");
        k.loop(
          0,
          outputs.vectors,
          () => {
            transformWeightGradient(
              k,
              p.taps,
              p.lanes,
              (c) => (r) => k.load(from, (r * TILE_INPUTS + c) * p.sPoint * 4, p.lanes),
              (r, values) => {
                for (const [c, value] of values.entries()) k.store(to, (r * p.taps + c) * tap * 4, value);
              },
            );
            k.advance(from, p.lanes * 4);
            k.advance(to, p.lanes * 4);
          },
          { frame: true, name: "vector" },
        );
        // Zeros in the pad lanes: an infinity times those of dy has left something else there. `to` is behind them.
        const pads = outputs.vectors * p.lanes - outputs.channels;
        if (pads > 0)
          k.loop(0, p.taps ** 2, () => {
            storeZeros(k, to, -4 * pads, pads);
            k.advance(to, tap * 4);
          });
      },
      { name: "channel" },
    );
  }
}
