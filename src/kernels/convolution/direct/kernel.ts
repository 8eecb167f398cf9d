/**
 * The code of a direct convolution. From outside to inside: a piece has some rows of a sample and some blocks of its
 * output channels; a block goes through the rows, a row through tiles of pixels, a tile through the taps and channels
 * that it sums.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import { epilogueOperands, prefetchTile } from "../../fusion/store-tile.js";
import { blocksOf, eachBlock } from "../../language/blocks.js";
import { storeZeros } from "../../language/channels.js";
import { pieces } from "../../language/pieces.js";
import { accumulate, stepsOfTurn, zeroTile } from "../../language/tile.js";
import { type View, view } from "../../language/view.js";
import { reaches, type TileRun, tileReaches, tileRuns } from "../axis.js";
import { type TapRows, tapRows } from "../tap-rows.js";
import { type Output, type OutputRow, outputOf, type Store } from "./output.js";
import { type TapConvolution, unrollOf } from "./plan.js";

interface Direct {
  readonly convolution: TapConvolution;
  readonly store: Store;
  /** False where no tap reads anything. */
  readonly hasPanel: boolean;
}

export const directKernel = defineKernel<Direct>("direct", {
  operands: ({ convolution: { pooled }, store, hasPanel }) => [
    ["source", "read"],
    ...(hasPanel ? [["panel", "read"] as const] : []),
    ...epilogueOperands(store.epilogue),
    ...(pooled?.hasPlaces ? [["places", "readwrite"] as const] : []),
    ["destination", pooled === undefined ? "write" : "readwrite"],
  ],
  write: (k, { convolution, store, hasPanel }) => new Writer(k, convolution, store, hasPanel).write(),
});

type Image = View<"sample" | "row" | "pixel" | "channel">;
type Panel = View<"block" | "tapRow" | "channel" | "tap" | "output">;

/** What a piece has of a sample. */
interface Rows {
  readonly source: Image;
  readonly destination: Image;
  readonly from: Reg;
  readonly to: Reg;
}

/** A block of output channels; `isApart`: the last, which has the pad lanes, if there are any. */
interface Block {
  readonly index: Reg;
  readonly vectors: number;
  readonly isApart: boolean;
}

/** Some pixels of a row, in one block of channels. */
interface Tile {
  readonly run: TileRun;
  readonly block: Block;
  readonly bounds: TapRows;
  /** The first pixel's first tap, its weights, and where it is stored. */
  readonly source: Image;
  readonly panel: Panel | undefined;
  readonly destination: Image;
  readonly output: OutputRow;
}

class Writer {
  readonly #output: Output;
  readonly #source: Image;
  readonly #destination: Image;

