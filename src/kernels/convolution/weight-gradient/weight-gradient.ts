/**
 * Weight gradients: dW[row][o] = sum over samples and pixels of a[row] * dy[o], an outer product accumulated in the register
 * tile: a handful of input values are broadcast, a few vectors of dy are shared by them. Both lie contiguously in NHWC.
 *
 * `weight-gradient/plan.ts` cuts the work into pieces, each with weights of its own. Where the batch is cut into slices too, each
 * has its own partial sum, added in order by a second step: their number never depends on the number of threads.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { IntArg, Reg } from "../../../codegen/ir.js";
import type { Value } from "../../../graph/graph.js";
import type { Buffer } from "../../contract/emitter.js";
import type { Lowering, Strategy, Work } from "../../contract/strategy.js";
import { storeZeros } from "../../language/channels.js";
import { indicesOf, pieces } from "../../language/pieces.js";
import { accumulate, stepsOfTurn } from "../../language/tile.js";
import type { ConvAttributes } from "../general/shape.js";
import { type Gradient, gradientOf } from "./plan.js";

/** One broadcast value of a tile: the tap column it belongs to and its channel. */
interface Item {
  readonly tap: number;
  readonly channel: number;
}

const LINE_BYTES = 64;
/** Multiply-adds of a pixel beside which asking for the next band's costs nothing. */
const LEAST_PREFETCHING = 16;
const MAXIMUM_CODE = 16_000; // multiply-add instructions in one kernel

export const weightGradient: Strategy = {
  name: "weightGradient",
  ops: ["conv2dWeightGrad"],
  fuses: false,
  accepts: (node, target) => {
    const a = node.attributes as ConvAttributes;
    const g = gradientOf(node, target);
    if (a.groups > 1 && (a.groups > 4 || g.outputs % g.lanes !== 0 || g.outputPixel <= 4)) return false;
    return codeSize(g) <= MAXIMUM_CODE;
  },
  cost: (node, target) => {
    const g = gradientOf(node, target);
    return (
      (node.attributes as ConvAttributes).groups *
      g.outputRows *
      g.outputColumns *
      node.shape[0]! *
      node.shape[1]! *
      g.channels *
      Math.ceil(g.outputs / g.lanes) *
      0.4
    );
  },
  lower,
};

/**
 * Multiply-adds written out: one or two pixels inside, and every border pixel, for each tile that has code of its own. Where a tile is of one tap
 * column, its pixels are those that the tap reads, and there are no borders, however far dilation reaches.
 */
function codeSize(g: Gradient): number {
  const columns = g.outputColumns;
  const reach = (g.kernel[1] - 1) * g.dilation[1];
  const borders = g.flat ? Math.min(columns, Math.ceil((g.before[1] + reach) / g.stride[1]) * 2) : 0;
  const groups = g.flat ? Math.ceil((g.kernel[1] * g.channels) / g.tile.rows) : g.kernel[1] * 2;
  return groups * 2 * (borders + 2) * g.tile.rows * g.tile.vectors;
}

function lower(work: Work, to: Lowering): void {
  const node = work.root;
  const g = gradientOf(node, to.target);
  const [x, dy] = node.inputs as [Value, Value];
  const result = to.buffer(work.result);
  const weight = to.layout(node);
  const elements = weight.sampleStride;
  const target =
    g.slices === 1 ? result : to.temporary("partial weight gradients", { fixedBytes: g.slices * elements * 4 });
  for (let group = 0; group < (node.attributes as ConvAttributes).groups; group++) {
    const own = gradientOf(node, to.target, group);
    const kernel = to.kernel(weightGradientKernel, { gradient: own, elements });
    to.step(kernel, [to.buffer(x), to.buffer(dy), target], {
      count: g.slices * g.kernel[0] * g.columnChunks * g.rowChunks,
    });
  }
  if (g.slices > 1) addSlices(to, target, result, g.slices, elements);
}

/** result = sum of the slices in order, element by element. */
export function addSlices(to: Lowering, partial: Buffer, result: Buffer, slices: number, elements: number): void {
  const vectors = Math.ceil(elements / to.target.lanes);
  const kernel = to.kernel(addSlicesKernel, { slices, elements });
  to.step(kernel, [partial, result], { count: Math.ceil(vectors / VECTORS_OF_PIECE) });
}

interface Slices {
  readonly slices: number;
  readonly elements: number;
}

