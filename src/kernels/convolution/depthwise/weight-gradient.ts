/**
 * The weight gradient of a depthwise convolution: dw[ky, kx, c] sums x[n, iy, ix, c] dy[n, oy, ox, c] over samples and
 * pixels. The sums of one kernel row stay in registers while the pixels of some rows go by, for one or a few vectors of
 * channels; then they are added to what the slice has so far. A slice is a part of all rows of the batch, and a piece
 * of work: a second step adds the slices in order, so that the bits are the same for any number of threads.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import type { ConvAttributes } from "../../../graph/attributes.js";
import type { Value } from "../../../graph/graph.js";
import type { CodeTarget, Target } from "../../../target/target.js";
import { mostPartialBytes } from "../../contract/cost.js";
import { layoutOf, type RowLayout, rowLayout } from "../../contract/layout.js";
import type { Lowering, Strategy, Work } from "../../contract/strategy.js";
import { type ChannelVectors, channelVectors, cleanVectors, eachGroup, storeZeros } from "../../language/channels.js";
import { addSlices } from "../../language/slices.js";
import { axisOf } from "../../language/taps.js";
import { F32, type View, view } from "../../language/view.js";
import { forwardPhase, type Phase, type TileRun, tileRuns } from "../axis.js";
import { rowsOfTap } from "../tap-rows.js";
import { meetingsOf } from "./meetings.js";
import { asksAhead, isDepthwise } from "./plan.js";

export const depthwiseWeightGradient: Strategy = {
  name: "depthwiseWeightGradient",
  ops: ["conv2dWeightGrad"],
  fuses: false,
  accepts: (node, target) => {
    const plan = gradientOf(node, target);
    return plan !== undefined && codeSize(plan) <= target.costs.largestKernel.weightGradient;
  },
  cost: (node, target) => {
    const { y, x, vectors } = gradientOf(node, target)!;
    return y.count * x.count * vectors.count * y.taps * x.taps * target.costs.multiplyAdd.outer;
  },
  lower,
};

/** Everything that shapes the code. Plain data. */
interface Gradient {
  /** Rows and columns of dy, with the taps that they meet. */
  readonly y: Phase;
  readonly x: Phase;
  readonly image: RowLayout;
  readonly result: RowLayout;
  readonly weights: RowLayout;
  readonly vectors: ChannelVectors;
  /** Vectors of channels, and pixels of a row, that are in registers at once. */
  readonly group: number;
  readonly width: number;
  /** Rows of dy whose sums are made before they are added to the slice's. */
  readonly bandRows: number;
  /** Of all bands of the batch. */
  readonly slices: number;
  readonly asksAhead: boolean;
}

const WANTED_SLICES = 8;
/** Pixels in a band, at least: its sums are loaded and stored once a band. */
const BAND_PIXELS = 112;
const MOST_WIDTH = 4;
const MOST_GROUP = 4;
/** Independent sums from which on more vectors of channels bring nothing. */
const ENOUGH_SUMS = 12;
/** For a number of x. */
const RESERVED = 2;

function gradientOf(node: Value, target: Target): Gradient | undefined {
  const a = node.attributes as ConvAttributes;
  const [image, result] = node.inputs as [Value, Value];
  if (!isDepthwise(a, image.shape, result.shape)) return undefined;
  const [y, x] = ([0, 1] as const).map((axis) =>
    forwardPhase(axisOf(a, axis, image.shape, result.shape), image.shape[axis]!, result.shape[axis]!),
  ) as [Phase, Phase];
  const weights = layoutOf(node, target);
  const vectors = cleanVectors(channelVectors(weights, target));
  const tile = tileOf(target, x.taps, vectors.count);
  if (tile === undefined) return undefined;
  const most = Math.floor(mostPartialBytes(target) / (weights.sampleStride * F32));
  return {
    y,
    x,
    image: rowLayout(layoutOf(image, target)),
    result: rowLayout(layoutOf(result, target)),
    weights: rowLayout(weights),
    vectors,
    ...tile,
    bandRows: Math.min(y.count, Math.ceil(BAND_PIXELS / x.count)),
    slices: Math.max(1, Math.min(WANTED_SLICES, most)),
    asksAhead: asksAhead(layoutOf(image, target), target),
  };
}

