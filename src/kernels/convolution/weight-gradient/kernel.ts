/**
 * The code of a weight gradient. From outside to inside: a piece has a chunk of the weights and a slice of the samples;
 * it walks them in bands of rows, and for each band all tiles of its chunk, whose sums stay in registers while the
 * band's pixels go by.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { IntArg, Reg } from "../../../codegen/ir.js";
import { type BlockRange, blocksOf, eachOfBlocks } from "../../language/blocks.js";
import { storeZeros } from "../../language/channels.js";
import { indicesOf, pieces } from "../../language/pieces.js";
import { accumulate, stepsOfTurn } from "../../language/tile.js";
import { type View, view } from "../../language/view.js";
import { rowsOfTap } from "../tap-rows.js";
import type { Gradient } from "./plan.js";

/** One broadcast value of a tile: the tap column it belongs to and its channel. */
interface Item {
  readonly tap: number;
  readonly channel: number;
}

interface WeightGradient {
  readonly gradient: Gradient;
  /** Of all weights. */
  readonly elements: number;
}

export const weightGradientKernel = defineKernel<WeightGradient>("weightGradient", {
  operands: [
    ["x", "read"],
    ["dy", "read"],
    ["dw", "readwrite"],
  ],
  write: (k, { gradient, elements }) => new Writer(k, gradient, elements).write(),
});

type Input = View<"sample" | "row" | "pixel" | "channel">;
type Output = View<"sample" | "row" | "pixel" | "output">;
type Weights = View<"slice" | "tapRow" | "tap" | "channel" | "output">;

/**
 * What a piece has of the weights: a kernel row, and blocks of its channels (rows of the tile) and of outputs (its
 * columns).
 */
interface Piece {
  readonly tapRow: Reg;
  readonly weights: Weights;
  readonly rows: BlockRange;
  readonly columns: BlockRange;
}

/** Some vectors of outputs, from a distance in bytes on. */
interface Columns {
  readonly vectors: number;
  readonly first: Reg;
  /** Bytes to the first channel of the group that they belong to, where there are many. */
  readonly group: Reg | undefined;
}

/** The items of a tile, and the block of channels that they are counted from. */
interface Items {
  readonly items: readonly Item[];
  readonly block: IntArg;
}

/** Rows `from` to `to` of a sample's pixels, its first row in x and dy. */
interface Band {
  readonly x: Input;
  readonly dy: Output;
  readonly from: Reg;
  readonly to: Reg;
}

/** A row of pixels for a tile: where it begins, and its sums for even and odd pixels, which may be the same. */
interface Row {
  readonly items: readonly Item[];
  readonly vectors: number;
  readonly mask: Reg | undefined;
  readonly sums: readonly [Reg[][], Reg[][]];
  readonly x: Input;
  readonly dy: Output;
}

class Writer {
  readonly #x: Input;
  readonly #dy: Output;
  readonly #dw: Weights;