const VECTORS_OF_PIECE = 64;

const addSlicesKernel = defineKernel<Slices>("addSlices", {
  operands: [
    ["partial", "read"],
    ["result", "write"],
  ],
  write(k, { slices, elements }) {
    const { lanes } = k.target;
    const from = k.mul(k.begin, VECTORS_OF_PIECE);
    const end = k.min(k.mul(k.end, VECTORS_OF_PIECE), Math.ceil(elements / lanes));
    k.loop(from, end, (vector) => {
      const at = k.mul(vector, lanes * 4);
      const p = k.ptrAdd(k.operand("partial"), at);
      let total = k.load(p, 0, lanes);
      for (let s = 1; s < slices; s++) total = k.fadd(total, k.load(p, s * elements * 4, lanes));
      k.store(k.ptrAdd(k.operand("result"), at), 0, total);
    });
  },
});

interface WeightGradient {
  readonly gradient: Gradient;
  /** Of all weights. */
  readonly elements: number;
}

const weightGradientKernel = defineKernel<WeightGradient>("weightGradient", {
  operands: [
    ["x", "read"],
    ["dy", "read"],
    ["dw", "readwrite"],
  ],
  write: (k, { gradient, elements }) => new Writer(k, gradient, elements).write(),
});

/** The blocks that a piece has: all, or from one register to another. */
interface Blocks {
  readonly from: IntArg;
  readonly to: IntArg;
}

/** What a piece has of the weights, in bytes and blocks. */
interface Piece {
  readonly tapRow: Reg;
  /** Bytes of the kernel row's weights from the start of dw. */
  readonly weights: Reg;
  readonly rows: Blocks;
  readonly columns: Blocks;
}

/** The items of a tile, and the block of channels that they are counted from. */
interface Items {
  readonly items: readonly Item[];
  readonly block: IntArg;
}

class Writer {
  constructor(
    readonly k: KernelBuilder,
    readonly g: Gradient,
    readonly elements: number,
  ) {}

