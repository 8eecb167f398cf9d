/**
 * The code of a depthwise convolution. From outside to inside: a piece is a few rows of a sample (of each phase), which
 * go by tiles of pixels, a tile by vectors of channels and by the rows, whose sums stay in registers while the kernel's
 * rows go by. Every number of the source that a tile reads is loaded once a kernel row and multiplied by all the
 * weights that it meets there.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Epilogue } from "../../fusion/epilogue.js";
import { epilogueOperands, storeTile } from "../../fusion/store-tile.js";
import { eachGroup, isPartial, storeTail, tailElements } from "../../language/channels.js";
import { pieces } from "../../language/pieces.js";
import { type View, view } from "../../language/view.js";
import { type Phase, type TileRun, tileReaches, tileRuns } from "../axis.js";
import { tapRows } from "../tap-rows.js";
import { meetingsOf } from "./meetings.js";
import { type Depthwise, rowPieces, rowsOf } from "./plan.js";

interface Convolution {
  readonly convolution: Depthwise;
  readonly epilogue: Epilogue;
}

export const depthwiseKernel = defineKernel<Convolution>("depthwise", {
  operands: ({ epilogue }) => [
    ["source", "read"],
    ["weights", "read"],
    ...epilogueOperands(epilogue),
    ["result", "write"],
  ],
  write: (k, { convolution, epilogue }) => new Writer(k, convolution, epilogue).write(),
});

type Image = View<"sample" | "row" | "pixel" | "channel">;
type Weights = View<"tapRow" | "tap" | "channel">;

/** What a piece has of a sample. */
interface Rows {
  readonly y: Phase;
  readonly from: Reg;
  readonly to: Reg;
  readonly source: Image;
  readonly result: Image;
}

/** A tile's pixels in all rows, for one vector of channels. */
interface Column {
  readonly source: Image;
  readonly result: Image;
  readonly weights: Weights;
  /** Which vector it is, and bytes of its first channel in a channel vector. */
  readonly index: number;
  readonly channels: Reg;
}

class Writer {
  readonly #source: Image;
  readonly #result: Image;
  readonly #weights: Weights;

  constructor(
    readonly k: KernelBuilder,
    readonly c: Depthwise,
    readonly epilogue: Epilogue,
  ) {
    const { source, result, xs, kernelColumns, columns } = c;
    const pixel = result.channelStride;
    const extent = xs[0]!.extent;
    this.#source = view(k, "source", { sample: source.sampleStride, row: extent * pixel, pixel, channel: 1 });
    this.#result = view(k, "result", { sample: result.sampleStride, row: columns * pixel, pixel, channel: 1 });
    this.#weights = view(k, "weights", { tapRow: kernelColumns * pixel, tap: pixel, channel: 1 });
  }

  write(): void {
    const { k, c } = this;
    const rows = rowsOf(c);
    pieces(k, { sample: k.batch, rows: rowPieces(c) }, (index) => {
      const sample = index.sample();
      const from = k.var(k.mul(index.rows(), c.rowsPerPiece), "rowFrom");
      const source = this.#source.at({ sample }).keep("source");
      const result = this.#result.at({ sample }).keep("result");
      for (const y of c.ys) {
        const to = k.var(k.min(k.add(from, c.rowsPerPiece), y.count), "rowTo");
        this.#rows({ y, from, to, source, result });
      }
      if (tailElements(c.result) > 0) {
        const end = k.add(from, c.rowsPerPiece);
        k.if(end, "ge", rows, () => storeTail(k, c.result, result.address()));
      }
    });
  }