  constructor(
    readonly k: KernelBuilder,
    readonly p: TapConvolution,
    readonly store: Store,
    readonly hasPanel: boolean,
  ) {
    this.#output = outputOf(k, p, store);
    const { sourcePixel: pixel, destinationPixel } = p;
    this.#source = view(k, "source", { sample: p.sourceSample, row: p.x.extent * pixel, pixel, channel: 1 });
    this.#destination = view(k, "destination", {
      sample: p.destinationSample,
      row: p.destinationWidth * destinationPixel,
      pixel: destinationPixel,
      channel: 1,
    });
  }

  write(): void {
    const { k, p } = this;
    const vectors = Math.ceil(p.outputs / p.lanes);
    const blocks = blocksOf(vectors, p.tile.vectors, p.outputs % p.lanes > 0 || (p.groups?.pads ?? 0) > 0);
    const axes = {
      sample: k.batch,
      rows: Math.ceil(p.y.count / p.rowsPerPiece),
      blocks: Math.ceil(blocks.count / p.blocksPerPiece),
    };
    pieces(
      k,
      axes,
      (index) => {
        const sample = index.sample();
        const rowPiece = index.rows();
        const source = this.#source.at({ sample }).pointer().keep("sample");
        const destination = this.#destination.at({ sample }).keep("destination");
        const from = k.var(k.mul(rowPiece, p.rowsPerPiece), "rowFrom");
        const to = k.var(k.min(k.add(from, p.rowsPerPiece), p.y.count), "rowTo");
        const blockFrom = k.var(k.mul(index.blocks(), p.blocksPerPiece), "blockFrom");
        const blockTo = k.var(k.add(blockFrom, p.blocksPerPiece), "blockTo");
        const rows = { source, destination, from, to };
        eachBlock(k, blocks, blockFrom, blockTo, (block, size, isApart) =>
          this.#block({ index: block, vectors: size, isApart }, rows),
        );
        if (p.tail > 0) k.if(to, "eq", p.y.count, () => this.#zeroTail(destination));
      },
      { keepsEnd: true, copies: true },
    );
  }

  /** The weights of a block of so many vectors, as its tiles read them. */
  #panel(vectors: number): Panel {
    const { k, p } = this;
    const tapRow = (width: number) => p.channels * p.x.taps * width * p.lanes;
    const tap = vectors * p.lanes;
    const block = p.y.taps * tapRow(p.tile.vectors);
    return view(k, "panel", { block, tapRow: tapRow(vectors), channel: p.x.taps * tap, tap, output: 1 });
  }

  /** All rows of the piece for one block. */
  #block(block: Block, rows: Rows): void {
    const { k, p } = this;
    const { pixels } = this.#output;
    const group =
      p.groups &&
      this.#source
        .at({ channel: k.div(block.index, p.groups.blocks) }, p.channels)
        .keep("group")
        .offset();
    const row = (y: Reg) => {
      const bounds = tapRows(k, p.y, y);
      const tapRow = typeof bounds.from === "number" ? k.int(bounds.from) : bounds.from;
      // of the source, for the first tap; the tile adds its own column
      const first = k.add(k.add(k.mul(y, p.y.scale), p.y.start), k.mul(tapRow, p.y.stride));
      const source = rows.source.at({ row: first }).plus(group).pointer();
      const panel = this.hasPanel
        ? this.#panel(block.vectors).at({ block: block.index }).pointer().at({ tapRow }).pointer()
        : undefined;
      const output = this.#output.row(y);
      const line = this.#destination.at({ row: output.row }, p.y.step).offset();
      const channel = this.#destination.at({ channel: block.index }, p.tile.vectors * p.lanes).offset();
      const start = { row: p.y.first, pixel: p.x.first, channel: p.destinationChannel };
      const destination = rows.destination.plus(line).plus(channel).moved(start);
      for (const run of tileRuns(p.x, p.tile.rows)) {
        const tile = (s: Image, d: Image) =>
          this.#tile({
            run,
            block,
            bounds,
            source: s.moved({ pixel: run.from * p.x.scale + p.x.start, channel: p.sourceChannel }),
            panel,
            destination: d.moved({ pixel: (run.from / pixels) * p.x.step }),
            output,
          });
        if (run.tiles === 1) {
          tile(source, destination);
          continue;
        }
        const s = source.keep("s", { frame: true });
        const d = destination.keep("d", { frame: true });
        const next = () => {
          tile(s, d);
          s.advance({ pixel: run.size * p.x.scale });
          d.advance({ pixel: (run.size / pixels) * p.x.step });
        };
        k.loop(0, run.tiles, next, { frame: true, name: "tile" });
      }
    };
    k.loop(rows.from, rows.to, row, { frame: true, name: "row" });
  }

  #tile(tile: Tile): void {
    const { k, p } = this;
    const { run, block, bounds, source, panel, destination } = tile;
    const acc = zeroTile(k, { rows: run.size, vectors: block.vectors }, p.lanes);
    if (panel === undefined) {
      this.#store(acc, destination.offset(), tile);
      return;
    }
    const to = destination.keep("to");
    if (p.y.taps * p.x.taps * p.channels >= k.target.prefetching.leastPerOutput)
      prefetchTile(k, run.size / this.#output.pixels, block.vectors, {
        lanes: p.lanes,
        epilogue: this.store.epilogue,
        result: "destination",
        offset: destination.offset(),
        rowBytes: destination.bytes({ pixel: p.x.step }),
      });
    const s = source.keep("s");
    const w = panel.keep("w");
    const unroll = unrollOf(p, k.target);
    const oneByOne = stepsOfTurn(k.target, p.x.taps) < p.x.taps && tileReaches(p.x, run.from, run.size);
    const turn = oneByOne ? () => this.#tapByTap(acc, s, w) : () => this.#allTaps(acc, s, w, run, unroll);
    const tapRow = () => {
      if (p.channels === unroll) turn();
      else k.loop(0, p.channels, turn, { step: unroll, frame: false, name: "channel" });
      s.advance({ row: p.y.stride, channel: -p.channels });
    };
    k.loop(bounds.from, bounds.to, tapRow, { frame: false, name: "tap" });
    this.#store(acc, to.fetched().offset(), tile);
  }

  /** The taps of some channels, written out: `s` and `w` are left where those of the next channel begin. */
  #allTaps(acc: Reg[][], s: Image, w: Panel, { from, size }: TileRun, channels: number): void {
    const { k, p } = this;
    const { scale, stride, taps } = p.x;
    for (let channel = 0; channel < channels; channel++) {
      for (let tap = 0; tap < taps; tap++) {
        accumulate(
          k,
          acc,
          p.lanes,
          (i) => (reaches(p.x, from + i, tap) ? s.place({ pixel: i * scale + tap * stride, channel }) : undefined),
          (v) => w.place({ channel, tap, output: v * p.lanes }),
        );
      }
    }
    // One tap: nothing of the next tile has been read yet. What several taps read, the tile before has mostly brought.
    if (p.y.taps * taps === 1) for (let i = 0; i < size; i++) s.prefetch({ pixel: (size + i) * scale });
    s.advance({ channel: channels });
    w.advance({ channel: channels });
  }

  /** The taps of one channel in a loop: `s` and `w` are left where those of the next channel begin. */
  #tapByTap(acc: Reg[][], s: Image, w: Panel): void {
    const { k, p } = this;
    const tap = s.keep("x");
    k.loop(0, p.x.taps, () => {
      accumulate(
        k,
        acc,
        p.lanes,
        (i) => tap.place({ pixel: i * p.x.scale }),
        (v) => w.place({ output: v * p.lanes }),
      );
      tap.advance({ pixel: p.x.stride });
      w.advance({ tap: 1 });
    });
    s.advance({ channel: 1 });
  }

  #store(acc: Reg[][], offset: Reg, { block, output }: Tile): void {
    const { p } = this;
    const pads = p.outputs % p.lanes;
    const channels = this.#destination.at({ channel: block.index }, p.tile.vectors * p.lanes);
    output.store(acc, {
      offset,
      channel: channels.moved({ channel: p.destinationChannel }).offset(),
      pixelBytes: this.#destination.bytes({ pixel: p.x.step }),
      real: block.isApart && pads > 0 ? pads : undefined,
    });
    if (block.isApart && p.groups !== undefined)
      this.#zeroPads(acc.length / this.#output.pixels, offset, block.vectors);
  }

  /** Zeros behind the outputs of the last group, in so many pixels of the destination. */
  #zeroPads(pixels: number, offset: Reg, vectors: number): void {
    const { k, p } = this;
    const from = this.#destination.plus(offset).moved({ channel: vectors * p.lanes });
    for (const image of p.pooled?.hasPlaces ? [from, from.of("places")] : [from]) {
      const pixel = image.pointer();
      for (let i = 0; i < pixels; i++) storeZeros(k, ...pixel.place({ pixel: i * p.x.step }), p.groups!.pads);
    }
  }

  /** Zeros between the last pixel of a sample and the next sample. */
  #zeroTail(destination: Image): void {
    const { k, p } = this;
    const zero = k.splat(0, 1);
    const end = destination.pointer();
    for (let i = 0; i < p.tail; i++) end.store(zero, { channel: p.destinationSample - p.tail + i });
  }
}
