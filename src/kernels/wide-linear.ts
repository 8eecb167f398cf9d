/**
 * Linear layers whose weights are too large for a cache and change at every step, so that to bring them into another order
 * first would cost more than the product: `linear` and its input gradient on the weights as they lie, each number of them
 * fetched from memory once for the whole batch.
 *
 * Forward, y[n][o] = sum over f of x[n][f] w[f][o]: the inputs are brought into the order [samples in tiles][feature][sample
 * in tile], which are few bytes. A tile of samples times vectors of outputs sums up a band of features, narrow enough that the
 * next tile of samples finds its weights in the first cache; between bands the sums wait in the workspace.
 *
 * Gradient, dx[n][f] = sum over o of dy[n][o] w[f][o]: rows of weights and of dy are multiplied vector by vector, in bands of
 * outputs, and the lanes of each sum folded at the end.
 */
import type { KernelBuilder } from "../codegen/builder.js";
import { defineKernel } from "../codegen/definition.js";
import type { Lanes, Reg } from "../codegen/ir.js";
import type { Value } from "../graph/value.js";
import { type Epilogue, epilogueOf } from "./epilogue.js";
import type { Layout } from "./layout.js";
import { epilogueOperands, storeTile } from "./store-tile.js";
import type { Lowering, Work } from "./strategy.js";
import { accumulate, evenBlock, stepsOfTurn, zeroTile } from "./tile.js";

/** Bytes of weights from which on they do not stay in a core's cache. */
const WIDE = 1 << 20;
const BAND = 16; // features
const GRADIENT_BAND = 1024; // outputs

/** Whether a linear node, or an input gradient of one, is computed here. */
export function isWide(work: Work, to: Lowering): boolean {
  const { root } = work;
  const weight = root.inputs[1]!;
  const w = to.layout(weight);
  const image = to.layout(root.op.name === "linear" ? root.inputs[0]! : root);
  if (to.isStatic(weight) || 4 * w.sampleStride < WIDE || w.channels < 4 * to.target.lanes) return false;
  if (root.op.name === "linear") return true;
  return image.channels % GRADIENT_ROWS === 0 && image.channelStride % to.target.lanes === 0;
}

export function lowerWide(work: Work, to: Lowering): void {
  if (work.root.op.name === "linear") lowerForward(work, to);
  else lowerGradient(work, to);
}

/** Rows of the weights from one channel to the next of a flattened image, in CHW order, and from one pixel to the next. */
function weightRows(image: Layout): { readonly channel: number; readonly pixel: number } {
  return image.shape.length === 3 ? { channel: image.rows, pixel: 1 } : { channel: 1, pixel: image.channels };
}

