/**
 * The code of a depthwise convolution. From outside to inside: a piece is one row of a sample (one of each phase), a row goes by tiles of
 * pixels, a tile by vectors of channels, whose sums stay in registers while the kernel's rows go by. Every number of the source that
 * a tile reads is loaded once a kernel row and multiplied by all the weights that it meets there.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Epilogue } from "../../fusion/epilogue.js";
import { epilogueOperands, storeTile } from "../../fusion/store-tile.js";
import { eachGroup, isPartial, storeTail, tailElements } from "../../language/channels.js";
import { pieces } from "../../language/pieces.js";
import { type View, view } from "../../language/view.js";
import { type Phase, reaches, type TileRun, tileReaches, tileRuns } from "../axis.js";
import { type TapRows, tapRows } from "../tap-rows.js";
import type { Depthwise } from "./plan.js";

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

/** What a row of the result reads and where it goes. */
interface Row {
  readonly source: Image;
  readonly weights: Weights;
  readonly result: Image;
  readonly taps: TapRows;
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
    pieces(k, { sample: k.batch, row: rows }, (index) => {
      const sample = k.var(index.sample(), "sample");
      const row = k.var(index.row(), "row");
      for (const y of c.ys) {
        const one = () => this.#row(y, sample, row);
        if (y.count === rows) one();
        else k.if(row, "lt", y.count, one);
      }
      if (tailElements(c.result) > 0)
        k.if(row, "eq", rows - 1, () => storeTail(k, c.result, this.#result.at({ sample }).address()));
    });
  }

  #row(y: Phase, sample: Reg, row: Reg): void {
    const { k, c } = this;
    const taps = tapRows(k, y, row);
    const from = typeof taps.from === "number" ? k.int(taps.from) : taps.from;
    const first = k.add(k.add(k.mul(row, y.scale), y.start), k.mul(from, y.stride));
    const own: Row = {
      source: this.#source.at({ sample }).at({ row: first }).keep("source"),
      weights: this.#weights.at({ tapRow: from }, y.weightStep).moved({ tapRow: y.weight }).keep("weights"),
      result: this.#result.at({ sample }).at({ row }, y.step).moved({ row: y.first }).keep("result"),
      taps,
    };
    for (const x of c.xs)
      for (const run of tileRuns(x, c.width)) {
        const start = { pixel: run.from * x.scale + x.start };
        const into = { pixel: x.first + run.from * x.step };
        if (run.tiles === 1) {
          this.#tile(own, y, x, run, own.source.moved(start), own.result.moved(into));
          continue;
        }
        const next = (tile: Reg) => {
          const source = own.source.at({ pixel: tile }, run.size * x.scale).moved(start);
          const result = own.result.at({ pixel: tile }, run.size * x.step).moved(into);
          this.#tile(own, y, x, run, source, result);
        };
        k.loop(0, run.tiles, next, { frame: true, name: "tile" });
      }
  }

  /** Some pixels of a row, for all channels. */
  #tile(row: Row, y: Phase, x: Phase, run: TileRun, source: Image, result: Image): void {
    const { k, c, epilogue } = this;
    const { vectors } = c;
    const { lanes } = vectors;
    const from = source.keep("from");
    const into = result.keep("into");
    eachGroup(k, vectors, 1, (channel, [index]) => {
      const own = { channel: index! * lanes };
      const sums = Array.from({ length: run.size }, () => k.acc(0, lanes));
      if (y.taps * x.taps > 0) {
        const s = from.plus(channel).moved(own).pointer().keep("s", { frame: false });
        const w = row.weights.plus(channel).moved(own).pointer().keep("w", { frame: false });
        const tapRow = () => {
          if (k.target.hoistsLoads && tileReaches(x, run.from, run.size)) this.#tapByTap(sums, s, w, x);
          else this.#allTaps(sums, s, w, x, run);
          s.advance({ row: y.stride });
          w.advance({ tapRow: y.weightStep });
        };
        k.loop(row.taps.from, row.taps.to, tapRow, { frame: false, name: "tapRow" });
      }
      const partial = isPartial(vectors, index!);
      const channels = channel === undefined ? k.int(from.bytes(own)) : channel;
      storeTile(
        k,
        sums.map((sum) => [sum]),
        {
          lanes,
          epilogue,
          result: "result",
          offset: into.plus(channel).moved(own).offset(),
          rowBytes: into.bytes({ pixel: x.step }),
          channel: channels,
          real: partial ? vectors.lastLanes : undefined,
          narrow: false,
        },
      );
    });
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

/** Rows of pieces of a sample: those of the longest phase. */
export function rowsOf({ ys }: Depthwise): number {
  return Math.max(...ys.map((y) => y.count));
}

interface Meeting {
  readonly output: number;
  readonly tap: number;
}

/** Pixels of the source that a tile reads, counted from the first tap of its first output, each with the outputs and taps that it meets. */
export function meetingsOf(
  x: Phase,
  from: number,
  size: number,
): (readonly [pixel: number, meets: readonly Meeting[]])[] {
  const meetings = new Map<number, Meeting[]>();
  for (let output = 0; output < size; output++)
    for (let tap = 0; tap < x.taps; tap++) {
      if (!reaches(x, from + output, tap)) continue;
      const pixel = output * x.scale + tap * x.stride;
      const own = meetings.get(pixel);
      if (own === undefined) meetings.set(pixel, [{ output, tap }]);
      else own.push({ output, tap });
    }
  return [...meetings].sort(([a], [b]) => a - b);
}
