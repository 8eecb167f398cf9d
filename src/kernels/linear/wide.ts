/**
 * Linear layers whose weights are too large for a cache and change at every step, so that to bring them into another
 * order first would cost more than the product: `linear` on the weights as they lie, each number of them fetched from
 * memory once for the whole batch. `wide-input-gradient.ts` is its input gradient.
 *
 * y[n][o] = sum over f of x[n][f] w[f][o]: the inputs are brought into the order [samples in tiles][feature][sample in
 * tile], which are few bytes. A tile of samples times vectors of outputs sums up a band of features, narrow enough that
 * the next tile of samples finds its weights in the first cache; between bands the sums wait in the workspace.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import type { Layout } from "../contract/layout.js";
import type { Lowering, Work } from "../contract/strategy.js";
import { type Epilogue, epilogueOf } from "../fusion/epilogue.js";
import { epilogueOperands, storeTile } from "../fusion/store-tile.js";
import { blocksOf, eachBlock } from "../language/blocks.js";
import { eachPiece, pieces } from "../language/pieces.js";
import { weightRows } from "../language/reading-order.js";
import { accumulate, evenBlock, zeroTile } from "../language/tile.js";
import { F32, type View, view } from "../language/view.js";
import { GRADIENT_ROWS, lowerWideGradient } from "./wide-input-gradient.js";

const BAND = 16; // features

/** Whether a linear node, or an input gradient of one, is computed here: its weights do not stay in a core's cache. */
export function isWide(work: Work, to: Lowering): boolean {
  const { root } = work;
  const weight = root.inputs[1]!;
  const w = to.layout(weight);
  const image = to.layout(root.op.name === "linear" ? root.inputs[0]! : root);
  if (to.isStatic(weight) || F32 * w.sampleStride < to.target.caches.l2 || w.channels < 4 * to.target.lanes)
    return false;
  if (root.op.name === "linear") return true;
  return image.channels % GRADIENT_ROWS === 0 && image.channelStride % to.target.lanes === 0;
}

export function lowerWide(work: Work, to: Lowering): void {
  if (work.root.op.name === "linear") lowerForward(work, to);
  else lowerWideGradient(work, to);
}

interface Forward {
  readonly samples: number; // of a tile
  readonly vectors: number; // of a tile
  readonly features: number;
  readonly weightRow: number;
  readonly outputs: number;
  readonly outputSample: number;
  readonly blocksPerPiece: number;
}

function lowerForward(work: Work, to: Lowering): void {
  const { root, result } = work;
  const [given, weight] = root.inputs as [Value, Value];
  const { epilogue, values } = epilogueOf(work);
  const input = to.layout(given);
  const w = to.layout(weight);
  const { registers, lanes, foldsBroadcast } = to.target;
  // sums of one vector in half of the registers; of two, which then share each broadcast, where it takes a register itself
  const most = Math.floor((registers.vector - (foldsBroadcast ? 0 : 3)) / 2);
  const samples = evenBlock(to.maxBatch, Math.max(1, most));
  const inStore = epilogue.registers + 2;
  const fits = (v: number) => samples * v + Math.max(v + 1, inStore) <= registers.vector;
  const vectors = [4, 3, 2].find(fits) ?? 1;
  const blocks = Math.ceil(Math.ceil(w.channels / lanes) / vectors);
  const p: Forward = {
    samples,
    vectors,
    features: w.rows,
    weightRow: w.channelStride,
    outputs: w.channels,
    outputSample: to.layout(root).sampleStride,
    blocksPerPiece: Math.max(1, Math.min(Math.ceil(12 / vectors), Math.floor(blocks / 8))),
  };
  const tiles = Math.ceil(to.maxBatch / samples);
  const ordered = to.temporary("inputs by feature", { fixedBytes: F32 * tiles * samples * w.rows });
  orderInputs(to, given, ordered, samples, input);
  const kernel = to.kernel(forwardKernel, { product: p, epilogue });
  const sums = to.workspace(F32 * p.blocksPerPiece * vectors * lanes * samples * tiles);
  to.step(kernel, [ordered, to.buffer(weight), ...values.map((v) => to.buffer(v)), sums, to.buffer(result)], {
    count: Math.ceil(blocks / p.blocksPerPiece),
  });
}