/** The sums of a kernel row for `group` vectors, beside `width` pixels of dy. */
function tileOf(
  { registers }: CodeTarget,
  taps: number,
  vectors: number,
): Pick<Gradient, "group" | "width"> | undefined {
  const room = registers.vector - RESERVED;
  if (taps + 1 > room) return undefined;
  const width = Math.min(MOST_WIDTH, room - taps);
  const most = Math.min(Math.floor((room - width) / taps), Math.ceil(ENOUGH_SUMS / taps), MOST_GROUP, vectors);
  return { width, group: Math.max(1, most) };
}

/** Multiply-adds that are written out. */
function codeSize({ x, width, group, vectors }: Gradient): number {
  const copies = Math.min(vectors.count, 2 * group);
  return tileRuns(x, width).length * width * x.taps * copies;
}

function lower(work: Work, to: Lowering): void {
  const { root } = work;
  const gradient = gradientOf(root, to.target)!;
  const { slices, weights } = gradient;
  const elements = weights.sampleStride;
  const result = to.buffer(work.result);
  const sums =
    slices === 1 ? result : to.temporary("partial weight gradients", { fixedBytes: slices * elements * F32 });
  const kernel = to.kernel(weightGradientKernel, gradient);
  const [image, dy] = root.inputs as [Value, Value];
  to.step(kernel, [to.buffer(image), to.buffer(dy), sums], { count: slices });
  if (slices > 1) addSlices(to, sums, result, slices, elements);
}

const weightGradientKernel = defineKernel<Gradient>("depthwiseWeightGradient", {
  operands: [
    ["x", "read"],
    ["dy", "read"],
    ["dw", "readwrite"],
  ],
  write: (k, gradient) => new Writer(k, gradient).write(),
});

type Image = View<"sample" | "row" | "pixel" | "channel">;
type Weights = View<"slice" | "tapRow" | "tap" | "channel">;

/** Some rows of a sample, its first row in x and dy, and the slice's sums. */
interface Band {
  readonly x: Image;
  readonly dy: Image;
  readonly dw: Weights;
  readonly from: Reg;
  readonly to: Reg;
}

class Writer {
  readonly #x: Image;
  readonly #dy: Image;
  readonly #dw: Weights;

  constructor(
    readonly k: KernelBuilder,
    readonly g: Gradient,
  ) {
    const { image, result, weights, x } = g;
    const pixel = weights.channelStride;
    this.#x = view(k, "x", { sample: image.sampleStride, row: x.extent * pixel, pixel, channel: 1 });
    this.#dy = view(k, "dy", { sample: result.sampleStride, row: x.count * pixel, pixel, channel: 1 });
    this.#dw = view(k, "dw", { slice: weights.sampleStride, tapRow: x.taps * pixel, tap: pixel, channel: 1 });
  }

  write(): void {
    const { k, g } = this;
    const bands = Math.ceil(g.y.count / g.bandRows);
    const one = (slice: Reg) => {
      const all = k.mul(k.batch, bands);
      const dw = this.#dw.at({ slice }).keep("slice");
      const from = k.var(k.div(k.mul(all, slice), g.slices), "bandFrom");
      const to = k.var(k.div(k.mul(all, k.add(slice, 1)), g.slices), "bandTo");
      storeZeros(k, ...dw.pointer().place({}), g.weights.sampleStride);
      const band = (index: Reg) => {
        const sample = k.div(index, bands);
        const row = k.var(k.mul(k.mod(index, bands), g.bandRows), "rowFrom");
        const x = this.#x.at({ sample }).keep("x");
        const dy = this.#dy.at({ sample }).keep("dy");
        const end = k.var(k.min(k.add(row, g.bandRows), g.y.count), "rowTo");
        this.#band({ x, dy, dw, from: row, to: end });
      };
      k.loop(from, to, band, { name: "band" });
    };
    k.loop(k.begin, k.end, one, { name: "piece" });
  }