  /** The rows of a piece, tile by tile. */
  #rows(rows: Rows): void {
    const { k, c } = this;
    for (const x of c.xs)
      for (const run of tileRuns(x, c.width)) {
        const start = { pixel: run.from * x.scale + x.start };
        const into = { pixel: x.first + run.from * x.step };
        const { source, result } = rows;
        if (run.tiles === 1) {
          this.#tile(rows, x, run, source.moved(start), result.moved(into));
          continue;
        }
        const next = (tile: Reg) => {
          const from = source.at({ pixel: tile }, run.size * x.scale).moved(start);
          this.#tile(rows, x, run, from, result.at({ pixel: tile }, run.size * x.step).moved(into));
        };
        k.loop(0, run.tiles, next, { frame: true, name: "tile" });
      }
  }

  /** Some pixels of each row, for all channels. */
  #tile(rows: Rows, x: Phase, run: TileRun, source: Image, result: Image): void {
    const { k, c } = this;
    const from = source.keep("from");
    const into = result.keep("into");
    eachGroup(k, c.vectors, 1, (offset, [index]) => {
      const own = { channel: index! * c.vectors.lanes };
      const channel = offset === undefined ? undefined : k.var(offset, "channel");
      const s = from.plus(channel).moved(own).keep("column");
      const d = into.plus(channel).moved(own).keep("place");
      const w = this.#weights.plus(channel).moved(own).keep("factors");
      const channels = channel ?? k.int(from.bytes(own));
      const one = (row: Reg) =>
        this.#pixels(rows.y, row, x, run, { source: s, result: d, weights: w, index: index!, channels });
      k.loop(rows.from, rows.to, one, { frame: true, name: "row" });
    });
  }

  /** Some pixels of a row, for one vector of channels. */
  #pixels(y: Phase, row: Reg, x: Phase, run: TileRun, at: Column): void {
    const { k, c, epilogue } = this;
    const { vectors } = c;
    const { lanes } = vectors;
    const place = at.result.at({ row }, y.step).moved({ row: y.first });
    const sums = Array.from({ length: run.size }, () => k.acc(0, lanes));
    if (c.asksAhead) this.#prefetch(y, row, x, run, at.source, place);
    if (y.taps * x.taps > 0) {
      const taps = tapRows(k, y, row);
      const from = typeof taps.from === "number" ? k.int(taps.from) : taps.from;
      const first = k.add(k.add(k.mul(row, y.scale), y.start), k.mul(from, y.stride));
      const s = at.source.at({ row: first }).pointer().keep("s", { frame: false });
      const weights = at.weights.at({ tapRow: from }, y.weightStep).moved({ tapRow: y.weight });
      const w = weights.pointer().keep("w", { frame: false });
      const tapRow = () => {
        if (k.target.hoistsLoads && tileReaches(x, run.from, run.size)) this.#tapByTap(sums, s, w, x);
        else this.#allTaps(sums, s, w, x, run);
        s.advance({ row: y.stride });
        w.advance({ tapRow: y.weightStep });
      };
      k.loop(taps.from, taps.to, tapRow, { frame: false, name: "tapRow" });
    }
    storeTile(
      k,
      sums.map((sum) => [sum]),
      {
        lanes,
        epilogue,
        result: "result",
        offset: place.offset(),
        rowBytes: place.bytes({ pixel: x.step }),
        channel: at.channels,
        real: isPartial(vectors, at.index) ? vectors.lastLanes : undefined,
        narrow: false,
      },
    );
  }

  /** Asks for what the next piece reads and writes at this place. */
  #prefetch(y: Phase, row: Reg, x: Phase, run: TileRun, source: Image, place: Image): void {
    const { rowsPerPiece } = this.c;
    const pointer = place.pointer();
    for (let i = 0; i < run.size; i++) pointer.prefetch({ row: rowsPerPiece * y.step, pixel: i * x.step });
    if (y.taps * x.taps === 0) return;
    const last = y.start + (y.taps - 1) * y.stride + rowsPerPiece * y.scale;
    const next = source.at({ row }, y.scale).moved({ row: last, pixel: -x.start }).pointer();
    for (let r = 0; r < y.scale; r++) for (let i = 0; i < run.size * x.scale; i++) next.prefetch({ row: -r, pixel: i });
  }

  /** A kernel row, written out. */
  #allTaps(sums: readonly Reg[], s: Image, w: Weights, x: Phase, { from, size }: TileRun): void {
    const { k } = this;
    const { lanes } = this.c.vectors;
    const weights = Array.from({ length: x.taps }, (_, tap) => w.load(lanes, { tap: x.weight + tap * x.weightStep }));
    for (const [pixel, meets] of meetingsOf(x, from, size)) {
      const value = s.load(lanes, { pixel });
      for (const { output, tap } of meets) k.fmaTo(sums[output]!, value, weights[tap]!);
    }
  }

  /** A kernel row in a loop over its taps, which all reach the source. */
  #tapByTap(sums: readonly Reg[], s: Image, w: Weights, x: Phase): void {
    const { k } = this;
    const { lanes } = this.c.vectors;
    const source = s.keep("tapSource", { frame: false });
    const weight = w.moved({ tap: x.weight }).keep("tapWeight", { frame: false });
    k.loop(
      0,
      x.taps,
      () => {
        const factor = weight.load(lanes);
        for (const [i, sum] of sums.entries()) k.fmaTo(sum, source.load(lanes, { pixel: i * x.scale }), factor);
        source.advance({ pixel: x.stride });
        weight.advance({ tap: x.weightStep });
      },
      { frame: false, name: "tap" },
    );
  }
}