  write(): void {
    const { k, g } = this;
    const chunks = g.rowChunks * g.columnChunks;
    pieces(
      k,
      { slice: g.slices, tapRow: g.kernel[0], chunk: chunks },
      (index, piece) => {
        const slice = index.slice();
        const inSlice = piece.left();
        const chunk = k.div(k.add(k.batch, g.slices - 1), g.slices);
        const from = k.var(k.min(k.mul(slice, chunk), k.batch), "from");
        const to = k.var(k.min(k.add(from, chunk), k.batch), "to");
        const base = k.var(k.mul(slice, this.elements * 4), "base");
        if (g.firstOutput === 0) k.if(inSlice, "eq", 0, () => this.#zeroTail(base));
        const tapRow = k.var(index.tapRow(), "tapRow");
        const part = indicesOf(k, index.chunk(), { columns: g.columnChunks, rows: g.rowChunks });
        const weights = k.add(base, k.mul(tapRow, g.kernel[1] * g.channels * g.weightRow * 4));
        this.#piece(from, to, {
          tapRow,
          weights: k.var(weights, "weights"),
          columns: this.#blocks(part.columns(), g.columnBlocks, g.columnChunks),
          rows: this.#blocks(part.rows(), g.rowBlocks, g.rowChunks),
        });
      },
      { keepsEnd: true, copies: true },
    );
  }

  /** One of `chunks` parts of the blocks, as even as can be. */
  #blocks(chunk: Reg, blocks: number, chunks: number): Blocks {
    const { k } = this;
    if (chunks === 1) return { from: 0, to: blocks };
    const start = k.mul(chunk, blocks);
    const from = k.var(k.div(start, chunks), "blockFrom");
    return { from, to: k.var(k.div(k.add(start, blocks), chunks), "blockTo") };
  }

  /** All samples of one slice. */
  #piece(from: Reg, to: Reg, piece: Piece): void {
    const { k, g } = this;
    const [sy] = g.stride;
    this.#zero(piece);
    // output rows whose tap row lies inside the input: ceil and floor divisions made of non-negative ones
    const shift = k.sub(g.before[0], k.mul(piece.tapRow, g.dilation[0]));
    const low = k.div(k.max(k.add(shift, sy - 1), 0), sy);
    const high = k.div(k.max(k.add(shift, g.inputRows - 1 + sy), 0), sy);
    const merged = g.rowsPerSample > 0;
    const rowFrom = k.var(merged ? k.mul(from, g.rowsPerSample) : low, "rowFrom");
    const rowTo = k.var(merged ? k.mul(to, g.rowsPerSample) : k.min(high, g.outputRows), "rowTo");
    // byte offset of the input row that output row 0 reads
    const row = k.add(k.mul(k.sub(0, shift), g.inputColumns * g.inputPixel * 4), 4 * g.firstChannel);
    const origin = k.var(row, "origin");
    const bands = (sample: Reg | undefined) => {
      k.loop(
        rowFrom,
        rowTo,
        (band) => {
          const bandTo = k.var(k.min(k.add(band, g.bandRows), rowTo), "bandTo");
          const xAt = k.add(origin, k.mul(band, sy * g.inputColumns * g.inputPixel * 4));
          const dyAt = k.mul(band, g.outputColumns * g.outputPixel * 4);
          const of = (at: Reg, stride: number) => (sample === undefined ? at : k.add(at, k.mul(sample, stride * 4)));
          const x = k.var(k.ptrAdd(k.operand("x"), of(xAt, g.inputSample)), "x");
          const dy = k.var(k.ptrAdd(k.operand("dy"), of(dyAt, g.outputSample)), "dy");
          this.#columns(piece.columns, (vectors, outputBytes) => {
            this.#rows(piece.rows, (tile) => this.#tile(tile, vectors, x, dy, outputBytes, piece, band, bandTo));
          });
        },
        { step: g.bandRows, name: "band" },
      );
    };
    if (merged) bands(undefined);
    else k.loop(from, to, bands, { name: "sample" });
    this.#zeroPads(piece);
  }

  /** Zeros in the pad lanes of the last outputs: an infinity times the zeros of dy has left something else there. */
  #zeroPads({ weights, rows, columns }: Piece): void {
    const { k, g } = this;
    const pads = g.outputs % g.lanes;
    if (pads === 0 || g.outputPixel <= 4) return;
    const row = g.weightRow * 4;
    const block = (at: IntArg) => (typeof at === "number" ? at : k.min(k.mul(at, g.tile.rows), g.channels));
    const [from, to] = g.flat || typeof rows.to === "number" ? [0, g.channels] : [block(rows.from), block(rows.to)];
    const zero = () =>
      k.loop(0, g.kernel[1], (tap) => {
        const dw = k.var(k.ptrAdd(k.ptrAdd(k.operand("dw"), weights), k.mul(tap, g.channels * row)), "pads");
        k.loop(from, to, (channel) =>
          storeZeros(k, k.ptrAdd(dw, k.mul(channel, row)), 4 * (g.firstOutput + g.outputs), g.lanes - pads),
        );
      });
    if (typeof columns.to === "number") zero();
    else k.if(columns.to, "eq", g.columnBlocks, zero);
  }

  /** Blocks of output vectors: a loop over the full ones, then what is left. */
  #columns(blocks: Blocks, body: (vectors: number, outputBytes: Reg) => void): void {
    const { g } = this;
    const bytes = g.tile.vectors * g.lanes * 4;
    this.#each(blocks, Math.ceil(g.outputs / g.lanes), g.tile.vectors, (vectors, block) => {
      const { k } = this;
      const offset = typeof block === "number" ? block * bytes : k.mul(block, bytes);
      const start = typeof offset === "number" ? offset + 4 * g.firstOutput : k.add(offset, 4 * g.firstOutput);
      // what becomes of the pads of the last block is overwritten, so its code need not differ
      body(vectors, k.var(start, "outputBytes"));
    });
  }

  /** The tiles' rows: where every block has items of its own, each has its own code; else over blocks of channels and taps. */
  #rows(blocks: Blocks, body: (tile: Items) => void): void {
    const { g } = this;
    const of = (count: number, tap: number): Item[] =>
      Array.from({ length: count }, (_, channel) => ({ tap, channel }));
    if (g.flat) {
      const items = Array.from({ length: g.kernel[1] }, (_, tap) => of(g.channels, tap)).flat();
      for (let at = 0; at < items.length; at += g.tile.rows)
        body({ items: items.slice(at, at + g.tile.rows), block: 0 });
      return;
    }
    this.#each(blocks, g.channels, g.tile.rows, (count, block) => {
      for (let tap = 0; tap < g.kernel[1]; tap++) body({ items: of(count, tap), block });
    });
  }

  /** Blocks of at most `size` of `extent`: the full ones in a loop, then what is left. */
  #each(blocks: Blocks, extent: number, size: number, body: (size: number, block: IntArg) => void): void {
    const { k } = this;
    const { from, to } = blocks;
    const full = Math.floor(extent / size);
    const rest = extent % size;
    if (typeof to === "number") {
      if (full === 1) body(size, 0);
      else if (full > 1) k.loop(0, full, (block) => body(size, block), { frame: true, name: "block" });
      if (rest > 0) body(rest, full);
    } else {
      const end = rest > 0 ? k.var(k.min(to, full), "fullTo") : to;
      if (full > 0) k.loop(from, end, (block) => body(size, block), { frame: true, name: "block" });
      if (rest > 0) k.if(to, "eq", full + 1, () => body(rest, full));
    }
  }

  #narrowMask(): Reg | undefined {
    const { k, g } = this;
    return g.outputPixel <= 4 && g.outputs % g.lanes > 0 ? k.firstLanes(g.outputs % g.lanes, g.lanes) : undefined;
  }

  #weightOffset(item: Item): number {
    return (item.tap * this.g.channels + item.channel) * this.g.weightRow * 4;
  }

  /** Zeros after the last row of the weights. */
  #zeroTail(base: Reg): void {
    const { k, g } = this;
    const used = g.kernel[0] * g.kernel[1] * g.channels * g.weightRow;
    const end = k.ptrAdd(k.operand("dw"), base);
    const zero = k.splat(0, 1);
    for (let e = used; e < this.elements; e++) k.store(end, e * 4, zero);
  }

  #zero({ weights, columns, rows }: Piece): void {
    const { k, g } = this;
    this.#columns(columns, (vectors, outputBytes) => {
      const mask = this.#narrowMask();
      this.#rows(rows, ({ items, block }) => {
        const dw = this.#weightsOf(weights, outputBytes, block);
        const zero = k.splat(0, g.lanes);
        for (const item of items) {
          for (let v = 0; v < vectors; v++) {
            const at = this.#weightOffset(item) + v * g.lanes * 4;
            if (mask) k.storeMasked(dw, at, zero, mask);
            else k.store(dw, at, zero);
          }
        }
      });
    });
  }

  /** A block's channels, counted by `unit` elements: as bytes. */
  #blockBytes(block: IntArg, unit: number): IntArg {
    const bytes = this.g.tile.rows * unit * 4;
    return typeof block === "number" ? block * bytes : this.k.mul(block, bytes);
  }

  #weightsOf(weights: Reg, outputBytes: Reg, block: IntArg): Reg {
    const { k, g } = this;
    const column = k.ptrAdd(k.ptrAdd(k.operand("dw"), weights), outputBytes);
    return k.ptrAdd(column, this.#blockBytes(block, g.weightRow));
  }

  #tile(
    { items, block }: Items,
    vectors: number,
    x: Reg,
    dy: Reg,
    outputBytes: Reg,
    { weights }: Piece,
    band: Reg,
    bandTo: Reg,
  ): void {
    const { k, g } = this;
    const mask = this.#narrowMask();
    const dw = this.#weightsOf(weights, outputBytes, block);
    const acc = items.map((item) =>
      Array.from({ length: vectors }, (_, v) => {
        const at = this.#weightOffset(item) + v * g.lanes * 4;
        return k.var(mask ? k.loadMasked(dw, at, mask) : k.load(dw, at, g.lanes), "acc");
      }),
    );
    // Few accumulators would wait for their own last sum: every second pixel then has a set of its own.
    const spare = items.length * vectors < 10 && 2 * items.length * vectors + vectors + 2 <= k.target.vectorRegisters;
    const second = spare ? items.map(() => Array.from({ length: vectors }, () => k.acc(0, g.lanes))) : acc;
    const xRow = k.var(k.ptrAdd(x, this.#blockBytes(block, 1)), "xRow");
    const dyRow = k.var(k.ptrAdd(dy, outputBytes), "dyRow");
    k.loop(
      band,
      bandTo,
      () => {
        this.#row(items, vectors, mask, [acc, second], xRow, dyRow);
        k.advance(xRow, g.stride[0] * g.inputColumns * g.inputPixel * 4);
        k.advance(dyRow, g.outputColumns * g.outputPixel * 4);
      },
      { frame: false, name: "row" },
    );
    if (spare)
      for (const [i, row] of acc.entries()) for (const [v, a] of row.entries()) k.updateTo(a, "fadd", second[i]![v]!);
    const into = this.#weightsOf(weights, outputBytes, block);
    for (const [i, item] of items.entries()) {
      for (let v = 0; v < vectors; v++) {
        const at = this.#weightOffset(item) + v * g.lanes * 4;
        if (mask) k.storeMasked(into, at, acc[i]![v]!, mask);
        else k.store(into, at, acc[i]![v]!);
      }
    }
  }

  /** The same pixel of the next band: it comes from memory, while this band does not. */
  #prefetch([x, xAt]: [Reg, number], [dy, dyAt]: [Reg, number], vectors: number): void {
    const { k, g } = this;
    const xBand = g.bandRows * g.stride[0] * g.inputColumns * g.inputPixel * 4;
    const dyBand = g.bandRows * g.outputColumns * g.outputPixel * 4;
    k.prefetch(x, xAt + xBand);
    for (let byte = 0; byte < vectors * g.lanes * 4; byte += LINE_BYTES) k.prefetch(dy, dyAt + dyBand + byte);
  }

  /** All pixels of one output row: those where every item reads the input in a loop, those at the borders one by one. */
  #row(
    items: readonly Item[],
    vectors: number,
    mask: Reg | undefined,
    sets: readonly [Reg[][], Reg[][]],
    xRow: Reg,
    dyRow: Reg,
  ): void {
    const { k, g } = this;
    const [, sx] = g.stride;
    const column = (pixel: number, item: Item) => pixel * sx - g.before[1] + item.tap * g.dilation[1];
    const valid = (pixel: number, item: Item) => column(pixel, item) >= 0 && column(pixel, item) < g.inputColumns;
    const inside = (pixel: number) => items.every((item) => valid(pixel, item));
    const one = (x: Reg, d: Reg, pixel: number, ahead: number, all: boolean) => {
      const acc = sets[ahead % 2]!;
      const load = (v: number): [Reg, number] => [d, ahead * g.outputPixel * 4 + v * g.lanes * 4];
      const place = (item: Item): [Reg, number] => [
        x,
        (column(pixel + ahead, item) * g.inputPixel + item.channel) * 4 - column(pixel, items[0]!) * g.inputPixel * 4,
      ];
      const source = (i: number) => (all || valid(pixel + ahead, items[i]!) ? place(items[i]!) : undefined);
      if (mask) {
        const operand = k.loadMasked(...load(0), mask);
        for (let i = 0; i < items.length; i++) {
          const p = source(i);
          if (p) k.fmaTo(acc[i]![0]!, k.broadcast(...p, g.lanes), operand);
        }
      } else {
        accumulate(k, acc, g.lanes, source, load);
        if (all && items.length * vectors >= LEAST_PREFETCHING) this.#prefetch(place(items[0]!), load(0), vectors);
      }
    };
    let low = 0;
    while (low < g.outputColumns && !inside(low)) low++;
    let high = low;
    while (high < g.outputColumns && inside(high)) high++;
    const border = (pixel: number) => {
      if (!items.some((item) => valid(pixel, item))) return;
      const x = k.ptrAdd(xRow, column(pixel, items[0]!) * g.inputPixel * 4);
      one(x, k.ptrAdd(dyRow, pixel * g.outputPixel * 4), pixel, 0, false);
    };
    for (let pixel = 0; pixel < low; pixel++) border(pixel);
    const count = high - low;
    if (count > 0) {
      const unroll = stepsOfTurn(k.target, count % 2 === 0 && items.length * vectors <= 32 ? 2 : 1);
      const x = k.var(k.ptrAdd(xRow, column(low, items[0]!) * g.inputPixel * 4), "x");
      const d = k.var(k.ptrAdd(dyRow, low * g.outputPixel * 4), "d");
      const turn = () => {
        for (let u = 0; u < unroll; u++) one(x, d, low, u, true);
        k.advance(x, unroll * sx * g.inputPixel * 4);
        k.advance(d, unroll * g.outputPixel * 4);
      };
      if (count === unroll) turn();
      else k.loop(0, count, turn, { step: unroll, name: "pixel" });
    }
    for (let pixel = high; pixel < g.outputColumns; pixel++) border(pixel);
  }
}