  constructor(
    readonly k: KernelBuilder,
    readonly g: Gradient,
    readonly elements: number,
  ) {
    const { inputPixel, outputPixel: pixel, weightRow: channel } = g;
    this.#x = view(k, "x", { sample: g.inputSample, row: g.inputColumns * inputPixel, pixel: inputPixel, channel: 1 });
    this.#dy = view(k, "dy", { sample: g.outputSample, row: g.outputColumns * pixel, pixel, output: 1 });
    const tap = g.channels * channel;
    this.#dw = view(k, "dw", { slice: elements, tapRow: g.kernel[1] * tap, tap, channel, output: 1 });
  }

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
        const base = this.#dw.at({ slice }).keep("base");
        if (g.firstOutput === 0) k.if(inSlice, "eq", 0, () => this.#zeroTail(base));
        const tapRow = k.var(index.tapRow(), "tapRow");
        const part = indicesOf(k, index.chunk(), { columns: g.columnChunks, rows: g.rowChunks });
        this.#piece(from, to, {
          tapRow,
          weights: base.at({ tapRow }).keep("weights"),
          columns: this.#blocks(part.columns(), g.columnBlocks, g.columnChunks),
          rows: this.#blocks(part.rows(), g.rowBlocks, g.rowChunks),
        });
      },
      { keepsEnd: true, copies: true },
    );
  }

  /** One of `chunks` parts of the blocks, as even as can be. */
  #blocks(chunk: Reg, blocks: number, chunks: number): BlockRange {
    const { k } = this;
    if (chunks === 1) return "all";
    const start = k.mul(chunk, blocks);
    const from = k.var(k.div(start, chunks), "blockFrom");
    return { from, to: k.var(k.div(k.add(start, blocks), chunks), "blockTo") };
  }

  /** All samples of one slice. */
  #piece(from: Reg, to: Reg, piece: Piece): void {
    const { k, g } = this;
    const [sy] = g.stride;
    this.#zero(piece);
    const shift = k.sub(g.before[0], k.mul(piece.tapRow, g.dilation[0]));
    const { low, high } = rowsOfTap(k, { stride: sy }, g.inputRows, shift);
    const merged = g.rowsPerSample > 0;
    const rowFrom = k.var(merged ? k.mul(from, g.rowsPerSample) : low, "rowFrom");
    const rowTo = k.var(merged ? k.mul(to, g.rowsPerSample) : k.min(high, g.outputRows), "rowTo");
    // the input row that output row 0 reads
    const origin = this.#x
      .at({ row: k.sub(0, shift) })
      .moved({ channel: g.firstChannel })
      .keep("origin");
    const bands = (sample: Reg | undefined) => {
      const one = (band: Reg) => {
        const bandTo = k.var(k.min(k.add(band, g.bandRows), rowTo), "bandTo");
        const xRow = origin.at({ row: band }, sy).here();
        const dyRow = this.#dy.at({ row: band }).here();
        const own = sample === undefined ? {} : { sample };
        const x = xRow.at(own).pointer().keep("x");
        const dy = dyRow.at(own).pointer().keep("dy");
        this.#columns(piece.columns, (columns) =>
          this.#rows(piece.rows, (tile) => this.#tile(tile, columns, { x, dy, from: band, to: bandTo }, piece.weights)),
        );
      };
      k.loop(rowFrom, rowTo, one, { step: g.bandRows, name: "band" });
    };
    if (merged) bands(undefined);
    else k.loop(from, to, bands, { name: "sample" });
    this.#zeroPads(piece);
  }

  /** Zeros in the pad lanes of the last outputs: an infinity times the zeros of dy has left something else there. */
  #zeroPads({ weights, rows, columns }: Piece): void {
    const { k, g } = this;
    const pads = g.groupBlocks === undefined ? -g.outputs & (g.lanes - 1) : g.weightRow - g.outputs;
    if (pads === 0 || g.outputPixel <= 4) return;
    const channelOf = (block: Reg) => k.min(k.mul(block, g.tile.rows), g.channels);
    const [from, to] = g.flat || rows === "all" ? [0, g.channels] : [channelOf(rows.from), channelOf(rows.to)];
    const zero = () =>
      k.loop(0, g.kernel[1], (tap) => {
        const dw = weights.pointer().at({ tap }).keep("pads");
        k.loop(from, to, (channel) => {
          const row = dw.at({ channel }).pointer();
          storeZeros(k, ...row.place({ output: g.firstOutput + g.outputs }), pads);
        });
      });
    if (columns === "all") zero();
    else k.if(columns.to, "eq", g.columnBlocks, zero);
  }

  /** Blocks of output vectors: a loop over the full ones, then what is left. */
  #columns(range: BlockRange, body: (columns: Columns) => void): void {
    const { k, g } = this;
    const blocks = blocksOf(Math.ceil(g.outputs / g.lanes), g.tile.vectors);
    // what becomes of the pads of the last block is overwritten, so its code need not differ
    eachOfBlocks(k, blocks, range, (block, vectors) => {
      const start = this.#dy.at({ output: block }, g.tile.vectors * g.lanes).moved({ output: g.firstOutput });
      const group = this.#groupOf(block);
      body({ vectors, first: start.keep("outputBytes").offset(), group });
    });
  }

  #groupOf(block: IntArg): Reg | undefined {
    const { k, g } = this;
    if (g.groupBlocks === undefined) return undefined;
    const group = typeof block === "number" ? Math.floor(block / g.groupBlocks) : k.div(block, g.groupBlocks);
    return this.#x.at({ channel: group }, g.channels).keep("groupBytes").offset();
  }

  /**
   * The tiles' rows: where every block has items of its own, each has its own code; else over blocks of channels and
   * taps.
   */
  #rows(range: BlockRange, body: (tile: Items) => void): void {
    const { k, g } = this;
    const of = (count: number, tap: number): Item[] =>
      Array.from({ length: count }, (_, channel) => ({ tap, channel }));
    if (g.flat) {
      const items = Array.from({ length: g.kernel[1] }, (_, tap) => of(g.channels, tap)).flat();
      for (let at = 0; at < items.length; at += g.tile.rows)
        body({ items: items.slice(at, at + g.tile.rows), block: 0 });
      return;
    }
    eachOfBlocks(k, blocksOf(g.channels, g.tile.rows), range, (block, count) => {
      for (let tap = 0; tap < g.kernel[1]; tap++) body({ items: of(count, tap), block });
    });
  }

  #narrowMask(): Reg | undefined {
    const { k, g } = this;
    return g.outputPixel <= 4 && g.outputs % g.lanes > 0 ? k.firstLanes(g.outputs % g.lanes, g.lanes) : undefined;
  }

  /** Zeros after the last row of the weights. */
  #zeroTail(base: Weights): void {
    const { k, g } = this;
    const end = base.pointer();
    const zero = k.splat(0, 1);
    for (let e = g.kernel[0] * this.#dw.strides.tapRow; e < this.elements; e++) end.store(zero, { output: e });
  }

  #zero({ weights, columns, rows }: Piece): void {
    const { k, g } = this;
    this.#columns(columns, (own) => {
      const mask = this.#narrowMask();
      this.#rows(rows, (tile) => {
        const dw = this.#weightsOf(weights, own, tile.block);
        const zero = k.splat(0, g.lanes);
        for (const item of tile.items)
          for (let v = 0; v < own.vectors; v++) this.#storeWeights(dw, item, v, zero, mask);
      });
    });
  }

  /** The first channel of a block. */
  #blockOf<Axis extends string>(of: View<Axis | "channel">, block: IntArg): View<Axis | "channel"> {
    const { rows } = this.g.tile;
    const channel = (index: IntArg) => ({ channel: index }) as { readonly [A in Axis | "channel"]?: IntArg };
    return typeof block === "number"
      ? of.moved(channel(block * rows) as { readonly [A in Axis | "channel"]?: number })
      : of.at(channel(block), rows).pointer();
  }

  #weightsOf(weights: Weights, { first }: Columns, block: IntArg): Weights {
    return this.#blockOf(weights.pointer().plus(first).pointer(), block);
  }

  #storeWeights(dw: Weights, item: Item, v: number, value: Reg, mask: Reg | undefined): void {
    const place = dw.place({ ...item, output: v * this.g.lanes });
    if (mask) this.k.storeMasked(...place, value, mask);
    else this.k.store(...place, value);
  }

  #tile({ items, block }: Items, columns: Columns, band: Band, weights: Weights): void {
    const { k, g } = this;
    const { vectors, first, group } = columns;
    const mask = this.#narrowMask();
    const dw = this.#weightsOf(weights, columns, block);
    const acc = items.map((item) =>
      Array.from({ length: vectors }, (_, v) => {
        const place = dw.place({ ...item, output: v * g.lanes });
        return k.var(mask ? k.loadMasked(...place, mask) : k.load(...place, g.lanes), "acc");
      }),
    );
    // Few accumulators would wait for their own last sum: every second pixel then has a set of its own.
    const { sumsInFlight, registers } = k.target;
    const sums = items.length * vectors;
    const spare = sums < sumsInFlight && 2 * sums + vectors + 2 <= registers.vector;
    const second = spare ? items.map(() => Array.from({ length: vectors }, () => k.acc(0, g.lanes))) : acc;
    const x = this.#blockOf(band.x.plus(group), block).keep("xRow");
    const dy = band.dy.plus(first).keep("dyRow");
    const row = () => {
      this.#row({ items, vectors, mask, sums: [acc, second], x, dy });
      x.advance({ row: g.stride[0] });
      dy.advance({ row: 1 });
    };
    k.loop(band.from, band.to, row, { frame: false, name: "row" });
    if (spare)
      for (const [i, row] of acc.entries()) for (const [v, a] of row.entries()) k.updateTo(a, "fadd", second[i]![v]!);
    const into = this.#weightsOf(weights, columns, block);
    for (const [i, item] of items.entries())
      for (let v = 0; v < vectors; v++) this.#storeWeights(into, item, v, acc[i]![v]!, mask);
  }

  /**
   * All pixels of one output row: those where every item reads the input in a loop, those at the borders one by one.
   */
  #row(row: Row): void {
    const { k, g } = this;
    const { items, vectors } = row;
    const [, sx] = g.stride;
    const inside = (pixel: number) => items.every((item) => this.#isInside(pixel, item));
    let low = 0;
    while (low < g.outputColumns && !inside(low)) low++;
    let high = low;
    while (high < g.outputColumns && inside(high)) high++;
    /** The row from a pixel on. */
    const from = (pixel: number): Row => ({
      ...row,
      x: row.x.moved({ pixel: this.#columnOf(pixel, items[0]!) }),
      dy: row.dy.moved({ pixel }),
    });
    const border = (pixel: number) => {
      if (items.some((item) => this.#isInside(pixel, item))) this.#pixel(from(pixel), pixel, 0, false);
    };
    for (let pixel = 0; pixel < low; pixel++) border(pixel);
    const count = high - low;
    if (count > 0) {
      const unroll = stepsOfTurn(k.target, count % 2 === 0 && items.length * vectors <= 32 ? 2 : 1);
      const x = row.x.moved({ pixel: this.#columnOf(low, items[0]!) }).keep("x");
      const dy = row.dy.moved({ pixel: low }).keep("d");
      const turn = () => {
        for (let ahead = 0; ahead < unroll; ahead++) this.#pixel({ ...row, x, dy }, low, ahead, true);
        x.advance({ pixel: unroll * sx });
        dy.advance({ pixel: unroll });
      };
      if (count === unroll) turn();
      else k.loop(0, count, turn, { step: unroll, name: "pixel" });
    }
    for (let pixel = high; pixel < g.outputColumns; pixel++) border(pixel);
  }

  /** The column of the input that an item reads for a pixel. */
  #columnOf(pixel: number, { tap }: Item): number {
    return pixel * this.g.stride[1] - this.g.before[1] + tap * this.g.dilation[1];
  }

  #isInside(pixel: number, item: Item): boolean {
    const column = this.#columnOf(pixel, item);
    return column >= 0 && column < this.g.inputColumns;
  }

  /** One pixel, `ahead` of that at which the row stands; `all`: every item reads the input. */
  #pixel({ items, vectors, mask, sums, x, dy }: Row, pixel: number, ahead: number, all: boolean): void {
    const { k, g } = this;
    const acc = sums[ahead % 2]!;
    const indices = (item: Item) => ({
      pixel: this.#columnOf(pixel + ahead, item) - this.#columnOf(pixel, items[0]!),
      channel: item.channel,
    });
    const source = (i: number) =>
      all || this.#isInside(pixel + ahead, items[i]!) ? x.place(indices(items[i]!)) : undefined;
    const gradient = (v: number) => dy.place({ pixel: ahead, output: v * g.lanes });
    if (mask) {
      const operand = k.loadMasked(...gradient(0), mask);
      for (let i = 0; i < items.length; i++) {
        const place = source(i);
        if (place) k.fmaTo(acc[i]![0]!, k.broadcast(...place, g.lanes), operand);
      }
      return;
    }
    accumulate(k, acc, g.lanes, source, gradient);
    if (!all || items.length * vectors < k.target.prefetching.leastPerPixel) return;
    // The same pixel of the next band: it comes from memory, while this band does not.
    x.prefetch({ ...indices(items[0]!), row: g.bandRows * g.stride[0] });
    for (let output = 0; output < vectors * g.lanes; output += k.target.lineBytes / dy.element)
      dy.prefetch({ pixel: ahead, row: g.bandRows, output });
  }
}