// --- forward

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
  const { vectorRegisters, lanes } = to.target;
  const samples = evenBlock(to.maxBatch, vectorRegisters >= 32 ? 16 : 6);
  const inStore = epilogue.registers + 2;
  const fits = (v: number) => samples * v + Math.max(v + 1, inStore) <= vectorRegisters;
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
  const ordered = to.temporary("inputs by feature", { fixedBytes: 4 * tiles * samples * w.rows });
  orderInputs(to, given, ordered, samples, input);
  const kernel = to.kernel(forwardKernel, { product: p, epilogue });
  const sums = to.workspace(4 * p.blocksPerPiece * vectors * lanes * samples * tiles);
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
    k.loop(
      k.begin,
      k.var(k.end, "end", { frame: true }),
      (piece) => {
        const at = k.var(piece, "at");
        const tile = k.var(k.div(at, rows * parts), "tile", { frame: true });
        k.set(at, k.mod(at, rows * parts));
        const row = k.div(at, parts);
        const first = k.mul(k.mod(at, parts), ORDERED_PIECE);
        const count = k.var(k.min(k.sub(channels, first), ORDERED_PIECE), "count", { frame: true });
        const inSample = k.add(k.mul(row, channelStride), first);
        const feature = k.add(k.mul(row, step.pixel), k.mul(first, step.channel));
        const from = k.var(k.ptrAdd(k.operand("x"), k.mul(inSample, 4)), "from", { frame: true });
        const target = k.add(k.mul(k.mul(tile, rows * channels), samples), k.mul(feature, samples));
        const start = k.var(k.ptrAdd(k.operand("ordered"), k.mul(target, 4)), "start", { frame: true });
        for (let i = 0; i < samples; i++) {
          const sample = k.add(k.mul(tile, samples), i);
          const y = k.var(k.ptrAdd(start, 4 * i), "y");
          const each = (value: () => Reg) =>
            k.loop(0, count, () => {
              k.store(y, 0, value());
              k.advance(y, 4 * samples * step.channel);
            });
          k.if(
            sample,
            "lt",
            k.batch,
            () => {
              const x = k.var(k.ptrAdd(from, k.mul(sample, 4 * sampleStride)), "x");
              each(() => {
                const value = k.load(x, 0, 1);
                k.advance(x, 4);
                return value;
              });
            },
            () => each(() => k.splat(0, 1)),
          );
        }
      },
      { frame: true, name: "piece" },
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
    const total = Math.ceil(p.outputs / lanes);
    const blocks = Math.ceil(total / p.vectors);
    const rest = total % p.vectors;
    const pads = p.outputs % lanes;
    const tileBytes = 4 * p.samples * p.vectors * lanes;
    const tiles = k.var(k.div(k.add(k.batch, p.samples - 1), p.samples), "tiles", { frame: true });
    k.loop(
      k.begin,
      k.var(k.end, "end", { frame: true }),
      (piece) => {
        const first = k.var(k.mul(piece, p.blocksPerPiece), "first", { frame: true });
        const next = k.var(k.add(first, p.blocksPerPiece), "next", { frame: true });
        const band = (from: Reg) => {
          const end = k.var(k.min(k.add(from, BAND), p.features), "bandEnd", { frame: true });
          const block = (index: Reg, vectors: number, last: boolean) => {
            const column = k.var(k.mul(index, 4 * p.vectors * lanes), "column", { frame: true });
            const slot = k.mul(k.sub(index, first), tileBytes);
            const sums = k.var(k.ptrAdd(k.operand("sums"), slot), "sums", { frame: true });
            k.loop(
              0,
              tiles,
              (tile) => {
                forwardTile(k, p, epilogue, { lanes, vectors, last, pads, from, end, column, tile, sums });
                k.advance(sums, p.blocksPerPiece * tileBytes);
              },
              { frame: true, name: "tile" },
            );
          };
          const apart = rest > 0 || pads > 0;
          const looped = apart ? blocks - 1 : blocks;
          if (looped > 0) {
            const to = k.var(k.min(next, looped), "to", { frame: true });
            k.loop(first, to, (index) => block(index, p.vectors, false), { frame: true, name: "block" });
          }
          if (apart)
            k.if(next, "ge", blocks, () =>
              block(k.var(blocks - 1, "block", { frame: true }), rest > 0 ? rest : p.vectors, true),
            );
        };
        k.loop(0, p.features, band, { step: BAND, frame: true, name: "from" });
      },
      { frame: true, name: "piece" },
    );
  },
});

interface ForwardTile {
  readonly lanes: Lanes;
  readonly vectors: number;
  readonly last: boolean;
  readonly pads: number;
  /** The band of features. */
  readonly from: Reg;
  readonly end: Reg;
  /** Bytes of the block's first output. */
  readonly column: Reg;
  readonly tile: Reg;
  readonly sums: Reg;
}