const ORDERED_PIECE = 256; // channels

/** [tile of samples][feature][sample in the tile], zeros for samples that are not there. */
function orderInputs(
  to: Lowering,
  given: Value,
  into: ReturnType<Lowering["buffer"]>,
  samples: number,
  image: Layout,
): void {
  const { rows, channels, channelStride, sampleStride } = image;
  const step = weightRows(image);
  const parts = Math.ceil(channels / ORDERED_PIECE);
  const kernel = to.kernel(orderInputsKernel, { rows, channels, channelStride, sampleStride, step, samples, parts });
  to.step(kernel, [to.buffer(given), into], { count: rows * parts, samples });
}

interface InputOrder extends Pick<Layout, "rows" | "channels" | "channelStride" | "sampleStride"> {
  readonly step: ReturnType<typeof weightRows>;
  /** Samples of a tile, and parts of a row. */
  readonly samples: number;
  readonly parts: number;
}

const orderInputsKernel = defineKernel<InputOrder>("order inputs", {
  operands: [
    ["x", "read"],
    ["ordered", "write"],
  ],
  write(k, { rows, channels, channelStride, sampleStride, step, samples, parts }) {
    pieces(
      k,
      { tile: k.batch, row: rows, part: parts },
      (index) => {
        const tile = k.var(index.tile(), "tile");
        const row = index.row();
        const first = k.mul(index.part(), ORDERED_PIECE);
        const count = k.var(k.min(k.sub(channels, first), ORDERED_PIECE), "count");
        const inSample = k.add(k.mul(row, channelStride), first);
        const feature = k.add(k.mul(row, step.pixel), k.mul(first, step.channel));
        const from = view(k, "x", { sample: sampleStride, channel: 1 })
          .at({ channel: inSample })
          .pointer()
          .keep("from");
        const element = k.add(k.mul(k.mul(tile, rows * channels), samples), k.mul(feature, samples));
        const ordered = view(k, "ordered", { feature: samples, sample: 1 });
        const start = ordered.at({ sample: element }).pointer().keep("start");
        for (let i = 0; i < samples; i++) {
          const sample = k.add(k.mul(tile, samples), i);
          const y = start.moved({ sample: i }).keep("y");
          const each = (value: () => Reg) =>
            k.loop(0, count, () => {
              y.store(value());
              y.advance({ feature: step.channel });
            });
          k.if(
            sample,
            "lt",
            k.batch,
            () => {
              const x = from.at({ sample }).keep("x");
              each(() => {
                const value = x.load(1);
                x.advance({ channel: 1 });
                return value;
              });
            },
            () => each(() => k.splat(0, 1)),
          );
        }
      },
      { keepsEnd: true, copies: true },
    );
  },
});

interface ForwardSpec {
  readonly product: Forward;
  readonly epilogue: Epilogue;
}

