/**
 * Weight gradients of convolutions of 3x3 and 5x5, stride 1, by Winograd's F(4x4, 3x3) and F(2x2, 5x5) turned round,
 *
 *     dW = G^T [ sum over tiles of (A dy A^T) * (B^T d B) ] G,
 *
 * 36 products for a tile where the definition takes 144, or 100. A piece of work makes the gradient of some input
 * channels by some outputs from a slice of all rows of tiles: block after block is transformed into the thread's
 * workspace (V and W), and 36 outer products are added to S there, [36 points][input channel][output]; then S is
 * transformed to a part of dW. The slices are a number that depends on shapes only, and their parts are added in order
 * by a second step.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import type { ConvAttributes } from "../../../graph/attributes.js";
import type { Value } from "../../../graph/graph.js";
import type { Lanes, Target } from "../../../target/target.js";
import { mostPartialBytes } from "../../contract/cost.js";
import { remembered } from "../../contract/remembered.js";
import type { Lowering, Strategy, Work } from "../../contract/strategy.js";
import { blocksOf, oneBlock } from "../../language/blocks.js";
import { storeZeros } from "../../language/channels.js";
import { pieces } from "../../language/pieces.js";
import { addSlices } from "../../language/slices.js";
import { accumulate, chooseTile, evenBlock, type TileSize } from "../../language/tile.js";
import { F32, type View, view } from "../../language/view.js";
import { type InputBlock, transformInputBlock } from "./input.js";
import {
  type ImageView,
  imageView,
  isWinogradShape,
  oddLines,
  type TiledImage,
  type TileView,
  tapsOf,
  tiledImage,
} from "./plan.js";
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
  const most = Math.max(1, Math.floor(mostPartialBytes(target) / (F32 * elements)));
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
    p.slices === 1 ? result : to.temporary("partial weight gradients", { fixedBytes: p.slices * p.elements * F32 });
  const kernel = to.kernel(winogradWeightGradientKernel, p);
  const operands = [to.buffer(x), to.buffer(dy), to.workspace(p.workspace * F32), target];
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

type Products = View<"point" | "channel" | "output">;
type Weights = View<"slice" | "tap" | "channel" | "output">;

class Writer {
  constructor(
    readonly k: KernelBuilder,
    readonly p: GradientPlan,
  ) {}

  /**
   * What lies in the workspace from an element on: asked for where it is used, since to hold it would take registers.
   */
  #tiles({ vTile: tile, vPoint: point }: InputBlock, start: number): TileView {
    return view(this.k, "workspace", { tile, point, channel: 1 }).pointer().moved({ channel: start });
  }

  #v(): TileView {
    return this.#tiles(this.p.input, 0);
  }

  #w(): TileView {
    return this.#tiles(this.p.gradient, this.p.wStart);
  }

  #s(): Products {
    const { sPoint: point, sRow: channel, sStart } = this.p;
    return view(this.k, "workspace", { point, channel, output: 1 }).pointer().moved({ output: sStart });
  }

  #zeros(image: TiledImage): ImageView {
    return imageView(this.k, "workspace", image).pointer().moved({ channel: this.p.zeroStart });
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
        const tap = p.input.source.channels * p.weightRow;
        const dw = view(k, "dw", { slice: p.elements, tap, channel: p.weightRow, output: 1 });
        const into = dw.at({ slice }).here().pointer().keep("into");
        this.#parts(channelBlock, p.channelVectors, p.input.source, (channels) =>
          this.#parts(outputBlock, p.outputVectors, p.gradient.source, (outputs) => {
            const channel = dw
              .at({ output: channelBlock }, p.channelVectors * p.lanes)
              .keep("channel")
              .offset();
            const output = dw
              .at({ output: outputBlock }, p.outputVectors * p.lanes)
              .keep("output")
              .offset();
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
  #parts(block: Reg, vectors: number, image: TiledImage, body: (part: Part) => void): void {
    const { k, p } = this;
    const all = blocksOf(image.channels, vectors * p.lanes);
    oneBlock(k, all, block, (channels) => body({ channels, vectors: Math.ceil(channels / p.lanes) }));
  }

  /** What tiles read above and below the images. */
  #zeroRow(): void {
    const { k, p } = this;
    const zero = k.splat(0, p.lanes);
    const at = this.#zeros(p.input.source).keep("zeros");
    k.loop(0, (p.workspace - p.zeroStart) / p.lanes, () => {
      at.store(zero);
      at.advance({ channel: p.lanes });
    });
  }

  #clear({ channels }: Part): void {
    const { k, p } = this;
    const zero = k.splat(0, p.lanes);
    k.loop(
      0,
      POINTS,
      (point) => {
        const at = this.#s().at({ point }).keep("at");
        k.loop(0, (channels * p.sRow) / p.lanes, () => {
          at.store(zero);
          at.advance({ output: p.lanes });
        });
      },
      { name: "point" },
    );
  }

  #transform(first: Reg, rows: Reg, channels: Part, outputs: Part, channel: Reg, output: Reg): void {
    const { k, p } = this;
    transformInputBlock(k, p.input, {
      first,
      rows,
      vectors: channels.vectors,
      channel,
      source: imageView(k, "x", p.input.source),
      v: () => this.#v(),
      zeros: () => this.#zeros(p.input.source),
    });
    transformInputBlock(k, p.gradient, {
      first,
      rows,
      vectors: outputs.vectors,
      channel: output,
      source: imageView(k, "dy", p.gradient.source),
      v: () => this.#w(),
      zeros: () => this.#zeros(p.gradient.source),
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
        const v = this.#v().at({ point }).keep("v");
        const w = this.#w().at({ point }).keep("w", { frame: true });
        const s = this.#s().at({ point }).keep("s", { frame: true });
        this.#runs(columns, (vectors) => {
          const a = v.keep("a", { frame: true });
          const into = s.keep("into", { frame: true });
          this.#runs(rows, (size) => {
            this.#tile(tiles, { rows: size, vectors }, a, w, into);
            a.advance({ channel: size });
            into.advance({ channel: size });
          });
          w.advance({ channel: vectors * p.lanes });
          s.advance({ output: vectors * p.lanes });
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

  #tile(tiles: Reg, size: TileSize, v: TileView, w: TileView, s: Products): void {
    const { k, p } = this;
    const into = s.fetched();
    const place = (i: number, n: number) => ({ channel: i, output: n * p.lanes });
    const acc = Array.from({ length: size.rows }, (_, i) =>
      Array.from({ length: size.vectors }, (_, n) => k.var(into.load(p.lanes, place(i, n)), "acc")),
    );
    const a = v.keep("a");
    const b = w.keep("b");
    k.loop(
      0,
      tiles,
      () => {
        accumulate(
          k,
          acc,
          p.lanes,
          (i) => a.place({ channel: i }),
          (n) => b.place({ channel: n * p.lanes }),
        );
        a.advance({ tile: 1 });
        b.advance({ tile: 1 });
      },
      { frame: true, name: "tile" },
    );
    const back = s.fetched();
    for (const [i, row] of acc.entries()) for (const [n, value] of row.entries()) back.store(value, place(i, n));
  }

  /** dW = G^T S G. */
  #store(dw: Weights, channels: Part, outputs: Part, channel: Reg, output: Reg): void {
    const { k, p } = this;
    k.loop(
      0,
      channels.channels,
      (row) => {
        const at = k.add(k.mul(channel, p.weightRow), output);
        const to = dw.plus(at).pointer().at({ channel: row }).keep("to");
        const from = this.#s().at({ channel: row }).keep("from");
        k.loop(
          0,
          outputs.vectors,
          () => {
            transformWeightGradient(
              k,
              p.taps,
              p.lanes,
              (c) => (r) => from.load(p.lanes, { point: r * TILE_INPUTS + c }),
              (r, values) => {
                for (const [c, value] of values.entries()) to.store(value, { tap: r * p.taps + c });
              },
            );
            from.advance({ output: p.lanes });
            to.advance({ output: p.lanes });
          },
          { frame: true, name: "vector" },
        );
        // Zeros in the pad lanes: an infinity times those of dy has left something else there. `to` is behind them.
        const pads = outputs.vectors * p.lanes - outputs.channels;
        if (pads > 0)
          k.loop(0, p.taps ** 2, () => {
            storeZeros(k, ...to.place({ output: -pads }), pads);
            to.advance({ tap: 1 });
          });
      },
      { name: "channel" },
    );
  }
}