function forwardTile(k: KernelBuilder, p: Forward, epilogue: Epilogue, t: ForwardTile): void {
  const { lanes, vectors, from, end, column, tile, sums } = t;
  const acc = zeroTile(k, { rows: p.samples, vectors }, lanes);
  const place = (i: number, v: number) => 4 * (i * vectors + v) * lanes;
  k.if(from, "gt", 0, () => {
    for (const [i, row] of acc.entries()) for (const [v, sum] of row.entries()) k.loadTo(sum, sums, place(i, v));
  });
  const x = k.var(k.ptrAdd(k.operand("x"), k.mul(k.add(k.mul(tile, p.features), from), 4 * p.samples)), "x");
  const w = k.var(k.ptrAdd(k.ptrAdd(k.operand("weight"), k.mul(from, 4 * p.weightRow)), column), "w");
  k.loop(from, end, () => {
    accumulate(
      k,
      acc,
      lanes,
      (i) => [x, 4 * i],
      (v) => [w, 4 * v * lanes],
    );
    for (let v = 0; v < vectors; v++) k.prefetch(w, 4 * (BAND * p.weightRow + v * lanes));
    k.advance(x, 4 * p.samples);
    k.advance(w, 4 * p.weightRow);
  });
  k.if(
    end,
    "lt",
    p.features,
    () => {
      for (const [i, row] of acc.entries()) for (const [v, sum] of row.entries()) k.store(sums, place(i, v), sum);
    },
    () => {
      const sample = k.mul(tile, p.samples);
      const offset = k.var(k.add(k.mul(sample, 4 * p.outputSample), column), "offset", { frame: true });
      const left = k.var(k.sub(k.batch, sample), "left", { frame: true });
      const store = (rows: readonly Reg[][], at: Reg) =>
        storeTile(k, rows, {
          lanes,
          epilogue,
          result: "y",
          offset: at,
          rowBytes: 4 * p.outputSample,
          channel: column,
          real: t.last && t.pads > 0 ? t.pads : undefined,
          narrow: false,
        });
      k.if(
        left,
        "ge",
        p.samples,
        () => store(acc, offset),
        () => {
          for (const [i, row] of acc.entries())
            k.if(left, "gt", i, () => store([row], k.add(offset, 4 * i * p.outputSample)));
        },
      );
    },
  );
}

// --- input gradient

/** Rows of weights and samples of a tile: each a sum of vectors over the outputs. */
const GRADIENT_ROWS = 4;
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

function lowerGradient(work: Work, to: Lowering): void {
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
    const tiles = k.var(k.div(k.add(k.batch, GRADIENT_SAMPLES - 1), GRADIENT_SAMPLES), "tiles", { frame: true });
    k.loop(
      k.begin,
      k.var(k.end, "end", { frame: true }),
      (piece) => {
        const pixel = k.div(piece, blocks);
        const channel = k.var(k.mul(k.mod(piece, blocks), lanes), "channel", { frame: true });
        const rows = k.var(k.min(k.sub(p.channels, channel), lanes), "rows", { frame: true });
        const element = k.add(k.mul(channel, p.channelStep), k.mul(pixel, p.pixelStep));
        const weights = k.var(k.ptrAdd(k.operand("weight"), k.mul(element, 4)), "weights", { frame: true });
        const at = k.var(k.mul(k.add(k.mul(pixel, p.pixelStride), channel), 4), "at", { frame: true });
        const results = () => k.ptrAdd(k.operand("space"), 4 * lanes * p.tiles * GRADIENT_SAMPLES * p.rows);
        if (p.channels % lanes > 0)
          k.loop(0, k.batch, (n) => k.store(k.ptrAdd(results(), k.mul(n, 4 * lanes)), 0, k.splat(0, lanes)));
        k.loop(
          0,
          rows,
          (row) => {
            const w = k.var(k.ptrAdd(weights, k.mul(row, 4 * p.channelStep)), "w", { frame: true });
            const band = GRADIENT_BAND / lanes;
            k.loop(
              0,
              p.vectors,
              (from) => {
                const count = k.var(k.min(k.sub(p.vectors, from), band), "count", { frame: true });
                k.loop(0, tiles, (tile) => gradientTile(k, p, { lanes, w, from, count, tile, row, results }), {
                  frame: true,
                  name: "tile",
                });
              },
              { step: band, frame: true, name: "from" },
            );
          },
          { step: p.rows, frame: true, name: "row" },
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
          k.if(piece, "eq", p.pixels * blocks - 1, () =>
            k.loop(0, k.batch, (n) => {
              const end = k.ptrAdd(k.operand("dx"), k.mul(n, 4 * p.imageSample));
              for (let i = p.tail; i > 0; i--) k.store(end, 4 * (p.imageSample - i), k.splat(0, 1));
            }),
          );
      },
      { frame: true, name: "piece" },
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
  const sums = k.var(k.ptrAdd(k.operand("space"), k.mul(tile, 4 * lanes * GRADIENT_SAMPLES * p.rows)), "sums", {
    frame: true,
  });
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
  const many = k.var(k.mul(k.div(count, steps), steps), "many", { frame: true });
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
