/**
 * The input gradient of a wide linear layer (`wide.ts`), on the weights as they lie:
 *
 *     dx[n][f] = sum over o of dy[n][o] w[f][o]
 *
 * Rows of weights and of dy are multiplied vector by vector, in bands of outputs, and the lanes of each sum folded at the end.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import type { Lanes } from "../../target/target.js";
import type { Lowering, Work } from "../contract/strategy.js";
import { type Epilogue, epilogueOf } from "../fusion/epilogue.js";
import { epilogueOperands, storeTile } from "../fusion/store-tile.js";
import { pieces } from "../language/pieces.js";
import { weightRows } from "../language/reading-order.js";
import { stepsOfTurn, zeroTile } from "../language/tile.js";

const GRADIENT_BAND = 1024; // outputs

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
  readonly tiles: number; // of samples, at most
  readonly tail: number; // elements behind the last pixel
}

export function lowerWideGradient(work: Work, to: Lowering): void {
  const { root, result } = work;
  const [dy, weight] = root.inputs as [Value, Value];
  const { epilogue, values } = epilogueOf(work);
  const image = to.layout(root);
  const w = to.layout(weight);
  const { lanes, vectorRegisters } = to.target;
  const step = weightRows(image);
  const p: Gradient = {
    rows: vectorRegisters >= 32 ? GRADIENT_ROWS : GRADIENT_ROWS / 2,
    pixels: image.rows,
    channels: image.channels,
    pixelStride: image.channelStride,
    imageSample: image.sampleStride,
    channelStep: step.channel * w.channelStride,
    pixelStep: step.pixel * w.channelStride,
    vectors: w.channelStride / lanes,
    outputSample: to.layout(dy).sampleStride,
    tiles: Math.ceil(to.maxBatch / GRADIENT_SAMPLES),
    tail: image.sampleStride - image.rows * image.channelStride,
  };
  const kernel = to.kernel(gradientKernel, { gradient: p, epilogue });
  // the sums of a tile of rows for all samples, and one vector of dx for each sample
  const space = to.workspace(4 * lanes * p.tiles * GRADIENT_SAMPLES * (p.rows + 1));
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
    const tiles = k.var(k.div(k.add(k.batch, GRADIENT_SAMPLES - 1), GRADIENT_SAMPLES), "tiles");
    pieces(
      k,
      { pixel: p.pixels, block: blocks },
      (index, piece) => {
        const pixel = index.pixel();
        const channel = k.var(k.mul(index.block(), lanes), "channel");
        const rows = k.var(k.min(k.sub(p.channels, channel), lanes), "rows");
        const element = k.add(k.mul(channel, p.channelStep), k.mul(pixel, p.pixelStep));
        const weights = k.var(k.ptrAdd(k.operand("weight"), k.mul(element, 4)), "weights");
        const at = k.var(k.mul(k.add(k.mul(pixel, p.pixelStride), channel), 4), "at");
        const results = () => k.ptrAdd(k.operand("space"), 4 * lanes * p.tiles * GRADIENT_SAMPLES * p.rows);
        if (p.channels % lanes > 0)
          k.loop(0, k.batch, (n) => k.store(k.ptrAdd(results(), k.mul(n, 4 * lanes)), 0, k.splat(0, lanes)));
        k.loop(
          0,
          rows,
          (row) => {
            const w = k.var(k.ptrAdd(weights, k.mul(row, 4 * p.channelStep)), "w");
            const band = GRADIENT_BAND / lanes;
            k.loop(
              0,
              p.vectors,
              (from) => {
                const count = k.var(k.min(k.sub(p.vectors, from), band), "count");
                k.loop(0, tiles, (tile) => gradientTile(k, p, { lanes, w, from, count, tile, row, results }), {
                  name: "tile",
                });
              },
              { step: band, name: "from" },
            );
          },
          { step: p.rows, name: "row" },
        );
        const partial = p.channels % lanes;
        const finish = (real: number | undefined) =>
          k.loop(
            0,
            k.batch,
            (n) => {
              const value = k.load(k.ptrAdd(results(), k.mul(n, 4 * lanes)), 0, lanes);
              const offset = k.add(at, k.mul(n, 4 * p.imageSample));
              const how = {
                lanes,
                epilogue,
                result: "dx",
                offset,
                rowBytes: 0,
                channel: k.mul(channel, 4),
                narrow: false,
              };
              storeTile(k, [[value]], { ...how, real });
            },
            { frame: true, name: "n" },
          );
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
            k.loop(0, k.batch, (n) => {
              const end = k.ptrAdd(k.operand("dx"), k.mul(n, 4 * p.imageSample));
              for (let i = p.tail; i > 0; i--) k.store(end, 4 * (p.imageSample - i), k.splat(0, 1));
            }),
          );
      },
      { keepsEnd: true },
    );
  },
});

interface GradientTile {
  readonly lanes: Lanes;
  /** The first row of weights of the tile. */
  readonly w: Reg;
  /** The band of outputs: its first vector, and how many. */
  readonly from: Reg;
  readonly count: Reg;
  readonly tile: Reg;
  readonly row: Reg;
  results(): Reg;
}