  /** All weights, some vectors of channels and a kernel row at a time. */
  #band(band: Band): void {
    const { k, g } = this;
    const { vectors, y } = g;
    eachGroup(k, vectors, g.group, (offset, indices) => {
      const own = { channel: indices[0]! * vectors.lanes };
      const channel = offset === undefined ? undefined : k.var(offset, "channel");
      const x = band.x.plus(channel).moved(own).keep("xChannel");
      const dy = band.dy.plus(channel).moved(own).keep("dyChannel");
      const dw = band.dw.plus(channel).moved(own).keep("dwChannel");
      const tapRow = (tap: Reg) => {
        const sums = indices.map(() => Array.from({ length: g.x.taps }, () => k.acc(0, vectors.lanes)));
        const { from, to } = this.#rowsOf(tap, band);
        const shift = k.add(k.mul(tap, y.stride), y.start);
        const source = x.at({ row: shift }).keep("xTap");
        const row = (oy: Reg) =>
          this.#row(sums, source.at({ row: oy }, y.scale).pointer(), dy.at({ row: oy }).pointer());
        k.loop(from, to, row, { name: "row" });
        const into = dw.at({ tapRow: tap }).pointer();
        for (const [v, taps] of sums.entries())
          for (const [t, sum] of taps.entries()) {
            const at = { tap: t, channel: v * vectors.lanes };
            into.store(k.fadd(into.load(vectors.lanes, at), sum), at);
          }
      };
      k.loop(0, y.taps, tapRow, { name: "tapRow" });
    });
  }

  /** The rows of a band whose tap row lies inside the image. */
  #rowsOf(tap: Reg, band: Band): { from: Reg; to: Reg } {
    const { k } = this;
    const { scale, start, stride, extent } = this.g.y;
    const { low, high } = rowsOfTap(k, { stride: scale }, extent, k.sub(-start, k.mul(tap, stride)));
    return { from: k.var(k.max(low, band.from), "from"), to: k.var(k.min(high, band.to), "to") };
  }

  /** A row of dy, and the row of x that the kernel row meets there. */
  #row(sums: readonly (readonly Reg[])[], x: Image, dy: Image): void {
    const { k, g } = this;
    for (const run of tileRuns(g.x, g.width)) {
      const xStart = { pixel: run.from * g.x.scale + g.x.start };
      const dyStart = { pixel: run.from };
      if (run.tiles === 1) {
        this.#pixels(sums, x.moved(xStart), dy.moved(dyStart), run);
        continue;
      }
      const from = x.moved(xStart).keep("xTile", { frame: false });
      const into = dy.moved(dyStart).keep("dyTile", { frame: false });
      const tile = () => {
        this.#pixels(sums, from, into, run);
        from.advance({ pixel: run.size * g.x.scale });
        into.advance({ pixel: run.size });
      };
      k.loop(0, run.tiles, tile, { frame: false, name: "tile" });
    }
  }

  #pixels(sums: readonly (readonly Reg[])[], x: Image, dy: Image, run: TileRun): void {
    const { k, g } = this;
    const { lanes } = g.vectors;
    if (g.asksAhead) this.#prefetch(x, dy, run.size, sums.length);
    for (const [v, taps] of sums.entries()) {
      const channel = v * lanes;
      const values = Array.from({ length: run.size }, (_, pixel) => dy.load(lanes, { pixel, channel }));
      for (const [pixel, meets] of meetingsOf(g.x, run.from, run.size)) {
        const value = x.load(lanes, { pixel, channel });
        for (const { output, tap } of meets) k.fmaTo(taps[tap]!, value, values[output]!);
      }
    }
  }

  /** Asks for what the next band reads at this place. */
  #prefetch(x: Image, dy: Image, size: number, vectors: number): void {
    const { k, g } = this;
    const line = k.target.lineBytes / F32;
    for (let channel = 0; channel < vectors * g.vectors.lanes; channel += line) {
      for (let pixel = 0; pixel < size; pixel++) dy.prefetch({ row: g.bandRows, pixel, channel });
      for (let row = 0; row < g.y.scale; row++)
        for (let pixel = 0; pixel < size * g.x.scale; pixel++)
          x.prefetch({ row: g.bandRows * g.y.scale + row, pixel, channel });
    }
  }
}