const forwardKernel = defineKernel<ForwardSpec>("wideLinear", {
  operands: ({ epilogue }) => [
    ["x", "read"],
    ["weight", "read"],
    ...epilogueOperands(epilogue),
    ["sums", "readwrite"],
    ["y", "write"],
  ],
  write(k, { product: p, epilogue }) {
    const { lanes } = k.target;
    const pads = p.outputs % lanes;
    const blocks = blocksOf(Math.ceil(p.outputs / lanes), p.vectors, pads > 0);
    const y = view(k, "y", { sample: p.outputSample, output: 1 });
    const tiles = k.var(k.div(k.add(k.batch, p.samples - 1), p.samples), "tiles");
    eachPiece(
      k,
      (piece) => {
        const first = k.var(k.mul(piece, p.blocksPerPiece), "first");
        const next = k.var(k.add(first, p.blocksPerPiece), "next");
        const band = (from: Reg) => {
          const to = k.var(k.min(k.add(from, BAND), p.features), "bandEnd");
          eachBlock(k, blocks, first, next, (block, vectors, isApart) => {
            const column = y.at({ output: block }, p.vectors * lanes).keep("column");
            const slot = sumsOf(k, p, vectors)
              .at({ block: k.sub(block, first) })
              .here();
            const sums = slot.pointer().keep("sums", { frame: true });
            const real = isApart && pads > 0 ? pads : undefined;
            const one = (tile: Reg) => {
              forwardTile(k, p, epilogue, { vectors, real, from, to, tile, column, sums });
              sums.advance({ tile: 1 });
            };
            k.loop(0, tiles, one, { name: "tile" });
          });
        };
        k.loop(0, p.features, band, { step: BAND, name: "from" });
      },
      { keepsEnd: true },
    );
  },
});

type Sums = View<"tile" | "block" | "sample" | "output">;

/** The sums that wait between two bands, of a block of so many vectors. */
function sumsOf(k: KernelBuilder, p: Forward, vectors: number): Sums {
  const { lanes } = k.target;
  const block = p.samples * p.vectors * lanes;
  return view(k, "sums", { tile: p.blocksPerPiece * block, block, sample: vectors * lanes, output: 1 });
}

interface ForwardTile {
  readonly vectors: number;
  /** Channels in the last vector if it is not full. */
  readonly real: number | undefined;
  /** The band of features. */
  readonly from: Reg;
  readonly to: Reg;
  readonly tile: Reg;
  /** The block's first output. */
  readonly column: View<"sample" | "output">;
  readonly sums: Sums;
}

function forwardTile(k: KernelBuilder, p: Forward, epilogue: Epilogue, t: ForwardTile): void {
  const { lanes } = k.target;
  const { vectors, real, from, to, tile, column, sums } = t;
  const acc = zeroTile(k, { rows: p.samples, vectors }, lanes);
  const eachSum = (visit: (sum: Reg, place: readonly [Reg, number]) => void) => {
    for (const [sample, row] of acc.entries())
      for (const [v, sum] of row.entries()) visit(sum, sums.place({ sample, output: v * lanes }));
  };
  k.if(from, "gt", 0, () => eachSum((sum, place) => k.loadTo(sum, ...place)));
  const inputs = view(k, "x", { feature: p.samples, sample: 1 }).pointer();
  const x = inputs.at({ feature: k.add(k.mul(tile, p.features), from) }).keep("x");
  const weights = view(k, "weight", { feature: p.weightRow, output: 1 });
  const w = weights.at({ feature: from }).pointer().plus(column.offset()).keep("w");
  k.loop(from, to, () => {
    accumulate(
      k,
      acc,
      lanes,
      (sample) => x.place({ sample }),
      (v) => w.place({ output: v * lanes }),
    );
    for (let v = 0; v < vectors; v++) w.prefetch({ feature: BAND, output: v * lanes });
    x.advance({ feature: 1 });
    w.advance({ feature: 1 });
  });
  const finish = () => {
    const sample = k.mul(tile, p.samples);
    const y = view(k, "y", column.strides).at({ sample }).plus(column.offset()).keep("offset");
    const left = k.var(k.sub(k.batch, sample), "left");
    const how = { lanes, epilogue, result: "y", rowBytes: y.bytes({ sample: 1 }), channel: column.offset(), real };
    const store = (rows: readonly Reg[][], at: typeof y) =>
      storeTile(k, rows, { ...how, offset: at.offset(), narrow: false });
    const oneByOne = () => {
      for (const [i, row] of acc.entries()) k.if(left, "gt", i, () => store([row], y.moved({ sample: i })));
    };
    k.if(left, "ge", p.samples, () => store(acc, y), oneByOne);
  };
  k.if(to, "lt", p.features, () => eachSum((sum, place) => k.store(...place, sum)), finish);
}