function gradientTile(k: KernelBuilder, p: Gradient, t: GradientTile): void {
  const { lanes, w, from, count, tile, row, results } = t;
  const acc = zeroTile(k, { rows: p.rows, vectors: GRADIENT_SAMPLES }, lanes);
  const sums = k.var(k.ptrAdd(k.operand("space"), k.mul(tile, 4 * lanes * GRADIENT_SAMPLES * p.rows)), "sums");
  const place = (r: number, s: number) => 4 * lanes * (r * GRADIENT_SAMPLES + s);
  k.if(from, "gt", 0, () => {
    for (const [r, list] of acc.entries()) for (const [s, sum] of list.entries()) k.loadTo(sum, sums, place(r, s));
  });
  const first = k.mul(from, 4 * lanes);
  // a sample that is not there is the last one again: what comes of it is not stored
  const sources = Array.from({ length: GRADIENT_SAMPLES }, (_, s) => {
    const sample = k.min(k.add(k.mul(tile, GRADIENT_SAMPLES), s), k.sub(k.batch, 1));
    return k.var(k.ptrAdd(k.operand("dy"), k.add(k.mul(sample, 4 * p.outputSample), first)), "dy");
  });
  const weights = k.var(k.ptrAdd(w, first), "weights");
  const vector = (u: number) => {
    const gradients = sources.map((source) => k.load(source, 4 * lanes * u, lanes));
    for (let r = 0; r < p.rows; r++) {
      const weight = k.load(weights, 4 * (r * p.channelStep + u * lanes), lanes);
      k.prefetch(weights, 4 * ((r + p.rows) * p.channelStep + u * lanes));
      for (const [s, gradient] of gradients.entries()) k.fmaTo(acc[r]![s]!, weight, gradient);
    }
  };
  const turn = (vectors: number) => {
    for (let u = 0; u < vectors; u++) vector(u);
    for (const pointer of [...sources, weights]) k.advance(pointer, 4 * lanes * vectors);
  };
  const steps = stepsOfTurn(k.target, 4);
  const many = k.var(k.mul(k.div(count, steps), steps), "many");
  k.loop(0, many, () => turn(steps), { step: steps });
  if (steps > 1) k.loop(many, count, () => turn(1));
  k.if(
    k.add(from, count),
    "lt",
    p.vectors,
    () => {
      for (const [r, list] of acc.entries()) for (const [s, sum] of list.entries()) k.store(sums, place(r, s), sum);
    },
    () => {
      const into = k.ptrAdd(results(), k.add(k.mul(tile, 4 * lanes * GRADIENT_SAMPLES), k.mul(row, 4)));
      for (const [r, list] of acc.entries())
        for (const [s, sum] of list.entries()) k.store(into, 4 * (s * lanes + r), k.reduceAdd(sum));
    },
  );
}
