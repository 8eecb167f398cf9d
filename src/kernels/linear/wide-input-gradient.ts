/**
 * The input gradient of a wide linear layer (`wide.ts`), on the weights as they lie:
 *
 *     dx[n][f] = sum over o of dy[n][o] w[f][o]
 *
 * Rows of weights and of dy are multiplied vector by vector, in bands of outputs, and the lanes of each sum folded at
 * the end.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import type { Lowering, Work } from "../contract/strategy.js";
import { type Epilogue, epilogueOf } from "../fusion/epilogue.js";
import { epilogueOperands, storeTile } from "../fusion/store-tile.js";
import { pieces } from "../language/pieces.js";
import { weightRows } from "../language/reading-order.js";
import { stepsOfTurn, zeroTile } from "../language/tile.js";
import { F32, type View, view } from "../language/view.js";

/** Rows of weights and samples of a tile: each a sum of vectors over the outputs. */
export const GRADIENT_ROWS = 4;
const GRADIENT_SAMPLES = 4;

interface Gradient {
  readonly rows: number; // of weights in a tile
  readonly pixels: number; // of the image, each with its channels
  readonly channels: number;
  readonly pixelStride: number; // elements of dx from pixel to pixel
  readonly imageSample: number;
  /** Elements of the weights from one channel's row to the next, and from one pixel's. */
  readonly channelStep: number;
  readonly pixelStep: number;
  readonly vectors: number; // of a row of weights
  readonly outputSample: number; // of dy
  readonly band: number; // vectors of a row that go through a tile, then through the next
  readonly tiles: number; // of samples, at most
  readonly tail: number; // elements behind the last pixel
}

/** The sums of a tile, a vector of each sample, and one of a row. */
const registersOf = (rows: number): number => rows * GRADIENT_SAMPLES + GRADIENT_SAMPLES + 1;

export function lowerWideGradient(work: Work, to: Lowering): void {
  const { root, result } = work;
  const [dy, weight] = root.inputs as [Value, Value];
  const { epilogue, values } = epilogueOf(work);
  const image = to.layout(root);
  const w = to.layout(weight);
  const { lanes, registers, caches } = to.target;
  const step = weightRows(image);
  const p: Gradient = {
    rows: registersOf(GRADIENT_ROWS) <= registers.vector ? GRADIENT_ROWS : GRADIENT_ROWS / 2,
    pixels: image.rows,
    channels: image.channels,
    pixelStride: image.channelStride,
    imageSample: image.sampleStride,
    channelStep: step.channel * w.channelStride,
    pixelStep: step.pixel * w.channelStride,
    vectors: w.channelStride / lanes,
    outputSample: to.layout(dy).sampleStride,
    // so long that the widest tile's rows and samples fill the first cache
    band: Math.max(1, Math.floor(caches.l1 / (F32 * lanes * (GRADIENT_ROWS + GRADIENT_SAMPLES)))),
    tiles: Math.ceil(to.maxBatch / GRADIENT_SAMPLES),
    tail: image.sampleStride - image.rows * image.channelStride,
  };
  const kernel = to.kernel(gradientKernel, { gradient: p, epilogue });
  // the sums of a tile of rows for all samples, and one vector of dx for each sample
  const space = to.workspace(F32 * lanes * p.tiles * GRADIENT_SAMPLES * (p.rows + 1));
  to.step(kernel, [to.buffer(dy), to.buffer(weight), ...values.map((v) => to.buffer(v)), space, to.buffer(result)], {
    count: image.rows * (image.channelStride / lanes),
  });
}

interface GradientSpec {
  readonly gradient: Gradient;
  readonly epilogue: Epilogue;
}

const gradientKernel = defineKernel<GradientSpec>("wideLinearGradient", {
  operands: ({ epilogue }) => [
    ["dy", "read"],
    ["weight", "read"],
    ...epilogueOperands(epilogue),
    ["space", "readwrite"],
    ["dx", "write"],
  ],
  write(k, { gradient: p, epilogue }) {
    const { lanes } = k.target;
    const blocks = p.pixelStride / lanes;
    const dx = view(k, "dx", { sample: p.imageSample, channel: 1 });
    const tiles = k.var(k.div(k.add(k.batch, GRADIENT_SAMPLES - 1), GRADIENT_SAMPLES), "tiles");
    pieces(
      k,
      { pixel: p.pixels, block: blocks },
      (index, piece) => {
        const pixel = index.pixel();
        const channel = k.var(k.mul(index.block(), lanes), "channel");
        const rows = k.var(k.min(k.sub(p.channels, channel), lanes), "rows");
        const element = k.add(k.mul(channel, p.channelStep), k.mul(pixel, p.pixelStep));
        const weight = view(k, "weight", { row: p.channelStep, output: 1 });
        const weights = weight.at({ output: element }).pointer().keep("weights");
        const at = dx.at({ channel: k.add(k.mul(pixel, p.pixelStride), channel) }).keep("at");
        const partial = p.channels % lanes;
        if (partial > 0)
          k.loop(0, k.batch, (sample) => resultsOf(k, p).at({ sample }).pointer().store(k.splat(0, lanes)));
        const row = (row: Reg) => {
          const w = weights.at({ row }).keep("w");
          const one = (from: Reg) => {
            const count = k.var(k.min(k.sub(p.vectors, from), p.band), "count");
            k.loop(0, tiles, (tile) => gradientTile(k, p, { w, from, count, tile, row }), { name: "tile" });
          };
          k.loop(0, p.vectors, one, { step: p.band, name: "from" });
        };
        k.loop(0, rows, row, { step: p.rows, name: "row" });
        const finish = (real: number | undefined) => {
          const one = (sample: Reg) => {
            const value = resultsOf(k, p).at({ sample }).load(lanes);
            const offset = at.at({ sample }).offset();
            const how = {
              lanes,
              epilogue,
              result: "dx",
              offset,
              rowBytes: 0,
              channel: dx.at({ channel }).offset(),
              real,
            };
            storeTile(k, [[value]], { ...how, narrow: false });
          };
          k.loop(0, k.batch, one, { frame: true, name: "n" });
        };
        if (partial === 0) finish(undefined);
        else
          k.if(
            rows,
            "lt",
            lanes,
            () => finish(partial),
            () => finish(undefined),
          );
        if (p.tail > 0)
          k.if(piece.number, "eq", p.pixels * blocks - 1, () =>
            k.loop(0, k.batch, (sample) => {
              const end = dx.at({ sample }).pointer();
              for (let i = p.tail; i > 0; i--) end.store(k.splat(0, 1), { channel: p.imageSample - i });
            }),
          );
      },
      { keepsEnd: true },
    );
  },
});

/**
 * The workspace: sums of a tile, a vector for each row and sample; behind all tiles the results, a vector for each
 * sample.
 */
function spaceOf(k: KernelBuilder, { rows }: Gradient) {
  const sample = k.target.lanes;
  const row = sample * GRADIENT_SAMPLES;
  return view(k, "space", { tile: row * rows, row, sample, lane: 1 });
}

function resultsOf(k: KernelBuilder, p: Gradient) {
  return spaceOf(k, p).pointer().moved({ tile: p.tiles });
}

interface GradientTile {
  /** The first row of weights of the tile. */
  readonly w: View<"row" | "output">;
  /** The band of outputs: its first vector, and how many. */
  readonly from: Reg;
  readonly count: Reg;
  readonly tile: Reg;
  readonly row: Reg;
}

function gradientTile(k: KernelBuilder, p: Gradient, t: GradientTile): void {
  const { lanes } = k.target;
  const { w, from, count, tile, row } = t;
  const acc = zeroTile(k, { rows: p.rows, vectors: GRADIENT_SAMPLES }, lanes);
  const sums = spaceOf(k, p).at({ tile }).pointer().keep("sums");
  const eachSum = (visit: (sum: Reg, row: number, sample: number) => void) => {
    for (const [r, list] of acc.entries()) for (const [s, sum] of list.entries()) visit(sum, r, s);
  };
  k.if(from, "gt", 0, () => eachSum((sum, row, sample) => k.loadTo(sum, ...sums.place({ row, sample }))));
  const dy = view(k, "dy", { sample: p.outputSample, output: 1 });
  const first = dy.at({ output: from }, lanes).offset();
  // a sample that is not there is the last one again: what comes of it is not stored
  const sources = Array.from({ length: GRADIENT_SAMPLES }, (_, s) => {
    const sample = k.min(k.add(k.mul(tile, GRADIENT_SAMPLES), s), k.sub(k.batch, 1));
    return dy.at({ sample }).plus(first).pointer().keep("dy");
  });
  const weights = w.plus(first).keep("weights");
  const vector = (u: number) => {
    const output = u * lanes;
    const gradients = sources.map((source) => source.load(lanes, { output }));
    for (let r = 0; r < p.rows; r++) {
      const weight = weights.load(lanes, { row: r, output });
      weights.prefetch({ row: r + p.rows, output });
      for (const [s, gradient] of gradients.entries()) k.fmaTo(acc[r]![s]!, weight, gradient);
    }
  };
  const turn = (vectors: number) => {
    for (let u = 0; u < vectors; u++) vector(u);
    for (const pointer of [...sources, weights]) pointer.advance({ output: lanes * vectors });
  };
  const steps = stepsOfTurn(k.target, 4);
  const many = k.var(k.mul(k.div(count, steps), steps), "many");
  k.loop(0, many, () => turn(steps), { step: steps });
  if (steps > 1) k.loop(many, count, () => turn(1));
  const keep = () => eachSum((sum, row, sample) => sums.store(sum, { row, sample }));
  const finish = () => {
    const results = resultsOf(k, p).at({ sample: tile }, GRADIENT_SAMPLES).at({ lane: row }).pointer();
    eachSum((sum, lane, sample) => results.store(k.reduceAdd(sum), { sample, lane }));
  };
  k.if(k.add(from, count), "lt", p.vectors, keep, finish);
}
